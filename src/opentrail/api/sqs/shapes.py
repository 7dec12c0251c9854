"""Messages as SQS's API shows them, and what it asks of those that are sent."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

from opentrail.api.call import Call
from opentrail.api.sqs.reading import number, required
from opentrail.messaging.queues import Attribute, Contents, Queue, Received, Sent, contents
from opentrail.messaging.queues.attributes import NUMBERS
from opentrail.messaging.queues.faults import InvalidParameterValue

SYSTEM_ATTRIBUTES: Final = (
    "AWSTraceHeader",
    "ApproximateFirstReceiveTimestamp",
    "ApproximateReceiveCount",
    "DeadLetterQueueSourceArn",
    "MessageDeduplicationId",
    "MessageGroupId",
    "SenderId",
    "SentTimestamp",
    "SequenceNumber",
)
NOT_FOR_THIS_TYPE: Final = "The request include parameter that is not valid for this queue type"


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A message that a request wants to be sent, checked."""

    contents: Contents
    size: int
    delay: int | None
    group_id: str | None
    deduplication_id: str | None


def draft(call: Call, queue: Queue, given: Mapping[str, Any]) -> Draft:
    """The message in the parameters of SendMessage, or in an entry of SendMessageBatch. Raises what is wrong with it."""
    body = given.get("MessageBody") or ""
    contents.check_body(body)
    attributes = contents.attributes(given.get("MessageAttributes") or {})
    trace_header = contents.trace_header(given.get("MessageSystemAttributes") or {})
    size, limit = contents.size(body, attributes), queue.number("MaximumMessageSize")
    if size > limit:
        raise InvalidParameterValue(f"One or more parameters are invalid. Reason: Message must be shorter than {limit} bytes.")
    delay = number(given, "DelaySeconds", 0, NUMBERS["DelaySeconds"].high)
    group_id, deduplication_id = _tokens(queue, given, body)
    if queue.fifo and delay:
        raise InvalidParameterValue(f"Value {delay} for parameter DelaySeconds is invalid. Reason: {NOT_FOR_THIS_TYPE}.")
    return Draft(
        contents=Contents(body, call.caller.principal_id or call.caller.account_id, attributes, trace_header),
        size=size,
        delay=None if queue.fifo else delay,
        group_id=group_id,
        deduplication_id=deduplication_id,
    )


def _tokens(queue: Queue, given: Mapping[str, Any], body: str) -> tuple[str | None, str | None]:
    group_id, deduplication_id = given.get("MessageGroupId"), given.get("MessageDeduplicationId")
    if queue.fifo:
        required(given, "MessageGroupId")
    if group_id is not None:
        contents.token("MessageGroupId", group_id)
    if deduplication_id is not None:
        contents.token("MessageDeduplicationId", deduplication_id)
    if not queue.fifo and deduplication_id is not None:
        raise InvalidParameterValue(
            f"Value {deduplication_id} for parameter MessageDeduplicationId is invalid. Reason: {NOT_FOR_THIS_TYPE}."
        )
    if queue.fifo and deduplication_id is None:
        if queue.setting("ContentBasedDeduplication") != "true":
            raise InvalidParameterValue(
                "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly"
            )
        deduplication_id = hashlib.sha256(body.encode()).hexdigest()
    return group_id, deduplication_id


def sent(message: Draft, how: Sent) -> dict[str, Any]:
    """`SendMessageResult`, or the part of a batch's that says the same."""
    shown: dict[str, Any] = {"MessageId": how.message_id, "MD5OfMessageBody": contents.md5_of(message.contents.body)}
    sums = {
        "MD5OfMessageAttributes": contents.md5_of_attributes(message.contents.attributes),
        "MD5OfMessageSystemAttributes": contents.md5_of_trace_header(message.contents.trace_header),
        "SequenceNumber": how.sequence_number,
    }
    return shown | {name: value for name, value in sums.items() if value is not None}


def received(message: Received, system: Collection[str], attributes: Collection[str]) -> dict[str, Any]:
    """`Message`, with the system attributes and message attributes that were asked for."""
    said = message.contents
    shown: dict[str, Any] = {
        "MessageId": message.message_id,
        "ReceiptHandle": message.receipt_handle,
        "MD5OfBody": contents.md5_of(said.body),
        "Body": said.body,
    }
    known = {
        "AWSTraceHeader": said.trace_header,
        "ApproximateFirstReceiveTimestamp": _milliseconds(message.first_received),
        "ApproximateReceiveCount": str(message.receives),
        "DeadLetterQueueSourceArn": message.source_arn,
        "MessageDeduplicationId": message.deduplication_id,
        "MessageGroupId": message.group_id,
        "SenderId": said.sender_id,
        "SentTimestamp": _milliseconds(message.sent),
        "SequenceNumber": message.sequence_number,
    }
    wanted = {name: value for name, value in known.items() if value is not None and ("All" in system or name in system)}
    if wanted:
        shown["Attributes"] = wanted
    chosen = contents.selected(said.attributes, attributes)
    if chosen:
        shown["MessageAttributes"] = {name: _attribute(value) for name, value in chosen.items()}
        shown["MD5OfMessageAttributes"] = contents.md5_of_attributes(chosen)
    return shown


def _attribute(value: Attribute) -> dict[str, Any]:
    if value.binary is not None:
        return {"BinaryValue": value.binary, "DataType": value.data_type}
    return {"StringValue": value.text, "DataType": value.data_type}


def _milliseconds(at: float) -> str:
    return str(int(at * 1000))
