"""Conditions, patterns and variables: tables of what matches."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from opentrail.identity.policies import Policy, PolicyRequest, PolicySet, evaluate, request_context
from opentrail.identity.principals import Principal, Session

ACCOUNT = "111122223333"
ALICE = Principal(
    type="IAMUser",
    account_id=ACCOUNT,
    principal_id="AIDAALICE0000000000AA",
    arn=f"arn:aws:iam::{ACCOUNT}:user/staff/alice",
    user_name="alice",
    tags={"Team": "blue", "empty": ""},
)
CI = Principal(
    type="AssumedRole",
    account_id=ACCOUNT,
    principal_id="AROADEPLOY0000000000A:ci",
    arn=f"arn:aws:sts::{ACCOUNT}:assumed-role/deploy/ci",
    tags={"team": "role", "stage": "prod"},
    session=Session(
        issuer_type="Role",
        issuer_id="AROADEPLOY0000000000A",
        issuer_arn=f"arn:aws:iam::{ACCOUNT}:role/team/deploy",
        issuer_account_id=ACCOUNT,
        issuer_name="deploy",
        created=datetime(2026, 1, 5, 10, 0, tzinfo=UTC),
        mfa=True,
        name="ci",
        source_identity="alice",
        tags={"Team": "session"},
    ),
)


def allowed(statement: dict[str, Any], principal: Principal, action: str, resource: str, context: dict[str, Any]) -> bool:
    text = json.dumps({"Version": "2012-10-17", "Statement": {"Effect": "Allow", **statement}})
    request = PolicyRequest(principal=principal, action=action, resource=resource, context=context)
    return evaluate(request, PolicySet(identity=(Policy.parse(text),))).allowed


# operator, values of the policy, values of the request (None: absent), whether it holds
OPERATORS: list[tuple[str, Any, Any, bool]] = [
    ("StringEquals", "a", ["a"], True),
    ("StringEquals", "a", ["A"], False),
    ("StringEquals", ["a", "b"], ["b"], True),
    ("StringEquals", "a", None, False),
    ("StringEquals", "a*", ["ab"], False),
    ("StringEquals", "a*", ["a*"], True),
    ("StringEquals", "a**", ["a**"], True),
    ("StringEquals", "a**", ["a*"], False),
    ("StringEquals", 5, ["5"], True),
    ("StringEquals", True, ["true"], True),
    ("StringEqualsIfExists", "a", None, True),
    ("StringEqualsIfExists", "a", ["b"], False),
    ("StringNotEquals", "a", ["b"], True),
    ("StringNotEquals", "a", ["a"], False),
    ("StringNotEquals", ["a", "b"], ["b"], False),
    ("StringNotEquals", "a", None, True),
    ("StringNotEqualsIfExists", "a", None, True),
    ("StringEqualsIgnoreCase", "Abc", ["aBC"], True),
    ("StringEqualsIgnoreCase", "${aws:PrincipalTag/team}", ["BLUE"], True),
    ("StringNotEqualsIgnoreCase", "Abc", ["aBC"], False),
    ("StringLike", "a*c", ["abbc"], True),
    ("StringLike", "a?c", ["abc"], True),
    ("StringLike", "a?c", ["abbc"], False),
    ("StringLike", "*", [""], True),
    ("StringLike", "?", [""], False),
    ("StringLike", "a*", None, False),
    ("StringNotLike", "a*", ["ba"], True),
    ("StringNotLike", "a*", ["ab"], False),
    ("NumericEquals", "10", ["10.0"], True),
    ("NumericEquals", 10, ["10"], True),
    ("NumericEquals", "10", ["ten"], False),
    ("NumericNotEquals", "10", ["11"], True),
    ("NumericLessThan", "10", ["9.5"], True),
    ("NumericLessThan", "10", ["10"], False),
    ("NumericLessThanEquals", "10", ["10"], True),
    ("NumericGreaterThan", "10", ["11"], True),
    ("NumericGreaterThan", "10", ["-11"], False),
    ("NumericGreaterThanEquals", "10", ["10"], True),
    ("NumericLessThanIfExists", "10", None, True),
    ("NumericEquals", "1e3", ["1000"], False),
    ("DateEquals", "2026-01-05T10:00:00Z", ["2026-01-05T11:00:00+01:00"], True),
    ("DateEquals", "1767607200", ["2026-01-05T10:00:00Z"], True),
    ("DateNotEquals", "2026-01-05T10:00:00Z", ["2026-01-05T10:00:01Z"], True),
    ("DateLessThan", "2026-01-06", ["2026-01-05T10:00:00Z"], True),
    ("DateLessThanEquals", "2026-01-05T10:00:00Z", ["2026-01-05T10:00:00Z"], True),
    ("DateGreaterThan", "2026-01-05T10:00:00Z", ["2026-01-05T09:59:59Z"], False),
    ("DateGreaterThanEquals", "2026-01-05T10:00:00Z", ["2026-01-05T10:00:00Z"], True),
    ("DateGreaterThan", "yesterday", ["2026-01-05T10:00:00Z"], False),
    ("DateGreaterThan", "2025", ["2026-01-05T10:00:00Z"], True),
    ("DateLessThan", "2026-02", ["2026-01-05T10:00:00Z"], True),
    ("DateLessThan", "20260106", ["2026-01-05T10:00:00Z"], True),
    ("Bool", "true", ["true"], True),
    ("Bool", ["true", "false"], ["false"], True),
    ("Bool", "${test:Other}", ["true"], True),
    ("Bool", True, ["True"], True),
    ("Bool", "false", ["true"], False),
    ("Bool", "false", None, False),
    ("BoolIfExists", "false", None, True),
    ("Bool", "maybe", ["maybe"], False),
    ("BinaryEquals", "QmluYXJ5", ["QmluYXJ5"], True),
    ("BinaryEquals", "QmluYXJ5", ["QmluYXJ6"], False),
    ("IpAddress", "10.0.0.0/8", ["10.1.2.3"], True),
    ("IpAddress", "10.0.0.0/8", ["11.1.2.3"], False),
    ("IpAddress", "10.1.2.3", ["10.1.2.3"], True),
    ("IpAddress", ["10.0.0.0/8", "192.0.2.0/24"], ["192.0.2.7"], True),
    ("IpAddress", "2001:db8::/32", ["2001:db8:1::1"], True),
    ("IpAddress", "10.0.0.0/8", ["::ffff:10.0.0.1"], True),
    ("IpAddress", "10.0.0.0/8", ["elsewhere"], False),
    ("IpAddress", "nonsense", ["10.0.0.1"], False),
    ("IpAddress", "10.0.0.0/255.0.0.0", ["10.0.0.1"], False),
    ("IpAddress", "10.0.0.0/33", ["10.0.0.1"], False),
    ("NotIpAddress", "10.0.0.0/8", ["11.1.2.3"], True),
    ("NotIpAddress", "10.0.0.0/8", None, True),
    ("NotIpAddress", "10.0.0.0/8", ["10.1.2.3"], False),
    ("ArnEquals", "arn:aws:sns:*:111122223333:t", ["arn:aws:sns:us-east-1:111122223333:t"], True),
    ("ArnLike", "arn:aws:cloudtrail:*:111122223333:trail/*", ["arn:aws:cloudtrail:eu-west-1:111122223333:trail/t"], True),
    ("ArnLike", "arn:aws:sns:*:t", ["arn:aws:sns:us-east-1:111122223333:t"], False),
    ("ArnLike", "arn:aws:s3:::b*", ["arn:aws:s3:::bucket/key:1"], True),
    ("ArnLike", "*", ["arn:aws:s3:::bucket"], True),
    ("ArnLike", "arn:aws:sns:*:*:t", ["no arn"], False),
    ("ArnNotEquals", "arn:aws:s3:::b", ["arn:aws:s3:::c"], True),
    ("ArnNotLike", "arn:aws:s3:::b*", ["arn:aws:s3:::bucket"], False),
    ("ArnLikeIfExists", "arn:aws:s3:::b*", None, True),
    ("Null", "true", None, True),
    ("Null", "true", ["x"], False),
    ("Null", "false", ["x"], True),
    ("Null", "false", None, False),
    ("Null", True, [], True),
    ("Null", "true", [""], True),
    ("Null", "maybe", ["x"], False),
    ("Null", ["true", "false"], ["x"], True),
    ("ForAllValues:StringEquals", ["a", "b"], ["a", "b"], True),
    ("ForAllValues:StringEquals", ["a", "b"], ["a", "c"], False),
    ("ForAllValues:StringEquals", ["a"], None, True),
    ("ForAllValues:StringEquals", ["a"], [""], True),
    ("ForAllValues:StringEquals", ["a"], ["a", ""], False),
    ("ForAnyValue:StringNotEquals", ["a"], [""], False),
    ("ForAllValues:Bool", "true", ["true", "false"], False),
    ("ForAnyValue:Bool", "true", ["true", "false"], True),
    ("ForAllValues:StringNotEquals", ["a"], ["b", "c"], True),
    ("ForAllValues:StringNotEquals", ["a"], ["a", "c"], False),
    ("ForAllValues:StringLike", ["a*"], ["ab", "ac"], True),
    ("ForAnyValue:StringEquals", ["a", "b"], ["c", "b"], True),
    ("ForAnyValue:StringEquals", ["a"], ["c"], False),
    ("ForAnyValue:StringEquals", ["a"], None, False),
    ("ForAnyValue:StringNotEquals", ["a"], ["a", "c"], True),
    ("ForAnyValue:StringNotEquals", ["a"], ["a"], False),
    ("ForAnyValue:StringLikeIfExists", ["a"], None, True),
    ("ForAnyValue:StringLike", ["c*"], ["ab", "cd"], True),
]


@pytest.mark.parametrize(("operator", "values", "found", "holds"), OPERATORS)
def test_operator(operator: str, values: Any, found: list[str] | None, holds: bool) -> None:
    context = {"test:Other": ["True"]} if found is None else {"test:Key": found, "test:Other": ["True"]}
    statement = {"Action": "*", "Resource": "*", "Condition": {operator: {"TEST:key": values}}}
    assert allowed(statement, ALICE, "s3:GetObject", "*", context) is holds


ACTIONS: list[tuple[Any, str, bool]] = [
    ("s3:GetObject", "s3:GetObject", True),
    ("S3:getobject", "s3:GetObject", True),
    ("s3:Get*", "s3:GetObject", True),
    ("s3:*Object", "s3:GetObject", True),
    ("s3:*Obj*", "s3:GetObject", True),
    ("s3:Get?bject", "s3:GetObject", True),
    ("s3:Get?", "s3:GetObject", False),
    ("s3:*", "s3:GetObject", True),
    ("*", "s3:GetObject", True),
    ("s3:GetObject", "s3:GetObjectAcl", False),
    ("s3:Get*", "s3-object-lambda:GetObject", False),
    (["ec2:*", "s3:GetObject"], "s3:GetObject", True),
    ([], "s3:GetObject", False),
]


@pytest.mark.parametrize(("action", "asked", "holds"), ACTIONS)
def test_action(action: Any, asked: str, holds: bool) -> None:
    assert allowed({"Action": action, "Resource": "*"}, ALICE, asked, "*", {}) is holds
    assert allowed({"NotAction": action, "Resource": "*"}, ALICE, asked, "*", {}) is not holds


RESOURCES: list[tuple[Any, str, bool]] = [
    ("*", "arn:aws:s3:::b/k", True),
    ("*", "*", True),
    ("arn:aws:s3:::b/*", "arn:aws:s3:::b/k", True),
    ("arn:aws:s3:::b/*", "arn:aws:s3:::b/a/b/c", True),
    ("arn:aws:s3:::b/*", "arn:aws:s3:::b", False),
    ("arn:aws:s3:::b/*", "arn:aws:s3:::B/k", False),
    ("arn:aws:s3:::b/k?", "arn:aws:s3:::b/k1", True),
    ("arn:aws:s3:::b/*/x/*.gz", "arn:aws:s3:::b/1/x/2.gz", True),
    ("arn:aws:s3:::b/*/x/*.gz", "arn:aws:s3:::b/x/2.gz", False),
    ("arn:aws:s3:::*", "arn:aws:s3:::b/k", True),
    ("arn:aws:iam::*:user/alice", f"arn:aws:iam::{ACCOUNT}:user/alice", True),
    ("arn:aws:iam::*:alice", f"arn:aws:iam::{ACCOUNT}:user/alice", False),
    ("arn:aws:*:*:*:*", "arn:aws:s3:::b", True),
    ("arn:*:s3:::b", "arn:aws-cn:s3:::b", True),
    ("arn:aws:logs:*:*:log-group:g:log-stream:s*", f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:g:log-stream:s1", True),
    ("arn:aws:s3:::b", "*", False),
    (["arn:aws:s3:::a", "arn:aws:s3:::b"], "arn:aws:s3:::b", True),
    ("arn:aws:s3:::b/${aws:username}/*", "arn:aws:s3:::b/alice/k", True),
    ("arn:aws:s3:::b/${aws:username}/*", "arn:aws:s3:::b/bob/k", False),
    ("arn:aws:s3:::b/${AWS:UserName}", "arn:aws:s3:::b/alice", True),
    ("arn:aws:s3:::b/${aws:userid}", "arn:aws:s3:::b/AIDAALICE0000000000AA", True),
    ("arn:aws:s3:::b/${aws:PrincipalTag/team}", "arn:aws:s3:::b/blue", True),
    ("arn:aws:s3:::b/${aws:PrincipalTag/none}", "arn:aws:s3:::b/", False),
    ("arn:aws:s3:::b/${aws:PrincipalTag/none, 'all'}", "arn:aws:s3:::b/all", True),
    ("arn:aws:s3:::b/${aws:PrincipalTag/team, 'all'}", "arn:aws:s3:::b/all", False),
    # variables have a meaning in the last part only
    ("arn:aws:iam::${aws:PrincipalAccount}:user/${aws:username}", f"arn:aws:iam::{ACCOUNT}:user/alice", False),
    ("arn:aws:iam::${aws:PrincipalAccount}:user/alice", "arn:aws:iam::${aws:PrincipalAccount}:user/alice", True),
    ("arn:aws:s3:::b/${aws:PrincipalTag/no such, 'all'}", "arn:aws:s3:::b/all", True),
    # a `*` that ends its part may run on, one within it may not
    ("arn:aws:sns:*:topic", f"arn:aws:sns:eu-west-1:{ACCOUNT}:topic", True),
    ("arn:aws:sns:eu-*-1:*:topic", f"arn:aws:sns:eu-west-1:{ACCOUNT}:topic", True),
    ("arn:aws:sns:eu*1:topic", f"arn:aws:sns:eu-west-1:{ACCOUNT}1:topic", False),
    ("arn:aws:sns:??-west-1:*:topic", f"arn:aws:sns:eu-west-1:{ACCOUNT}:topic", True),
    ("arn:aws:sns?eu-west-1:*:topic", f"arn:aws:sns:eu-west-1:{ACCOUNT}:topic", False),
    ("arn:aws:sns:*-1:*:${aws:username}", f"arn:aws:sns:eu-west-1:{ACCOUNT}:alice", True),
    ("arn:aws:logs:*:*:log-group:a*b", f"arn:aws:logs:eu-west-1:{ACCOUNT}:log-group:a:b", True),
    ("arn:aws:s3:::b/${*}", "arn:aws:s3:::b/*", True),
    ("arn:aws:s3:::b/${*}", "arn:aws:s3:::b/k", False),
    ("arn:aws:s3:::b/${?}", "arn:aws:s3:::b/k", False),
    ("arn:aws:s3:::b/${$}", "arn:aws:s3:::b/$", True),
    ("arn:aws:s3:::b/${unclosed", "arn:aws:s3:::b/${unclosed", True),
]


@pytest.mark.parametrize(("resource", "asked", "holds"), RESOURCES)
def test_resource(resource: Any, asked: str, holds: bool) -> None:
    assert allowed({"Action": "*", "Resource": resource}, ALICE, "s3:GetObject", asked, {}) is holds
    assert allowed({"Action": "*", "NotResource": resource}, ALICE, "s3:GetObject", asked, {}) is not holds


def test_what_a_variable_stands_for_is_literal() -> None:
    sly = Principal(type="IAMUser", account_id=ACCOUNT, arn=f"arn:aws:iam::{ACCOUNT}:user/*", user_name="*", tags={"t": "a?*"})
    for resource in ("arn:aws:s3:::b/${aws:username}", "arn:aws:s3:::b/${aws:PrincipalTag/t}/*"):
        assert not allowed({"Action": "*", "Resource": resource}, sly, "s3:GetObject", "arn:aws:s3:::b/abc/x", {})


def test_variables_are_plain_text_in_the_old_version() -> None:
    statement = {"Effect": "Allow", "Action": "*", "Resource": "arn:aws:s3:::b/${aws:username}"}
    old = PolicySet(identity=(Policy.parse(json.dumps({"Version": "2008-10-17", "Statement": statement})),))
    for key, holds in (("alice", False), ("${aws:username}", True)):
        request = PolicyRequest(principal=ALICE, action="s3:GetObject", resource=f"arn:aws:s3:::b/{key}")
        assert evaluate(request, old).allowed is holds


CALLER_KEYS: list[tuple[Principal, str, str | None]] = [
    (ALICE, "aws:PrincipalArn", f"arn:aws:iam::{ACCOUNT}:user/staff/alice"),
    (CI, "aws:PrincipalArn", f"arn:aws:iam::{ACCOUNT}:role/team/deploy"),
    (ALICE, "aws:PrincipalAccount", ACCOUNT),
    (ALICE, "aws:userid", "AIDAALICE0000000000AA"),
    (CI, "aws:userid", "AROADEPLOY0000000000A:ci"),
    (ALICE, "aws:username", "alice"),
    (CI, "aws:username", None),
    (ALICE, "aws:PrincipalType", "User"),
    (CI, "aws:PrincipalType", "AssumedRole"),
    (ALICE, "aws:PrincipalTag/TEAM", "blue"),
    (CI, "aws:PrincipalTag/team", "session"),
    (CI, "aws:PrincipalTag/stage", "prod"),
    (ALICE, "aws:MultiFactorAuthPresent", None),
    (CI, "aws:MultiFactorAuthPresent", "true"),
    (CI, "aws:MultiFactorAuthAge", "672"),
    (CI, "aws:TokenIssueTime", "2026-01-05T10:00:00Z"),
    (CI, "aws:SourceIdentity", "alice"),
    (ALICE, "aws:PrincipalIsAWSService", "false"),
    (ALICE, "aws:SourceIp", "192.0.2.1"),
    (ALICE, "aws:SecureTransport", "true"),
    (ALICE, "aws:CurrentTime", "2026-01-05T10:11:12Z"),
    (ALICE, "aws:EpochTime", "1767607872"),
    (ALICE, "aws:RequestedRegion", "eu-west-1"),
    (ALICE, "aws:UserAgent", "aws-cli/2"),
    (ALICE, "aws:ResourceAccount", ACCOUNT),
]


@pytest.mark.parametrize(("principal", "key", "value"), CALLER_KEYS)
def test_global_condition_keys(principal: Principal, key: str, value: str | None) -> None:
    context = request_context(
        source_ip="192.0.2.1",
        secure=True,
        time=datetime(2026, 1, 5, 10, 11, 12, tzinfo=UTC),
        region="eu-west-1",
        user_agent="aws-cli/2",
    )
    condition = {"Null": {key: "true"}} if value is None else {"StringEquals": {key: value}}
    assert allowed({"Action": "*", "Resource": "*", "Condition": condition}, principal, "s3:GetObject", "*", context)


def test_what_follows_from_the_caller_cannot_be_claimed() -> None:
    claimed = {"aws:PrincipalArn": ["arn:aws:iam::999999999999:root"], "aws:username": ["root"]}
    for key, values in claimed.items():
        statement = {"Action": "*", "Resource": "*", "Condition": {"StringEquals": {key: values}}}
        assert not allowed(statement, ALICE, "s3:GetObject", "*", claimed)


def test_all_conditions_must_hold() -> None:
    condition = {"StringEquals": {"a:x": "1", "a:y": "2"}, "Bool": {"a:z": "true"}}
    statement = {"Action": "*", "Resource": "*", "Condition": condition}
    whole = {"a:x": ["1"], "a:y": ["2"], "a:z": ["true"]}
    assert allowed(statement, ALICE, "s3:GetObject", "*", whole)
    for key in whole:
        assert not allowed(statement, ALICE, "s3:GetObject", "*", {name: value for name, value in whole.items() if name != key})
