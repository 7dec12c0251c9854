"""The organization, its accounts and its tree: what each operation does and how it refuses."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from opentrail.clock import ManualClock
from opentrail.storage.outbox import Outbox

OTHER = "210987654321"


def test_an_organization_is_founded_described_and_deleted(alone: Any) -> None:
    assert alone.refused("AWSOrganizationsNotInUseException", "DescribeOrganization") == "Your account is not a member of an organization."
    made = alone("CreateOrganization")["Organization"]
    assert re.fullmatch("o-[a-z0-9]{10}", made["Id"])
    assert made == {
        "Id": made["Id"],
        "Arn": f"arn:aws:organizations::{alone.id}:organization/{made['Id']}",
        "FeatureSet": "ALL",
        "MasterAccountArn": f"arn:aws:organizations::{alone.id}:account/{made['Id']}/{alone.id}",
        "MasterAccountId": alone.id,
        "MasterAccountEmail": f"root@{alone.id}.opentrail.invalid",
        "AvailablePolicyTypes": [{"Type": "SERVICE_CONTROL_POLICY", "Status": "ENABLED"}],
    }
    assert alone("DescribeOrganization")["Organization"] == made
    alone.refused("AlreadyInOrganizationException", "CreateOrganization")
    root = alone("ListRoots")["Roots"][0]
    assert re.fullmatch("r-[a-z0-9]{4}", root["Id"])
    assert root["Arn"] == f"arn:aws:organizations::{alone.id}:root/{made['Id']}/{root['Id']}"
    assert root["PolicyTypes"] == []
    account = alone.account("one")
    alone.refused("OrganizationNotEmptyException", "DeleteOrganization")
    alone("RemoveAccountFromOrganization", AccountId=account)
    alone("DeleteOrganization")
    alone.refused("AWSOrganizationsNotInUseException", "DescribeOrganization")
    assert alone("CreateOrganization")["Organization"]["Id"] != made["Id"]


def test_every_operation_but_a_few_needs_an_organization(alone: Any) -> None:
    ids = {
        "AccountId": OTHER, "ParentId": "r-ab12", "SourceParentId": "r-ab12", "DestinationParentId": "r-ab12", "RootId": "r-ab12",
        "OrganizationalUnitId": "ou-ab12-11111111", "ChildId": OTHER, "TargetId": OTHER, "PolicyId": "p-1234567890",
        "CreateAccountRequestId": "car-12345678", "ResourceId": OTHER, "ServicePrincipal": "cloudtrail.amazonaws.com", "Name": "n",
        "Email": "a@b.example", "AccountName": "n", "ChildType": "ACCOUNT", "Filter": "SERVICE_CONTROL_POLICY", "Description": "",
        "PolicyType": "SERVICE_CONTROL_POLICY", "Type": "SERVICE_CONTROL_POLICY", "Tags": [], "TagKeys": [],
        "Target": {"Id": OTHER, "Type": "ACCOUNT"}, "Content": ALLOW_LIST,
    }  # fmt: skip
    elsewhere = {
        "CreateOrganization", "AcceptHandshake", "CancelHandshake", "DeclineHandshake", "DescribeHandshake", "ListHandshakesForAccount",
    }  # fmt: skip
    for operation in alone.service.operations.keys() - elsewhere:
        shape = alone.service._model.operation_model(operation).input_shape
        parameters = {name: ids[name] for name in (shape.required_members if shape else ())}
        alone.refused("AWSOrganizationsNotInUseException", operation, **parameters)


ALLOW_LIST = (
    '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"210987654321"},'
    '"Action":"organizations:ListAccounts","Resource":"*"}]}'
)


def test_an_account_is_made_with_a_role_for_the_management_account(manager: Any) -> None:
    tags = [{"Key": "team", "Value": "blue"}]
    status = manager("CreateAccount", Email="dev@example.com", AccountName="Dev account", Tags=tags)["CreateAccountStatus"]
    assert re.fullmatch("car-[a-z0-9]{32}", status["Id"])
    assert status["State"] == "SUCCEEDED"
    assert manager("DescribeCreateAccountStatus", CreateAccountRequestId=status["Id"])["CreateAccountStatus"] == status
    account_id = status["AccountId"]
    account = manager("DescribeAccount", AccountId=account_id)["Account"]
    organization = manager("DescribeOrganization")["Organization"]["Id"]
    assert account == {
        "Id": account_id,
        "Arn": f"arn:aws:organizations::{manager.id}:account/{organization}/{account_id}",
        "Email": "dev@example.com",
        "Name": "Dev account",
        "Status": "ACTIVE",
        "State": "ACTIVE",
        "Paths": [f"{organization}/{manager.root_id()}/{account_id}/"],
        "JoinedMethod": "CREATED",
        "JoinedTimestamp": manager.clock.now(),
    }
    role = manager.identities.roles.get(account_id, "OrganizationAccountAccessRole")
    assert f'"AWS":"arn:aws:iam::{manager.id}:root"' in role.details["trust"]
    attached = manager.identities.attachments.attached(account_id, "role", role.name)
    assert attached == ["arn:aws:iam::aws:policy/AdministratorAccess"]
    assert manager("ListTagsForResource", ResourceId=account_id)["Tags"] == tags
    assert {account["Id"] for account in manager("ListAccounts")["Accounts"]} == {manager.id, account_id}


def test_the_role_can_be_named(manager: Any) -> None:
    status = manager("CreateAccount", Email="dev@example.com", AccountName="Dev", RoleName="Admin")["CreateAccountStatus"]
    assert manager.identities.roles.get(status["AccountId"], "Admin").name == "Admin"
    parameters = {"Email": "b@example.com", "AccountName": "b", "RoleName": "AWSServiceRoleForX"}
    manager.refused("InvalidInputException", "CreateAccount", "INVALID_ROLE_NAME", **parameters)


def test_a_taken_email_makes_the_request_fail_not_the_call(manager: Any) -> None:
    manager.account("dev")
    status = manager("CreateAccount", Email="DEV@example.com", AccountName="again")["CreateAccountStatus"]
    assert (status["State"], status["FailureReason"]) == ("FAILED", "EMAIL_ALREADY_EXISTS")
    assert "AccountId" not in status
    taken = manager("DescribeOrganization")["Organization"]["MasterAccountEmail"]
    assert manager("CreateAccount", Email=taken, AccountName="x")["CreateAccountStatus"]["State"] == "FAILED"
    assert len(manager("ListAccounts")["Accounts"]) == 2
    failed = manager("ListCreateAccountStatus", States=["FAILED"])["CreateAccountStatuses"]
    assert len(failed) == 2
    assert len(manager("ListCreateAccountStatus")["CreateAccountStatuses"]) == 3
    manager.refused("CreateAccountStatusNotFoundException", "DescribeCreateAccountStatus", CreateAccountRequestId="car-" + "0" * 32)


def test_a_member_is_removed_or_leaves_and_stays_an_account(manager: Any, root_of: Callable[[str], Any]) -> None:
    first, second = manager.account("first"), manager.account("second")
    manager("TagResource", ResourceId=first, Tags=[{"Key": "a", "Value": "b"}])
    manager("RemoveAccountFromOrganization", AccountId=first)
    root_of(second)("LeaveOrganization")
    assert [account["Id"] for account in manager("ListAccounts")["Accounts"]] == [manager.id]
    root_of(first).refused("AWSOrganizationsNotInUseException", "DescribeOrganization")
    assert manager.identities.roles.get(first, "OrganizationAccountAccessRole")
    manager.refused("AccountNotFoundException", "RemoveAccountFromOrganization", AccountId=first)
    manager.refused("MasterCannotLeaveOrganizationException", "RemoveAccountFromOrganization", AccountId=manager.id)
    manager.refused("MasterCannotLeaveOrganizationException", "LeaveOrganization")
    manager("InviteAccountToOrganization", Target={"Type": "ACCOUNT", "Id": first})
    handshake = root_of(first)("ListHandshakesForAccount")["Handshakes"][0]["Id"]
    root_of(first)("AcceptHandshake", HandshakeId=handshake)
    assert manager("ListTagsForResource", ResourceId=first)["Tags"] == []
    assert manager("DescribeAccount", AccountId=first)["Account"]["Email"] == "first@example.com"


def test_a_closed_account_is_dead_and_leaves_by_itself_after_ninety_days(manager: Any, clock: ManualClock) -> None:
    account_id = manager.account("dev")
    key, _ = manager.identities.access_keys.create(account_id, None)
    assert manager.identities.credential(key.access_key_id) is not None
    manager("CloseAccount", AccountId=account_id)
    account = manager("DescribeAccount", AccountId=account_id)["Account"]
    assert (account["Status"], account["State"]) == ("SUSPENDED", "CLOSED")
    assert manager.identities.credential(key.access_key_id) is None
    manager.refused("AccountAlreadyClosedException", "CloseAccount", AccountId=account_id)
    manager.refused("ConstraintViolationException", "CloseAccount", "CANNOT_CLOSE_MANAGEMENT_ACCOUNT", AccountId=manager.id)
    manager.refused("AccountNotFoundException", "CloseAccount", AccountId=OTHER)
    leaving = ("ConstraintViolationException", "RemoveAccountFromOrganization", "ACCOUNT_CANNOT_LEAVE_ORGANIZATION")
    manager.refused(*leaving, AccountId=account_id)
    clock.advance(90 * 86400)
    manager("DeleteOrganization")
    assert manager.identities.credential(key.access_key_id) is None
    manager("CreateOrganization")
    assert manager("CreateAccount", Email="dev@example.com", AccountName="n")["CreateAccountStatus"]["State"] == "FAILED"


def test_what_happens_to_accounts_is_reported_as_service_events(manager: Any, root_of: Callable[[str], Any], outbox: Outbox) -> None:
    account_id = manager.account("dev")
    manager("CreateAccount", Email="dev@example.com", AccountName="dev")
    removed = manager.account("gone")
    manager("RemoveAccountFromOrganization", AccountId=removed)
    root_of(account_id)("LeaveOrganization")
    closed = manager.account("shut")
    manager("CloseAccount", AccountId=closed)
    events = outbox.pending()
    assert {event.account_id for event in events} == {manager.id}
    assert {(event.event_source, event.region) for event in events} == {("organizations.amazonaws.com", "us-east-1")}
    about = [(event.event_name, event.details) for event in events]
    joined = {(d["accountId"], d["joinedMethod"]) for name, d in about if name == "AccountJoinedOrganization"}
    assert joined == {(manager.id, "INVITED"), (account_id, "CREATED"), (removed, "CREATED"), (closed, "CREATED")}
    departed = {(d["accountId"], d["departureMethod"]) for name, d in about if name == "AccountDepartedOrganization"}
    assert departed == {(account_id, "LEFT"), (removed, "REMOVED")}
    results = [d["createAccountStatus"] for name, d in about if name == "CreateAccountResult"]
    assert sorted(result["state"] for result in results) == ["FAILED", "SUCCEEDED", "SUCCEEDED", "SUCCEEDED"]
    assert {result["accountName"] for result in results} == {"HIDDEN_DUE_TO_SECURITY_REASONS"}
    assert [d["closeAccountStatus"]["accountId"] for name, d in about if name == "CloseAccountResult"] == [closed]


def test_units_are_made_named_and_deleted(manager: Any) -> None:
    root = manager.root_id()
    organization = manager("DescribeOrganization")["Organization"]["Id"]
    unit = manager("CreateOrganizationalUnit", ParentId=root, Name="Workloads")["OrganizationalUnit"]
    assert re.fullmatch(f"ou-{root[2:]}-[a-z0-9]{{8}}", unit["Id"])
    assert unit["Arn"] == f"arn:aws:organizations::{manager.id}:ou/{organization}/{unit['Id']}"
    assert unit["Path"] == f"{organization}/{root}/{unit['Id']}/"
    manager.refused("DuplicateOrganizationalUnitException", "CreateOrganizationalUnit", ParentId=root, Name="Workloads")
    below = manager.unit("Workloads", unit["Id"])
    assert manager("DescribeOrganizationalUnit", OrganizationalUnitId=below)["OrganizationalUnit"]["Path"] == f"{unit['Path']}{below}/"
    other = manager.unit("Sandbox")
    manager.refused("DuplicateOrganizationalUnitException", "UpdateOrganizationalUnit", OrganizationalUnitId=other, Name="Workloads")
    manager.refused("DuplicateOrganizationalUnitException", "UpdateOrganizationalUnit", OrganizationalUnitId=other, Name="Sandbox")
    renamed = manager("UpdateOrganizationalUnit", OrganizationalUnitId=other, Name="Play")["OrganizationalUnit"]
    assert (renamed["Id"], renamed["Name"]) == (other, "Play")
    manager.refused("OrganizationalUnitNotEmptyException", "DeleteOrganizationalUnit", OrganizationalUnitId=unit["Id"])
    manager("DeleteOrganizationalUnit", OrganizationalUnitId=below)
    manager("DeleteOrganizationalUnit", OrganizationalUnitId=unit["Id"])
    manager.refused("OrganizationalUnitNotFoundException", "DescribeOrganizationalUnit", OrganizationalUnitId=unit["Id"])
    manager.refused("ParentNotFoundException", "CreateOrganizationalUnit", ParentId="r-zzzz" if root != "r-zzzz" else "r-yyyy", Name="x")


def test_units_go_five_deep(manager: Any) -> None:
    parent = manager.root_id()
    for depth in range(5):
        parent = manager.unit(f"level {depth}", parent)
    manager.refused("ConstraintViolationException", "CreateOrganizationalUnit", "OU_DEPTH_LIMIT_EXCEEDED", ParentId=parent, Name="six")


def test_accounts_move_and_the_tree_can_be_walked(manager: Any) -> None:
    root, account = manager.root_id(), manager.account("dev")
    unit = manager.unit("Workloads")
    manager("MoveAccount", AccountId=account, SourceParentId=root, DestinationParentId=unit)
    assert manager("ListParents", ChildId=account)["Parents"] == [{"Id": unit, "Type": "ORGANIZATIONAL_UNIT"}]
    assert manager("ListParents", ChildId=unit)["Parents"] == [{"Id": root, "Type": "ROOT"}]
    assert manager("ListChildren", ParentId=unit, ChildType="ACCOUNT")["Children"] == [{"Id": account, "Type": "ACCOUNT"}]
    assert manager("ListChildren", ParentId=root, ChildType="ACCOUNT")["Children"] == [{"Id": manager.id, "Type": "ACCOUNT"}]
    assert manager("ListChildren", ParentId=root, ChildType="ORGANIZATIONAL_UNIT")["Children"][0]["Id"] == unit
    assert [found["Id"] for found in manager("ListAccountsForParent", ParentId=unit)["Accounts"]] == [account]
    assert [found["Id"] for found in manager("ListOrganizationalUnitsForParent", ParentId=root)["OrganizationalUnits"]] == [unit]
    move = {"AccountId": account, "SourceParentId": unit, "DestinationParentId": unit}
    manager.refused("DuplicateAccountException", "MoveAccount", **move)
    manager.refused("SourceParentNotFoundException", "MoveAccount", **move | {"SourceParentId": root, "DestinationParentId": root})
    missing = f"ou-{root[2:]}-00000000"
    manager.refused("SourceParentNotFoundException", "MoveAccount", **move | {"SourceParentId": missing, "DestinationParentId": root})
    manager.refused("DestinationParentNotFoundException", "MoveAccount", **move | {"DestinationParentId": missing})
    manager.refused("AccountNotFoundException", "MoveAccount", **move | {"AccountId": OTHER, "DestinationParentId": root})
    manager.refused("ChildNotFoundException", "ListParents", ChildId=OTHER)
    for operation in ("ListAccountsForParent", "ListOrganizationalUnitsForParent"):
        manager.refused("ParentNotFoundException", operation, ParentId=missing)
    manager.refused("ParentNotFoundException", "ListChildren", ParentId=missing, ChildType="ACCOUNT")
    manager.refused("OrganizationalUnitNotEmptyException", "DeleteOrganizationalUnit", OrganizationalUnitId=unit)


def test_lists_are_paged(manager: Any) -> None:
    made = {manager.account(f"a{number}") for number in range(24)} | {manager.id}
    first = manager("ListAccounts")
    assert len(first["Accounts"]) == 20
    for size in (1, 7, 20):
        found = [account["Id"] for account in manager.all("ListAccounts", "Accounts", MaxResults=size)]
        assert (len(found), set(found)) == (25, made)
    token = first["NextToken"]
    for wrong in ("x", "!!!!", token[:-3], "bm9wZQ=="):
        manager.refused("InvalidInputException", "ListAccounts", "INVALID_NEXT_TOKEN", NextToken=wrong)
    manager.refused("InvalidInputException", "ListCreateAccountStatus", "INVALID_NEXT_TOKEN", NextToken=token)


INVALID: list[tuple[str, dict[str, Any], str]] = [
    ("CreateAccount", {"AccountName": "n"}, "INPUT_REQUIRED"),
    ("CreateAccount", {"AccountName": "n", "Email": "nobody"}, "INVALID_PATTERN"),
    ("CreateAccount", {"AccountName": "", "Email": "a@b.example"}, "MIN_LENGTH_EXCEEDED"),
    ("CreateAccount", {"AccountName": "n" * 51, "Email": "a@b.example"}, "MAX_LENGTH_EXCEEDED"),
    ("CreateOrganization", {"FeatureSet": "SOME"}, "INVALID_ENUM"),
    ("DescribeAccount", {"AccountId": "١٢٣٤٥٦٧٨٩٠١٢"}, "INVALID_PATTERN"),
    ("ListAccounts", {"MaxResults": 21}, "MAX_VALUE_EXCEEDED"),
    ("ListAccounts", {"MaxResults": 0}, "MIN_VALUE_EXCEEDED"),
    ("ListPolicies", {"Filter": "SCP"}, "INVALID_ENUM_POLICY_TYPE"),
    ("AttachPolicy", {"PolicyId": "p-FullAWSAccess", "TargetId": "x"}, "INVALID_PATTERN_TARGET_ID"),
    ("AttachPolicy", {"PolicyId": "FullAWSAccess", "TargetId": "r-ab12"}, "INVALID_PATTERN"),
    ("TagResource", {"ResourceId": "r-ab12", "Tags": [{"Key": "a*", "Value": ""}]}, "INVALID_PATTERN"),
    ("InviteAccountToOrganization", {"Target": {"Id": "o-1234567890", "Type": "ORGANIZATION"}}, "INVALID_PARTY_TYPE_TARGET"),
    ("InviteAccountToOrganization", {"Target": {"Id": "nobody", "Type": "EMAIL"}}, "INVALID_EMAIL_ADDRESS_TARGET"),
    ("InviteAccountToOrganization", {"Target": {"Id": "999999999999", "Type": "ACCOUNT"}}, "INVALID_PARTY_TYPE_TARGET"),
    ("EnableAWSServiceAccess", {"ServicePrincipal": "nobody.amazonaws.com"}, "UNRECOGNIZED_SERVICE_PRINCIPAL"),
]


@pytest.mark.parametrize(("operation", "parameters", "reason"), INVALID)
def test_what_does_not_satisfy_the_model_is_refused_with_a_reason(
    manager: Any, operation: str, parameters: dict[str, Any], reason: str
) -> None:
    manager.refused("InvalidInputException", operation, reason, **parameters)


def test_tags(manager: Any) -> None:
    unit = manager.unit("u")
    root = manager.root_id()
    for resource in (unit, root, manager.id):
        manager("TagResource", ResourceId=resource, Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": ""}])
        manager("TagResource", ResourceId=resource, Tags=[{"Key": "a", "Value": "2"}])
        manager("UntagResource", ResourceId=resource, TagKeys=["b", "not there"])
        assert manager("ListTagsForResource", ResourceId=resource)["Tags"] == [{"Key": "a", "Value": "2"}]
    twice = [{"Key": "k", "Value": "1"}, {"Key": "k", "Value": "2"}]
    manager.refused("InvalidInputException", "TagResource", "DUPLICATE_TAG_KEY", ResourceId=unit, Tags=twice)
    own = [{"Key": "aws:x", "Value": "1"}]
    manager.refused("InvalidInputException", "TagResource", "INVALID_SYSTEM_TAGS_PARAMETER", ResourceId=unit, Tags=own)
    many = [{"Key": f"k{number}", "Value": ""} for number in range(50)]
    manager.refused("ConstraintViolationException", "TagResource", "MAX_TAG_LIMIT_EXCEEDED", ResourceId=unit, Tags=many)
    for missing in (OTHER, "p-0000000000", "rp-00000000", f"ou-{root[2:]}-00000000", "p-FullAWSAccess"):
        manager.refused("TargetNotFoundException", "ListTagsForResource", ResourceId=missing)
    manager("DeleteOrganizationalUnit", OrganizationalUnitId=unit)
    again = manager.unit("u")
    assert manager("ListTagsForResource", ResourceId=again)["Tags"] == []
