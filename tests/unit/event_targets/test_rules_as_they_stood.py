"""Whenever the watch reads: what reaches a target is what would have, had it read at once."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from opentrail.rules.values import DISABLED, ENABLED, NewEvent
from simulators.event_targets import ACCOUNT, BUS, REGION, RulesWorld, queue, queue_target

NAMES = ("CreateUser", "TagUser", "DeleteUser")
STEPS = st.one_of(
    st.tuples(st.sampled_from(("record", "event")), st.sampled_from(NAMES)),
    st.tuples(st.just("pattern"), st.frozensets(st.sampled_from(NAMES), min_size=1)),
    st.tuples(st.just("state"), st.sampled_from((ENABLED, DISABLED))),
    st.tuples(st.just("target"), st.sampled_from(("a", "b"))),
    st.tuples(st.sampled_from(("records", "events", "all", "restart")), st.none()),
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(steps=st.lists(STEPS, max_size=25))
def test_reading_late_changes_nothing(tmp_path_factory: pytest.TempPathFactory, steps: Sequence[tuple[str, Any]]) -> None:
    world = RulesWorld(tmp_path_factory.mktemp("rules"))
    pattern, state, targets = frozenset(NAMES), ENABLED, list[str]()
    expected: dict[str, list[int]] = {"a": [], "b": []}
    for number, (step, value) in enumerate(steps):
        match step:
            case "record":
                world.happens(value, requestParameters={"step": number})
            case "event":
                world.intake.take([NewEvent(bus_arn=BUS.arn, event=put(value, number))])
            case "pattern":
                pattern = value
            case "state":
                state = value
            case "target" if value not in targets:
                targets.append(value)
            case "records":
                world.following.step()
            case "events":
                world.inbox.step()
            case "all":
                world.settle()
            case "restart":
                world.restart()
        if step in ("record", "event") and state == ENABLED and value in pattern:
            for target in targets:
                expected[target].append(number)
        elif step in ("pattern", "state", "target"):
            text = json.dumps({"detail": {"eventName": sorted(pattern)}})
            world.rule("r", *(queue_target("r", name, target_id=name) for name in targets), pattern=text, state=state)
    world.settle()
    got = {
        name: [json.loads(text)["detail"]["requestParameters"]["step"] for text in world.endpoint.texts(queue(name))] for name in expected
    }
    world.database.close()
    assert {name: sorted(numbers) for name, numbers in got.items()} == expected


def put(name: str, number: int) -> dict[str, Any]:
    return {
        "version": "0",
        "id": f"e-{number}",
        "detail-type": "Call",
        "source": "app",
        "account": ACCOUNT,
        "time": "2026-01-05T10:11:12Z",
        "region": REGION,
        "resources": [],
        "detail": {"eventName": name, "requestParameters": {"step": number}},
    }
