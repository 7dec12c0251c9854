"""Publish and PublishBatch."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from opentrail.api.call import Call, Handler, Result
from opentrail.messaging.topics import Notifications
from opentrail.messaging.topics.encryption import check_key
from opentrail.messaging.topics.faults import (
    BatchEntryIdsNotDistinctException,
    BatchRequestTooLongException,
    EmptyBatchRequestException,
    InvalidBatchEntryIdException,
    TooManyEntriesInBatchRequestException,
)
from opentrail.messaging.topics.messages import MAX_SIZE, Draft, draft
from opentrail.messaging.topics.neighbours import Keys
from opentrail.messaging.topics.values import Topic
from opentrail.wire.faults import Fault

MOST_ENTRIES: Final = 10
_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,80}")


class PublishOperations:
    """One handler for each operation that publishes."""

    def __init__(self, messages: Notifications, keys: Keys) -> None:
        self._topics = messages.topics
        self._publishing = messages.publishing
        self._keys = keys
        self.operations: Mapping[str, Handler] = {"Publish": self.publish, "PublishBatch": self.publish_batch}

    def publish(self, call: Call) -> Result:
        topic = self._topic(call, published_to(call))
        wanted = draft(call.parameters, _limit(topic))
        return {"MessageId": self._publishing.publish(topic.arn, [wanted])[0]}

    def publish_batch(self, call: Call) -> Result:
        entries = call.parameters["PublishBatchRequestEntries"]
        _check_batch(entries)
        topic = self._topic(call, call.parameters["TopicArn"])
        wanted: dict[str, Draft] = {}
        failed: list[dict[str, Any]] = []
        for entry in entries:
            try:
                wanted[entry["Id"]] = draft(entry, _limit(topic))
            except Fault as fault:
                failed.append({"Id": entry["Id"], "Code": fault.code, "Message": fault.message, "SenderFault": fault.sender})
        if sum(one.size for one in wanted.values()) > _limit(topic):
            raise BatchRequestTooLongException
        ids = self._publishing.publish(topic.arn, list(wanted.values()))
        done = [{"Id": entry_id, "MessageId": message_id} for entry_id, message_id in zip(wanted, ids, strict=True)]
        return {"Successful": done, "Failed": failed}

    def _topic(self, call: Call, arn: str) -> Topic:
        """The topic, whose key lets the caller in. Raises `NotFound`, and the faults of a key."""
        topic = self._topics.get(arn)
        check_key(self._keys, topic, call.caller, account_id=call.caller.account_id, via="sns")
        return topic


def published_to(call: Call) -> str:
    """The topic that Publish names, by either of two members."""
    return str(call.parameters.get("TopicArn") or call.parameters.get("TargetArn") or "")


def _limit(topic: Topic) -> int:
    return int(topic.attributes.get("MaximumMessageSize", MAX_SIZE))


def _check_batch(entries: Sequence[Mapping[str, Any]]) -> None:
    if not entries:
        raise EmptyBatchRequestException
    if len(entries) > MOST_ENTRIES:
        raise TooManyEntriesInBatchRequestException(f"The batch request contains {len(entries)} entries; {MOST_ENTRIES} are allowed.")
    ids = [entry["Id"] for entry in entries]
    if not all(_ID.fullmatch(one) for one in ids):
        raise InvalidBatchEntryIdException("The Id of a batch entry has 1 to 80 characters A-Z, a-z, 0-9, hyphen and underscore.")
    if len(set(ids)) != len(ids):
        raise BatchEntryIdsNotDistinctException
