"""Which permission each operation takes (service authorization reference, "Amazon SQS"): action, queue with its policy, conditions.

A queue of another account is spoken of only to those who may use it: whoever may not is told the same, whether it exists or not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from opentrail.api.call import Call, Need
from opentrail.api.sqs.reading import place_of, required
from opentrail.messaging.queues import Place, Queue, Queues, names
from opentrail.messaging.queues.faults import QueueDoesNotExist, ResourceNotFoundException
from opentrail.messaging.queues.moves import source_of

NOBODY: Final = '{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":"*","Resource":"*"}]}'
"""The policy of a queue that is not there."""

ACTIONS: Final[Mapping[str, str]] = {
    # operation → action, where they are not called alike
    "ChangeMessageVisibilityBatch": "ChangeMessageVisibility",
    "DeleteMessageBatch": "DeleteMessage",
    "SendMessageBatch": "SendMessage",
}

ACROSS_ACCOUNTS: Final = frozenset(
    {
        "ChangeMessageVisibility",
        "DeleteMessage",
        "GetQueueAttributes",
        "GetQueueUrl",
        "ListDeadLetterSourceQueues",
        "PurgeQueue",
        "ReceiveMessage",
        "SendMessage",
    }
)
"""Actions that a queue policy can let other accounts do; each of the others says "Cross-account permissions don't apply"."""


class Needs:
    """Works out the needs of calls; a small read of the state for the queue."""

    def __init__(self, queues: Queues) -> None:
        self._queues = queues

    def of(self, call: Call) -> Sequence[Need]:
        """What the caller must be allowed. Raises the faults of queues that are not there, and of calls that name none."""
        given = call.parameters
        match call.operation:
            case "ListQueues":
                return [Need(action="sqs:ListQueues")]
            case "CreateQueue":
                return self._creation(call)
            case "GetQueueUrl":
                required(given, "QueueName")
                owner = given.get("QueueOwnerAWSAccountId") or call.account_id
                if not names.is_name(given["QueueName"]):
                    raise QueueDoesNotExist
                return [self._on(call, "GetQueueUrl", Place(account_id=owner, region=call.region, name=given["QueueName"]))]
            case "StartMessageMoveTask" | "ListMessageMoveTasks" | "CancelMessageMoveTask":
                return self._move(call)
            case operation:
                return [self._on(call, ACTIONS.get(operation, operation), place_of(call))]

    def _on(self, call: Call, action: str, place: Place) -> Need:
        queue = self._queues.control.find(place)
        stranger = place.account_id != call.caller.account_id
        if stranger and (queue is None or action not in ACROSS_ACCOUNTS):
            return Need(
                action=f"sqs:{action}",
                resource=place.arn,
                resource_policy=NOBODY,
                resource_account_id=place.account_id,
                refusal=_unspoken(call, action, place),
            )
        if queue is None:
            raise QueueDoesNotExist
        return Need(
            action=f"sqs:{action}",
            resource=queue.arn,
            context=_conditions(call, queue),
            resource_policy=queue.policy,
            resource_account_id=place.account_id,
            refusal=_unspoken(call, action, place) if stranger else None,
        )

    def _creation(self, call: Call) -> list[Need]:
        required(call.parameters, "QueueName")
        place = Place(account_id=call.account_id, region=call.region, name=call.parameters["QueueName"])
        tags: Mapping[str, str] = call.parameters.get("tags") or {}
        actions = ["CreateQueue", "TagQueue"] if tags else ["CreateQueue"]
        return [
            Need(action=f"sqs:{action}", resource=place.arn, context=_requested(tags), resource_account_id=place.account_id)
            for action in actions
        ]

    def _move(self, call: Call) -> list[Need]:
        """Moving messages takes what whoever did it by hand would need, too."""
        given = call.parameters
        if call.operation == "CancelMessageMoveTask":
            required(given, "TaskHandle")
            arn = source_of(given["TaskHandle"])
        else:
            required(given, "SourceArn")
            arn = given["SourceArn"]
        place = names.of_arn(arn or "")
        if place is None or place.region != call.region:
            raise ResourceNotFoundException
        try:
            needs = [self._on(call, call.operation, place)]
            if call.operation == "StartMessageMoveTask":
                needs += [self._on(call, action, place) for action in ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes")]
                target = names.of_arn(given.get("DestinationArn") or "")
                if target is not None:
                    needs.append(self._on(call, "SendMessage", target))
        except QueueDoesNotExist:
            raise ResourceNotFoundException from None
        return needs


def _conditions(call: Call, queue: Queue) -> dict[str, Sequence[str]]:
    found: dict[str, Sequence[str]] = {f"aws:ResourceTag/{key}": (value,) for key, value in queue.tags.items()}
    if call.operation == "TagQueue":
        found |= _requested(call.parameters.get("Tags") or {})
    elif call.operation == "UntagQueue":
        found["aws:TagKeys"] = tuple(call.parameters.get("TagKeys") or ())
    return found


def _requested(tags: Mapping[str, str]) -> dict[str, Sequence[str]]:
    found: dict[str, Sequence[str]] = {f"aws:RequestTag/{key}": (value,) for key, value in tags.items()}
    if tags:
        found["aws:TagKeys"] = tuple(tags)
    return found


def _unspoken(call: Call, action: str, place: Place) -> str:
    return (
        f"User: {call.caller.arn} is not authorized to perform: sqs:{action} on resource: {place.arn} because the resource does not exist "
        "in this Region, no resource-based policies allow access, or a resource-based policy explicitly denies access"
    )
