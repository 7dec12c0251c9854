"""What IAM refuses to take as a policy, and what it says about it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from opentrail.identity.policies import (
    Policy,
    PolicyError,
    PolicyTooLarge,
    check_identity,
    check_key_policy,
    check_resource,
    check_service_control,
    check_trust,
)
from opentrail.identity.policies.grammar import Document, read

GOOD = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}
TRUST = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
SYNTAX = "Syntax errors in policy."
VENDOR = "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."


def text(*statements: Any, version: str | None = "2012-10-17", **top: Any) -> str:
    document = {"Statement": list(statements), **top}
    return json.dumps(document if version is None else {"Version": version, **document})


def changed(statement: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {key: value for key, value in {**statement, **changes}.items() if value is not ...}


READING: list[tuple[str, str]] = [
    ("", "This policy contains invalid Json: Input is a zero-length, empty document: line 1 column 1 (char 0)."),
    ("{", "This policy contains invalid Json: unexpected end of data: line 1 column 2 (char 1)."),
    ('{"Version":\n"2012-10-17",}', "This policy contains invalid Json: trailing comma is not allowed: line 2 column 13 (char 24)."),
    ("[" * 100_000, "This policy contains invalid Json: depth limit exceeded: line 1 column 1026 (char 1025)."),
    ("[" * 1000 + "]" * 1000, "This policy contains invalid Json: it is nested too deeply, or a number is too long."),
    ("\ud800", "This policy contains invalid Json: str is not valid UTF-8: surrogates not allowed: line 1 column 1 (char 0)."),
    ('{"Version":NaN}', "This policy contains invalid Json: unexpected character, expected a JSON value: line 1 column 12 (char 11)."),
    ("[]", f"{SYNTAX} A policy is a JSON object: {{...}}."),
    ('"text"', f"{SYNTAX} A policy is a JSON object: {{...}}."),
    ("null", f"{SYNTAX} A policy is a JSON object: {{...}}."),
    (" " * 131_073, "Policy document exceeds the maximum size of 131072 characters."),
    (text(GOOD, Other=1), f"{SYNTAX} The document has an element Other, which is none of Version, Id, Statement."),
    (text(GOOD, version="2013-01-01"), f"{SYNTAX} Version must be 2012-10-17 (or 2008-10-17)."),
    (text(GOOD, Id=5), f"{SYNTAX} Id must be a text."),
    ('{"Version":"2012-10-17"}', "Missing required field Statement"),
    (text("statement"), f"{SYNTAX} Statement 1 must be an object: {{...}}."),
    ('{"Statement":"x"}', f"{SYNTAX} Statement must be an object or a list of objects."),
    ('{"Statement":[],"Statement":[]}', f"{SYNTAX} Statement is given more than once in the same object."),
    (
        '{"Statement":{"Effect":"Deny","Action":"*","Resource":"*","Effect":"Allow"}}',
        f"{SYNTAX} Effect is given more than once in the same object.",
    ),
    (
        text(GOOD, changed(GOOD, Actions="x")),
        f"{SYNTAX} Statement 2 has an element Actions, which is none of "
        "Sid, Effect, Principal, NotPrincipal, Action, NotAction, Resource, NotResource, Condition.",
    ),
    (text(changed(GOOD, Effect=...)), "Missing required field Effect"),
    (text(changed(GOOD, Effect="allow")), "Invalid effect: allow. Effect must be Allow or Deny."),
    (text(changed(GOOD, Effect=1)), f"{SYNTAX} Statement 1: Effect must be Allow or Deny."),
    (text(changed(GOOD, Sid=1)), f"{SYNTAX} Statement 1: Sid must be a text."),
    (text(changed(GOOD, Sid="a"), changed(GOOD, Sid="a")), "Statement IDs (SID) in a single policy must be unique."),
    (text(changed(GOOD, NotAction="s3:*")), f"{SYNTAX} Statement 1 has both Action and NotAction; leave one of them out."),
    (text(changed(GOOD, NotResource="*")), f"{SYNTAX} Statement 1 has both Resource and NotResource; leave one of them out."),
    (
        text(changed(GOOD, Principal="*", NotPrincipal="*")),
        f"{SYNTAX} Statement 1 has both Principal and NotPrincipal; leave one of them out.",
    ),
    (text(changed(GOOD, Action=5)), f"{SYNTAX} Statement 1: Action must be a text or a list of texts."),
    (text(changed(GOOD, Action=["s3:Get", 5])), f"{SYNTAX} Statement 1: Action must be a text or a list of texts."),
    (text(changed(GOOD, Action="GetObject")), VENDOR),
    (text(changed(GOOD, Action="s3:")), VENDOR),
    (text(changed(GOOD, Action="s3:Get:Object")), "Actions/Condition can contain only one colon."),
    (text(changed(GOOD, Action="s*:GetObject")), "Vendor s* is not valid"),
    (text(changed(GOOD, Action="*:Get*")), "Vendor * is not valid"),
    (text(changed(GOOD, Resource={})), f"{SYNTAX} Statement 1: Resource must be a text or a list of texts."),
    (
        text(changed(GOOD, Principal="somebody")),
        f'{SYNTAX} Statement 1: Principal must be "*" or an object with one of AWS, Service, Federated, CanonicalUser.',
    ),
    (
        text(changed(GOOD, NotPrincipal={})),
        f'{SYNTAX} Statement 1: NotPrincipal must be "*" or an object with one of AWS, Service, Federated, CanonicalUser.',
    ),
    (text(changed(GOOD, Principal={"AWS": []})), f"{SYNTAX} Statement 1: Principal: AWS names nobody."),
    (
        text(changed(GOOD, Principal={"People": "alice"})),
        f"{SYNTAX} Statement 1: Principal has an element People, which is none of AWS, Service, Federated, CanonicalUser.",
    ),
    (text(changed(GOOD, Principal={"AWS": "alice"})), 'Invalid principal in policy: "AWS":"alice"'),
    (
        text(changed(GOOD, Principal={"AWS": "arn:aws:iam::111122223333:user/*"})),
        'Invalid principal in policy: "AWS":"arn:aws:iam::111122223333:user/*"',
    ),
    (text(changed(GOOD, Principal={"Service": "ec2*"})), 'Invalid principal in policy: "Service":"ec2*"'),
    (text(changed(GOOD, Principal={"CanonicalUser": "*"})), 'Invalid principal in policy: "CanonicalUser":"*"'),
    (text(changed(GOOD, Condition="x")), f"{SYNTAX} Statement 1: Condition must be an object of operators."),
    (
        text(changed(GOOD, Condition={"StringIs": {"a:b": "c"}})),
        "Invalid Condition type : StringIs. The nearest one that exists is StringEquals.",
    ),
    (
        text(changed(GOOD, Condition={"stringequals": {"a:b": "c"}})),
        "Invalid Condition type : stringequals. The nearest one that exists is StringEquals.",
    ),
    (text(changed(GOOD, Condition={"x" * 4000: {"a:b": "c"}})), f"Invalid Condition type : {'x' * 100}...."),
    (text(changed(GOOD, Condition={"NullIfExists": {"a:b": "c"}})), "Invalid Condition type : NullIfExists."),
    (
        text(changed(GOOD, Condition={"Every:StringEquals": {"a:b": "c"}})),
        "Invalid Condition type : Every:StringEquals. The nearest one that exists is StringEquals.",
    ),
    (
        text(changed(GOOD, Condition={"ForAnyValue:ForAllValues:Bool": {"a:b": "c"}})),
        "Invalid Condition type : ForAnyValue:ForAllValues:Bool.",
    ),
    (
        text(changed(GOOD, Condition={"StringEquals": "x"})),
        f"{SYNTAX} Statement 1: Condition StringEquals must be an object of condition keys.",
    ),
    (
        text(changed(GOOD, Condition={"StringEquals": {"a:b": {}}})),
        f"{SYNTAX} Statement 1: Condition StringEquals, a:b must have texts, numbers or booleans as values.",
    ),
    (
        text(changed(GOOD, Condition={"StringEquals": {"a:b": None}})),
        f"{SYNTAX} Statement 1: Condition StringEquals, a:b must have texts, numbers or booleans as values.",
    ),
    (text(changed(GOOD, Condition={"StringEquals": {"ab": "c"}})), VENDOR),
]

IDENTITY: list[tuple[str, str]] = [
    (text(GOOD, version="2008-10-17"), "Policy document must be version 2012-10-17 or greater."),
    (text(GOOD, version=None), "Policy document must be version 2012-10-17 or greater."),
    (text(), f"{SYNTAX} Statement is empty."),
    (text(changed(GOOD, Principal="*")), "Policy document should not specify a principal."),
    (text(changed(GOOD, Action=...)), "Policy statement must contain actions."),
    (text(changed(GOOD, Action=[])), "Policy statement must contain actions."),
    (text(changed(GOOD, Resource=...)), "Policy statement must contain resources."),
    (text(changed(GOOD, Resource="bucket")), 'Resource bucket must be in ARN format or "*".'),
    (text(changed(GOOD, Resource="arn:aws:s3")), 'Resource arn:aws:s3 must be in ARN format or "*".'),
    (text(changed(GOOD, Resource="${aws:username}")), 'Resource ${aws:username} must be in ARN format or "*".'),
    (text(changed(GOOD, Resource="arn:aws:*:::b")), "Resource vendor must be fully qualified and cannot contain regexes."),
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
    (text(changed(TRUST, NotResource="*")), "Has prohibited field NotResource"),
    (text(changed(TRUST, Principal=..., NotPrincipal={"AWS": "111122223333"})), "Has prohibited field NotPrincipal"),
    (text(changed(TRUST, Action=...)), "Missing required field Action"),
    (text(changed(TRUST, Action="s3:GetObject")), "AssumeRole policy may only specify STS AssumeRole actions."),
    (text(changed(TRUST, Action="*")), "AssumeRole policy may only specify STS AssumeRole actions."),
]

RESOURCE: list[tuple[str, str]] = [
    (text(GOOD), "Missing required field Principal"),
    (text(changed(GOOD, Principal="*", Action=...)), "Missing required field Action"),
    (text(changed(GOOD, Principal="*", Resource=...)), "Missing required field Resource"),
    (
        text(changed(GOOD, NotPrincipal={"AWS": "111122223333"})),
        "NotPrincipal cannot be used with the effect Allow; name those who are allowed in Principal.",
    ),
]

KEY: list[tuple[str, str]] = [
    *RESOURCE,
    (
        text(changed(GOOD, Principal={"CanonicalUser": "abc"})),
        "Policy contains a statement with one or more invalid principals.",
    ),
    (
        text(changed(GOOD, Principal="*", Sid="x" * 33_000)),
        "The key policy has 33133 bytes; it may have 32768.",
    ),
]

SERVICE_CONTROL: list[tuple[str, str]] = [
    (text(), "Missing required field Statement"),
    (text(GOOD, version="2008-10-17"), "Policy document must be version 2012-10-17 or greater."),
    (text(changed(GOOD, Principal="*")), "Has prohibited field Principal"),
    (text(changed(GOOD, NotPrincipal={"AWS": "111122223333"})), "Has prohibited field NotPrincipal"),
    (text(changed(GOOD, Action=...)), "Missing required field Action"),
    (text(changed(GOOD, Resource=...)), "Missing required field Resource"),
    (text(changed(GOOD, Resource="bucket")), 'Resource bucket must be in ARN format or "*".'),
    (text(changed(GOOD, Sid="x" * 10_200)), "The service control policy has 10315 bytes; it may have 10240."),
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


@pytest.mark.parametrize(("document", "message"), KEY)
def test_no_key_policy(document: str, message: str) -> None:
    assert refused(document, check_key_policy) == message


@pytest.mark.parametrize(("document", "message"), SERVICE_CONTROL)
def test_no_service_control_policy(document: str, message: str) -> None:
    assert refused(document, check_service_control) == message


def test_a_policy_beyond_its_quota_can_be_told_from_a_malformed_one() -> None:
    for check in (check_key_policy, check_service_control):
        with pytest.raises(PolicyTooLarge):
            Policy.parse(text(changed(GOOD, Principal="*", Sid="x" * 40_000)), check=check)
    with pytest.raises(PolicyTooLarge):
        read(" " * 131_073)


def test_service_control_policies_may_use_the_whole_language() -> None:
    deny = {"Effect": "Deny", "NotAction": ["iam:*", "sts:*"], "NotResource": ["arn:aws:s3:::open/*"]}
    condition = {"StringNotEquals": {"aws:RequestedRegion": ["eu-west-1"]}, "ArnNotLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/Admin"}}
    Policy.parse(
        text({**deny, "Condition": condition}, changed(GOOD, Condition=condition), changed(GOOD, Action=["s3:*Object", "*"])),
        check=check_service_control,
    )


def test_key_policies_may_have_blanks_in_their_ids() -> None:
    statement = changed(GOOD, Sid="Enable IAM User Permissions", Principal={"AWS": "arn:aws:iam::111122223333:root"}, Action="kms:*")
    Policy.parse(text(statement), check=check_key_policy)


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
