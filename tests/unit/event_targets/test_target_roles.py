"""Targets with a role: it is assumed at each delivery, and what it may not do ends in the dead-letter queue at once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from opentrail.rules.names import BusName
from opentrail.rules.values import Target
from simulators.event_targets import ACCOUNT, BUS, OTHER, REGION, RulesWorld, queue, queue_target
from simulators.rule_places import DEAD, api, make_bus

ROLE = f"arn:aws:iam::{ACCOUNT}:role/events"
FUNCTION = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:react"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[RulesWorld]:
    made = RulesWorld(tmp_path)
    yield made
    made.database.close()


def numbers(world: RulesWorld, arn: str = queue("jobs")) -> list[int]:
    """Numbers of the records that reached a target, in order."""
    return [json.loads(text)["detail"]["requestParameters"]["number"] for text in world.endpoint.texts(arn)]


def allow(action: str, resource: str = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def refusals(world: RulesWorld) -> list[tuple[str, str]]:
    """Code and number of retries of each dead letter."""
    return [(attributes["ERROR_CODE"], attributes["RETRY_ATTEMPTS"]) for _, _, attributes in world.endpoint.buried]


@pytest.mark.parametrize(
    ("may", "arrives", "code"),
    [
        ([allow("lambda:InvokeFunction", FUNCTION)], True, None),
        ([allow("lambda:InvokeFunction", FUNCTION + "2")], False, "NO_PERMISSIONS"),
        (None, False, "FAILED_TO_ASSUME_ROLE"),
    ],
)
def test_a_function_is_invoked_by_leave_of_the_role(world: RulesWorld, may: list[dict[str, Any]] | None, arrives: bool, code: str) -> None:
    if may is not None:
        world.roles.may[ROLE] = may
    world.rule("users", Target(rule_arn=BUS.rule_arn("users"), target_id="t", arn=FUNCTION, role_arn=ROLE, dead_letter_arn=DEAD))
    world.happens()
    world.settle()
    assert bool(world.endpoint.texts(FUNCTION)) == arrives
    assert refusals(world) == ([] if arrives else [(code, "0")])  # at once: it helps nobody to try again


def test_topics_and_queues_are_told_which_role_it_is(world: RulesWorld) -> None:
    world.roles.may[ROLE] = []
    topic = f"arn:aws:sns:{REGION}:{ACCOUNT}:alerts"
    world.rule(
        "users",
        Target(rule_arn=BUS.rule_arn("users"), target_id="t", arn=topic, role_arn=ROLE),
        queue_target("users", target_id="u", role_arn=ROLE),
        queue_target("users", "plain", target_id="v"),
    )
    world.happens()
    world.settle()
    roles = [None if role is None else role.principal.arn for role in world.endpoint.by]
    assumed = f"arn:aws:sts::{ACCOUNT}:assumed-role/events/EventBridge"
    assert sorted(roles, key=str) == [None, assumed, assumed]


def test_a_role_that_the_target_never_needed_stops_nothing(world: RulesWorld) -> None:
    group = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws/events/all"  # put before such a role was refused
    world.rule("users", Target(rule_arn=BUS.rule_arn("users"), target_id="t", arn=group, role_arn=ROLE))
    world.happens()
    world.settle()
    assert len(world.endpoint.texts(group)) == 1


def test_another_bus_by_leave_of_the_role(world: RulesWorld) -> None:
    second = BusName(region=REGION, account_id=ACCOUNT, name="second")
    make_bus(world, second)
    condition = {"StringEquals": {"events:source": "aws.iam", "events:eventBusInvocation": "true"}}
    world.roles.may[ROLE] = [allow("events:PutEvents", second.arn, Condition=condition)]
    world.rule("on", Target(rule_arn=BUS.rule_arn("on"), target_id="t", arn=second.arn, role_arn=ROLE, dead_letter_arn=DEAD))
    world.rule("all", queue_target("all", bus=second), bus=second)
    world.happens()
    world.settle()
    world.roles.may[ROLE] = [allow("events:PutEvents", second.arn), allow("events:PutEvents") | {"Effect": "Deny"}]
    world.happens()
    world.settle()
    assert numbers(world) == [1]
    assert refusals(world) == [("NO_PERMISSIONS", "0")]


@pytest.mark.parametrize(("role_may", "bus_lets", "arrives"), [(True, True, True), (True, False, False), (False, True, False)])
def test_a_bus_of_another_account_by_leave_of_role_and_policy(world: RulesWorld, role_may: bool, bus_lets: bool, arrives: bool) -> None:
    theirs = BusName(region=REGION, account_id=OTHER)
    statement = allow("events:PutEvents", theirs.arn, Principal={"AWS": ROLE if bus_lets else f"{ROLE}x"})
    make_bus(world, theirs, json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    world.roles.may[ROLE] = [allow("events:PutEvents")] if role_may else []
    world.rule("on", Target(rule_arn=BUS.rule_arn("on"), target_id="t", arn=theirs.arn, role_arn=ROLE, dead_letter_arn=DEAD))
    world.rule("all", queue_target("all", bus=theirs), bus=theirs)
    world.happens()
    world.settle()
    assert numbers(world) == ([1] if arrives else [])
    assert refusals(world) == ([] if arrives else [("NO_PERMISSIONS", "0")])


def test_an_api_destination_is_called_by_leave_of_the_role(world: RulesWorld) -> None:
    url = api(world, "BASIC", {"BasicAuthParameters": {"Username": "me", "Password": "pw"}})
    arn = f"arn:aws:events:{REGION}:{ACCOUNT}:api-destination/d/1"
    world.rule("users", Target(rule_arn=BUS.rule_arn("users"), target_id="t", arn=arn, role_arn=ROLE, dead_letter_arn=DEAD))
    world.roles.may[ROLE] = [allow("events:InvokeApiDestination", f"{arn}x")]
    world.happens()
    world.pass_time(2)
    assert refusals(world) == [("NO_PERMISSIONS", "0")]
    world.roles.may[ROLE] = [allow("events:InvokeApiDestination", arn)]  # it is asked anew each time
    world.happens()
    world.pass_time(2)
    assert numbers(world, url) == [2]
