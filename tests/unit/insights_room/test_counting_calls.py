"""What counts as a call and as an error, and who it is counted for."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opentrail.insights import sketches
from opentrail.insights.counts import Counts, Tally
from opentrail.insights.values import Series
from opentrail.journal import Entry
from simulators.insight_sources import DELETE_ROLE, CallJournal, OneTrail

NOON = 1_767_614_400.0


def counted(**members: Any) -> dict[Series, Tally]:
    """What one call counts for."""
    journal, counts = CallJournal(), Counts(OneTrail())
    journal.call(NOON, **members)
    counts.take(journal.entries)
    counts.settle()
    return counts.open.get(int(NOON) // 60, {})


ERROR = DELETE_ROLE._replace(error_code="AccessDenied")


@pytest.mark.parametrize(
    ("members", "series"),
    [
        ({}, {DELETE_ROLE}),
        ({"errorCode": "AccessDenied"}, {DELETE_ROLE, ERROR}),
        ({"readOnly": True}, set()),
        ({"readOnly": True, "errorCode": "AccessDenied"}, {ERROR}),
        ({"eventType": "AwsServiceEvent"}, set()),
        ({"eventCategory": "Insight"}, set()),
        ({"eventCategory": "NetworkActivity"}, set()),
        ({"eventTime": "yesterday"}, set()),
    ],
)
def test_writes_are_calls_and_every_error_is_one(members: dict[str, Any], series: set[Series]) -> None:
    assert set(counted(**members)) == series


def test_reads_of_data_count_as_calls_too() -> None:
    (series,) = counted(eventCategory="Data", readOnly=True)
    assert (series.category, series.insight_source) == ("Data", series.scope)


@pytest.mark.parametrize(
    ("identity", "name"),
    [
        ({"arn": "arn:aws:sts::111122223333:assumed-role/Deployer/monday"}, "arn:aws:sts::111122223333:assumed-role/Deployer"),
        ({"arn": "arn:aws:sts::111122223333:assumed-role/Deployer"}, "arn:aws:sts::111122223333:assumed-role/Deployer"),
        ({"arn": "arn:aws:iam::111122223333:user/anna"}, "arn:aws:iam::111122223333:user/anna"),
        ({"type": "AWSService", "invokedBy": "autoscaling.amazonaws.com"}, "autoscaling.amazonaws.com"),
        ({}, "null"),
        (None, "null"),
    ],
)
def test_callers_have_no_session_names(identity: Any, name: str) -> None:
    assert list(counted(userIdentity=identity)[DELETE_ROLE].by.callers) == [name]


def test_what_is_absent_is_the_text_null() -> None:
    by = counted(userAgent=None)[DELETE_ROLE].by
    assert (by.agents, by.codes) == ({"null": 1}, {"null": 1})


def test_what_is_no_record_is_passed_over() -> None:
    counts = Counts(OneTrail())
    counts.take([Entry(1, b"{"), Entry(2, b"[]")])
    counts.settle()
    assert counts.open == {}


@given(st.lists(st.sampled_from("abcdefghijklmnopqrstuvwxyz"), max_size=300))
def test_a_sketch_is_small_and_misses_no_call(values: list[str]) -> None:
    sketch: dict[str, int] = {}
    for value in values:
        sketches.add(sketch, value)
    assert len(sketch) <= sketches.IN_MINUTE
    assert sum(sketch.values()) == len(values)
    for value in set(values):
        if values.count(value) > len(values) / sketches.IN_MINUTE:
            assert sketch[value] >= values.count(value)


def test_shares_add_up_to_the_average() -> None:
    assert sketches.shares({"a": 1, "b": 3}, 8.0) == [{"value": "b", "average": 6.0}, {"value": "a", "average": 2.0}]
    assert sketches.shares({}, 8.0) == []
    assert len(sketches.shares(dict.fromkeys("abcdefg", 1), 7.0)) == 5
