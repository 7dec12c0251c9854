"""Queues themselves: CreateQueue to PurgeQueue, attributes, permissions, tags."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from opentrail.api.call import Call, Result
from opentrail.api.sqs.reading import MAX_PAGE, Operation, number, place_of, required, url_of
from opentrail.messaging.queues import Place, Queue, Queues, attributes, permissions
from opentrail.messaging.queues.faults import InvalidAttributeName, InvalidParameterValue

_COUNTS = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible", "ApproximateNumberOfMessagesDelayed")


class QueueOperations:
    """One handler for each operation on queues."""

    def __init__(self, queues: Queues) -> None:
        self._queues = queues
        self._control = queues.control
        self.operations: Mapping[str, Operation] = {
            "CreateQueue": self.create_queue,
            "DeleteQueue": self.delete_queue,
            "GetQueueUrl": self.get_queue_url,
            "ListQueues": self.list_queues,
            "ListDeadLetterSourceQueues": self.list_dead_letter_source_queues,
            "GetQueueAttributes": self.get_queue_attributes,
            "SetQueueAttributes": self.set_queue_attributes,
            "PurgeQueue": self.purge_queue,
            "AddPermission": self.add_permission,
            "RemovePermission": self.remove_permission,
            "TagQueue": self.tag_queue,
            "UntagQueue": self.untag_queue,
            "ListQueueTags": self.list_queue_tags,
        }

    def create_queue(self, call: Call) -> Result:
        given = call.parameters
        place = Place(account_id=call.account_id, region=call.region, name=given["QueueName"])
        self._control.create(place, given.get("Attributes") or {}, given.get("tags") or {})
        return {"QueueUrl": url_of(call, place.account_id, place.name)}

    def delete_queue(self, call: Call) -> None:
        self._control.delete(self._queue(call))

    def get_queue_url(self, call: Call) -> Result:
        given = call.parameters
        owner = given.get("QueueOwnerAWSAccountId") or call.account_id
        found = self._control.get(Place(account_id=owner, region=call.region, name=given["QueueName"]))
        return {"QueueUrl": url_of(call, found.place.account_id, found.place.name)}

    def list_queues(self, call: Call) -> Result:
        prefix = call.parameters.get("QueueNamePrefix") or ""

        def read(after: str, limit: int) -> Sequence[str]:
            return self._control.list(call.account_id, call.region, prefix=prefix, after=after, limit=limit)

        return _page(call, "QueueUrls", call.account_id, read)

    def list_dead_letter_source_queues(self, call: Call) -> Result:
        queue = self._queue(call)

        def read(after: str, limit: int) -> Sequence[str]:
            return self._control.sources(queue, after=after, limit=limit)

        return {"queueUrls": [], **_page(call, "queueUrls", queue.place.account_id, read)}

    def get_queue_attributes(self, call: Call) -> Result:
        asked = call.parameters.get("AttributeNames") or ()
        for name in asked:
            if name not in attributes.NAMES:
                raise InvalidAttributeName(f"Unknown Attribute {name[:100]}.")
        known = self._shown(self._queue(call), asked)
        found = known if "All" in asked else {name: value for name, value in known.items() if name in asked}
        return {"Attributes": found} if found else {}

    def set_queue_attributes(self, call: Call) -> None:
        required(call.parameters, "Attributes")
        for name in call.parameters["Attributes"]:
            if name in attributes.COMPUTED:
                raise InvalidAttributeName(f"Unknown Attribute {name}.")
        self._control.set(self._queue(call), call.parameters["Attributes"])

    def purge_queue(self, call: Call) -> None:
        self._control.purge(self._queue(call))

    def add_permission(self, call: Call) -> None:
        given = call.parameters
        required(given, "Label", "AWSAccountIds", "Actions")
        queue = self._queue(call)
        self._control.set_policy(
            queue, lambda policy: permissions.added(policy, queue.arn, given["Label"], given["AWSAccountIds"], given["Actions"])
        )

    def remove_permission(self, call: Call) -> None:
        required(call.parameters, "Label")
        queue = self._queue(call)
        self._control.set_policy(queue, lambda policy: permissions.removed(policy, queue.arn, call.parameters["Label"]))

    def tag_queue(self, call: Call) -> None:
        required(call.parameters, "Tags")
        self._control.tag(self._queue(call), call.parameters["Tags"])

    def untag_queue(self, call: Call) -> None:
        required(call.parameters, "TagKeys")
        self._control.untag(self._queue(call), call.parameters["TagKeys"])

    def list_queue_tags(self, call: Call) -> Result:
        tags = self._queue(call).tags
        return {"Tags": dict(tags)} if tags else {}

    def _queue(self, call: Call) -> Queue:
        return self._control.get(place_of(call))

    def _shown(self, queue: Queue, asked: Sequence[str]) -> dict[str, str]:
        """The attributes of a queue as GetQueueAttributes shows them; messages are counted only when somebody asks."""
        encrypted = queue.key is not None
        names = [name for name in attributes.NUMBERS if encrypted or name != "KmsDataKeyReusePeriodSeconds"]
        shown = {
            "QueueArn": queue.arn,
            "CreatedTimestamp": str(int(queue.created)),
            "LastModifiedTimestamp": str(int(queue.modified)),
            **{name: queue.setting(name) for name in (*names, "SqsManagedSseEnabled")},
            **{
                name: queue.settings[name]
                for name in ("KmsMasterKeyId", "Policy", "RedriveAllowPolicy", "RedrivePolicy")
                if name in queue.settings
            },
        }
        if queue.fifo:
            shown |= {"FifoQueue": "true", **{name: queue.setting(name) for name in attributes.FIFO_ONLY}}
        if "All" in asked or not set(_COUNTS).isdisjoint(asked):
            counts = self._control.counts(queue)
            shown |= dict(zip(_COUNTS, map(str, (counts.visible, counts.in_flight, counts.delayed)), strict=True))
        return shown


def _page(call: Call, member: str, account_id: str, read: Callable[[str, int], Sequence[str]]) -> dict[str, Any]:
    """One page of queue URLs. A token is the name of the last queue of the page before; there is one only where `MaxResults` was given."""
    limit, token = number(call.parameters, "MaxResults", 1, MAX_PAGE), call.parameters.get("NextToken")
    names = list(read("" if not token else _read_token(token), (limit or MAX_PAGE) + 1))
    shown = names[: limit or MAX_PAGE]
    found: dict[str, Any] = {member: [url_of(call, account_id, name) for name in shown]} if shown else {}
    if limit is not None and len(names) > len(shown):
        found["NextToken"] = base64.urlsafe_b64encode(shown[-1].encode()).decode()
    return found


def _read_token(token: str) -> str:
    try:
        return base64.b64decode(token.encode(), altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        raise InvalidParameterValue("Invalid or expired next token.") from None
