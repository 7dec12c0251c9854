"""Attributes of queues: bounds, names, how they hang together."""

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opentrail.messaging.queues import attributes
from opentrail.messaging.queues.faults import InvalidAttributeName, InvalidAttributeValue, InvalidParameterValue
from opentrail.messaging.queues.redrive import allows
from opentrail.wire.faults import Fault
from simulators.queues import MODEL, policy

ARN = "arn:aws:sqs:us-east-1:123456789012:dead"


def test_every_attribute_of_the_model_is_known() -> None:
    assert set(MODEL.shape_for("QueueAttributeName").enum) == attributes.NAMES


@pytest.mark.parametrize("name", attributes.NUMBERS)
def test_numbers_have_bounds(name: str) -> None:
    number = attributes.NUMBERS[name]
    for value in (number.low, number.high, number.default):
        assert attributes.checked({name: str(value)}, fifo=False) == {name: str(value)}
    for text in (str(number.low - 1), str(number.high + 1), "", "x", "1.5", "-0", "\u0661", "9" * 5000):
        with pytest.raises(InvalidAttributeValue, match=name):
            attributes.checked({name: text}, fifo=False)


@pytest.mark.parametrize("name", [*attributes.FIFO_ONLY, "QueueArn", "CreatedTimestamp", "Nonsense", "All"])
def test_what_a_standard_queue_does_not_have_cannot_be_set(name: str) -> None:
    with pytest.raises(InvalidAttributeName, match=name):
        attributes.checked({name: "true"}, fifo=False)


def test_one_kind_of_encryption_takes_the_place_of_the_other() -> None:
    assert attributes.merged({}, {"KmsMasterKeyId": "alias/aws/sqs"})["SqsManagedSseEnabled"] == "false"
    assert attributes.merged({"KmsMasterKeyId": "k"}, {"SqsManagedSseEnabled": "true"}) == {"SqsManagedSseEnabled": "true"}
    with pytest.raises(InvalidAttributeValue, match="one type"):
        attributes.merged({}, {"KmsMasterKeyId": "k", "SqsManagedSseEnabled": "true"})


def test_the_empty_text_takes_an_attribute_away() -> None:
    given = attributes.checked({"Policy": "", "RedrivePolicy": " ", "KmsMasterKeyId": ""}, fifo=False)
    assert attributes.merged({"Policy": "p", "RedrivePolicy": "r", "KmsMasterKeyId": "k", "DelaySeconds": "1"}, given) == {
        "DelaySeconds": "1"
    }


def test_a_throughput_limit_by_group_needs_deduplication_by_group() -> None:
    with pytest.raises(InvalidAttributeValue):
        attributes.merged({}, {"FifoThroughputLimit": "perMessageGroupId"})
    attributes.merged({"DeduplicationScope": "messageGroup"}, {"FifoThroughputLimit": "perMessageGroupId"})


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        "{}",
        json.dumps({"maxReceiveCount": 3}),
        json.dumps({"deadLetterTargetArn": "x", "maxReceiveCount": 3}),
        json.dumps({"deadLetterTargetArn": ARN, "maxReceiveCount": 0}),
        json.dumps({"deadLetterTargetArn": ARN, "maxReceiveCount": 1001}),
        json.dumps({"deadLetterTargetArn": ARN, "maxReceiveCount": True}),
        json.dumps({"deadLetterTargetArn": ARN, "maxReceiveCount": 3, "more": 1}),
        "[" * 100_000,
    ],
)
def test_a_bad_redrive_policy_is_refused(text: str) -> None:
    with pytest.raises(InvalidParameterValue, match="RedrivePolicy"):
        attributes.checked({"RedrivePolicy": text}, fifo=False)


def test_a_redrive_allow_policy_says_whose_dead_letters_are_taken() -> None:
    by_queue = json.dumps({"redrivePermission": "byQueue", "sourceQueueArns": [ARN]})
    assert allows(None, ARN)
    assert allows('{"redrivePermission":"allowAll"}', ARN)
    assert not allows('{"redrivePermission":"denyAll"}', ARN)
    assert allows(by_queue, ARN)
    assert not allows(by_queue, ARN + "2")
    for bad in (
        "{}",
        '{"redrivePermission":"x"}',
        '{"redrivePermission":"byQueue"}',
        '{"redrivePermission":"denyAll","sourceQueueArns":["a"]}',
    ):
        with pytest.raises(InvalidParameterValue):
            attributes.checked({"RedriveAllowPolicy": bad}, fifo=False)


def test_a_policy_must_be_one() -> None:
    good = policy({"Principal": "*", "Action": "SQS:*"})
    assert attributes.checked({"Policy": good}, fifo=False) == {"Policy": good}
    for bad in ("{", "{}", policy({"Action": "SQS:*"}), policy(*[{"Principal": "*", "Action": "SQS:*"}] * 21), good + " " * 70_000):
        with pytest.raises(InvalidAttributeValue, match="Policy"):
            attributes.checked({"Policy": bad}, fifo=False)


@given(st.dictionaries(st.sampled_from(sorted(attributes.NAMES)) | st.text(max_size=5), st.text(max_size=40), max_size=4), st.booleans())
def test_anything_is_taken_or_refused_by_a_fault(given: dict[str, str], fifo: bool) -> None:
    with contextlib.suppress(Fault):
        attributes.merged({}, attributes.checked(given, fifo=fifo))
