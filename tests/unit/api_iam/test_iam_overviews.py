"""The whole account at once, reports, simulations: what a client sees."""

from __future__ import annotations

import csv
import io
import json
from typing import Any
from urllib.parse import unquote

import pytest

from opentrail.clock import ManualClock
from opentrail.identity import Identities

ACCOUNT = "123456789012"
IAM = f"arn:aws:iam::{ACCOUNT}"
NOW = ManualClock().now()
TRUST = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"}]})
READ_ONLY = "arn:aws:iam::aws:policy/ReadOnlyAccess"


def policy(action: Any, resource: Any = "*", effect: str = "Allow", **condition: Any) -> str:
    statement = {"Effect": effect, "Action": action, "Resource": resource} | ({"Condition": condition} if condition else {})
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@pytest.fixture
def company(root: Any) -> Any:
    root("CreateUser", UserName="alice", Path="/staff/")
    root("CreateGroup", GroupName="readers")
    root("AddUserToGroup", GroupName="readers", UserName="alice")
    root("PutUserPolicy", UserName="alice", PolicyName="own", PolicyDocument=policy("s3:GetObject", "arn:aws:s3:::a/*"))
    root("PutGroupPolicy", GroupName="readers", PolicyName="inline", PolicyDocument=policy("ec2:Describe*"))
    root("AttachGroupPolicy", GroupName="readers", PolicyArn=READ_ONLY)
    root("CreateRole", RoleName="web", AssumeRolePolicyDocument=TRUST)
    own = root("CreatePolicy", PolicyName="mine", PolicyDocument=policy("sqs:*"))["Policy"]["Arn"]
    root("AttachRolePolicy", RoleName="web", PolicyArn=own)
    root("CreateInstanceProfile", InstanceProfileName="machines")
    root("AddRoleToInstanceProfile", InstanceProfileName="machines", RoleName="web")
    return root


def test_authorization_details(company: Any) -> None:
    found = company("GetAccountAuthorizationDetails")
    (alice,), (readers,), (web,) = found["UserDetailList"], found["GroupDetailList"], found["RoleDetailList"]
    assert (alice["Arn"], alice["GroupList"]) == (f"{IAM}:user/staff/alice", ["readers"])
    assert [(one["PolicyName"], unquote(one["PolicyDocument"])) for one in alice["UserPolicyList"]] == [
        ("own", policy("s3:GetObject", "arn:aws:s3:::a/*"))
    ]
    assert readers["AttachedManagedPolicies"] == [{"PolicyName": "ReadOnlyAccess", "PolicyArn": READ_ONLY}]
    assert web["InstanceProfileList"][0]["InstanceProfileName"] == "machines"
    assert [one["PolicyName"] for one in found["Policies"]] == ["mine", "ReadOnlyAccess"]
    assert found["Policies"][0]["PolicyVersionList"][0]["IsDefaultVersion"]
    assert not found["IsTruncated"]


def test_authorization_details_in_pages_and_by_filter(company: Any) -> None:
    names, marker = [], {}
    while True:
        page = company("GetAccountAuthorizationDetails", MaxItems=1, **marker)
        items = [item for name in ("UserDetailList", "GroupDetailList", "RoleDetailList", "Policies") for item in page[name]]
        assert len(items) == 1
        names += [item["Arn"] for item in items]
        if not page["IsTruncated"]:
            break
        marker = {"Marker": page["Marker"]}
    assert [name.rpartition("/")[2] for name in names] == ["alice", "readers", "web", "mine", "ReadOnlyAccess"]
    found = company("GetAccountAuthorizationDetails", Filter=["Role", "LocalManagedPolicy"])
    assert (len(found["UserDetailList"]), len(found["RoleDetailList"]), len(found["Policies"])) == (0, 1, 1)


def test_the_credential_report(company: Any, identities: Identities) -> None:
    company.refused("ReportNotPresent", "GetCredentialReport")
    key = company("CreateAccessKey", UserName="alice")["AccessKey"]["AccessKeyId"]
    credential = identities.credential(key)
    assert credential is not None
    identities.note_use(credential.principal, "s3", "eu-west-1")
    identities.note_sign_in(credential.principal, "us-east-1")
    company("CreateLoginProfile", UserName="alice", Password="Correct-Horse-1")
    company("UpdateAccountPasswordPolicy", MaxPasswordAge=90)
    assert company("GenerateCredentialReport")["State"] == "STARTED"
    assert company("GenerateCredentialReport") == {"State": "COMPLETE"}
    report = company("GetCredentialReport")
    assert (report["ReportFormat"], report["GeneratedTime"]) == ("text/csv", NOW)
    root, alice = csv.DictReader(io.StringIO(report["Content"].decode()))
    date = "2026-01-05T10:11:12+00:00"
    assert (root["user"], root["password_enabled"], root["mfa_active"]) == ("<root_account>", "not_supported", "false")
    assert alice == {
        "user": "alice", "arn": f"{IAM}:user/staff/alice", "user_creation_time": date, "password_enabled": "true",
        "password_last_used": date, "password_last_changed": date, "password_next_rotation": "2026-04-05T10:11:12+00:00",
        "mfa_active": "false",
        "access_key_1_active": "true", "access_key_1_last_rotated": date, "access_key_1_last_used_date": date,
        "access_key_1_last_used_region": "eu-west-1", "access_key_1_last_used_service": "s3",
        "access_key_2_active": "false", "access_key_2_last_rotated": "N/A", "access_key_2_last_used_date": "N/A",
        "access_key_2_last_used_region": "N/A", "access_key_2_last_used_service": "N/A",
        "cert_1_active": "false", "cert_1_last_rotated": "N/A", "cert_2_active": "false", "cert_2_last_rotated": "N/A",
    }  # fmt: skip
    assert company("GetUser", UserName="alice")["User"]["PasswordLastUsed"] == NOW


def test_a_report_is_good_for_four_hours(identities: Identities, root: Any) -> None:
    clock: Any = identities._clock
    root("GenerateCredentialReport")
    clock.advance(4 * 3600)
    root.refused("ReportExpired", "GetCredentialReport")
    assert root("GenerateCredentialReport")["State"] == "STARTED"
    root("GetCredentialReport")


def verdicts(answer: Any) -> list[str]:
    return [item["EvalDecision"] for item in answer["EvaluationResults"]]


def test_simulating_a_user(company: Any) -> None:
    def simulate(*actions: str, **more: Any) -> Any:
        return company("SimulatePrincipalPolicy", PolicySourceArn=f"{IAM}:user/staff/alice", ActionNames=list(actions), **more)

    found = simulate("s3:GetObject", "ec2:DescribeInstances", "ec2:RunInstances", ResourceArns=["arn:aws:s3:::a/k"])
    assert verdicts(found) == ["allowed", "allowed", "implicitDeny"]
    own = found["EvaluationResults"][0]
    assert {"SourcePolicyId": "own", "SourcePolicyType": "user"} in own["MatchedStatements"]
    assert own["EvalResourceName"] == "arn:aws:s3:::a/k"
    deny = policy("s3:*", effect="Deny", IpAddress={"aws:SourceIp": "10.0.0.0/8"})
    assert verdicts(simulate("s3:GetObject", PolicyInputList=[deny])) == ["allowed"]
    (result,) = simulate("s3:GetObject", PolicyInputList=[deny])["EvaluationResults"]
    assert result["MissingContextValues"] == ["aws:SourceIp"]
    context = [{"ContextKeyName": "aws:SourceIp", "ContextKeyValues": ["10.1.2.3"], "ContextKeyType": "ip"}]
    (result,) = simulate("s3:GetObject", PolicyInputList=[deny], ContextEntries=context)["EvaluationResults"]
    assert (result["EvalDecision"], result["MissingContextValues"]) == ("explicitDeny", [])
    assert result["MatchedStatements"] == [{"SourcePolicyId": "PolicyInputList.1", "SourcePolicyType": "none"}]
    bounded = simulate("s3:GetObject", PermissionsBoundaryPolicyInputList=[policy("ec2:*")])["EvaluationResults"][0]
    assert (bounded["EvalDecision"], bounded["PermissionsBoundaryDecisionDetail"]) == (
        "implicitDeny",
        {"AllowedByPermissionsBoundary": False},
    )


def test_simulating_groups_and_roles(company: Any) -> None:
    group = company("SimulatePrincipalPolicy", PolicySourceArn=f"{IAM}:group/readers", ActionNames=["ec2:DescribeVpcs", "sqs:SendMessage"])
    assert verdicts(group) == ["allowed", "implicitDeny"]
    role = company("SimulatePrincipalPolicy", PolicySourceArn=f"{IAM}:role/web", ActionNames=["ec2:DescribeVpcs", "sqs:SendMessage"])
    assert verdicts(role) == ["implicitDeny", "allowed"]
    for arn, code in ((f"{IAM}:user/nobody", "NoSuchEntity"), (f"{IAM}:policy/mine", "InvalidInput"), ("nonsense" * 3, "InvalidInput")):
        company.refused(code, "SimulatePrincipalPolicy", PolicySourceArn=arn, ActionNames=["s3:GetObject"])


def test_simulating_policies_of_the_request(root: Any) -> None:
    def simulate(**given: Any) -> Any:
        return root("SimulateCustomPolicy", **{"PolicyInputList": [policy("s3:*")], "ActionNames": ["s3:GetObject"], **given})

    assert verdicts(simulate()) == ["allowed"]
    assert verdicts(simulate(ResourceArns=["arn:aws:s3:::a/1", "arn:aws:s3:::a/2"], ActionNames=["s3:GetObject", "ec2:X"])) == [
        "allowed",
        "allowed",
        "implicitDeny",
        "implicitDeny",
    ]
    first = simulate(ResourceArns=["arn:aws:s3:::a/1", "arn:aws:s3:::a/2"], MaxItems=1)
    assert first["IsTruncated"]
    assert not simulate(ResourceArns=["arn:aws:s3:::a/1", "arn:aws:s3:::a/2"], MaxItems=1, Marker=first["Marker"])["IsTruncated"]
    bucket = json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "arn:aws:s3:::a/*"}],
        }
    )
    given = {"ResourcePolicy": bucket, "ResourceArns": ["arn:aws:s3:::a/1"], "CallerArn": f"{IAM}:user/bob"}
    assert verdicts(simulate(**given)) == ["explicitDeny"]
    foreign = bucket.replace("Deny", "Allow")
    assert verdicts(simulate(**{**given, "ResourcePolicy": foreign, "ResourceOwner": "arn:aws:iam::999999999999:root"})) == ["allowed"]
    root.refused("InvalidInput", "SimulateCustomPolicy", PolicyInputList=["{}"], ActionNames=["s3:GetObject"])
    root.refused("InvalidInput", "SimulateCustomPolicy", PolicyInputList=[policy("s3:*")], ActionNames=["GetObject"])
    root.refused(
        "InvalidInput", "SimulateCustomPolicy", PolicyInputList=[policy("s3:*")], ActionNames=["s3:GetObject"], ResourcePolicy=bucket
    )


def test_condition_keys_that_policies_ask_for(company: Any) -> None:
    text = policy(
        "s3:*",
        "arn:aws:s3:::b/${aws:username}/*",
        StringLike={"s3:prefix": ["${aws:PrincipalTag/team, 'none'}/*"]},
        Null={"AWS:userName": "true"},
    )
    found = company("GetContextKeysForCustomPolicy", PolicyInputList=[text, policy("ec2:*", Bool={"aws:SecureTransport": "true"})])
    assert found["ContextKeyNames"] == ["aws:PrincipalTag/team", "aws:SecureTransport", "AWS:userName", "s3:prefix"]
    company("PutUserPolicy", UserName="alice", PolicyName="more", PolicyDocument=text)
    found = company("GetContextKeysForPrincipalPolicy", PolicySourceArn=f"{IAM}:user/staff/alice")
    assert "s3:prefix" in found["ContextKeyNames"]
    company.refused("InvalidInput", "GetContextKeysForCustomPolicy", PolicyInputList=["nonsense"])


def test_policies_that_give_access_to_a_service(company: Any) -> None:
    found = company("ListPoliciesGrantingServiceAccess", Arn=f"{IAM}:user/staff/alice", ServiceNamespaces=["s3", "ec2", "chime"])
    s3, ec2, chime = found["PoliciesGrantingServiceAccess"]
    assert {"PolicyName": "own", "PolicyType": "INLINE", "EntityType": "USER", "EntityName": "alice"} in s3["Policies"]
    assert {"PolicyName": "inline", "PolicyType": "INLINE", "EntityType": "GROUP", "EntityName": "readers"} in ec2["Policies"]
    assert {"PolicyName": "ReadOnlyAccess", "PolicyType": "MANAGED", "PolicyArn": READ_ONLY} in ec2["Policies"]
    assert chime["ServiceNamespace"] == "chime"
