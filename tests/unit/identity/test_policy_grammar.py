"""What IAM refuses to take as a policy, and what it says about it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from opentrail.identity.policies import Policy, PolicyError, check_identity, check_resource, check_trust
from opentrail.identity.policies.grammar import Document, read

GOOD = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}
TRUST = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
SYNTAX = "Syntax errors in policy."


def text(*statements: Any, version: str | None = "2012-10-17", **top: Any) -> str:
    document = {"Statement": list(statements), **top}
    return json.dumps(document if version is None else {"Version": version, **document})


def changed(statement: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {key: value for key, value in {**statement, **changes}.items() if value is not ...}


READING: list[tuple[str, str]] = [
    ("", SYNTAX),
    ("{", SYNTAX),
    ("[]", SYNTAX),
    ('"text"', SYNTAX),
    ("null", SYNTAX),
    ("[" * 100_000, SYNTAX),
    ("\ud800", SYNTAX),
    (" " * 131_073, "Policy document exceeds the maximum size of 131072 characters."),
    (text(GOOD, Other=1), SYNTAX),
    (text(GOOD, version="2013-01-01"), SYNTAX),
    (text(GOOD, Id=5), SYNTAX),
    ('{"Version":"2012-10-17"}', "Missing required field Statement"),
    (text("statement"), SYNTAX),
    ('{"Statement":"x"}', SYNTAX),
    (text(changed(GOOD, Other="x")), SYNTAX),
    (text(changed(GOOD, Effect=...)), "Missing required field Effect"),
    (text(changed(GOOD, Effect="allow")), "Invalid effect: allow"),
    (text(changed(GOOD, Effect=1)), SYNTAX),
    (text(changed(GOOD, Sid=1)), SYNTAX),
    (text(changed(GOOD, Sid="a"), changed(GOOD, Sid="a")), "Statement IDs (SID) in a single policy must be unique."),
    (text(changed(GOOD, NotAction="s3:*")), SYNTAX),
    (text(changed(GOOD, NotResource="*")), SYNTAX),
    (text(changed(GOOD, Principal="*", NotPrincipal="*")), SYNTAX),
    (text(changed(GOOD, Action=5)), SYNTAX),
    (text(changed(GOOD, Action=["s3:Get", 5])), SYNTAX),
    (text(changed(GOOD, Action="GetObject")), "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."),
    (text(changed(GOOD, Action="s3:")), "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."),
    (text(changed(GOOD, Action="s*:GetObject")), "Vendor s* is not valid"),
    (text(changed(GOOD, Resource={})), SYNTAX),
    (text(changed(GOOD, Principal="somebody")), SYNTAX),
    (text(changed(GOOD, Principal={})), SYNTAX),
    (text(changed(GOOD, Principal={"AWS": []})), SYNTAX),
    (text(changed(GOOD, Principal={"People": "alice"})), SYNTAX),
    (text(changed(GOOD, Principal={"AWS": "alice"})), 'Invalid principal in policy: "AWS":"alice"'),
    (
        text(changed(GOOD, Principal={"AWS": "arn:aws:iam::111122223333:user/*"})),
        'Invalid principal in policy: "AWS":"arn:aws:iam::111122223333:user/*"',
    ),
    (text(changed(GOOD, Principal={"Service": "ec2*"})), 'Invalid principal in policy: "Service":"ec2*"'),
    (text(changed(GOOD, Condition="x")), SYNTAX),
    (text(changed(GOOD, Condition={"StringIs": {"a:b": "c"}})), "Invalid Condition type : StringIs."),
    (text(changed(GOOD, Condition={"NullIfExists": {"a:b": "c"}})), "Invalid Condition type : NullIfExists."),
    (text(changed(GOOD, Condition={"Every:StringEquals": {"a:b": "c"}})), "Invalid Condition type : Every:StringEquals."),
    (text(changed(GOOD, Condition={"StringEquals": "x"})), SYNTAX),
    (text(changed(GOOD, Condition={"StringEquals": {"a:b": {}}})), SYNTAX),
    (
        text(changed(GOOD, Condition={"StringEquals": {"ab": "c"}})),
        "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.",
    ),
]

IDENTITY: list[tuple[str, str]] = [
    (text(GOOD, version="2008-10-17"), "Policy document must be version 2012-10-17 or greater."),
    (text(GOOD, version=None), "Policy document must be version 2012-10-17 or greater."),
    (text(), SYNTAX),
    (text(changed(GOOD, Principal="*")), "Policy document should not specify a principal."),
    (text(changed(GOOD, Action=...)), "Policy statement must contain actions."),
    (text(changed(GOOD, Action=[])), "Policy statement must contain actions."),
    (text(changed(GOOD, Resource=...)), "Policy statement must contain resources."),
    (text(changed(GOOD, Resource="bucket")), 'Resource bucket must be in ARN format or "*".'),
    (text(changed(GOOD, Resource="arn:aws:s3")), 'Resource arn:aws:s3 must be in ARN format or "*".'),
    (text(changed(GOOD, Resource="arn:mars:s3:::b")), 'Partition "mars" is not valid for resource "arn:mars:s3:::b".'),
    (
        text(changed(GOOD, Sid="no blanks")),
        "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression [0-9A-Za-z]*",
    ),
]

TRUSTS: list[tuple[str, str]] = [
    (text(), "Missing required field Statement"),
    (text(changed(TRUST, Principal=...)), "Missing required field Principal"),
    (text(changed(TRUST, Resource="*")), "Has prohibited field Resource"),
    (text(changed(TRUST, Action=...)), "Missing required field Action"),
    (text(changed(TRUST, Action="s3:GetObject")), "AssumeRole policy may only specify STS AssumeRole actions."),
    (text(changed(TRUST, Action="*")), "AssumeRole policy may only specify STS AssumeRole actions."),
]

RESOURCE: list[tuple[str, str]] = [
    (text(GOOD), "Missing required field Principal"),
    (text(changed(GOOD, Principal="*", Action=...)), "Missing required field Action"),
    (text(changed(GOOD, Principal="*", Resource=...)), "Missing required field Resource"),
]


def refused(document: str, check: Callable[[Document], None] | None) -> str:
    with pytest.raises(PolicyError) as error:
        Policy.parse(document, check=check)
    return str(error.value)


@pytest.mark.parametrize(("document", "message"), READING)
def test_no_policy_at_all(document: str, message: str) -> None:
    assert refused(document, None) == message


@pytest.mark.parametrize(("document", "message"), IDENTITY)
def test_no_identity_policy(document: str, message: str) -> None:
    assert refused(document, check_identity) == message


@pytest.mark.parametrize(("document", "message"), TRUSTS)
def test_no_trust_policy(document: str, message: str) -> None:
    assert refused(document, check_trust) == message


@pytest.mark.parametrize(("document", "message"), RESOURCE)
def test_no_resource_policy(document: str, message: str) -> None:
    assert refused(document, check_resource) == message


def test_good_policies_pass() -> None:
    Policy.parse(text(GOOD, changed(GOOD, Sid="Two", Action=["s3:*", "*"], Resource=["arn:aws:s3:::b", "*"])), check=check_identity)
    Policy.parse(json.dumps({"Version": "2012-10-17", "Statement": GOOD}), check=check_identity)
    Policy.parse(text(changed(TRUST, Action=["sts:AssumeRole", "sts:TagSession"])), check=check_trust)
    Policy.parse(text(changed(GOOD, Principal={"AWS": ["111122223333", "*"], "CanonicalUser": "abc"}), version=None), check=check_resource)


def test_single_values_become_lists() -> None:
    statement = read(text(changed(GOOD, Condition={"Bool": {"aws:SecureTransport": False}}))).statements[0]
    assert statement.actions == ("s3:GetObject",)
    assert statement.resources == ("*",)
    assert statement.conditions == (("Bool", "aws:SecureTransport", ("false",)),)


def test_equal_texts_make_equal_policies() -> None:
    assert Policy.parse(text(GOOD)) == Policy.parse(text(GOOD))
    assert len({Policy.parse(text(GOOD)), Policy.parse(text(GOOD)), Policy.parse(text(TRUST))}) == 2
