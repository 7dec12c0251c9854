"""Roles that services assume: trust, permissions, and what an organization takes away."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from opentrail.clock import ManualClock
from opentrail.identity.service_roles import NotAllowed, NotAssumable, RoleSession, ServiceRoles
from simulators.kms import ACCOUNT, REGION, House

RULE = f"arn:aws:events:{REGION}:{ACCOUNT}:rule/watch"
BUS = f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/orders"
THEIRS = f"arn:aws:events:{REGION}:444455556666:event-bus/default"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/service-role/events"
TRUST = {"Principal": {"Service": "events.amazonaws.com"}, "Action": "sts:AssumeRole"}


def document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **one} for one in statements]})


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path, ManualClock())


def role(house: House, *may: dict[str, Any], trust: dict[str, Any] = TRUST) -> None:
    house.identities.roles.create(ACCOUNT, "events", document(trust), path="/service-role/")
    if may:
        house.identities.attachments.put_inline(ACCOUNT, "role", "events", "own", document(*may))


def assumed(house: House, role_arn: str = ROLE, account_id: str = ACCOUNT) -> RoleSession:
    roles = ServiceRoles(house.identities, house.clock, service="events.amazonaws.com", session_name="EventBridge")
    return roles.assume(role_arn, account_id, source_arn=RULE)


def judge(session: RoleSession, resource: str = BUS, account_id: str = ACCOUNT, **more: Any) -> None:
    session.judge("events:PutEvents", resource, region=REGION, account_id=account_id, **more)


def test_the_session_is_one_of_the_role(house: House) -> None:
    role(house)
    principal = assumed(house).principal
    assert principal.arn == f"arn:aws:sts::{ACCOUNT}:assumed-role/events/EventBridge"
    assert principal.session is not None
    assert (principal.session.issuer_arn, principal.invoked_by) == (ROLE, "events.amazonaws.com")


@pytest.mark.parametrize(
    "trust",
    [
        {"Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"},
        {"Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"},
        {**TRUST, "Condition": {"ArnEquals": {"aws:SourceArn": RULE + "2"}}},
        {**TRUST, "Condition": {"StringEquals": {"aws:SourceAccount": "444455556666"}}},
        {**TRUST, "Action": "sts:TagSession"},
    ],
)
def test_a_role_that_does_not_trust_the_service_is_not_assumed(house: House, trust: dict[str, Any]) -> None:
    role(house, trust=trust)
    with pytest.raises(NotAssumable, match="trust relationships"):
        assumed(house)


@pytest.mark.parametrize("arn", [ROLE + "2", ROLE.replace("/service-role", ""), ROLE.replace(ACCOUNT, "444455556666")])
def test_a_role_is_known_by_its_whole_arn(house: House, arn: str) -> None:
    role(house)
    with pytest.raises(NotAssumable):
        assumed(house, arn)


def test_a_trust_policy_may_ask_for_what_the_service_acts_for(house: House) -> None:
    role(house, trust={**TRUST, "Condition": {"ArnEquals": {"aws:SourceArn": RULE}, "StringEquals": {"aws:SourceAccount": ACCOUNT}}})
    assumed(house)


def test_the_role_may_what_its_policies_say(house: House) -> None:
    condition = {"StringEquals": {"aws:RequestedRegion": REGION, "events:source": "app"}}
    role(house, {"Action": "events:PutEvents", "Resource": BUS, "Condition": condition})
    session = assumed(house)
    judge(session, context={"events:source": ("app",)})
    with pytest.raises(NotAllowed, match="events:PutEvents"):
        judge(session, context={"events:source": ("other",)})
    with pytest.raises(NotAllowed, match="no identity-based policy allows"):
        judge(session, BUS + "2", context={"events:source": ("app",)})


def test_within_the_account_the_policy_of_the_resource_is_enough(house: House) -> None:
    role(house)
    statement = {"Principal": {"AWS": ROLE}, "Action": "events:PutEvents", "Resource": BUS}
    judge(assumed(house), policy=document(statement))
    with pytest.raises(NotAllowed):
        judge(assumed(house), policy=document({**statement, "Principal": {"AWS": ROLE.replace("role/", "role/a")}}))


def test_in_another_account_both_must_let_it(house: House) -> None:
    role(house, {"Action": "events:PutEvents", "Resource": "*"})
    statement = {"Principal": {"AWS": ROLE}, "Action": "events:PutEvents", "Resource": THEIRS}
    judge(assumed(house), THEIRS, "444455556666", policy=document(statement))
    with pytest.raises(NotAllowed):
        judge(assumed(house), THEIRS, "444455556666")
    house.identities.attachments.put_inline(ACCOUNT, "role", "events", "own", document({"Action": "events:PutRule", "Resource": "*"}))
    with pytest.raises(NotAllowed):
        judge(assumed(house), THEIRS, "444455556666", policy=document(statement))
