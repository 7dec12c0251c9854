"""Laws that hold for every policy: deny wins, allow only adds, limits only take away; and hostile patterns end soon."""

from __future__ import annotations

import json
import re
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from opentrail.identity.policies import Policy, PolicyError, PolicyRequest, PolicySet, check_identity, evaluate
from opentrail.identity.policies.patterns import arn_pattern, pattern, tokens
from opentrail.identity.principals import Principal

ACCOUNT = "111122223333"
ALICE = Principal(
    type="IAMUser",
    account_id=ACCOUNT,
    principal_id="AIDAALICE0000000000AA",
    arn=f"arn:aws:iam::{ACCOUNT}:user/alice",
    user_name="alice",
    tags={"team": "blue"},
)
ACTIONS = ["s3:GetObject", "s3:PutObject", "s3:Get*", "s3:*", "*", "ec2:RunInstances"]
RESOURCES = ["*", "arn:aws:s3:::b/*", "arn:aws:s3:::b/k", "arn:aws:s3:::b/${aws:username}", "arn:aws:s3:*:*:b/?"]
CONDITIONS: list[dict[str, Any]] = [
    {},
    {"StringEquals": {"aws:PrincipalTag/team": "blue"}},
    {"StringNotEquals": {"a:b": "c"}},
    {"Bool": {"aws:SecureTransport": "true"}},
    {"ForAllValues:StringLike": {"aws:TagKeys": ["x*"]}},
    {"Null": {"a:b": "true"}},
]


@st.composite
def statements(draw: st.DrawFn, *, effect: str | None = None, principal: bool = False) -> dict[str, Any]:
    made: dict[str, Any] = {
        "Effect": effect or draw(st.sampled_from(["Allow", "Deny"])),
        draw(st.sampled_from(["Action", "NotAction"])): draw(st.lists(st.sampled_from(ACTIONS), min_size=1, max_size=3)),
        draw(st.sampled_from(["Resource", "NotResource"])): draw(st.lists(st.sampled_from(RESOURCES), min_size=1, max_size=3)),
        "Condition": draw(st.sampled_from(CONDITIONS)),
    }
    if principal:
        names = ["*", {"AWS": ALICE.arn}, {"AWS": ACCOUNT}, {"Service": "sns.amazonaws.com"}, {"AWS": "999999999999"}]
        made[draw(st.sampled_from(["Principal", "NotPrincipal"]))] = draw(st.sampled_from(names))
    return made


def policy(found: list[dict[str, Any]]) -> Policy:
    return Policy.parse(json.dumps({"Version": "2012-10-17", "Statement": found}))


requests = st.builds(
    lambda action, resource, secure, owner: PolicyRequest(
        principal=ALICE,
        action=action,
        resource=resource,
        context={"aws:SecureTransport": (secure,), "aws:TagKeys": ("x", "y")},
        resource_account_id=owner,
    ),
    st.sampled_from(["s3:GetObject", "s3:PutObject", "ec2:RunInstances", "iam:GetUser"]),
    st.sampled_from(["arn:aws:s3:::b/k", "arn:aws:s3:::b/alice", "arn:aws:s3:::c/k", "*"]),
    st.sampled_from(["true", "false"]),
    st.sampled_from([ACCOUNT, "999999999999"]),
)
policies = st.lists(statements(), max_size=4)
resource_policies = st.none() | st.lists(statements(principal=True), max_size=3)
DENY_ALL = {"Effect": "Deny", "Action": "*", "Resource": "*"}
ALLOW_ALL = {"Effect": "Allow", "Action": "*", "Resource": "*"}


def allowed(request: PolicyRequest, identity: list[dict[str, Any]], resource: list[dict[str, Any]] | None, **limits: Any) -> bool:
    carried = PolicySet(identity=(policy(identity),), **limits)
    return evaluate(request, carried, None if resource is None else policy(resource)).allowed


@settings(max_examples=60)
@given(requests, policies, resource_policies)
def test_deny_always_wins(request: PolicyRequest, identity: list[dict[str, Any]], resource: list[dict[str, Any]] | None) -> None:
    carried = PolicySet(identity=(policy([*identity, DENY_ALL]),))
    decision = evaluate(request, carried, None if resource is None else policy(resource))
    assert not decision.allowed
    assert decision.explicit_deny


@settings(max_examples=60)
@given(requests, policies, resource_policies, statements(effect="Allow"))
def test_an_allow_never_takes_away(
    request: PolicyRequest, identity: list[dict[str, Any]], resource: list[dict[str, Any]] | None, more: dict[str, Any]
) -> None:
    if allowed(request, identity, resource):
        assert allowed(request, [*identity, more], resource)


@settings(max_examples=60)
@given(requests, policies, resource_policies, statements(effect="Deny"))
def test_a_deny_never_gives(
    request: PolicyRequest, identity: list[dict[str, Any]], resource: list[dict[str, Any]] | None, more: dict[str, Any]
) -> None:
    if allowed(request, [*identity, more], resource):
        assert allowed(request, identity, resource)


@settings(max_examples=60)
@given(requests, policies, resource_policies, policies, policies)
def test_limits_only_take_away(
    request: PolicyRequest,
    identity: list[dict[str, Any]],
    resource: list[dict[str, Any]] | None,
    boundary: list[dict[str, Any]],
    session: list[dict[str, Any]],
) -> None:
    if allowed(request, identity, resource, boundary=policy(boundary), session=(policy(session),)):
        assert allowed(request, identity, resource)


@settings(max_examples=60)
@given(requests, policies, resource_policies)
def test_limits_that_allow_all_change_nothing(
    request: PolicyRequest, identity: list[dict[str, Any]], resource: list[dict[str, Any]] | None
) -> None:
    everything = policy([ALLOW_ALL])
    plain = allowed(request, identity, resource)
    assert allowed(request, identity, resource, boundary=everything, session=(everything,)) is plain


@settings(max_examples=60)
@given(requests, st.permutations([ALLOW_ALL, DENY_ALL, {**ALLOW_ALL, "Action": "s3:*"}]), policies)
def test_order_does_not_matter(request: PolicyRequest, shuffled: list[dict[str, Any]], more: list[dict[str, Any]]) -> None:
    assert allowed(request, [*shuffled, *more], None) is allowed(request, [*more, *reversed(shuffled)], None)


alphabet = st.text(alphabet="ab:*?", max_size=12)


@settings(max_examples=400)
@given(alphabet, st.text(alphabet="ab:", max_size=14))
def test_wildcards_agree_with_regular_expressions(written: str, value: str) -> None:
    expected = re.fullmatch(re.sub(r"\*+", ".*", re.escape(written).replace(r"\*", "*")).replace(r"\?", "."), value, re.DOTALL)
    assert pattern(written)(value, lambda _key: None) is (expected is not None)


@given(alphabet, st.text(alphabet="ab:*?", max_size=14))
def test_arn_patterns_match_no_more_than_plain_ones(written: str, value: str) -> None:
    if arn_pattern(written)(value, lambda _key: None):
        assert pattern(written)(value, lambda _key: None)


@given(st.text(alphabet="a*?:", max_size=12))
def test_everything_matches_itself_when_its_wildcards_are_variables(value: str) -> None:
    written = "".join(f"${{{character}}}" if character in "*?" else character for character in value)
    assert pattern(written, variables=True)(value, lambda _key: None)


@given(st.text(max_size=60))
def test_tokens_never_fail(written: str) -> None:
    assert isinstance(tokens(written, variables=True), list)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=8) | st.sampled_from(["*", "s3:*", "Allow", "arn:aws:s3:::b"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["Version", "Statement", "Effect", "Action", "Resource", "Principal", "Condition", "AWS", "Bool", "a:b"]),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)


@settings(max_examples=300)
@given(json_values)
def test_any_json_is_a_policy_or_a_policy_error(value: Any) -> None:
    for check in (None, check_identity):
        try:
            found = Policy.parse(json.dumps(value), check=check)
        except PolicyError:
            continue
        evaluate(PolicyRequest(principal=ALICE, action="s3:GetObject", resource="*"), PolicySet(identity=(found,)), found)


def test_hostile_patterns_end() -> None:
    """Each of these would keep a backtracking matcher busy for longer than the universe lasts."""
    long = "a" * 4000 + "b"
    for written in ("*a" * 3000 + "c", "*?a" * 1000 + "c", "*" + "a?" * 1500 + "c*", "a*" * 20_000, "*" * 60_000 + "c", "?" * 4002):
        assert not pattern(written)(long, lambda _key: None)
    everything = [
        {"Effect": "Allow", "Action": "s3:" + "*a" * 500 + "x", "Resource": "arn:aws:s3:::" + "*?a" * 500 + "x"} for _ in range(20)
    ]
    request = PolicyRequest(principal=ALICE, action="s3:" + "a" * 2000, resource="arn:aws:s3:::" + "a" * 2000)
    assert not evaluate(request, PolicySet(identity=(policy(everything),))).allowed
