"""Managed policies and their versions."""

from __future__ import annotations

from collections.abc import Mapping

from opentrail.api.call import Call, Result
from opentrail.api.iam import paging, shapes
from opentrail.api.iam.caller import Operation
from opentrail.identity import Identities
from opentrail.identity.entities import Entity, checked_tags
from opentrail.identity.managed_policies import place

_FILTERS = {"User": "user", "Role": "role", "Group": "group"}


def create_policy(identities: Identities, call: Call) -> Result:
    """CreatePolicy"""
    given = call.parameters
    policy = identities.managed_policies.create(
        call.account_id,
        given["PolicyName"],
        given["PolicyDocument"],
        path=given.get("Path", "/"),
        description=given.get("Description", ""),
        tags=checked_tags(given.get("Tags", ())),
    )
    return {"Policy": shapes.policy(policy)}


def get_policy(identities: Identities, call: Call) -> Result:
    """GetPolicy"""
    return {"Policy": shapes.policy(identities.managed_policies.get(call.account_id, call.parameters["PolicyArn"]))}


def list_policies(identities: Identities, call: Call) -> Result:
    """ListPolicies"""
    given = call.parameters
    page = identities.managed_policies.list(
        call.account_id,
        scope=given.get("Scope", "All"),
        only_attached=given.get("OnlyAttached", False),
        usage=given.get("PolicyUsageFilter"),
        path_prefix=given.get("PathPrefix", "/"),
        after=paging.after(call),
        limit=paging.limit_of(call),
    )
    return paging.answer("Policies", page, lambda policy: shapes.policy(policy, whole=False), place)


def delete_policy(identities: Identities, call: Call) -> None:
    """DeletePolicy"""
    identities.managed_policies.delete(call.account_id, call.parameters["PolicyArn"])


def create_policy_version(identities: Identities, call: Call) -> Result:
    """CreatePolicyVersion"""
    given = call.parameters
    version = identities.managed_policies.create_version(
        call.account_id, given["PolicyArn"], given["PolicyDocument"], default=given.get("SetAsDefault", False)
    )
    return {"PolicyVersion": shapes.version(version, whole=False)}


def get_policy_version(identities: Identities, call: Call) -> Result:
    """GetPolicyVersion"""
    version = identities.managed_policies.version(call.account_id, call.parameters["PolicyArn"], call.parameters["VersionId"])
    return {"PolicyVersion": shapes.version(version)}


def list_policy_versions(identities: Identities, call: Call) -> Result:
    """ListPolicyVersions, the newest first."""
    versions = identities.managed_policies.versions(call.account_id, call.parameters["PolicyArn"])
    return paging.paged(call, "Versions", versions, lambda version: shapes.version(version, whole=False))


def delete_policy_version(identities: Identities, call: Call) -> None:
    """DeletePolicyVersion"""
    identities.managed_policies.delete_version(call.account_id, call.parameters["PolicyArn"], call.parameters["VersionId"])


def set_default_policy_version(identities: Identities, call: Call) -> None:
    """SetDefaultPolicyVersion"""
    identities.managed_policies.set_default(call.account_id, call.parameters["PolicyArn"], call.parameters["VersionId"])


def list_entities_for_policy(identities: Identities, call: Call) -> Result:
    """ListEntitiesForPolicy"""
    given = call.parameters
    found = identities.managed_policies.users_of(call.account_id, given["PolicyArn"], given.get("PolicyUsageFilter"))
    prefix = given.get("PathPrefix", "/")
    wanted = given.get("EntityFilter")
    if wanted in ("LocalManagedPolicy", "AWSManagedPolicy"):
        found = []
    kinds = {_FILTERS[wanted]} if wanted in _FILTERS else set(_FILTERS.values())
    listed = [entity for entity in found if entity.kind in kinds and entity.path.startswith(prefix)]
    page = paging.paged(call, "Entities", listed, lambda entity: entity)
    entities: list[Entity] = page.pop("Entities")
    return page | {
        "PolicyGroups": [{"GroupName": entity.name, "GroupId": entity.id} for entity in entities if entity.kind == "group"],
        "PolicyUsers": [{"UserName": entity.name, "UserId": entity.id} for entity in entities if entity.kind == "user"],
        "PolicyRoles": [{"RoleName": entity.name, "RoleId": entity.id} for entity in entities if entity.kind == "role"],
    }


def tag_policy(identities: Identities, call: Call) -> None:
    """TagPolicy"""
    identities.managed_policies.tag(call.account_id, call.parameters["PolicyArn"], checked_tags(call.parameters["Tags"]))


def untag_policy(identities: Identities, call: Call) -> None:
    """UntagPolicy"""
    identities.managed_policies.untag(call.account_id, call.parameters["PolicyArn"], call.parameters["TagKeys"])


def list_policy_tags(identities: Identities, call: Call) -> Result:
    """ListPolicyTags"""
    policy = identities.managed_policies.get(call.account_id, call.parameters["PolicyArn"])
    return paging.paged(call, "Tags", shapes.tags(policy.tags), dict)


OPERATIONS: Mapping[str, Operation] = {
    "CreatePolicy": create_policy,
    "GetPolicy": get_policy,
    "ListPolicies": list_policies,
    "DeletePolicy": delete_policy,
    "CreatePolicyVersion": create_policy_version,
    "GetPolicyVersion": get_policy_version,
    "ListPolicyVersions": list_policy_versions,
    "DeletePolicyVersion": delete_policy_version,
    "SetDefaultPolicyVersion": set_default_policy_version,
    "ListEntitiesForPolicy": list_entities_for_policy,
    "TagPolicy": tag_policy,
    "UntagPolicy": untag_policy,
    "ListPolicyTags": list_policy_tags,
}
