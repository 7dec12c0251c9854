"""What a rule does to an object on which day: golden cases."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from opentrail.buckets.lifecycle import DAY, Deed, Rule, Surroundings, deed
from opentrail.buckets.values import Attributes, Lock, StoredObject

CASES = [json.loads(line) for line in Path(__file__).with_name("lifecycle_cases.jsonl").read_text().splitlines()]


def seconds(text: str | None) -> float | None:
    return None if text is None else datetime.fromisoformat(text).timestamp()


def stored(case: dict[str, Any]) -> StoredObject:
    facts = case.get("object", {})
    superseded = seconds(case.get("superseded"))
    marker = facts.get("marker", False)
    return StoredObject(
        bucket="example-logs",
        key="AWSLogs/1/x.json.gz",
        sequence=1,
        file="",
        size=facts.get("size", 1),
        etag="",
        modified=seconds(case["written"]) or 0.0,
        owner="1",
        attributes=Attributes(storage_class=facts.get("storage_class", "STANDARD")),
        tags=facts.get("tags", {}),
        current=superseded is None and not marker,
        marker=marker,
        superseded=superseded,
        lock=msgspec.convert(facts.get("lock", {}), Lock),
    )


@pytest.mark.parametrize("case", CASES, ids=[case["claim"] for case in CASES])
def test_a_rule_an_object_and_the_days(case: dict[str, Any]) -> None:
    rule = case["rule"]
    rules = [msgspec.convert({"id": "r", "enabled": True} | rule | ({"date": seconds(rule["date"])} if "date" in rule else {}), Rule)]
    around = Surroundings(newer=lambda: case.get("newer", 0), alone=lambda: case["alone"])
    written = seconds(case["written"])
    assert written is not None

    def on(at: float) -> str | None:
        found = deed(rules, stored(case), around, at)
        return found.name if isinstance(found, Deed) else found

    if case["last_day"] is None:
        assert {on(written + days * DAY) for days in (0, 1, 30, 400, 4000)} == {None}
        return
    over = datetime.fromisoformat(case["last_day"] + "T00:00:00+00:00") + timedelta(days=1)
    if over.timestamp() > written:
        assert on(over.timestamp() - 1) == case.get("before")
    assert on(over.timestamp()) == on(over.timestamp() + 1000 * DAY) == case["deed"]
