"""Who may: the management account, members, delegated administrators, whom the resource policy names; and the IAM permissions it takes."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from opentrail.identity.organizations.documents import DELEGABLE_READS, DELEGABLE_WRITES

SCP = "SERVICE_CONTROL_POLICY"
DENY = '{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"s3:*","Resource":"*"}]}'


@pytest.fixture
def parameters(governed: Any) -> Callable[[str], dict[str, Any]]:
    """Parameters with which any operation could be called in the organization."""
    account, root = governed.account("dev"), governed.root_id()
    unit, policy = governed.unit("u"), governed.policy("p", DENY)
    request = governed("ListCreateAccountStatus")["CreateAccountStatuses"][0]["Id"]
    known = {
        "AccountId": account, "ParentId": root, "SourceParentId": root, "DestinationParentId": unit, "RootId": root,
        "OrganizationalUnitId": unit, "ChildId": account, "TargetId": account, "PolicyId": policy, "CreateAccountRequestId": request,
        "ResourceId": account, "ServicePrincipal": "cloudtrail.amazonaws.com", "Name": "n", "Email": "a@b.example", "AccountName": "n",
        "ChildType": "ACCOUNT", "Filter": SCP, "Description": "", "PolicyType": SCP, "Type": SCP, "TagKeys": ["k"],
        "Tags": [{"Key": "k", "Value": "v"}], "Target": {"Id": account, "Type": "ACCOUNT"}, "Content": DENY,
    }  # fmt: skip

    def of(operation: str) -> dict[str, Any]:
        shape = governed.service._model.operation_model(operation).input_shape
        return {name: known[name] for name in (shape.required_members if shape else ())}

    return of


OPEN_TO_MEMBERS = {
    "DescribeOrganization", "LeaveOrganization", "CreateOrganization", "AcceptHandshake", "DeclineHandshake", "CancelHandshake",
    "DescribeHandshake", "ListHandshakesForAccount",
}  # fmt: skip


def test_members_may_only_read_the_organization_itself(governed: Any, root_of: Any, parameters: Any) -> None:
    member = root_of(governed.account("member"))
    assert member("DescribeOrganization") == governed("DescribeOrganization")
    member.refused("AlreadyInOrganizationException", "CreateOrganization")
    for operation in member.service.operations.keys() - OPEN_TO_MEMBERS:
        given = parameters(operation)
        if operation == "PutResourcePolicy":
            given["Content"] = grant("ListAccounts", member.id)
        message = member.refused("AccessDeniedException", operation, **given)
        assert message == "You don't have permissions to access this resource."


def test_delegated_administrators_read_and_do_not_write(governed: Any, root_of: Any, parameters: Any) -> None:
    member = root_of(governed.account("member"))
    governed("EnableAWSServiceAccess", ServicePrincipal="cloudtrail.amazonaws.com")
    governed("RegisterDelegatedAdministrator", AccountId=member.id, ServicePrincipal="cloudtrail.amazonaws.com")
    for operation in member.service.operations.keys() - OPEN_TO_MEMBERS:
        given = parameters(operation)
        if operation == "PutResourcePolicy":
            given["Content"] = grant("ListAccounts", member.id)
        if operation == "DescribeResourcePolicy":
            member.refused("ResourcePolicyNotFoundException", operation)
        elif operation == "ListDelegatedServicesForAccount":
            assert member(operation, AccountId=member.id)
        elif operation in DELEGABLE_READS:
            member(operation, **given)
        else:
            member.refused("AccessDeniedException", operation, **given)
    governed("DeregisterDelegatedAdministrator", AccountId=member.id, ServicePrincipal="cloudtrail.amazonaws.com")
    member.refused("AccessDeniedException", "ListAccounts")


def grant(actions: str | list[str], account_id: str, **more: Any) -> str:
    named = [f"organizations:{action}" for action in ([actions] if isinstance(actions, str) else actions)]
    statement = {"Effect": "Allow", "Principal": {"AWS": account_id}, "Action": named, "Resource": "*", **more}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@pytest.mark.parametrize("operation", sorted(DELEGABLE_WRITES | DELEGABLE_READS - {"DescribeOrganization"}))
def test_the_resource_policy_gives_a_member_what_it_names_and_nothing_else(
    governed: Any, root_of: Any, parameters: Any, operation: str
) -> None:
    member, stranger = root_of(governed.account("member")), root_of(governed.account("stranger"))
    given = parameters(operation)
    governed("PutResourcePolicy", Content=grant("ListRoots" if operation != "ListRoots" else "ListAccounts", member.id))
    member.refused("AccessDeniedException", operation, **given)
    governed("PutResourcePolicy", Content=grant(operation, member.id))
    stranger.refused("AccessDeniedException", operation, **given)
    if operation == "DetachPolicy":
        governed("AttachPolicy", **given)
    if operation == "EnablePolicyType":
        governed("DisablePolicyType", **given)
    if operation == "ListDelegatedServicesForAccount":
        member.refused("AccountNotRegisteredException", operation, **given)
    else:
        member(operation, **given)
    governed("DeleteResourcePolicy")
    member.refused("AccessDeniedException", operation, **given)


def test_a_grant_can_be_narrowed_by_policy_type(governed: Any, root_of: Any) -> None:
    member = root_of(governed.account("member"))
    other = {"StringEquals": {"organizations:PolicyType": "TAG_POLICY"}}
    governed("PutResourcePolicy", Content=grant("ListPolicies", member.id, Condition=other))
    member.refused("AccessDeniedException", "ListPolicies", Filter=SCP)
    assert member("ListPolicies", Filter="TAG_POLICY") == {"Policies": []}


def test_the_resource_policy_is_put_described_and_deleted(governed: Any) -> None:
    governed.refused("ResourcePolicyNotFoundException", "DescribeResourcePolicy")
    governed.refused("ResourcePolicyNotFoundException", "DeleteResourcePolicy")
    content = grant("ListAccounts", governed.account("dev"))
    made = governed("PutResourcePolicy", Content=content, Tags=[{"Key": "k", "Value": "v"}])["ResourcePolicy"]
    assert made["Content"] == content
    again = governed("PutResourcePolicy", Content=content.replace("ListAccounts", "ListRoots"))["ResourcePolicy"]
    assert again["ResourcePolicySummary"] == made["ResourcePolicySummary"]
    assert governed("DescribeResourcePolicy")["ResourcePolicy"] == again
    assert governed("ListTagsForResource", ResourceId=again["ResourcePolicySummary"]["Id"])["Tags"] == [{"Key": "k", "Value": "v"}]
    governed("DeleteResourcePolicy")
    governed.refused("ResourcePolicyNotFoundException", "DescribeResourcePolicy")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("{", "INVALID_RESOURCE_POLICY_JSON"),
        (DENY, "INVALID_RESOURCE_POLICY_JSON"),
        (grant("CreateAccount", "123456789012"), "UNSUPPORTED_ACTION_IN_RESOURCE_POLICY"),
        (grant("*", "123456789012"), "UNSUPPORTED_ACTION_IN_RESOURCE_POLICY"),
        (grant("ListAccounts", "123456789012", Resource="arn:aws:s3:::b"), "UNSUPPORTED_RESOURCE_IN_RESOURCE_POLICY"),
        (grant("ListAccounts", "x").replace('{"AWS": "x"}', '{"Service": "s3.amazonaws.com"}'), "INVALID_PRINCIPAL"),
    ],
)
def test_resource_policies_that_cannot_work_are_refused(governed: Any, content: str, reason: str) -> None:
    governed.refused("InvalidInputException", "PutResourcePolicy", reason, Content=content)


def test_needs(governed: Any, parameters: Any) -> None:
    organization = governed("DescribeOrganization")["Organization"]["Id"]
    arn = f"arn:aws:organizations::{governed.id}"
    of = parameters("MoveAccount") | parameters("AttachPolicy") | parameters("DescribeOrganizationalUnit")
    account = f"{arn}:account/{organization}/{of['AccountId']}"
    root, unit = f"{arn}:root/{organization}/{of['SourceParentId']}", f"{arn}:ou/{organization}/{of['OrganizationalUnitId']}"
    policy = f"{arn}:policy/{organization}/service_control_policy/{of['PolicyId']}"
    expected: Mapping[str, list[str]] = {
        "DescribeOrganization": ["*"],
        "ListAccounts": ["*"],
        "CreateAccount": ["*"],
        "DescribeAccount": [account],
        "CloseAccount": [account],
        "MoveAccount": [account, root, unit],
        "AttachPolicy": [policy, account],
        "DescribePolicy": [policy],
        "EnablePolicyType": [root],
        "DeleteOrganizationalUnit": [unit],
        "ListParents": [account],
        "RegisterDelegatedAdministrator": [account],
        "TagResource": [account],
        "InviteAccountToOrganization": [account],
        "DeleteResourcePolicy": [f"{arn}:resourcepolicy/{organization}/*"],
    }
    for operation, resources in expected.items():
        needs = governed.service.needs(governed.call(operation, parameters(operation)))
        assert [need.resource for need in needs] == resources
        assert {need.action for need in needs} == {f"organizations:{operation}"}
    full = governed.service.needs(governed.call("DescribePolicy", {"PolicyId": "p-FullAWSAccess"}))[0]
    assert full.resource == "arn:aws:organizations::aws:policy/service_control_policy/p-FullAWSAccess"


def test_condition_keys(governed: Any, parameters: Any) -> None:
    def context(operation: str, **more: Any) -> Mapping[str, Any]:
        return governed.service.needs(governed.call(operation, parameters(operation) | more))[0].context

    assert context("EnableAWSServiceAccess") == {"organizations:ServicePrincipal": ("cloudtrail.amazonaws.com",)}
    for operation in ("AttachPolicy", "CreatePolicy", "ListPolicies", "EnablePolicyType", "ListTargetsForPolicy"):
        assert context(operation)["organizations:PolicyType"] == (SCP,)
    tags = [{"Key": "team", "Value": "blue"}]
    assert context("CreateAccount", Tags=tags) == {"aws:RequestTag/team": ("blue",), "aws:TagKeys": ("team",)}
    needs = governed.service.needs(governed.call("CreateAccount", parameters("CreateAccount") | {"Tags": tags}))
    assert [need.action for need in needs] == ["organizations:CreateAccount", "organizations:TagResource"]
    governed("TagResource", ResourceId=parameters("DescribeAccount")["AccountId"], Tags=tags)
    assert context("DescribeAccount") == {"aws:ResourceTag/team": ("blue",)}
    assert context("UntagResource")["aws:TagKeys"] == ("k",)


def test_users_of_the_management_account_need_the_permission(governed: Any) -> None:
    account, other = governed.account("dev"), governed.account("other")
    organization = governed("DescribeOrganization")["Organization"]["Id"]
    arn = f"arn:aws:organizations::{governed.id}:account/{organization}/{account}"
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "organizations:DescribeAccount", "Resource": arn}]}
    governed.identities.users.create(governed.id, "alice")
    governed.identities.attachments.put_inline(governed.id, "user", "alice", "own", json.dumps(document))
    key, _ = governed.identities.access_keys.create(governed.id, "alice")
    alice = type(governed)(governed.identities, governed.clock, governed.identities.credential(key.access_key_id).principal)
    assert alice("DescribeAccount", AccountId=account)["Account"]["Id"] == account
    alice.refused("AccessDeniedException", "DescribeAccount", AccountId=other)
    alice.refused("AccessDeniedException", "ListAccounts")
