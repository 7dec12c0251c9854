"""Metric filters at work: what becomes of log events, exactly once."""

from __future__ import annotations

import json
from typing import Any

import pytest

from opentrail.monitoring.filter_patterns import Message
from opentrail.monitoring.filters import measuring, subscribing
from simulators.filtered_logs import ACCOUNT, GROUP, LAMBDA, NOW, REGION, Crash, FilteredLogs


def point(
    total: float, *, minute: int = 0, count: float = 1, low: float | None = None, high: float | None = None, **more: Any
) -> dict[str, Any]:
    bounds = [total if low is None else low, total if high is None else high]
    return {"metric": "N/M", "dimensions": {}, "minute": minute, "sum": total, "count": count, "bounds": bounds, "unit": "None"} | more


def test_each_event_that_matches_counts(house: FilteredLogs) -> None:
    house.metric_filter("ERROR", unit="Count")
    house.put("ERROR 1", "fine", "ERROR 2")
    house.put("ERROR 3")
    assert house.follow() == [point(3.0, count=3, low=1.0, high=1.0, unit="Count")]


def test_only_what_came_in_after_the_filter_was_made(house: FilteredLogs) -> None:
    house.put("ERROR before")
    house.metric_filter("ERROR")
    house.put("ERROR after")
    assert house.follow() == [point(1.0)]


def test_an_event_counts_at_its_own_time(house: FilteredLogs) -> None:
    house.metric_filter("ERROR")
    house.put("ERROR", at=NOW - 600)
    house.put("ERROR")
    assert house.follow() == [point(1.0, minute=-10), point(1.0)]


@pytest.mark.parametrize(
    ("pattern", "value", "message", "read"),
    [
        ("{ $.n = * }", "$.n", '{"n": 2.5}', 2.5),
        ("{ $.n = * }", "$.n", '{"n": "7"}', 7.0),
        ("{ $.a = 1 }", "$.b.c", '{"a": 1, "b": {"c": -3}}', -3.0),
        ("[..., size]", "$size", "GET / 1534", 1534.0),
        ("[..., size]", "$1", "12 x", 12.0),
        ("x", "2e2", "x", 200.0),
    ],
)
def test_the_value_is_read(house: FilteredLogs, pattern: str, value: str, message: str, read: float) -> None:
    house.metric_filter(pattern, value)
    house.put(message)
    assert house.follow() == [point(read)]


@pytest.mark.parametrize("message", ['{"n": "x"}', '{"n": true}', '{"n": null}', '{"m": 1}', '{"n": [1]}', '{"n": 1e999}'])
def test_what_is_no_number_is_no_point(house: FilteredLogs, message: str) -> None:
    house.metric_filter("{ $.n != 77 || $.n IS NULL }", "$.n")
    house.put(message)
    assert house.follow() == []


def test_dimensions_part_the_points(house: FilteredLogs) -> None:
    house.metric_filter('{ $.e = "X" }', dimensions={"Region": "$.r", "User": "$.u"})
    for region, user in (("eu", "kim"), ("us", "kim"), ("eu", "kim")):
        house.put(json.dumps({"e": "X", "r": region, "u": user}))
    house.put('{"e": "X", "r": "eu"}', '{"e": "X", "r": "", "u": "kim"}')  # a dimension is missing: no point
    found = {(one["dimensions"]["Region"], one["dimensions"]["User"]): one["sum"] for one in house.follow()}
    assert found == {("eu", "kim"): 2.0, ("us", "kim"): 1.0}


def test_fields_of_the_system_are_dimensions(house: FilteredLogs) -> None:
    given = {"logGroupName": GROUP, "filterName": "f", "filterPattern": "x", "emitSystemFieldDimensions": ["@aws.account", "@aws.region"]}
    made = {"metricName": "M", "metricNamespace": "N", "metricValue": "1"}
    house.metric_filters.put(ACCOUNT, REGION, given | {"metricTransformations": [made]})
    house.put("x")
    assert house.follow() == [point(1.0, dimensions={"@aws.account": ACCOUNT, "@aws.region": REGION})]


class TestDefaultValue:
    def test_once_for_a_minute_in_which_none_matched(self, house: FilteredLogs) -> None:
        house.metric_filter("ERROR", defaultValue=0.0)
        house.put("fine")
        house.put("fine")
        assert house.follow() == []
        house.clock.advance(62)
        assert house.follow() == [point(0.0)]
        house.clock.advance(600)
        assert house.follow() == [point(0.0)], "minutes without events have none"

    def test_not_for_a_minute_in_which_any_chunk_matched(self, house: FilteredLogs) -> None:
        house.metric_filter("ERROR", defaultValue=0.0)
        for message in ("fine", "ERROR", "fine"):
            house.put(message)
            house.follow()
        house.clock.advance(120)
        assert house.follow() == [point(1.0)]

    def test_across_a_restart(self, house: FilteredLogs) -> None:
        house.metric_filter("ERROR", defaultValue=5.0)
        house.put("ERROR")
        house.follow()
        house.restart()
        house.put("fine")
        house.follow()
        house.clock.advance(60)
        house.put("fine")
        house.follow()
        house.restart()
        house.clock.advance(62)
        assert house.follow() == [point(1.0), point(5.0, minute=1)]
        house.restart()
        assert house.follow() == [point(1.0), point(5.0, minute=1)]

    def test_the_next_minute_ends_the_one_before(self, house: FilteredLogs) -> None:
        house.metric_filter("ERROR", defaultValue=0.0)
        house.put("fine")
        house.clock.advance(60)
        house.put("ERROR")
        assert sorted(house.follow(), key=lambda one: one["minute"]) == [point(0.0), point(1.0, minute=1)]

    def test_a_late_chunk_of_a_minute_that_is_over_gives_no_second_one(self, house: FilteredLogs) -> None:
        house.metric_filter("ERROR", defaultValue=0.0)
        house.put("fine")
        house.follow()
        house.clock.advance(62)
        house.follow()
        house.clock.at -= 60  # a clock that was set back
        house.put("fine")
        house.follow()
        house.clock.advance(100)
        assert house.follow() == [point(0.0)]

    def test_a_clock_that_goes_back_far_stops_no_minutes(self, house: FilteredLogs) -> None:
        house.metric_filter("ERROR", defaultValue=0.0)
        house.put("fine")
        house.follow()
        house.clock.at -= 3600
        house.put("fine")
        house.clock.advance(62)
        assert house.follow() == [point(0.0), point(0.0, minute=-60)]
        house.clock.advance(60)
        house.put("fine")
        house.clock.advance(62)
        assert house.follow() == [point(0.0), point(0.0, minute=-60), point(0.0, minute=-58)]

    def test_of_a_filter_that_is_deleted_counts_still(self, house: FilteredLogs) -> None:
        house.metric_filter("ERROR", defaultValue=0.0)
        house.put("fine")
        house.metric_filters.delete(ACCOUNT, REGION, GROUP, "f")
        assert house.follow() == [point(0.0)]
        house.clock.advance(100)
        assert house.follow() == [point(0.0)]


def test_points_and_position_are_there_together_or_not_at_all(house: FilteredLogs) -> None:
    house.metric_filter("ERROR", defaultValue=0.0)
    house.put("ERROR")
    house.points.crash = True
    for _ in range(3):
        with pytest.raises(Crash):
            house.follow()
        house.restart()
    assert house.points.all() == []
    house.points.crash = False
    assert house.follow() == [point(1.0)]
    house.restart()
    assert house.follow() == [point(1.0)]


def test_a_failure_in_the_same_process_loses_and_doubles_nothing(house: FilteredLogs) -> None:
    house.metric_filter("ERROR", defaultValue=0.0)
    house.put("fine")
    house.follow()
    house.put("ERROR")
    house.points.crash = True
    with pytest.raises(Crash):
        house.follow()
    house.points.crash = False
    house.follow()
    house.clock.advance(62)
    assert house.follow() == [point(1.0)]


def test_a_replaced_filter_still_sees_what_came_in_before(house: FilteredLogs) -> None:
    house.metric_filter("ERROR", "1")
    house.put("ERROR")
    house.metric_filter("ERROR", "10")
    house.put("ERROR")
    house.metric_filters.delete(ACCOUNT, REGION, GROUP, "f")
    house.put("ERROR")
    assert house.follow() == [point(11.0, count=2, low=1.0, high=10.0)]
    assert house.follow() == house.points.all()


def test_a_new_group_of_the_same_name_has_no_filters(house: FilteredLogs) -> None:
    house.metric_filter("ERROR")
    house.logs.control.delete_group(ACCOUNT, REGION, GROUP)
    house.group()
    house.put("ERROR")
    assert house.follow() == []
    house.metric_filter("ERROR")
    house.put("ERROR")
    assert house.follow() == [point(1.0)]


def test_groups_and_filters_are_apart(house: FilteredLogs) -> None:
    house.group("other")
    house.metric_filter("ERROR", name="a", metricName="A")
    house.metric_filter("fine", name="b", metricName="B")
    house.metric_filter("ERROR", name="a", metricName="C", group="other")
    house.put("ERROR")
    house.put("ERROR", "fine", group="other")
    assert {one["metric"]: one["sum"] for one in house.follow()} == {"N/A": 1.0, "N/C": 1.0}


def test_an_event_that_cannot_be_worked_on_holds_up_no_other(
    house: FilteredLogs, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def message(text: str) -> Message:
        if text == "odd":
            raise OverflowError("nobody thought of this")
        return Message(text)

    house.metric_filter("")
    house.subscription("")
    monkeypatch.setattr(measuring, "Message", message)
    monkeypatch.setattr(subscribing, "Message", message)
    house.put("1", "odd", "2")
    house.deliver()
    assert house.destinations.messages(LAMBDA) == ["1", "2"]
    assert [one["sum"] for one in house.follow()] == [2.0]
    assert caplog.text.count("is passed over") == 2


def test_a_hundred_chunks_and_more(house: FilteredLogs) -> None:
    house.metric_filter("x")
    for _ in range(250):
        house.put("x")
    assert sum(one["sum"] for one in house.follow()) == 250
