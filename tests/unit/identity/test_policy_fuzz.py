"""Whatever is handed in as a policy: it is one, or it is refused as one. No other error, and no decision that fails."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opentrail.identity.policies import (
    Policy,
    PolicyError,
    PolicyRequest,
    PolicySet,
    check_identity,
    check_key_policy,
    check_resource,
    check_service_control,
    check_trust,
    evaluate,
)
from opentrail.identity.principals import Principal

CHECKS = (None, check_identity, check_trust, check_resource, check_key_policy, check_service_control)
ALICE = Principal(type="IAMUser", account_id="111122223333", arn="arn:aws:iam::111122223333:user/alice", user_name="alice")

NAMES = [
    "Version",
    "Id",
    "Statement",
    "Sid",
    "Effect",
    "Action",
    "NotAction",
    "Resource",
    "NotResource",
    "Principal",
    "NotPrincipal",
    "Condition",
    "AWS",
    "Service",
    "Federated",
    "CanonicalUser",
    "Bool",
    "StringLike",
    "ForAnyValue:ArnLike",
    "Null",
    "a:b",
]
WORDS = [
    "*",
    "s3:*",
    "*:*",
    "sts:AssumeRole",
    "kms:Decrypt",
    "Allow",
    "Deny",
    "2012-10-17",
    "2008-10-17",
    "arn:aws:s3:::b",
    "arn:aws:s3:::b/*",
    "${aws:username}",
    "${",
    "111122223333",
]

words = st.sampled_from(WORDS) | st.text(max_size=8)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.floats(allow_nan=False) | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=4), inner, max_size=5),
    max_leaves=12,
)
statements = st.fixed_dictionaries(
    {"Effect": st.sampled_from(["Allow", "Deny"])},
    optional={
        "Sid": words,
        "Action": words | st.lists(words, max_size=2),
        "NotAction": words,
        "Resource": words | st.lists(words, max_size=2),
        "NotResource": words,
        "Principal": words | st.dictionaries(st.sampled_from(["AWS", "Service", "Federated", "CanonicalUser"]), words, max_size=2),
        "NotPrincipal": st.just("*") | st.just({"AWS": "111122223333"}),
        "Condition": st.dictionaries(
            st.sampled_from(NAMES), st.dictionaries(st.sampled_from(["a:b", "aws:username", "x"]), json_values, max_size=2)
        ),
    },
)
documents = st.fixed_dictionaries(
    {"Statement": statements | st.lists(statements, max_size=3)}, optional={"Version": st.sampled_from(["2012-10-17", "2008-10-17"])}
)


def read(text: str, check: Any) -> Policy | str:
    """The policy, or what is wrong with it."""
    try:
        return Policy.parse(text, check=check)
    except PolicyError as error:
        return str(error)


def judged(text: str) -> None:
    for check in CHECKS:
        found = read(text, check)
        if isinstance(found, str):
            assert 0 < len(found) < 1000
            continue
        for action in ("s3:GetObject", "sts:AssumeRole", "kms:Decrypt"):
            request = PolicyRequest(principal=ALICE, action=action, resource="arn:aws:s3:::b/k", context={"a:b": ("c",)})
            evaluate(request, PolicySet(identity=(found,), boundary=found, session=(found,)), found, service_control=[[found]])


@settings(max_examples=300)
@given(json_values)
def test_any_json_is_a_policy_or_a_policy_error(value: Any) -> None:
    judged(json.dumps(value))


@settings(max_examples=400)
@given(documents)
def test_anything_of_the_shape_of_a_policy_is_one_or_a_policy_error(document: Any) -> None:
    judged(json.dumps(document))


@settings(max_examples=200)
@given(st.text(max_size=200) | st.binary(max_size=200).map(lambda data: data.decode("utf-8", "surrogateescape")))
def test_any_text_is_a_policy_or_a_policy_error(text: str) -> None:
    judged(text)


@settings(max_examples=200)
@given(documents, st.data())
def test_a_damaged_policy_is_a_policy_or_a_policy_error(document: Any, data: st.DataObject) -> None:
    text = json.dumps(document)
    at = data.draw(st.integers(0, len(text)))
    judged(text[:at] + data.draw(st.text(alphabet='{}[]",:\\u0aA*$', max_size=3)) + text[at + data.draw(st.integers(0, 3)) :])


@pytest.mark.parametrize(
    "text",
    [
        '{"Statement":' * 2000,
        "[" * 900 + "]" * 900,
        '{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"Bool":{"a:b":' + "9" * 5000 + "}}}]}",
        '{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"NumericEquals":{"a:b":1e999}}}]}',
        '{"Statement":[{"Effect":"Allow","Action":"\\ud800:x","Resource":"*"}]}',
        '{"Version":"2012-10-17","Statement":[]}' + " " * 140_000,
    ],
)
def test_awkward_texts(text: str) -> None:
    judged(text)
