"""Which permission each IAM operation takes: action, resource ARN, condition keys (service authorization reference, "IAM")."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from opentrail.api.call import Call, Need
from opentrail.identity import Identities
from opentrail.identity.entities import Entity, Kind, arn
from opentrail.identity.faults import InvalidInput, NoSuchEntity

_LISTED: Mapping[str, str] = {
    "ListUsers": "user",
    "ListGroups": "group",
    "ListRoles": "role",
    "ListPolicies": "policy",
    "ListInstanceProfiles": "instance-profile",
}

_NAMED: Sequence[tuple[str, Kind]] = (
    # The first member that an operation has tells its resource: AddUserToGroup acts on the group.
    ("GroupName", "group"),
    ("InstanceProfileName", "instance-profile"),
    ("RoleName", "role"),
    ("UserName", "user"),
    ("PolicyName", "policy"),
    ("VirtualMFADeviceName", "mfa"),
    ("ServerCertificateName", "server-certificate"),
)

_BY_ARN = ("PolicyArn", "SerialNumber", "OpenIDConnectProviderArn", "SAMLProviderArn", "PolicySourceArn", "Arn")
"""Members that are the ARN of the resource."""

_OWN_BY_DEFAULT = {
    "GetUser",
    "CreateAccessKey",
    "ListAccessKeys",
    "UpdateAccessKey",
    "DeleteAccessKey",
    "ListMFADevices",
    "DeactivateMFADevice",
    "ListSSHPublicKeys",
    "ListSigningCertificates",
    "UploadSigningCertificate",
    "UpdateSigningCertificate",
    "DeleteSigningCertificate",
    "ListServiceSpecificCredentials",
    "UpdateServiceSpecificCredential",
    "ResetServiceSpecificCredential",
    "DeleteServiceSpecificCredential",
    "CreateLoginProfile",
    "GetLoginProfile",
    "DeleteLoginProfile",
    "ChangePassword",
}
"""Operations on users that mean the caller when they name nobody."""

_TAGGED: Mapping[str, str] = {
    "CreateUser": "iam:TagUser",
    "CreateRole": "iam:TagRole",
    "CreatePolicy": "iam:TagPolicy",
    "CreateInstanceProfile": "iam:TagInstanceProfile",
    "CreateVirtualMFADevice": "iam:TagMFADevice",
    "CreateOpenIDConnectProvider": "iam:TagOpenIDConnectProvider",
    "CreateSAMLProvider": "iam:TagSAMLProvider",
    "UploadServerCertificate": "iam:TagServerCertificate",
}
"""What creating with tags takes besides."""


def needs(identities: Identities, call: Call) -> Sequence[Need]:
    """The permissions that `call` takes. One small read of the state for the path and tags of what is named."""
    given = call.parameters
    if call.operation == "ChangePassword" and _may_change_password(identities, call):
        return ()
    resource, entity = _resource(identities, call)
    context = _context(call, entity)
    found = [_need(call, f"iam:{call.operation}", resource, context)]
    if given.get("Tags") and call.operation in _TAGGED:
        found.append(_need(call, _TAGGED[call.operation], resource, context))
    if call.operation == "AddRoleToInstanceProfile" and given.get("RoleName"):
        role = _find(identities, "role", call.account_id, given["RoleName"])
        role_arn = role.arn if role is not None else arn(call.account_id, "role", "/", given["RoleName"])
        found.append(_need(call, "iam:PassRole", role_arn, {"iam:PassedToService": ("ec2.amazonaws.com",)}))
    return found


def _may_change_password(identities: Identities, call: Call) -> bool:
    """Whether the account's password policy gives every user the permission to change the own password."""
    policy = identities.password_policies.get(call.account_id)
    return policy is not None and policy.users_may_change


def _need(call: Call, action: str, resource: str, context: Mapping[str, Sequence[str]]) -> Need:
    return Need(action=action, resource=resource, context=context, resource_account_id=call.account_id)


def _resource(identities: Identities, call: Call) -> tuple[str, Entity | None]:
    given, account_id, operation = call.parameters, call.account_id, call.operation
    if operation in _LISTED:
        return f"arn:aws:iam::{account_id}:{_LISTED[operation]}{given.get('PathPrefix', '/')}", None
    if operation == "CreateServiceLinkedRole":
        service = given.get("AWSServiceName", "")
        return f"arn:aws:iam::{account_id}:role/aws-service-role/{service}/*", None
    if operation == "GetAccessKeyLastUsed":
        owner = identities.access_keys.owner(given.get("AccessKeyId", ""))
        if owner is not None and owner[0] == account_id and owner[1] is not None:
            return _named(identities, call, "user", owner[1])
        return "*", None
    if operation == "CreateSAMLProvider":
        return arn(account_id, "saml-provider", "/", given.get("Name", "")), None
    if operation == "CreateOpenIDConnectProvider":
        return arn(account_id, "oidc-provider", "/", given.get("Url", "").partition("://")[2].rstrip("/")), None
    for member, kind in _NAMED:
        if given.get(member):
            return _named(identities, call, kind, given[member])
    if operation in _OWN_BY_DEFAULT:
        if call.caller.type == "IAMUser" and call.caller.user_name:
            return call.caller.arn, _find(identities, "user", account_id, call.caller.user_name)
        return call.caller.arn or "*", None
    for member in _BY_ARN:
        if given.get(member):
            return given[member], _tagged(identities, account_id, member, given[member])
    return "*", None


def _tagged(identities: Identities, account_id: str, member: str, named: str) -> Entity | None:
    """What carries tags and is named by its ARN."""
    try:
        if member == "OpenIDConnectProviderArn":
            return identities.oidc_providers.get(account_id, named)
        if member == "SAMLProviderArn":
            return identities.saml_providers.get(account_id, named)
    except (NoSuchEntity, InvalidInput):
        pass
    return None


def _named(identities: Identities, call: Call, kind: Kind, name: str) -> tuple[str, Entity | None]:
    entity = None if call.operation.startswith("Create") and "Path" in call.parameters else _find(identities, kind, call.account_id, name)
    if entity is not None:
        return entity.arn, entity
    return arn(call.account_id, kind, call.parameters.get("Path") or "/", name), None


def _find(identities: Identities, kind: Kind, account_id: str, name: str) -> Entity | None:
    try:
        if kind == "user":
            return identities.users.get(account_id, name)
        if kind == "group":
            return identities.groups.get(account_id, name)
        if kind == "role":
            return identities.roles.get(account_id, name)
        if kind == "instance-profile":
            return identities.instance_profiles.get(account_id, name)
        if kind == "server-certificate":
            return identities.server_certificates.get(account_id, name)
    except NoSuchEntity:
        pass
    return None


def _context(call: Call, entity: Entity | None) -> dict[str, Sequence[str]]:
    given = call.parameters
    context: dict[str, Sequence[str]] = tag_context(given.get("Tags", ()))
    if given.get("TagKeys"):
        context["aws:TagKeys"] = tuple(given["TagKeys"])
    if entity is not None:
        for key, value in entity.tags.items():
            context[f"aws:ResourceTag/{key}"] = (value,)
            context[f"iam:ResourceTag/{key}"] = (value,)
    boundary = given.get("PermissionsBoundary") or (entity.boundary if entity is not None else None)
    if boundary:
        context["iam:PermissionsBoundary"] = (boundary,)
    if given.get("PolicyArn"):
        context["iam:PolicyARN"] = (given["PolicyArn"],)
    if given.get("AWSServiceName"):
        context["iam:AWSServiceName"] = (given["AWSServiceName"],)
    return context


def tag_context(tags: Sequence[Mapping[str, Any]]) -> dict[str, Sequence[str]]:
    """The condition keys `aws:RequestTag/…` and `aws:TagKeys` for the tags of a request."""
    context: dict[str, Sequence[str]] = {f"aws:RequestTag/{tag['Key']}": (tag.get("Value", ""),) for tag in tags if "Key" in tag}
    if context:
        context["aws:TagKeys"] = tuple(tag["Key"] for tag in tags if "Key" in tag)
    return context
