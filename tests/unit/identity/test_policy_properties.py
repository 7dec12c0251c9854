"""Laws that hold for every policy: deny wins, allow only adds, limits only take away, order and grouping do not matter."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from opentrail.identity.policies import Policy, PolicyRequest, PolicySet, evaluate
from opentrail.identity.principals import Principal, Session, service_principal

ACCOUNT = "111122223333"
ALICE = Principal(
    type="IAMUser",
    account_id=ACCOUNT,
    principal_id="AIDAALICE0000000000AA",
    arn=f"arn:aws:iam::{ACCOUNT}:user/alice",
    user_name="alice",
    tags={"team": "blue"},
)
CI = Principal(
    type="AssumedRole",
    account_id=ACCOUNT,
    principal_id="AROADEPLOY0000000000A:ci",
    arn=f"arn:aws:sts::{ACCOUNT}:assumed-role/deploy/ci",
    session=Session(
        issuer_type="Role",
        issuer_id="AROADEPLOY0000000000A",
        issuer_arn=f"arn:aws:iam::{ACCOUNT}:role/deploy",
        issuer_account_id=ACCOUNT,
        issuer_name="deploy",
        created=datetime(2026, 1, 5, tzinfo=UTC),
        name="ci",
    ),
)
CALLERS = [
    ALICE,
    CI,
    Principal(type="Root", account_id=ACCOUNT, principal_id=ACCOUNT, arn=f"arn:aws:iam::{ACCOUNT}:root"),
    service_principal("sns.amazonaws.com"),
    Principal(type="Unknown", account_id=""),
]
UNIVERSE = ["s3:GetObject", "s3:PutObject", "ec2:RunInstances", "iam:GetUser"]
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
        names = [
            "*",
            {"AWS": ALICE.arn},
            {"AWS": ACCOUNT},
            {"AWS": [CI.arn, f"arn:aws:iam::{ACCOUNT}:role/deploy"]},
            {"AWS": f"arn:aws:iam::{ACCOUNT}:role/deploy"},
            {"Service": "sns.amazonaws.com"},
            {"AWS": "999999999999"},
        ]
        made[draw(st.sampled_from(["Principal", "NotPrincipal"]))] = draw(st.sampled_from(names))
    return made


def policy(found: list[dict[str, Any]]) -> Policy:
    return Policy.parse(json.dumps({"Version": "2012-10-17", "Statement": found}))


requests = st.builds(
    lambda principal, action, resource, secure, owner: PolicyRequest(
        principal=principal,
        action=action,
        resource=resource,
        context={"aws:SecureTransport": (secure,), "aws:TagKeys": ("x", "y")},
        resource_account_id=owner,
    ),
    st.sampled_from(CALLERS),
    st.sampled_from(UNIVERSE),
    st.sampled_from(["arn:aws:s3:::b/k", "arn:aws:s3:::b/alice", "arn:aws:s3:::c/k", "*"]),
    st.sampled_from(["true", "false"]),
    st.sampled_from([ACCOUNT, "999999999999"]),
)
policies = st.lists(statements(), max_size=4)
resource_policies = st.none() | st.lists(statements(principal=True), max_size=3)
DENY_ALL = {"Effect": "Deny", "Action": "*", "Resource": "*"}
ALLOW_ALL = {"Effect": "Allow", "Action": "*", "Resource": "*"}


Statements = list[dict[str, Any]]


def allowed(
    request: PolicyRequest, identity: Statements, resource: Statements | None, *, levels: list[list[Policy]] | None = None, **limits: Any
) -> bool:
    carried = PolicySet(identity=(policy(identity),), **limits)
    return evaluate(request, carried, None if resource is None else policy(resource), service_control=levels or []).allowed


@settings(max_examples=100)
@given(requests, policies, resource_policies, st.sampled_from(["identity", "resource", "boundary", "session", "level"]))
def test_deny_always_wins(request: PolicyRequest, identity: Statements, resource: Statements | None, where: str) -> None:
    carried = PolicySet(
        identity=(policy(identity), policy([DENY_ALL] if where == "identity" else [])),
        boundary=policy([ALLOW_ALL, DENY_ALL]) if where == "boundary" else None,
        session=(policy([ALLOW_ALL]), policy([DENY_ALL])) if where == "session" else (),
    )
    theirs = [{**DENY_ALL, "Principal": "*"}] if where == "resource" else []
    levels = [[policy([ALLOW_ALL]), policy([DENY_ALL])]] if where == "level" else []
    bound = request.principal.type not in ("AWSService", "Unknown")
    decision = evaluate(request, carried, policy([*(resource or []), *theirs]), service_control=levels)
    if where != "level" or bound:
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
    # But for a `Deny` with `NotPrincipal`, which excepts nobody who has a boundary (IAM user guide, "NotPrincipal").
    assume(not any("NotPrincipal" in statement for statement in resource or ()))
    everything = policy([ALLOW_ALL])
    plain = allowed(request, identity, resource)
    assert allowed(request, identity, resource, boundary=everything, session=(everything,)) is plain


@settings(max_examples=60)
@given(requests, st.permutations([ALLOW_ALL, DENY_ALL, {**ALLOW_ALL, "Action": "s3:*"}]), policies)
def test_order_does_not_matter(request: PolicyRequest, shuffled: list[dict[str, Any]], more: list[dict[str, Any]]) -> None:
    assert allowed(request, [*shuffled, *more], None) is allowed(request, [*more, *reversed(shuffled)], None)


@settings(max_examples=100)
@given(requests, policies, resource_policies, st.lists(policies, min_size=1, max_size=3))
def test_service_control_policies_only_take_away(
    request: PolicyRequest, identity: Statements, resource: Statements | None, levels: list[Statements]
) -> None:
    above = [[policy(found)] for found in levels]
    if allowed(request, identity, resource, levels=above):
        assert allowed(request, identity, resource)
        assert allowed(request, identity, resource, levels=above[1:])


@settings(max_examples=100)
@given(requests, policies, resource_policies, st.randoms(use_true_random=False))
def test_order_and_grouping_do_not_matter(request: PolicyRequest, identity: Statements, resource: Statements | None, random: Any) -> None:
    mixed = random.sample(identity, len(identity))
    cut = random.randint(0, len(mixed))
    theirs = None if resource is None else policy(random.sample(resource, len(resource)))
    apart = PolicySet(identity=(policy(mixed[cut:]), policy(mixed[:cut])))
    together = PolicySet(identity=(policy(identity),))
    assert evaluate(request, apart, theirs) == evaluate(request, together, None if resource is None else policy(resource))


@settings(max_examples=100)
@given(requests, policies)
def test_a_statement_for_each_action_and_resource_says_the_same(request: PolicyRequest, identity: Statements) -> None:
    apart: Statements = []
    for statement in identity:
        whole = {key: value for key, value in statement.items() if key not in ("Action", "Resource")}
        for action in statement.get("Action", [None]):
            for resource in statement.get("Resource", [None]):
                parts = {"Action": action, "Resource": resource}
                apart.append({**whole, **{key: value for key, value in parts.items() if value is not None}})
    assert allowed(request, apart, None) is allowed(request, identity, None)


@settings(max_examples=100)
@given(requests, st.lists(st.sampled_from(ACTIONS), min_size=1, max_size=3), st.sampled_from(["Allow", "Deny"]))
def test_not_action_is_every_other_action(request: PolicyRequest, named: list[str], effect: str) -> None:
    def says(statement: dict[str, Any], action: str) -> bool:
        asked = PolicyRequest(principal=ALICE, action=action, resource="*")
        return evaluate(asked, PolicySet(identity=(policy([{"Effect": effect, "Resource": "*", **statement}]),))) != evaluate(asked)

    others = [action for action in UNIVERSE if not says({"Action": named}, action)]
    for action in UNIVERSE:
        assert says({"NotAction": named}, action) is (action in others)
        assert says({"NotAction": named}, action) is says({"Action": others}, action)


@settings(max_examples=100)
@given(
    requests,
    policies,
    resource_policies,
    st.booleans(),
    st.sets(st.sampled_from(["a:b", "aws:securetransport", "aws:tagkeys"])),
    st.sampled_from(["c", "d", None]),
)
def test_what_is_allowed_without_knowing_all_is_allowed_whatever_is_unknown(
    request: PolicyRequest, identity: Statements, resource: Statements | None, known: bool, hidden: set[str], value: str | None
) -> None:
    said = dict(request.context) | ({} if value is None else {"a:b": (value,)})
    facts = {"principal": request.principal, "action": request.action, "resource_account_id": request.resource_account_id}
    whole = PolicyRequest(**facts, resource=request.resource, context=said)
    partial = PolicyRequest(
        **facts,
        resource=request.resource if known else "*",
        resource_known=known,
        context={key: values for key, values in said.items() if key.lower() not in hidden},
        unknown=lambda key: key in hidden,
    )
    if allowed(partial, identity, resource):
        assert allowed(whole, identity, resource)


@given(requests, policies)
def test_knowing_everything_is_not_a_case_of_its_own(request: PolicyRequest, identity: Statements) -> None:
    facts = {"principal": request.principal, "action": request.action, "resource": request.resource, "context": request.context}
    assert allowed(PolicyRequest(**facts, unknown=lambda _key: False), identity, None) is allowed(PolicyRequest(**facts), identity, None)
