"""The record of an episode, against the one in the reference."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from opentrail.events import record as records
from opentrail.events.service_event import ServiceEvent
from opentrail.insights.counts import Attributed
from opentrail.insights.detector import Turn
from opentrail.insights.records import event_ids, record
from opentrail.insights.values import Series
from opentrail.recorder import service_event
from simulators.insight_sources import ACCOUNT, DELETE_ROLE, REGION, TRAIL_ARN

GOLDEN = Path(__file__).parents[2] / "golden" / "insights"
DEPLOYER = "arn:aws:sts::111122223333:assumed-role/Deployer"
MINUTE = 29_460_182  # 2026-01-05T11:02Z
DENIED = DELETE_ROLE._replace(error_code="AccessDenied")


def turn(state: str = "Start", **members: object) -> Turn:
    rules: dict[str, object] = {
        "state": state,
        "minute": MINUTE,
        "told": MINUTE + 1,
        "start": MINUTE,
        "direction": "rise",
        "confidence": 0.9,
        "baseline_average": 0.0004,
        "baseline_minutes": 10_080,
        "insight_average": 6.5,
        "insight_minutes": 2,
    }
    return Turn(**(rules | members))  # type: ignore[arg-type]


CASES: dict[str, tuple[Series, Turn, Attributed, Attributed]] = {
    "error-rate-start": (
        DENIED,
        turn(),
        Attributed(callers={DEPLOYER: 13}, agents={"example-client/1.0": 13}, codes={"AccessDenied": 13}),
        Attributed(),
    ),
    "call-rate-end": (
        DELETE_ROLE,
        turn("End", minute=MINUTE + 5, insight_minutes=5, insight_average=8.0, baseline_average=0.0020477815),
        Attributed(callers={DEPLOYER: 30, "null": 10}, agents={"example-client/1.0": 40}, codes={"null": 10, "AccessDenied": 30}),
        Attributed(callers={"anna": 2}, agents={"console": 2}, codes={"null": 2}),
    ),
    "data-start": (
        Series(TRAIL_ARN, ACCOUNT, REGION, "s3.amazonaws.com", "PutObject"),
        turn(),
        Attributed(callers={DEPLOYER: 13}, agents={"example-client/1.0": 13}, codes={"null": 13}),
        Attributed(),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_records_are_as_the_reference_has_them(name: str) -> None:
    made = record(*CASES[name])
    golden = json.loads((GOLDEN / f"{name}.json").read_text())
    assert json.loads(made) == golden
    assert list(json.loads(made)) == list(golden)
    assert list(json.loads(made)["insightDetails"]) == list(golden["insightDetails"])


def test_start_and_end_share_one_id_and_have_their_own() -> None:
    start, end = event_ids(DENIED, turn()), event_ids(DENIED, turn("End", minute=MINUTE + 9))
    assert start[1] == end[1]
    assert len({*start, *end}) == 3
    assert event_ids(DENIED, turn()) == start
    assert event_ids(DELETE_ROLE, turn())[1] != start[1]


def test_the_recorder_leaves_a_ready_record_as_it_is() -> None:
    made = record(*CASES["error-rate-start"])
    event = ServiceEvent(
        event_source="iam.amazonaws.com", event_name="DeleteRole", account_id=ACCOUNT, region=REGION, time=0.0, record=made.decode()
    )
    assert service_event(event) == made
    assert records.read(made).event_category == "Insight"
