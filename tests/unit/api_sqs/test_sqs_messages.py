"""SQS's operations on messages, as a client sees them."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from opentrail.wire.faults import Fault
from simulators.queues import ACCOUNT, QueueHouse, SqsCaller

STRING = {"DataType": "String", "StringValue": "x"}


@pytest.fixture
def sqs(house: QueueHouse) -> SqsCaller:
    return SqsCaller(house)


def test_a_message_is_sent_received_and_deleted(sqs: SqsCaller, house: QueueHouse) -> None:
    url = sqs.queue()
    sent = sqs(
        "SendMessage",
        QueueUrl=url,
        MessageBody="hello",
        MessageAttributes={"a": STRING, "b": {"DataType": "Binary", "BinaryValue": b"\0"}},
        MessageSystemAttributes={"AWSTraceHeader": {"DataType": "String", "StringValue": "Root=1"}},
        MessageGroupId="tenant",
    )
    assert set(sent) == {"MessageId", "MD5OfMessageBody", "MD5OfMessageAttributes", "MD5OfMessageSystemAttributes"}
    assert sent["MD5OfMessageBody"] == "5d41402abc4b2a76b9719d911017c592"
    house.clock.advance(2)
    (message,) = sqs.receive(url, MessageAttributeNames=["All"], MessageSystemAttributeNames=["All"])
    handle = message.pop("ReceiptHandle")
    assert message == {
        "MessageId": sent["MessageId"],
        "MD5OfBody": sent["MD5OfMessageBody"],
        "Body": "hello",
        "Attributes": {
            "SenderId": ACCOUNT,
            "SentTimestamp": "1767607872000",
            "ApproximateReceiveCount": "1",
            "ApproximateFirstReceiveTimestamp": "1767607874000",
            "AWSTraceHeader": "Root=1",
            "MessageGroupId": "tenant",
        },
        "MessageAttributes": {"a": {"DataType": "String", "StringValue": "x"}, "b": {"DataType": "Binary", "BinaryValue": b"\0"}},
        "MD5OfMessageAttributes": sent["MD5OfMessageAttributes"],
    }
    assert sqs.receive(url) == []
    sqs("DeleteMessage", QueueUrl=url, ReceiptHandle=handle)
    sqs("DeleteMessage", QueueUrl=url, ReceiptHandle=handle)
    house.clock.advance(31)
    assert sqs.receive(url) == []


def test_only_what_is_asked_for_is_shown(sqs: SqsCaller) -> None:
    url = sqs.queue()
    sqs("SendMessage", QueueUrl=url, MessageBody="x", MessageAttributes={"a": STRING})
    (message,) = sqs.receive(url, VisibilityTimeout=0)
    assert set(message) == {"MessageId", "MD5OfBody", "Body", "ReceiptHandle"}
    (message,) = sqs.receive(url, VisibilityTimeout=0, AttributeNames=["ApproximateReceiveCount"], MessageAttributeNames=["b"])
    assert message["Attributes"] == {"ApproximateReceiveCount": "2"}
    assert "MessageAttributes" not in message


@pytest.mark.parametrize(
    ("code", "more"),
    [
        ("MissingParameter", {"MessageBody": ""}),
        ("InvalidMessageContents", {"MessageBody": "\0"}),
        ("InvalidParameterValue", {"MessageBody": "x" * 1025}),
        ("InvalidParameterValue", {"MessageBody": "\ud800"}),
        ("InvalidParameterValue", {"DelaySeconds": 901}),
        ("InvalidParameterValue", {"DelaySeconds": -1}),
        ("InvalidParameterValue", {"MessageDeduplicationId": "x"}),
        ("InvalidParameterValue", {"MessageGroupId": "a b"}),
        ("InvalidParameterValue", {"MessageAttributes": {"a": {"DataType": "x"}}}),
        ("UnsupportedOperation", {"MessageAttributes": {"a": {"DataType": "String", "StringListValues": ["x"]}}}),
        ("InvalidParameterValue", {"MessageSystemAttributes": {"a": STRING}}),
    ],
)
def test_bad_messages_are_refused_and_not_kept(sqs: SqsCaller, code: str, more: dict[str, Any]) -> None:
    url = sqs.queue(MaximumMessageSize="1024")
    sqs.refused(code, "SendMessage", **{"QueueUrl": url, "MessageBody": "x", **more})
    assert sqs.receive(url) == []


@pytest.mark.parametrize(
    ("code", "more"),
    [
        ("InvalidParameterValue", {"MaxNumberOfMessages": 0}),
        ("InvalidParameterValue", {"MaxNumberOfMessages": 11}),
        ("InvalidParameterValue", {"WaitTimeSeconds": 21}),
        ("InvalidParameterValue", {"WaitTimeSeconds": -1}),
        ("InvalidParameterValue", {"VisibilityTimeout": 43201}),
        ("InvalidParameterValue", {"ReceiveRequestAttemptId": "x"}),
        ("InvalidAttributeName", {"AttributeNames": ["Nonsense"]}),
        ("InvalidAttributeName", {"MessageSystemAttributeNames": ["Nonsense"]}),
    ],
)
def test_bad_receives_are_refused(sqs: SqsCaller, code: str, more: dict[str, Any]) -> None:
    url = sqs.queue()
    sqs("SendMessage", QueueUrl=url, MessageBody="x")
    sqs.refused(code, "ReceiveMessage", QueueUrl=url, **more)
    assert len(sqs.receive(url)) == 1


def test_a_fifo_queue_asks_for_group_and_deduplication(sqs: SqsCaller) -> None:
    url = sqs.queue("work.fifo", FifoQueue="true")
    message = {"QueueUrl": url, "MessageBody": "x", "MessageGroupId": "g", "MessageDeduplicationId": "d"}
    sent = sqs("SendMessage", **message)
    assert len(sent["SequenceNumber"]) == 20
    assert sqs("SendMessage", **message) == sent
    assert "MessageGroupId" in sqs.refused("MissingParameter", "SendMessage", QueueUrl=url, MessageBody="x", MessageDeduplicationId="d")
    sqs.refused("InvalidParameterValue", "SendMessage", QueueUrl=url, MessageBody="x", MessageGroupId="g")
    sqs.refused("InvalidParameterValue", "SendMessage", **message, DelaySeconds=5)
    sqs("SetQueueAttributes", QueueUrl=url, Attributes={"ContentBasedDeduplication": "true"})
    sqs("SendMessage", QueueUrl=url, MessageBody="y", MessageGroupId="g")
    found = sqs.receive(url, AttributeNames=["All"], ReceiveRequestAttemptId="a")
    assert [item["Body"] for item in found] == ["x", "y"]
    assert found == sqs.receive(url, AttributeNames=["All"], ReceiveRequestAttemptId="a")
    assert found[1]["Attributes"]["MessageDeduplicationId"] == "a1fce4363854ff888cff4b8e7875d600c2682390412a8cf79b37d0b11148b0fa"


def test_a_batch_is_sent_as_far_as_it_can_be(sqs: SqsCaller) -> None:
    url = sqs.queue()
    entries = [{"Id": "one", "MessageBody": "1"}, {"Id": "bad", "MessageBody": ""}, {"Id": "two", "MessageBody": "2", "DelaySeconds": 9}]
    found = sqs("SendMessageBatch", QueueUrl=url, Entries=entries)
    assert [entry["Id"] for entry in found["Successful"]] == ["one", "two"]
    assert [(entry["Id"], entry["Code"], entry["SenderFault"]) for entry in found["Failed"]] == [("bad", "MissingParameter", True)]
    (message,) = sqs.receive(url)
    handle = message["ReceiptHandle"]
    found = sqs(
        "ChangeMessageVisibilityBatch",
        QueueUrl=url,
        Entries=[
            {"Id": "a", "ReceiptHandle": handle, "VisibilityTimeout": 0},
            {"Id": "b", "ReceiptHandle": "nonsense", "VisibilityTimeout": 0},
            {"Id": "c", "ReceiptHandle": handle, "VisibilityTimeout": 99999},
            {"Id": "d", "ReceiptHandle": handle, "VisibilityTimeout": 10},
            {"Id": "e", "ReceiptHandle": handle},
        ],
    )
    assert found["Successful"] == [{"Id": "a"}]
    assert {entry["Id"]: entry["Code"] for entry in found["Failed"]} == {
        "b": "ReceiptHandleIsInvalid",
        "c": "InvalidParameterValue",
        "d": "MessageNotInflight",
        "e": "MissingParameter",
    }
    (message,) = sqs.receive(url)
    entries = [{"Id": "a", "ReceiptHandle": message["ReceiptHandle"]}, {"Id": "b", "ReceiptHandle": "x"}, {"Id": "c"}]
    found = sqs("DeleteMessageBatch", QueueUrl=url, Entries=entries)
    assert found["Successful"] == [{"Id": "a"}]
    assert [entry["Id"] for entry in found["Failed"]] == ["c", "b"]


@pytest.mark.parametrize("operation", ["SendMessageBatch", "DeleteMessageBatch", "ChangeMessageVisibilityBatch"])
def test_batches_have_one_to_ten_entries_with_ids_of_their_own(sqs: SqsCaller, operation: str) -> None:
    url = sqs.queue()
    for code, names in (
        ("EmptyBatchRequest", []),
        ("TooManyEntriesInBatchRequest", [f"e{number}" for number in range(11)]),
        ("BatchEntryIdsNotDistinct", ["a", "b", "a"]),
        ("InvalidBatchEntryId", ["a b"]),
        ("InvalidBatchEntryId", [""]),
        ("InvalidBatchEntryId", ["a" * 81]),
    ):
        entries = [{"Id": name, "MessageBody": "x", "ReceiptHandle": "x", "VisibilityTimeout": 1} for name in names]
        sqs.refused(code, operation, QueueUrl=url, Entries=entries)


def test_a_batch_is_a_mebibyte_at_most(sqs: SqsCaller) -> None:
    url = sqs.queue()
    half = "x" * (512 << 10)
    entries = [{"Id": "a", "MessageBody": half}, {"Id": "b", "MessageBody": half}]
    assert len(sqs("SendMessageBatch", QueueUrl=url, Entries=entries)["Successful"]) == 2
    entries.append({"Id": "c", "MessageBody": "x"})
    sqs.refused("BatchRequestTooLong", "SendMessageBatch", QueueUrl=url, Entries=entries)


def test_receipts_that_are_none(sqs: SqsCaller) -> None:
    url, other = sqs.queue(), sqs.queue("other")
    sqs("SendMessage", QueueUrl=other, MessageBody="x")
    (message,) = sqs.receive(other)
    for handle in ("x", message["ReceiptHandle"], "é" * 48, "A" * 48):
        sqs.refused("ReceiptHandleIsInvalid", "DeleteMessage", QueueUrl=url, ReceiptHandle=handle)
        sqs.refused("ReceiptHandleIsInvalid", "ChangeMessageVisibility", QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=1)
    sqs.refused("MissingParameter", "DeleteMessage", QueueUrl=url)
    sqs("DeleteMessage", QueueUrl=other, ReceiptHandle=message["ReceiptHandle"])
    change = {"QueueUrl": other, "ReceiptHandle": message["ReceiptHandle"], "VisibilityTimeout": 1}
    sqs.refused("InvalidParameterValue", "ChangeMessageVisibility", **change)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    operation=st.sampled_from(["SendMessage", "ReceiveMessage", "DeleteMessage", "ChangeMessageVisibility", "GetQueueAttributes"]),
    url=st.text(max_size=40) | st.just("work") | st.just(f"http://h/{ACCOUNT}/work"),
    handle=st.text(max_size=60),
)
def test_no_url_or_handle_makes_anything_but_a_fault(sqs: SqsCaller, operation: str, url: str, handle: str) -> None:
    sqs.queue()
    members = {"QueueUrl": url, "MessageBody": "x", "ReceiptHandle": handle, "VisibilityTimeout": 1, "AttributeNames": ["All"]}
    known = {name: value for name, value in members.items() if name in sqs.service_members(operation)}
    with contextlib.suppress(Fault):
        sqs(operation, **known)
