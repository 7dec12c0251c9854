"""When a delivery is tried again, and what delivery policies can say about it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opentrail.messaging.topics import retrying
from opentrail.messaging.topics.faults import InvalidParameterException
from opentrail.messaging.topics.retrying import MAIL, QUEUE, RetryPolicy


def delays(policy: RetryPolicy) -> list[float]:
    found, number = [], 1
    while (delay := policy.delay(number)) is not None:
        found.append(delay)
        number += 1
    return found


def test_http_is_tried_three_more_times_twenty_seconds_apart() -> None:
    assert delays(RetryPolicy()) == [20, 20, 20]


def test_the_phases_come_one_after_the_other() -> None:
    policy = RetryPolicy(
        minDelayTarget=10, maxDelayTarget=40, numRetries=9, numNoDelayRetries=2, numMinDelayRetries=1, numMaxDelayRetries=2
    )
    assert delays(policy) == [0, 0, 10, 10, 20, 30, 40, 40, 40]


@pytest.mark.parametrize("function", ["linear", "arithmetic", "geometric", "exponential"])
def test_backoff_grows_from_the_shortest_to_the_longest_delay(function: str) -> None:
    found = delays(RetryPolicy(minDelayTarget=5, maxDelayTarget=100, numRetries=10, backoffFunction=function))
    assert found == sorted(found)
    assert (found[0], found[-1]) == (5, 100)


def test_queues_are_tried_for_23_days_and_mail_for_six_hours() -> None:
    assert 22 < sum(delays(QUEUE)) / 86_400 < 24
    assert 6 < sum(delays(MAIL)) / 3600 < 8
    assert (len(delays(QUEUE)), len(delays(MAIL))) == (100_015, 50)


def test_the_subscription_decides_unless_the_topic_forbids_it() -> None:
    topic = {"http": {"defaultHealthyRetryPolicy": {"numRetries": 7}, "defaultRequestPolicy": {"headerContentType": "application/json"}}}
    own = json.dumps({"healthyRetryPolicy": {"numRetries": 1}, "throttlePolicy": {"maxReceivesPerSecond": 2}})
    found = retrying.effective(json.dumps(topic), own)
    assert (found.retry.numRetries, found.per_second, found.content_type) == (1, 2, "application/json")
    topic["http"]["disableSubscriptionOverrides"] = True  # type: ignore[assignment]
    found = retrying.effective(json.dumps(topic), own)
    assert (found.retry.numRetries, found.per_second) == (7, None)
    assert json.loads(retrying.shown_for_topic(json.dumps(topic)))["http"]["disableSubscriptionOverrides"] is True
    assert json.loads(retrying.shown_for_subscription(None, own))["healthyRetryPolicy"]["numRetries"] == 1


@pytest.mark.parametrize(
    ("policy", "says"),
    [
        ("nope", "parse"),
        ([], "object"),
        ({"https": {}}, "Unexpected JSON member"),
        ({"http": []}, "http must be an object"),
        ({"http": {"defaultHealthyRetryPolicy": {"numRetries": 101}}}, "numRetries"),
        ({"http": {"defaultHealthyRetryPolicy": {"numRetries": True}}}, "numRetries"),
        ({"http": {"defaultHealthyRetryPolicy": {"minDelayTarget": 30}}}, "minDelayTarget must not be greater"),
        ({"http": {"defaultHealthyRetryPolicy": {"numMinDelayRetries": 4}}}, "at least the sum"),
        ({"http": {"defaultHealthyRetryPolicy": {"maxDelayTarget": 3600, "numRetries": 100}}}, "3600 seconds together"),
        ({"http": {"defaultHealthyRetryPolicy": {"backoffFunction": "wild"}}}, "backoffFunction"),
        ({"http": {"defaultThrottlePolicy": {"maxReceivesPerSecond": 0}}}, "maxReceivesPerSecond"),
        ({"http": {"defaultRequestPolicy": {"headerContentType": "text/plain\r\nx: y"}}}, "headerContentType"),
        ({"http": {"defaultRequestPolicy": {"headerContentType": "image/png"}}}, "headerContentType"),
        ({"http": {"disableSubscriptionOverrides": 1}}, "boolean"),
    ],
)
def test_what_is_no_delivery_policy_is_refused_with_the_reason(policy: Any, says: str) -> None:
    with pytest.raises(InvalidParameterException) as fault:
        retrying.check_topic(policy if isinstance(policy, str) else json.dumps(policy))
    assert says in fault.value.message


counts = st.integers(0, 6)


@given(least=st.integers(1, 60), more=st.integers(0, 60), none=counts, short=counts, between=counts, long=counts)
def test_every_policy_ends_and_its_delays_never_shrink(least: int, more: int, none: int, short: int, between: int, long: int) -> None:
    policy = RetryPolicy(
        minDelayTarget=least,
        maxDelayTarget=least + more,
        numRetries=none + short + between + long,
        numNoDelayRetries=none,
        numMinDelayRetries=short,
        numMaxDelayRetries=long,
    )
    found = delays(policy)
    assert len(found) == policy.numRetries
    assert found == sorted(found)
    assert all(delay == 0 or least <= delay <= least + more for delay in found)
