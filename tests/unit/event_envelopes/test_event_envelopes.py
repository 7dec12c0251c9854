"""Records as events on a bus: the golden pairs, which rules see them, what is not sent."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from opentrail.rules.envelopes import MOST, happening
from opentrail.rules.values import DISABLED, ENABLED, ENABLED_WITH_ALL

GOLDEN = json.loads((Path(__file__).parents[2] / "golden" / "event_envelopes" / "pairs.json").read_text())


def record(**given: Any) -> bytes:
    base = {
        "eventVersion": "1.11",
        "eventTime": "2026-01-05T10:11:12Z",
        "eventSource": "iam.amazonaws.com",
        "eventName": "CreateUser",
        "awsRegion": "us-east-1",
        "eventID": "4c1d9a52-0000-4000-8000-000000000001",
        "readOnly": False,
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": "111122223333",
        "eventCategory": "Management",
    }
    return json.dumps({**base, **given}).encode()


@pytest.mark.parametrize("pair", GOLDEN, ids=[pair["name"] for pair in GOLDEN])
def test_golden_pairs(pair: dict[str, Any]) -> None:
    made = happening(json.dumps(pair["record"]).encode())
    assert made is not None
    event = dict(made.event)
    assert event.pop("detail") == {key: value for key, value in pair["record"].items() if key != "eventContext"}
    assert len(event.pop("id")) == 36
    assert event == pair["envelope"]
    reached = {state: made.reaches(state) for state in (ENABLED, ENABLED_WITH_ALL, DISABLED)}
    assert reached == {ENABLED: pair["plain_rules"], ENABLED_WITH_ALL: True, DISABLED: False}


def test_the_id_is_new_and_the_same_for_the_same_record() -> None:
    one, again, other = (happening(record(**more)) for more in ({}, {}, {"eventID": "4c1d9a52-0000-4000-8000-000000000002"}))
    assert one is not None
    assert again is not None
    assert other is not None
    assert one.event["id"] == again.event["id"] != other.event["id"]
    assert one.event["id"] != one.event["detail"]["eventID"]


@pytest.mark.parametrize("given", [{"eventType": "AwsSomethingElse"}, {"recipientAccountId": None}, {"awsRegion": None}])
def test_what_no_event_is_made_of(given: dict[str, Any]) -> None:
    assert happening(record(**given)) is None


@pytest.mark.parametrize("text", [b"", b"[]", b"{", b"\xff", b"null"])
def test_what_is_no_record_makes_no_event(text: bytes) -> None:
    assert happening(text) is None


def test_too_large_an_event_is_not_sent() -> None:
    assert happening(record(requestParameters={"text": "x" * (MOST - 2048)})) is not None
    assert happening(record(requestParameters={"text": "x" * MOST})) is None
