"""Metric filters and subscription filters as clients see them: what is kept, what is refused and why."""

from __future__ import annotations

from typing import Any

import pytest

from opentrail.monitoring.faults import (
    InvalidOperationException,
    InvalidParameterException,
    LimitExceededException,
    ResourceNotFoundException,
)
from opentrail.monitoring.filters import tested as check
from simulators.filtered_logs import ACCOUNT, GROUP, KINESIS, LAMBDA, REGION, ROLE, FilteredLogs


def names(house: FilteredLogs, **asked: Any) -> list[str]:
    return [one.name for one in house.metric_filters.list(ACCOUNT, REGION, **({"limit": 50} | asked))]


def test_a_filter_is_kept_word_for_word(house: FilteredLogs) -> None:
    pattern = '{($.eventName=  "X") ||($.eventName = Y)}'
    house.metric_filter(pattern, "$.n", unit="Bytes", dimensions={"D": "$.d"})
    (kept,) = house.metric_filters.list(ACCOUNT, REGION, log_group=GROUP, limit=50)
    assert kept.pattern == pattern
    assert (kept.transformation.unit, kept.transformation.dimensions, kept.transformation.default_value) == ("Bytes", {"D": "$.d"}, None)
    assert kept.creation_time == int(house.clock.time() * 1000)


def test_putting_again_replaces(house: FilteredLogs) -> None:
    house.metric_filter("a")
    house.clock.advance(5)
    house.metric_filter("b", defaultValue=0.0)
    (kept,) = house.metric_filters.list(ACCOUNT, REGION, limit=50)
    assert (kept.pattern, kept.transformation.default_value) == ("b", 0.0)
    assert kept.creation_time == int((house.clock.time() - 5) * 1000)


def test_describing(house: FilteredLogs) -> None:
    house.group("other")
    for name in ("b", "a-2", "a_1", "A", "a"):
        house.metric_filter("x", name=name)
    house.metric_filter("x", name="a", group="other", metricName="Z")
    assert names(house, log_group=GROUP) == ["A", "a", "a-2", "a_1", "b"]
    assert names(house, log_group=GROUP, prefix="a_") == ["a_1"]
    assert names(house) == ["A", "a", "a", "a-2", "a_1", "b"]
    assert names(house, limit=2) == ["A", "a"]
    assert names(house, after=("a", GROUP), limit=2) == ["a", "a-2"]
    assert names(house, metric=("N", "Z")) == ["a"]
    assert names(house, metric=("Other", "Z")) == []
    with pytest.raises(ResourceNotFoundException):
        names(house, log_group="none")


def test_deleting(house: FilteredLogs) -> None:
    house.metric_filter("x")
    house.metric_filters.delete(ACCOUNT, REGION, GROUP, "f")
    assert names(house) == []
    with pytest.raises(ResourceNotFoundException, match="metric filter"):
        house.metric_filters.delete(ACCOUNT, REGION, GROUP, "f")
    with pytest.raises(ResourceNotFoundException, match="log group"):
        house.metric_filters.delete(ACCOUNT, REGION, "none", "f")


@pytest.mark.parametrize(
    ("pattern", "value", "transformation", "says"),
    [
        ("{", "1", {}, "selector"),
        ("x", "one", {}, "neither a number nor a field"),
        ("x", "", {}, "neither a number nor a field"),
        ("x", "1e999", {}, "neither a number nor a field"),
        ("x", "$.n", {}, "only JSON and space-delimited patterns have fields"),
        ("[a]", "$b", {}, "no field $b"),
        ("{ $.a = 1 }", "$.a[*]", {}, "no selector of one value"),
        ("{ $.a = 1 }", "1", {"metricNamespace": "AWS/Mine"}, "AWS/"),
        ("{ $.a = 1 }", "1", {"metricName": ""}, "must not be empty"),
        ("{ $.a = 1 }", "1", {"dimensions": {"A": "$.a"}, "defaultValue": 0.0}, "mutually exclusive"),
        ("{ $.a = 1 }", "1", {"dimensions": dict.fromkeys("ABCD", "$.a")}, "at most 3 dimensions"),
        ("{ $.a = 1 }", "1", {"dimensions": {"A": "a"}}, "must be a field"),
        ("x", "1", {"dimensions": {"A": "$.a"}}, "only JSON and space-delimited patterns have fields"),
        ("x", "1", {"defaultValue": float("inf")}, "finite"),
    ],
)
def test_what_is_refused(house: FilteredLogs, pattern: str, value: str, transformation: dict[str, Any], says: str) -> None:
    with pytest.raises(InvalidParameterException) as refused:
        house.metric_filter(pattern, value, **transformation)
    assert says in refused.value.message
    assert names(house) == []


def test_limits(house: FilteredLogs) -> None:
    for number in range(100):
        house.metric_filter("%x%" if number < 4 else "x", name=f"f{number}")
    with pytest.raises(LimitExceededException, match="100 metric filters"):
        house.metric_filter("x", name="more")
    house.metric_filter("%y%", name="f0")
    house.subscription("%x%")
    with pytest.raises(LimitExceededException, match="regular expressions"):
        house.metric_filter("%x%", name="f99")
    with pytest.raises(LimitExceededException, match="regular expressions"):
        house.subscription("%x%", name="t")


def test_only_groups_that_are_there_and_standard(house: FilteredLogs) -> None:
    house.group("rare", "INFREQUENT_ACCESS")
    with pytest.raises(InvalidOperationException, match="INFREQUENT_ACCESS"):
        house.metric_filter("x", group="rare")
    with pytest.raises(InvalidOperationException, match="INFREQUENT_ACCESS"):
        house.subscription("x", group="rare")
    with pytest.raises(ResourceNotFoundException):
        house.metric_filter("x", group="none")
    with pytest.raises(ResourceNotFoundException):
        house.subscription("x", group="none")


@pytest.mark.parametrize("option", [{"applyOnTransformedLogs": True}, {"fieldSelectionCriteria": '@aws.region = "eu-west-1"'}])
def test_what_is_not_served_is_refused(house: FilteredLogs, option: dict[str, Any]) -> None:
    made = {"metricName": "M", "metricNamespace": "N", "metricValue": "1"}
    given = {"logGroupName": GROUP, "filterName": "f", "filterPattern": "x", "metricTransformations": [made]}
    with pytest.raises(InvalidParameterException, match="Leave it out"):
        house.metric_filters.put(ACCOUNT, REGION, given | option)
    with pytest.raises(InvalidParameterException, match="Leave it out"):
        house.subscription("x", **option)


def test_testing_a_filter() -> None:
    found = check('{ $.eventName = "X" || $.n > 1 }', ['{"eventName":"X"}', "no", '{"eventName":"Y"}', '{"n":2,"eventName":"Y"}'])
    assert [(one.number, one.extracted) for one in found] == [(1, {"$.eventName": "X"}), (4, {"$.eventName": "Y", "$.n": "2"})]
    with pytest.raises(InvalidParameterException):
        check("{", ["x"])


def test_a_subscription_is_kept_and_replaced(house: FilteredLogs) -> None:
    house.subscription("a", name="two", arn=KINESIS, roleArn=ROLE, distribution="Random")
    house.subscription("b", name="one")
    house.subscription("c", name="one")
    found = house.subscription_filters.list(ACCOUNT, REGION, GROUP, limit=50)
    assert [(one.name, one.pattern, one.destination_arn, one.role_arn, one.distribution) for one in found] == [
        ("one", "c", LAMBDA, None, "ByLogStream"),
        ("two", "a", KINESIS, ROLE, "Random"),
    ]
    assert [one.name for one in house.subscription_filters.list(ACCOUNT, REGION, GROUP, prefix="t", limit=50)] == ["two"]
    with pytest.raises(LimitExceededException, match="2 subscription filters"):
        house.subscription("x", name="three")
    house.subscription_filters.delete(ACCOUNT, REGION, GROUP, "one")
    with pytest.raises(ResourceNotFoundException, match="subscription filter"):
        house.subscription_filters.delete(ACCOUNT, REGION, GROUP, "one")


@pytest.mark.parametrize(
    ("arn", "further", "says"),
    [
        ("arn:aws:sqs:us-east-1:111122223333:queue", {}, "Lambda function"),
        ("arn:aws:logs:us-east-1:444455556666:destination:d", {}, "not served"),
        ("arn:aws:lambda:us-east-1:444455556666:function:f", {}, "same account and Region"),
        ("arn:aws:lambda:eu-west-1:111122223333:function:f", {}, "same account and Region"),
        (LAMBDA, {"roleArn": ROLE}, "cannot be used with roleArn"),
        (KINESIS, {}, "requires a roleArn"),
        (LAMBDA, {"distribution": "Random"}, "Kinesis"),
        (LAMBDA, {"emitSystemFields": ["@aws.account"]}, "emitSystemFields"),
    ],
)
def test_destinations_that_cannot_be(house: FilteredLogs, arn: str, further: dict[str, Any], says: str) -> None:
    with pytest.raises(InvalidParameterException) as refused:
        house.subscription("x", arn, **further)
    assert says in refused.value.message
    assert house.destinations.taken == []


def test_a_destination_that_does_not_take_its_control_message(house: FilteredLogs) -> None:
    house.destinations.trouble[LAMBDA] = ConnectionError("refused")
    with pytest.raises(InvalidParameterException, match=r"Could not deliver test message .*refused"):
        house.subscription("x")
    assert house.subscription_filters.list(ACCOUNT, REGION, GROUP, limit=50) == []
