"""What IAM operations need: action, resource, condition keys; and who is let through."""

from __future__ import annotations

import json
from typing import Any

import pytest

from opentrail.identity.sessions import SessionTerms

ACCOUNT = "123456789012"
IAM = f"arn:aws:iam::{ACCOUNT}"
TRUST = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"}]})


def allow(action: Any, resource: Any = "*", **condition: Any) -> str:
    statement = {"Effect": "Allow", "Action": action, "Resource": resource}
    if condition:
        statement["Condition"] = condition
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


NEEDS: list[tuple[str, dict[str, Any], list[tuple[str, str]]]] = [
    ("CreateUser", {"UserName": "new", "Path": "/x/"}, [("iam:CreateUser", f"{IAM}:user/x/new")]),
    ("CreateUser", {"UserName": "new"}, [("iam:CreateUser", f"{IAM}:user/new")]),
    (
        "CreateUser",
        {"UserName": "new", "Tags": [{"Key": "a", "Value": "b"}]},
        [("iam:CreateUser", f"{IAM}:user/new"), ("iam:TagUser", f"{IAM}:user/new")],
    ),
    ("GetUser", {"UserName": "bob"}, [("iam:GetUser", f"{IAM}:user/staff/bob")]),
    ("GetUser", {}, [("iam:GetUser", f"{IAM}:root")]),
    ("ListUsers", {}, [("iam:ListUsers", f"{IAM}:user/")]),
    ("ListUsers", {"PathPrefix": "/x/"}, [("iam:ListUsers", f"{IAM}:user/x/")]),
    ("PutUserPolicy", {"UserName": "bob", "PolicyName": "p"}, [("iam:PutUserPolicy", f"{IAM}:user/staff/bob")]),
    ("AddUserToGroup", {"UserName": "bob", "GroupName": "g"}, [("iam:AddUserToGroup", f"{IAM}:group/g")]),
    ("GetRole", {"RoleName": "web"}, [("iam:GetRole", f"{IAM}:role/app/web")]),
    ("GetRole", {"RoleName": "gone"}, [("iam:GetRole", f"{IAM}:role/gone")]),
    ("CreatePolicy", {"PolicyName": "p", "Path": "/t/"}, [("iam:CreatePolicy", f"{IAM}:policy/t/p")]),
    ("GetPolicy", {"PolicyArn": f"{IAM}:policy/t/p"}, [("iam:GetPolicy", f"{IAM}:policy/t/p")]),
    ("GetAccountSummary", {}, [("iam:GetAccountSummary", "*")]),
    (
        "CreateServiceLinkedRole",
        {"AWSServiceName": "cloudtrail.amazonaws.com"},
        [("iam:CreateServiceLinkedRole", f"{IAM}:role/aws-service-role/cloudtrail.amazonaws.com/*")],
    ),
    (
        "AddRoleToInstanceProfile",
        {"InstanceProfileName": "p", "RoleName": "web"},
        [("iam:AddRoleToInstanceProfile", f"{IAM}:instance-profile/p"), ("iam:PassRole", f"{IAM}:role/app/web")],
    ),
    ("CreateVirtualMFADevice", {"VirtualMFADeviceName": "d", "Path": "/x/"}, [("iam:CreateVirtualMFADevice", f"{IAM}:mfa/x/d")]),
    ("EnableMFADevice", {"UserName": "bob", "SerialNumber": f"{IAM}:mfa/d"}, [("iam:EnableMFADevice", f"{IAM}:user/staff/bob")]),
    ("DeleteVirtualMFADevice", {"SerialNumber": f"{IAM}:mfa/d"}, [("iam:DeleteVirtualMFADevice", f"{IAM}:mfa/d")]),
    ("ListVirtualMFADevices", {}, [("iam:ListVirtualMFADevices", "*")]),
    (
        "CreateOpenIDConnectProvider",
        {"Url": "https://x.example.com/y/", "Tags": [{"Key": "a", "Value": "b"}]},
        [
            ("iam:CreateOpenIDConnectProvider", f"{IAM}:oidc-provider/x.example.com/y"),
            ("iam:TagOpenIDConnectProvider", f"{IAM}:oidc-provider/x.example.com/y"),
        ],
    ),
    ("CreateSAMLProvider", {"Name": "idp"}, [("iam:CreateSAMLProvider", f"{IAM}:saml-provider/idp")]),
    ("DeleteSAMLProvider", {"SAMLProviderArn": f"{IAM}:saml-provider/idp"}, [("iam:DeleteSAMLProvider", f"{IAM}:saml-provider/idp")]),
    ("SimulatePrincipalPolicy", {"PolicySourceArn": f"{IAM}:role/r"}, [("iam:SimulatePrincipalPolicy", f"{IAM}:role/r")]),
    ("GenerateCredentialReport", {}, [("iam:GenerateCredentialReport", "*")]),
    ("GetServerCertificate", {"ServerCertificateName": "c"}, [("iam:GetServerCertificate", f"{IAM}:server-certificate/c")]),
]


@pytest.mark.parametrize(("operation", "parameters", "needed"), NEEDS)
def test_needs(root: Any, operation: str, parameters: dict[str, Any], needed: list[tuple[str, str]]) -> None:
    root("CreateUser", UserName="bob", Path="/staff/")
    root("CreateRole", RoleName="web", Path="/app/", AssumeRolePolicyDocument=TRUST)
    found = root.service.needs(root.call(operation, parameters))
    assert [(need.action, need.resource) for need in found] == needed
    assert {need.resource_account_id for need in found} == {ACCOUNT}


def test_every_operation_has_an_action_of_its_name(root: Any) -> None:
    for operation in root.service.operations:
        assert root.service.needs(root.call(operation, {}))[0].action == f"iam:{operation}"


def test_condition_keys(root: Any) -> None:
    root("CreateUser", UserName="bob", Tags=[{"Key": "team", "Value": "blue"}])
    admin = "arn:aws:iam::aws:policy/AdministratorAccess"
    need = root.service.needs(root.call("AttachUserPolicy", {"UserName": "bob", "PolicyArn": admin}))[0]
    assert need.context["iam:PolicyARN"] == (admin,)
    assert need.context["aws:ResourceTag/team"] == ("blue",)
    tags = [{"Key": "a", "Value": "b"}, {"Key": "c", "Value": "d"}]
    need = root.service.needs(root.call("CreateRole", {"RoleName": "r", "Tags": tags, "PermissionsBoundary": admin}))[0]
    assert need.context == {
        "aws:RequestTag/a": ("b",),
        "aws:RequestTag/c": ("d",),
        "aws:TagKeys": ("a", "c"),
        "iam:PermissionsBoundary": (admin,),
    }
    need = root.service.needs(root.call("UntagUser", {"UserName": "bob", "TagKeys": ["team"]}))[0]
    assert need.context["aws:TagKeys"] == ("team",)


def denied(caller: Any, operation: str, **parameters: Any) -> str:
    with pytest.raises(Exception, match="is not authorized to perform") as error:
        caller(operation, **parameters)
    return str(error.value)


def test_users_may_what_their_policies_say(user: Any) -> None:
    alice = user("alice", allow("iam:*AccessKey*", f"{IAM}:user/${{aws:username}}"))
    key = alice("CreateAccessKey")["AccessKey"]["AccessKeyId"]
    assert {item["UserName"] for item in alice("ListAccessKeys")["AccessKeyMetadata"]} == {"alice"}
    alice("DeleteAccessKey", AccessKeyId=key)
    user("bob")
    assert denied(alice, "CreateAccessKey", UserName="bob") == (
        f"User: {IAM}:user/alice is not authorized to perform: iam:CreateAccessKey on resource: {IAM}:user/bob "
        "because no identity-based policy allows the iam:CreateAccessKey action"
    )


def test_a_boundary_can_be_demanded_by_condition(user: Any) -> None:
    boundary = "arn:aws:iam::aws:policy/ReadOnlyAccess"
    alice = user("alice", allow("iam:CreateUser", StringEquals={"iam:PermissionsBoundary": boundary}))
    denied(alice, "CreateUser", UserName="x")
    alice("CreateUser", UserName="x", PermissionsBoundary=boundary)


def test_sessions_of_users_cannot_call_iam(user: Any) -> None:
    alice = user("alice", allow("iam:*"))
    alice("ListUsers")
    issued = alice.identities.sessions.issue("IAMUser", ACCOUNT, alice.principal.principal_id, duration=900, terms=SessionTerms())
    credential = alice.identities.credential(issued.access_key_id)
    assert credential is not None
    alice.principal = credential.principal
    assert alice.refused("InvalidClientTokenId", "ListUsers") == "The security token included in the request is invalid."
    for terms in (SessionTerms(mfa=True), SessionTerms(from_console=True)):
        issued = alice.identities.sessions.issue("IAMUser", ACCOUNT, alice.principal.principal_id, duration=900, terms=terms)
        proven = alice.identities.credential(issued.access_key_id)
        assert proven is not None
        alice.principal = proven.principal
        alice("ListUsers")


def test_role_sessions_must_name_the_user(root: Any) -> None:
    role = root("CreateRole", RoleName="web", AssumeRolePolicyDocument=TRUST)["Role"]
    root("AttachRolePolicy", RoleName="web", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
    issued = root.identities.sessions.issue("AssumedRole", ACCOUNT, role["RoleId"], duration=900, terms=SessionTerms(name="s"))
    credential = root.identities.credential(issued.access_key_id)
    assert credential is not None
    root.principal = credential.principal
    root("ListUsers")
    message = root.refused("ValidationError", "GetUser")
    assert message == "Must specify userName when calling with non-User credentials"
