"""IAM operations as a client sees them: results, errors, pages. Each answer is checked against the model by the caller in conftest."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import unquote

import pytest

from opentrail.clock import ManualClock
from opentrail.identity import Identities

ACCOUNT = "123456789012"
IAM = f"arn:aws:iam::{ACCOUNT}"
NOW = ManualClock().now()
READ = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:Get*", "Resource": "*"}]})
TRUST = json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}]}
)
ADMIN = "arn:aws:iam::aws:policy/AdministratorAccess"


def test_a_user_from_beginning_to_end(root: Any) -> None:
    made = root("CreateUser", UserName="alice", Path="/staff/", Tags=[{"Key": "team", "Value": "blue"}])["User"]
    assert made == {
        "Path": "/staff/",
        "UserName": "alice",
        "UserId": made["UserId"],
        "Arn": f"{IAM}:user/staff/alice",
        "CreateDate": NOW,
        "Tags": [{"Key": "team", "Value": "blue"}],
    }
    assert root("GetUser", UserName="alice")["User"] == made
    assert "Tags" not in root("ListUsers")["Users"][0]
    root("UpdateUser", UserName="alice", NewUserName="alicia", NewPath="/")
    assert root("GetUser", UserName="alicia")["User"]["Arn"] == f"{IAM}:user/alicia"
    root("TagUser", UserName="alicia", Tags=[{"Key": "TEAM", "Value": "red"}, {"Key": "x", "Value": ""}])
    assert root("ListUserTags", UserName="alicia")["Tags"] == [{"Key": "TEAM", "Value": "red"}, {"Key": "x", "Value": ""}]
    root("UntagUser", UserName="alicia", TagKeys=["team", "gone"])
    assert root("ListUserTags", UserName="alicia")["Tags"] == [{"Key": "x", "Value": ""}]
    root("DeleteUser", UserName="alicia")
    assert root.refused("NoSuchEntity", "GetUser", UserName="alicia") == "The user with name alicia cannot be found."
    assert root("ListUsers") == {"Users": [], "IsTruncated": False}


def test_get_user_without_a_name_is_the_caller(root: Any, user: Any) -> None:
    assert root("GetUser")["User"]["Arn"] == f"{IAM}:root"
    alice = user("alice", READ.replace("s3:Get*", "iam:GetUser"))
    assert alice("GetUser")["User"]["UserName"] == "alice"


def test_access_keys(root: Any, identities: Identities) -> None:
    root("CreateUser", UserName="alice")
    key = root("CreateAccessKey", UserName="alice")["AccessKey"]
    found = identities.credential(key["AccessKeyId"])
    assert found is not None
    assert found.secret_access_key == key["SecretAccessKey"]
    listed = root("ListAccessKeys", UserName="alice")["AccessKeyMetadata"]
    assert listed == [{"UserName": "alice", "AccessKeyId": key["AccessKeyId"], "Status": "Active", "CreateDate": NOW}]
    unused = {"UserName": "alice", "AccessKeyLastUsed": {"ServiceName": "N/A", "Region": "N/A"}}
    assert root("GetAccessKeyLastUsed", AccessKeyId=key["AccessKeyId"]) == unused
    identities.note_use(found.principal, "s3", "us-east-1")
    used = {"LastUsedDate": NOW, "ServiceName": "s3", "Region": "us-east-1"}
    assert root("GetAccessKeyLastUsed", AccessKeyId=key["AccessKeyId"])["AccessKeyLastUsed"] == used
    root("UpdateAccessKey", UserName="alice", AccessKeyId=key["AccessKeyId"], Status="Inactive")
    assert identities.credential(key["AccessKeyId"]) is None
    root.refused("InvalidInput", "UpdateAccessKey", UserName="alice", AccessKeyId=key["AccessKeyId"], Status="Expired")
    root("CreateAccessKey", UserName="alice")
    message = root.refused("LimitExceeded", "CreateAccessKey", UserName="alice")
    assert message == "Cannot exceed quota for AccessKeysPerUser: 2"
    root("DeleteAccessKey", UserName="alice", AccessKeyId=key["AccessKeyId"])
    message = root.refused("NoSuchEntity", "DeleteAccessKey", UserName="alice", AccessKeyId=key["AccessKeyId"])
    assert message == f"The Access Key with id {key['AccessKeyId']} cannot be found"
    root.refused("AccessDenied", "GetAccessKeyLastUsed", AccessKeyId=key["AccessKeyId"])


def test_root_has_keys_of_its_own(root: Any, identities: Identities) -> None:
    key = root("CreateAccessKey")["AccessKey"]
    assert [item["AccessKeyId"] for item in root("ListAccessKeys")["AccessKeyMetadata"]] == [key["AccessKeyId"]]
    root("DeleteAccessKey", AccessKeyId=key["AccessKeyId"])
    assert identities.credential(key["AccessKeyId"]) is None


def test_groups(root: Any) -> None:
    root("CreateUser", UserName="alice")
    made = root("CreateGroup", GroupName="admins", Path="/x/")["Group"]
    assert made["Arn"] == f"{IAM}:group/x/admins"
    root("AddUserToGroup", GroupName="admins", UserName="alice")
    root("AddUserToGroup", GroupName="admins", UserName="alice")
    found = root("GetGroup", GroupName="admins")
    assert (found["Group"], [item["UserName"] for item in found["Users"]]) == (made, ["alice"])
    assert root("ListGroupsForUser", UserName="alice")["Groups"] == [made]
    assert root("ListGroups", PathPrefix="/y/")["Groups"] == []
    assert root.refused("DeleteConflict", "DeleteGroup", GroupName="admins") == "Cannot delete entity, must remove users in group first."
    message = root.refused("DeleteConflict", "DeleteUser", UserName="alice")
    assert message == "Cannot delete entity, must remove users from group first."
    root("UpdateGroup", GroupName="admins", NewGroupName="bosses")
    root("RemoveUserFromGroup", GroupName="bosses", UserName="alice")
    root.refused("NoSuchEntity", "RemoveUserFromGroup", GroupName="bosses", UserName="alice")
    root("DeleteGroup", GroupName="bosses")
    assert root.refused("NoSuchEntity", "GetGroup", GroupName="bosses") == "The group with name bosses cannot be found."


@pytest.mark.parametrize(("title", "create"), [("User", {}), ("Group", {}), ("Role", {"AssumeRolePolicyDocument": TRUST})])
def test_policies_of_users_groups_and_roles(root: Any, title: str, create: dict[str, Any]) -> None:
    name = {f"{title}Name": "it"}
    root(f"Create{title}", **name, **create)
    root(f"Put{title}Policy", **name, PolicyName="read", PolicyDocument=READ)
    root(f"Put{title}Policy", **name, PolicyName="read", PolicyDocument=READ)
    found = root(f"Get{title}Policy", **name, PolicyName="read")
    assert unquote(found["PolicyDocument"]) == READ
    assert root(f"List{title}Policies", **name) == {"PolicyNames": ["read"], "IsTruncated": False}
    message = root.refused("NoSuchEntity", f"Get{title}Policy", **name, PolicyName="write")
    assert message == f"The {title.lower()} policy with name write cannot be found."
    message = root.refused("MalformedPolicyDocument", f"Put{title}Policy", **name, PolicyName="bad", PolicyDocument="{}")
    assert message == "Missing required field Statement"
    message = root.refused("DeleteConflict", f"Delete{title}", **name)
    assert message == "Cannot delete entity, must delete policies first."
    root(f"Delete{title}Policy", **name, PolicyName="read")
    root.refused("NoSuchEntity", f"Delete{title}Policy", **name, PolicyName="read")
    root(f"Attach{title}Policy", **name, PolicyArn=ADMIN)
    root(f"Attach{title}Policy", **name, PolicyArn=ADMIN)
    attached = [{"PolicyName": "AdministratorAccess", "PolicyArn": ADMIN}]
    assert root(f"ListAttached{title}Policies", **name)["AttachedPolicies"] == attached
    assert root(f"ListAttached{title}Policies", **name, PathPrefix="/service-role/")["AttachedPolicies"] == []
    assert root("GetPolicy", PolicyArn=ADMIN)["Policy"]["AttachmentCount"] == 1
    entity = root("ListEntitiesForPolicy", PolicyArn=ADMIN)[f"Policy{title}s"]
    assert [item[f"{title}Name"] for item in entity] == ["it"]
    assert root("ListEntitiesForPolicy", PolicyArn=ADMIN, EntityFilter=title)[f"Policy{title}s"] == entity
    message = root.refused("DeleteConflict", f"Delete{title}", **name)
    assert message == "Cannot delete entity, must detach all policies first."
    missing = f"{IAM}:policy/none"
    message = root.refused("NoSuchEntity", f"Attach{title}Policy", **name, PolicyArn=missing)
    assert message == f"Policy {missing} does not exist or is not attachable."
    root(f"Detach{title}Policy", **name, PolicyArn=ADMIN)
    assert root.refused("NoSuchEntity", f"Detach{title}Policy", **name, PolicyArn=ADMIN) == f"Policy {ADMIN} was not found."
    root(f"Delete{title}", **name)


def test_a_managed_policy_from_beginning_to_end(root: Any) -> None:
    made = root("CreatePolicy", PolicyName="reader", PolicyDocument=READ, Description="reads", Tags=[{"Key": "a", "Value": "b"}])["Policy"]
    arn = f"{IAM}:policy/reader"
    assert (made["Arn"], made["DefaultVersionId"], made["AttachmentCount"], made["Description"]) == (arn, "v1", 0, "reads")
    assert root("GetPolicy", PolicyArn=arn)["Policy"] == made
    message = root.refused("EntityAlreadyExists", "CreatePolicy", PolicyName="reader", PolicyDocument=READ)
    assert message == "A policy called reader already exists. Duplicate names are not allowed."
    version = root("CreatePolicyVersion", PolicyArn=arn, PolicyDocument=READ.replace("Get", "List"), SetAsDefault=True)["PolicyVersion"]
    assert version == {"VersionId": "v2", "IsDefaultVersion": True, "CreateDate": NOW}
    document = root("GetPolicyVersion", PolicyArn=arn, VersionId="v2")["PolicyVersion"]["Document"]
    assert json.loads(unquote(document))["Statement"][0]["Action"] == "s3:List*"
    shown = [(item["VersionId"], item["IsDefaultVersion"]) for item in root("ListPolicyVersions", PolicyArn=arn)["Versions"]]
    assert shown == [("v2", True), ("v1", False)]
    root.refused("DeleteConflict", "DeletePolicyVersion", PolicyArn=arn, VersionId="v2")
    root.refused("DeleteConflict", "DeletePolicy", PolicyArn=arn)
    root("SetDefaultPolicyVersion", PolicyArn=arn, VersionId="v1")
    root("DeletePolicyVersion", PolicyArn=arn, VersionId="v2")
    message = root.refused("NoSuchEntity", "GetPolicyVersion", PolicyArn=arn, VersionId="v2")
    assert message == f"Policy {arn} version v2 does not exist or is not attachable."
    for _ in range(4):
        root("CreatePolicyVersion", PolicyArn=arn, PolicyDocument=READ)
    assert "up to 5 versions" in root.refused("LimitExceeded", "CreatePolicyVersion", PolicyArn=arn, PolicyDocument=READ)
    for number in range(3, 7):
        root("DeletePolicyVersion", PolicyArn=arn, VersionId=f"v{number}")
    root("TagPolicy", PolicyArn=arn, Tags=[{"Key": "c", "Value": "d"}])
    root("UntagPolicy", PolicyArn=arn, TagKeys=["a"])
    assert root("ListPolicyTags", PolicyArn=arn)["Tags"] == [{"Key": "c", "Value": "d"}]
    root("CreateUser", UserName="alice", PermissionsBoundary=arn)
    assert root.refused("DeleteConflict", "DeletePolicy", PolicyArn=arn) == "Cannot delete a policy attached to entities."
    assert root("GetPolicy", PolicyArn=arn)["Policy"]["PermissionsBoundaryUsageCount"] == 1
    root("DeleteUserPermissionsBoundary", UserName="alice")
    root("DeletePolicy", PolicyArn=arn)
    assert root.refused("NoSuchEntity", "GetPolicy", PolicyArn=arn) == f"Policy {arn} was not found."
    root.refused("InvalidInput", "GetPolicy", PolicyArn="no arn at all, surely")
    root.refused("InvalidInput", "DeletePolicy", PolicyArn=ADMIN)


def test_lists_of_policies(root: Any) -> None:
    root("CreatePolicy", PolicyName="mine", PolicyDocument=READ, Path="/team/")
    root("CreateUser", UserName="alice")
    root("AttachUserPolicy", UserName="alice", PolicyArn=ADMIN)
    assert [item["PolicyName"] for item in root("ListPolicies", Scope="Local")["Policies"]] == ["mine"]
    assert [item["PolicyName"] for item in root("ListPolicies", PathPrefix="/team/")["Policies"]] == ["mine"]
    assert [item["PolicyName"] for item in root("ListPolicies", OnlyAttached=True)["Policies"]] == ["AdministratorAccess"]
    assert root("ListPolicies", PolicyUsageFilter="PermissionsBoundary")["Policies"] == []
    names = [item["PolicyName"] for item in root("ListPolicies", MaxItems=1000)["Policies"]]
    assert names == sorted(names, key=str.lower)
    assert {"mine", "ReadOnlyAccess", "AWSLambdaBasicExecutionRole"} <= set(names)


def test_boundaries(root: Any) -> None:
    boundary = {"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": ADMIN}
    made = root("CreateRole", RoleName="r", AssumeRolePolicyDocument=TRUST, PermissionsBoundary=ADMIN)["Role"]
    assert made["PermissionsBoundary"] == boundary
    root("DeleteRolePermissionsBoundary", RoleName="r")
    assert "PermissionsBoundary" not in root("GetRole", RoleName="r")["Role"]
    root("CreateUser", UserName="u")
    root("PutUserPermissionsBoundary", UserName="u", PermissionsBoundary=ADMIN)
    assert root("GetUser", UserName="u")["User"]["PermissionsBoundary"] == boundary
    missing = f"{IAM}:policy/none"
    message = root.refused("NoSuchEntity", "PutRolePermissionsBoundary", RoleName="r", PermissionsBoundary=missing)
    assert message == f"Scope ARN: {missing} does not exist or is not attachable."
    root.refused("NoSuchEntity", "CreateUser", UserName="v", PermissionsBoundary=missing)
    root.refused("NoSuchEntity", "GetUser", UserName="v")


def test_a_role_from_beginning_to_end(root: Any) -> None:
    made = root("CreateRole", RoleName="web", AssumeRolePolicyDocument=TRUST, Path="/app/", Description="d", MaxSessionDuration=7200)[
        "Role"
    ]
    assert unquote(made["AssumeRolePolicyDocument"]) == TRUST
    assert (made["Arn"], made["MaxSessionDuration"]) == (f"{IAM}:role/app/web", 7200)
    assert root("GetRole", RoleName="web")["Role"]["RoleLastUsed"] == {}
    root("UpdateRole", RoleName="web", Description="e", MaxSessionDuration=3600)
    assert root("UpdateRoleDescription", RoleName="web", Description="f")["Role"]["Description"] == "f"
    root("UpdateAssumeRolePolicy", RoleName="web", PolicyDocument=TRUST.replace("ec2", "ecs"))
    found = root("ListRoles", PathPrefix="/app/")["Roles"][0]
    assert "ecs.amazonaws.com" in unquote(found["AssumeRolePolicyDocument"])
    assert (found["MaxSessionDuration"], found["Description"]) == (3600, "f")
    root("TagRole", RoleName="web", Tags=[{"Key": "a", "Value": "b"}])
    root("UntagRole", RoleName="web", TagKeys=["A"])
    assert root("ListRoleTags", RoleName="web")["Tags"] == []
    message = root.refused("MalformedPolicyDocument", "UpdateAssumeRolePolicy", RoleName="web", PolicyDocument=READ)
    assert message == "Missing required field Principal"
    message = root.refused("EntityAlreadyExists", "CreateRole", RoleName="WEB", AssumeRolePolicyDocument=TRUST)
    assert message == "Role with name WEB already exists."
    root("DeleteRole", RoleName="web")
    assert root.refused("NoSuchEntity", "GetRole", RoleName="web") == "The role with name web cannot be found."


def test_instance_profiles(root: Any) -> None:
    root("CreateRole", RoleName="web", AssumeRolePolicyDocument=TRUST)
    root("CreateRole", RoleName="db", AssumeRolePolicyDocument=TRUST)
    made = root("CreateInstanceProfile", InstanceProfileName="p", Tags=[{"Key": "a", "Value": "b"}])["InstanceProfile"]
    assert (made["Arn"], made["Roles"]) == (f"{IAM}:instance-profile/p", [])
    root("AddRoleToInstanceProfile", InstanceProfileName="p", RoleName="web")
    root.refused("LimitExceeded", "AddRoleToInstanceProfile", InstanceProfileName="p", RoleName="db")
    assert root("GetInstanceProfile", InstanceProfileName="p")["InstanceProfile"]["Roles"][0]["RoleName"] == "web"
    assert len(root("ListInstanceProfiles")["InstanceProfiles"]) == 1
    assert root("ListInstanceProfilesForRole", RoleName="web")["InstanceProfiles"][0]["InstanceProfileName"] == "p"
    message = root.refused("DeleteConflict", "DeleteRole", RoleName="web")
    assert message == "Cannot delete entity, must remove roles from instance profile first."
    root.refused("DeleteConflict", "DeleteInstanceProfile", InstanceProfileName="p")
    root.refused("NoSuchEntity", "RemoveRoleFromInstanceProfile", InstanceProfileName="p", RoleName="db")
    root("RemoveRoleFromInstanceProfile", InstanceProfileName="p", RoleName="web")
    root("TagInstanceProfile", InstanceProfileName="p", Tags=[{"Key": "c", "Value": ""}])
    root("UntagInstanceProfile", InstanceProfileName="p", TagKeys=["a"])
    assert root("ListInstanceProfileTags", InstanceProfileName="p")["Tags"] == [{"Key": "c", "Value": ""}]
    root("DeleteInstanceProfile", InstanceProfileName="p")
    assert root.refused("NoSuchEntity", "GetInstanceProfile", InstanceProfileName="p") == "Instance Profile p cannot be found."


def test_service_linked_roles(root: Any) -> None:
    made = root("CreateServiceLinkedRole", AWSServiceName="cloudtrail.amazonaws.com")["Role"]
    assert made["Arn"] == f"{IAM}:role/aws-service-role/cloudtrail.amazonaws.com/AWSServiceRoleForCloudTrail"
    context = root("CreateServiceLinkedRole", AWSServiceName="context.cloudtrail.amazonaws.com")["Role"]
    assert context["RoleName"] == "AWSServiceRoleForCloudTrailEventContext"
    assert root("ListAttachedRolePolicies", RoleName=made["RoleName"])["AttachedPolicies"][0]["PolicyName"] == "CloudTrailServiceRolePolicy"
    root.refused("InvalidInput", "CreateServiceLinkedRole", AWSServiceName="cloudtrail.amazonaws.com")
    root.refused("InvalidInput", "CreateServiceLinkedRole", AWSServiceName="example.com")
    for operation, parameters in (
        ("DeleteRole", {}),
        ("UpdateRole", {"Description": "x"}),
        ("AttachRolePolicy", {"PolicyArn": ADMIN}),
        ("PutRolePolicy", {"PolicyName": "x", "PolicyDocument": READ}),
        ("UpdateAssumeRolePolicy", {"PolicyDocument": TRUST}),
    ):
        root.refused("UnmodifiableEntity", operation, RoleName=made["RoleName"], **parameters)
    task = root("DeleteServiceLinkedRole", RoleName=made["RoleName"])["DeletionTaskId"]
    assert root("GetServiceLinkedRoleDeletionStatus", DeletionTaskId=task) == {"Status": "SUCCEEDED"}
    root.refused("NoSuchEntity", "GetRole", RoleName=made["RoleName"])


def test_passwords(root: Any, user: Any) -> None:
    alice = user("alice", READ.replace("s3:Get*", "iam:ChangePassword"))
    root.refused("PasswordPolicyViolation", "CreateLoginProfile", UserName="alice", Password="short")
    made = root("CreateLoginProfile", UserName="alice", Password="Correct-Horse-1", PasswordResetRequired=True)["LoginProfile"]
    assert made == {"UserName": "alice", "CreateDate": NOW, "PasswordResetRequired": True}
    assert root("GetLoginProfile", UserName="alice")["LoginProfile"] == made
    message = root.refused("EntityAlreadyExists", "CreateLoginProfile", UserName="alice", Password="Correct-Horse-1")
    assert message == "Login Profile for user alice already exists."
    root("UpdateLoginProfile", UserName="alice", PasswordResetRequired=False)
    alice.refused("AccessDenied", "ChangePassword", OldPassword="wrong", NewPassword="Other-Horse-2")
    alice("ChangePassword", OldPassword="Correct-Horse-1", NewPassword="Other-Horse-2")
    assert root.identities.login_profiles.verify(ACCOUNT, "alice", "Other-Horse-2")
    root("DeleteLoginProfile", UserName="alice")
    message = root.refused("NoSuchEntity", "GetLoginProfile", UserName="alice")
    assert message == "Login Profile for User alice cannot be found."


def test_the_account(root: Any) -> None:
    assert root("ListAccountAliases")["AccountAliases"] == []
    root("CreateAccountAlias", AccountAlias="example")
    root.refused("EntityAlreadyExists", "CreateAccountAlias", AccountAlias="example")
    root("CreateAccountAlias", AccountAlias="example-2")
    assert root("ListAccountAliases")["AccountAliases"] == ["example-2"]
    root.refused("NoSuchEntity", "DeleteAccountAlias", AccountAlias="example")
    root("DeleteAccountAlias", AccountAlias="example-2")
    root("CreateUser", UserName="alice")
    summary = root("GetAccountSummary")["SummaryMap"]
    assert (summary["Users"], summary["Groups"], summary["AccountAccessKeysPresent"]) == (1, 0, 0)
    root.refused("NoSuchEntity", "GetAccountPasswordPolicy")
    assert root("ListMFADevices") == {"MFADevices": [], "IsTruncated": False}
    root.refused("NoSuchEntity", "ListMFADevices", UserName="nobody")


def pages(caller: Any, operation: str, member: str, **parameters: Any) -> list[list[Any]]:
    found, marker = [], {}
    while True:
        result = caller(operation, **parameters, **marker)
        found.append(result[member])
        assert ("Marker" in result) is result["IsTruncated"]
        if not result["IsTruncated"]:
            return found
        marker = {"Marker": result["Marker"]}


def test_lists_come_in_pages(root: Any) -> None:
    for name in "edcba":
        root("CreateUser", UserName=name)
        root("CreateGroup", GroupName=name)
        root("CreateRole", RoleName=name, AssumeRolePolicyDocument=TRUST)
        root("CreatePolicy", PolicyName=name, PolicyDocument=READ)
        root("CreateInstanceProfile", InstanceProfileName=name)
        root("PutUserPolicy", UserName="e", PolicyName=name, PolicyDocument=READ)
        root("AddUserToGroup", GroupName=name, UserName="e")
        root("TagUser", UserName="e", Tags=[{"Key": name, "Value": ""}])
    for operation, member, key, parameters in (
        ("ListUsers", "Users", "UserName", {}),
        ("ListGroups", "Groups", "GroupName", {}),
        ("ListRoles", "Roles", "RoleName", {}),
        ("ListPolicies", "Policies", "PolicyName", {"Scope": "Local"}),
        ("ListInstanceProfiles", "InstanceProfiles", "InstanceProfileName", {}),
        ("ListGroupsForUser", "Groups", "GroupName", {"UserName": "e"}),
    ):
        found = pages(root, operation, member, MaxItems=2, **parameters)
        assert [[item[key] for item in page] for page in found] == [["a", "b"], ["c", "d"], ["e"]]
    assert pages(root, "ListUserPolicies", "PolicyNames", UserName="e", MaxItems=2) == [["a", "b"], ["c", "d"], ["e"]]
    assert [len(page) for page in pages(root, "ListUserTags", "Tags", UserName="e", MaxItems=3)] == [3, 2]
    assert [len(page) for page in pages(root, "ListUsers", "Users", MaxItems=5)] == [5]
    for operation, parameters in (("ListUsers", {}), ("ListUserTags", {"UserName": "e"})):
        root.refused("ValidationError", operation, Marker="!", **parameters)
    root.refused("ValidationError", "ListUserTags", UserName="e", Marker="YWJj")


VALIDATION: list[tuple[str, dict[str, Any], str]] = [
    (
        "CreateUser",
        {},
        "1 validation error detected: Value null at 'userName' failed to satisfy constraint: Member must not be null",
    ),
    (
        "CreateUser",
        {"UserName": "a b"},
        "1 validation error detected: Value 'a b' at 'userName' failed to satisfy constraint: Member must satisfy regular expression "
        "pattern: [\\w+=,.@-]+",
    ),
    (
        "CreateUser",
        {"UserName": "a" * 65},
        f"1 validation error detected: Value '{'a' * 65}' at 'userName' failed to satisfy constraint: Member must have length less than "
        "or equal to 64",
    ),
    (
        "ListUsers",
        {"MaxItems": 0},
        "1 validation error detected: Value '0' at 'maxItems' failed to satisfy constraint: Member must have value greater than or equal "
        "to 1",
    ),
    (
        "UpdateAccessKey",
        {"AccessKeyId": "A" * 20, "Status": "On"},
        "1 validation error detected: Value 'On' at 'status' failed to satisfy constraint: Member must satisfy enum value set: "
        "[Active, Inactive, Expired]",
    ),
    (
        "CreateUser",
        {"UserName": "a", "Tags": [{"Key": "", "Value": "v"}]},
        "2 validation errors detected: Value '' at 'tags.1.member.key' failed to satisfy constraint: Member must have length greater than "
        "or equal to 1; Value '' at 'tags.1.member.key' failed to satisfy constraint: Member must satisfy regular expression pattern: "
        "[\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]+",
    ),
]


@pytest.mark.parametrize(("operation", "parameters", "message"), VALIDATION)
def test_requests_against_the_model_are_refused(root: Any, operation: str, parameters: dict[str, Any], message: str) -> None:
    assert root.refused("ValidationError", operation, **parameters) == message


def test_tags_are_checked(root: Any) -> None:
    twice = [{"Key": "a", "Value": "1"}, {"Key": "A", "Value": "2"}]
    message = root.refused("InvalidInput", "CreateUser", UserName="a", Tags=twice)
    assert message == "Duplicate tag keys found. Please note that Tag keys are case insensitive."
    root.refused("InvalidInput", "CreateUser", UserName="a", Tags=[{"Key": "aws:x", "Value": ""}])
    root("CreateUser", UserName="a", Tags=[{"Key": "Größe", "Value": "naïve value"}])


def test_passwords_are_not_repeated_in_messages(root: Any) -> None:
    message = root.refused("ValidationError", "UpdateLoginProfile", UserName="a", Password="p" * 200)
    assert "ppp" not in message
