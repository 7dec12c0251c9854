"""Service control policies: made, attached, and in force for whom they should be."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from opentrail.identity.policies import PolicyRequest, evaluate

OTHER = "210987654321"
SCP = "SERVICE_CONTROL_POLICY"


def deny(*actions: str, **more: Any) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": list(actions), "Resource": "*", **more}]})


def allow(*actions: str) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": list(actions), "Resource": "*"}]})


def may(caller: Any, account_id: str, action: str) -> bool:
    """Whether the root user of an account may, as far as service control policies go."""
    request = PolicyRequest(principal=caller.identities.root(account_id), action=action, resource="*")
    return evaluate(request, service_control=caller.identities.service_control(account_id)).allowed


def test_policies_are_made_described_updated_and_deleted(governed: Any) -> None:
    organization = governed("DescribeOrganization")["Organization"]["Id"]
    content = deny("s3:DeleteBucket")
    made = governed("CreatePolicy", Name="Keep buckets", Description="d", Type=SCP, Content=content, Tags=[{"Key": "k", "Value": "v"}])
    summary = made["Policy"]["PolicySummary"]
    policy = summary["Id"]
    assert re.fullmatch("p-[a-z0-9]{10}", policy)
    assert summary == {
        "Id": policy,
        "Arn": f"arn:aws:organizations::{governed.id}:policy/{organization}/service_control_policy/{policy}",
        "Name": "Keep buckets",
        "Description": "d",
        "Type": SCP,
        "AwsManaged": False,
    }
    assert governed("DescribePolicy", PolicyId=policy) == made
    assert governed("ListTagsForResource", ResourceId=policy)["Tags"] == [{"Key": "k", "Value": "v"}]
    again = {"Name": "Keep buckets", "Description": "", "Type": SCP, "Content": content}
    governed.refused("DuplicatePolicyException", "CreatePolicy", **again)
    governed.refused("DuplicatePolicyException", "CreatePolicy", **again | {"Name": "FullAWSAccess"})
    other = governed.policy("Other", content)
    governed.refused("DuplicatePolicyException", "UpdatePolicy", PolicyId=other, Name="Keep buckets")
    changed = governed("UpdatePolicy", PolicyId=other, Name="Another", Content=allow("s3:*"))["Policy"]
    assert (changed["PolicySummary"]["Name"], changed["Content"]) == ("Another", allow("s3:*"))
    listed = {found["Id"]: found["AwsManaged"] for found in governed.all("ListPolicies", "Policies", Filter=SCP, MaxResults=1)}
    assert listed == {policy: False, other: False, "p-FullAWSAccess": True}
    governed("AttachPolicy", PolicyId=policy, TargetId=governed.root_id())
    governed.refused("PolicyInUseException", "DeletePolicy", PolicyId=policy)
    governed("DetachPolicy", PolicyId=policy, TargetId=governed.root_id())
    governed("DeletePolicy", PolicyId=policy)
    for operation in ("DescribePolicy", "DeletePolicy", "UpdatePolicy", "ListTargetsForPolicy"):
        governed.refused("PolicyNotFoundException", operation, PolicyId=policy)
    for operation in ("DeletePolicy", "UpdatePolicy"):
        governed.refused("InvalidInputException", operation, "IMMUTABLE_POLICY", PolicyId="p-FullAWSAccess")


MALFORMED = [
    "",
    "{",
    "[]",
    '{"Version":"2012-10-17"}',
    '{"Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}',
    '{"Version":"2008-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}',
    '{"Version":"2012-10-17","Statement":[]}',
    '{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Resource":"*"}]}',
    '{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*"}]}',
    '{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"bucket"}]}',
    '{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*","Principal":"*"}]}',
    '{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"Equal":{"aws:x":"y"}}}]}',
]


@pytest.mark.parametrize("content", MALFORMED[1:])
def test_malformed_policies_are_refused(governed: Any, content: str) -> None:
    given = {"Name": "n", "Description": "", "Type": SCP, "Content": content}
    message = governed.refused("MalformedPolicyDocumentException", "CreatePolicy", **given)
    assert message.startswith("The provided policy document does not meet the requirements of the specified policy type. ")
    policy = governed.policy("p", deny("s3:*"))
    governed.refused("MalformedPolicyDocumentException", "UpdatePolicy", PolicyId=policy, Content=content)


def test_policies_are_bounded(governed: Any) -> None:
    given = {"Name": "n", "Description": "", "Type": SCP, "Content": deny("s3:" + "x" * 10_240)}
    governed.refused("ConstraintViolationException", "CreatePolicy", "POLICY_CONTENT_LIMIT_EXCEEDED", **given)


def test_everything_carries_at_least_one_policy_and_at_most_five(governed: Any) -> None:
    account, unit = governed.account("dev"), governed.unit("u")
    for target in (governed.root_id(), unit, account):
        attached = governed("ListPoliciesForTarget", TargetId=target, Filter=SCP)["Policies"]
        assert [policy["Id"] for policy in attached] == ["p-FullAWSAccess"]
        last = {"PolicyId": "p-FullAWSAccess", "TargetId": target}
        governed.refused("ConstraintViolationException", "DetachPolicy", "MIN_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED", **last)
        governed.refused("DuplicatePolicyAttachmentException", "AttachPolicy", **last)
    policies = [governed.policy(f"p{number}", deny("s3:*")) for number in range(5)]
    for policy in policies[:4]:
        governed("AttachPolicy", PolicyId=policy, TargetId=account)
    sixth = {"PolicyId": policies[4], "TargetId": account}
    governed.refused("ConstraintViolationException", "AttachPolicy", "MAX_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED", **sixth)
    governed.refused("PolicyNotAttachedException", "DetachPolicy", **sixth)
    governed("DetachPolicy", PolicyId="p-FullAWSAccess", TargetId=account)
    governed("AttachPolicy", **sixth)
    assert len(governed.all("ListPoliciesForTarget", "Policies", TargetId=account, Filter=SCP, MaxResults=2)) == 5
    targets = governed.all("ListTargetsForPolicy", "Targets", PolicyId="p-FullAWSAccess", MaxResults=1)
    assert {(target["TargetId"], target["Type"]) for target in targets} == {
        (governed.root_id(), "ROOT"),
        (unit, "ORGANIZATIONAL_UNIT"),
        (governed.id, "ACCOUNT"),
    }
    for operation in ("AttachPolicy", "DetachPolicy"):
        governed.refused("TargetNotFoundException", operation, PolicyId=policies[0], TargetId=OTHER)
        governed.refused("PolicyNotFoundException", operation, PolicyId="p-0000000000", TargetId=account)
    governed.refused("TargetNotFoundException", "ListPoliciesForTarget", TargetId=OTHER, Filter=SCP)


def test_policy_types_are_enabled_and_disabled_in_the_root(manager: Any) -> None:
    root, account = manager.root_id(), manager.account("dev")
    policy = manager.policy("p", deny("s3:*"))
    (attached,) = manager("ListPoliciesForTarget", TargetId=account, Filter=SCP)["Policies"]
    assert attached["Id"] == "p-FullAWSAccess"
    on = {"RootId": root, "PolicyType": SCP}
    manager.refused("PolicyTypeNotEnabledException", "AttachPolicy", PolicyId=policy, TargetId=root)
    manager.refused("PolicyTypeNotEnabledException", "DisablePolicyType", **on)
    assert manager("EnablePolicyType", **on)["Root"]["PolicyTypes"] == [{"Type": SCP, "Status": "ENABLED"}]
    manager.refused("PolicyTypeAlreadyEnabledException", "EnablePolicyType", **on)
    manager.refused("RootNotFoundException", "EnablePolicyType", RootId="r-abcde", PolicyType=SCP)
    manager.refused("PolicyTypeNotAvailableForOrganizationException", "EnablePolicyType", RootId=root, PolicyType="TAG_POLICY")
    given = {"Name": "n", "Description": "", "Type": "TAG_POLICY", "Content": "{}"}
    manager.refused("PolicyTypeNotAvailableForOrganizationException", "CreatePolicy", **given)
    assert manager("ListPolicies", Filter="TAG_POLICY")["Policies"] == []
    assert manager("ListPoliciesForTarget", TargetId=root, Filter="TAG_POLICY")["Policies"] == []
    manager("AttachPolicy", PolicyId=policy, TargetId=account)
    assert not may(manager, account, "s3:GetObject")
    assert manager("DisablePolicyType", **on)["Root"]["PolicyTypes"] == []
    assert may(manager, account, "s3:GetObject")
    manager("EnablePolicyType", **on)
    assert may(manager, account, "s3:GetObject")  # what was attached before is gone
    manager("DeletePolicy", PolicyId=policy)


def test_a_deny_binds_those_below_and_not_the_management_account(governed: Any) -> None:
    root, account, other = governed.root_id(), governed.account("dev"), governed.account("other")
    unit = governed.unit("Workloads")
    governed("MoveAccount", AccountId=account, SourceParentId=root, DestinationParentId=unit)
    policy = governed.policy("p", deny("s3:DeleteBucket"))
    assert may(governed, account, "s3:DeleteBucket")
    governed("AttachPolicy", PolicyId=policy, TargetId=unit)
    assert not may(governed, account, "s3:DeleteBucket")
    assert may(governed, account, "s3:CreateBucket")
    assert may(governed, other, "s3:DeleteBucket")
    governed("AttachPolicy", PolicyId=policy, TargetId=root)
    assert not may(governed, other, "s3:DeleteBucket")
    assert may(governed, governed.id, "s3:DeleteBucket")
    governed("UpdatePolicy", PolicyId=policy, Content=deny("s3:CreateBucket"))
    assert may(governed, other, "s3:DeleteBucket")
    assert not may(governed, other, "s3:CreateBucket")
    governed("RemoveAccountFromOrganization", AccountId=other)
    assert may(governed, other, "s3:CreateBucket")
    assert governed.identities.service_control(other) == ()


def test_what_is_not_allowed_at_every_level_is_forbidden(governed: Any) -> None:
    root, account = governed.root_id(), governed.account("dev")
    unit = governed.unit("Workloads")
    governed("MoveAccount", AccountId=account, SourceParentId=root, DestinationParentId=unit)
    policy = governed.policy("Only S3", allow("s3:*"))
    governed("AttachPolicy", PolicyId=policy, TargetId=unit)
    assert may(governed, account, "ec2:RunInstances")
    governed("DetachPolicy", PolicyId="p-FullAWSAccess", TargetId=unit)
    assert not may(governed, account, "ec2:RunInstances")
    assert may(governed, account, "s3:CreateBucket")
    assert [len(level) for level in governed.identities.service_control(account)] == [1, 1, 1]
    assert governed.identities.service_control(governed.id) == ()


def test_members_are_refused_what_a_policy_above_them_denies(governed: Any, root_of: Callable[[str], Any]) -> None:
    account = governed.account("dev")
    policy = governed.policy("Stay", deny("organizations:LeaveOrganization"))
    governed("AttachPolicy", PolicyId=policy, TargetId=account)
    message = root_of(account).refused("AccessDeniedException", "LeaveOrganization")
    assert message.endswith("with an explicit deny in a service control policy")
    governed("DetachPolicy", PolicyId=policy, TargetId=account)
    root_of(account)("LeaveOrganization")


def test_the_place_of_an_account_is_a_condition(governed: Any) -> None:
    organization = governed("DescribeOrganization")["Organization"]["Id"]
    root, account, unit = governed.root_id(), governed.account("dev"), governed.unit("u")
    identities = governed.identities
    at_root = {"aws:PrincipalOrgID": (organization,), "aws:PrincipalOrgPaths": (f"{organization}/{root}/",)}
    assert identities.organization_context(account) == at_root
    assert identities.organization_context(governed.id) == at_root
    governed("MoveAccount", AccountId=account, SourceParentId=root, DestinationParentId=unit)
    path = f"{organization}/{root}/{unit}/"
    assert identities.organization_context(account)["aws:PrincipalOrgPaths"] == (path,)
    assert identities.resource_organization_context(account) == {"aws:ResourceOrgID": (organization,), "aws:ResourceOrgPaths": (path,)}
    assert identities.organization_context(OTHER) == {}
    assert identities.resource_organization_context(OTHER) == {}


def test_the_condition_keys_reach_the_policies(governed: Any) -> None:
    organization = governed("DescribeOrganization")["Organization"]["Id"]
    own = {"StringEquals": {"aws:PrincipalOrgID": organization, "aws:ResourceOrgID": organization}}
    user_with(governed, "insider", {"Action": "organizations:List*", "Condition": own})("ListRoots")
    foreign: Mapping[str, Any] = {"StringEquals": {"aws:PrincipalOrgID": "o-0000000000"}}
    outsider = user_with(governed, "outsider", {"Action": "organizations:List*", "Condition": foreign})
    outsider.refused("AccessDeniedException", "ListRoots")


def user_with(caller: Any, name: str, statement: Mapping[str, Any]) -> Any:
    """A user of the caller's account with one statement that allows."""
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Resource": "*", **statement}]}
    caller.identities.users.create(caller.id, name)
    caller.identities.attachments.put_inline(caller.id, "user", name, "own", json.dumps(document))
    key, _ = caller.identities.access_keys.create(caller.id, name)
    credential = caller.identities.credential(key.access_key_id)
    return type(caller)(caller.identities, caller.clock, credential.principal)
