"""Messages: SendMessage, ReceiveMessage, DeleteMessage, ChangeMessageVisibility, and their batches.

These run on the event loop: what they ask of the queues is a future, so a receiver that waits for a message holds its connection and
nothing else.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeVar

from opentrail.api.call import Call, Result
from opentrail.api.sqs import batches, shapes
from opentrail.api.sqs.reading import number, place_of, required
from opentrail.messaging.queues import Asking, Party, Queue, Queues, Sent, contents
from opentrail.messaging.queues.attributes import NAMES, NUMBERS
from opentrail.messaging.queues.faults import BatchRequestTooLong, InvalidAttributeName, InvalidParameterValue
from opentrail.messaging.queues.receipts import MAX_VISIBILITY
from opentrail.wire.faults import Fault

T = TypeVar("T")

Waiting = Callable[[Call], Awaitable[Result]]


class MessageOperations:
    """One handler for each operation on messages."""

    def __init__(self, queues: Queues) -> None:
        self._queues = queues
        self.operations: Mapping[str, Waiting] = {
            "SendMessage": self.send_message,
            "SendMessageBatch": self.send_message_batch,
            "ReceiveMessage": self.receive_message,
            "DeleteMessage": self.delete_message,
            "DeleteMessageBatch": self.delete_message_batch,
            "ChangeMessageVisibility": self.change_message_visibility,
            "ChangeMessageVisibilityBatch": self.change_message_visibility_batch,
        }

    async def send_message(self, call: Call) -> Result:
        queue = self._queue(call)
        draft = shapes.draft(call, queue, call.parameters)
        (sent,) = await self._send(call, queue, [draft])
        return shapes.sent(draft, sent)

    async def send_message_batch(self, call: Call) -> Result:
        queue = self._queue(call)
        drafts: dict[str, shapes.Draft] = {}
        failed: dict[str, Fault] = {}
        for entry in batches.entries(call):
            try:
                drafts[entry["Id"]] = shapes.draft(call, queue, entry)
            except Fault as fault:
                failed[entry["Id"]] = fault
        total = sum(draft.size for draft in drafts.values())
        if total > contents.MAX_BATCH_BYTES:
            raise BatchRequestTooLong(
                f"Batch requests cannot be longer than {contents.MAX_BATCH_BYTES} bytes. You have sent {total} bytes."
            )
        sent = await self._send(call, queue, list(drafts.values())) if drafts else []
        successful = [{"Id": name, **shapes.sent(draft, how)} for (name, draft), how in zip(drafts.items(), sent, strict=True)]
        return batches.result(successful, failed)

    async def receive_message(self, call: Call) -> Result:
        given = call.parameters
        queue = self._queue(call)
        system = [*(given.get("AttributeNames") or ()), *(given.get("MessageSystemAttributeNames") or ())]
        for name in system:
            if name not in shapes.SYSTEM_ATTRIBUTES and name not in NAMES:
                raise InvalidAttributeName(f"Unknown Attribute {name[:100]}.")
        attempt_id = given.get("ReceiveRequestAttemptId")
        if attempt_id is not None:
            contents.token("ReceiveRequestAttemptId", attempt_id)
            if not queue.fifo:
                raise InvalidParameterValue(
                    f"Value {attempt_id} for parameter ReceiveRequestAttemptId is invalid. Reason: {shapes.NOT_FOR_THIS_TYPE}."
                )
        asking = Asking(
            party=Party(principal=call.caller),
            most=number(given, "MaxNumberOfMessages", 1, batches.MOST) or 1,
            visibility=number(given, "VisibilityTimeout", 0, MAX_VISIBILITY),
            attempt_id=attempt_id,
        )
        wait = number(given, "WaitTimeSeconds", 0, NUMBERS["ReceiveMessageWaitTimeSeconds"].high)
        patience = queue.number("ReceiveMessageWaitTimeSeconds") if wait is None else wait
        taken = await self._queues.messages.receive(queue, asking, patience, call.gone)
        names = given.get("MessageAttributeNames") or ()
        return {"Messages": [shapes.received(message, system, names) for message in taken.messages]} if taken.messages else {}

    async def delete_message(self, call: Call) -> None:
        required(call.parameters, "ReceiptHandle")
        (fault,) = await asyncio.wrap_future(self._queues.messages.remove(self._queue(call), [call.parameters["ReceiptHandle"]]))
        if fault is not None:
            raise fault

    async def delete_message_batch(self, call: Call) -> Result:
        queue = self._queue(call)

        def read(entry: Mapping[str, Any]) -> str:
            required(entry, "ReceiptHandle")
            return str(entry["ReceiptHandle"])

        wanted, failed = _sorted(batches.entries(call), read)
        faults = await asyncio.wrap_future(self._queues.messages.remove(queue, list(wanted.values())))
        return _told(wanted, faults, failed)

    async def change_message_visibility(self, call: Call) -> None:
        change = _change(call.parameters)
        (fault,) = await asyncio.wrap_future(self._queues.messages.change_visibility(self._queue(call), [change]))
        if fault is not None:
            raise fault

    async def change_message_visibility_batch(self, call: Call) -> Result:
        queue = self._queue(call)
        wanted, failed = _sorted(batches.entries(call), _change)
        faults = await asyncio.wrap_future(self._queues.messages.change_visibility(queue, list(wanted.values())))
        return _told(wanted, faults, failed)

    def _queue(self, call: Call) -> Queue:
        return self._queues.control.get(place_of(call))

    async def _send(self, call: Call, queue: Queue, drafts: Sequence[shapes.Draft]) -> list[Sent]:
        party = Party(principal=call.caller)

        def seal() -> list[Any]:
            return [
                self._queues.outgoing(
                    queue,
                    draft.contents,
                    party,
                    delay=draft.delay,
                    group_id=draft.group_id,
                    deduplication_id=draft.deduplication_id,
                )
                for draft in drafts
            ]

        # Asking KMS reads from disk.
        outgoing = seal() if queue.key is None else await asyncio.to_thread(seal)
        return await asyncio.wrap_future(self._queues.messages.send(queue, outgoing))


def _change(given: Mapping[str, Any]) -> tuple[str, int]:
    required(given, "ReceiptHandle", "VisibilityTimeout")
    seconds = number(given, "VisibilityTimeout", 0, MAX_VISIBILITY)
    assert seconds is not None
    return given["ReceiptHandle"], seconds


def _sorted(entries: Sequence[Mapping[str, Any]], read: Callable[[Mapping[str, Any]], T]) -> tuple[dict[str, T], dict[str, Fault]]:
    """What entries ask for, and what is wrong with the others, by their ids."""
    wanted: dict[str, T] = {}
    failed: dict[str, Fault] = {}
    for entry in entries:
        try:
            wanted[entry["Id"]] = read(entry)
        except Fault as fault:
            failed[entry["Id"]] = fault
    return wanted, failed


def _told(wanted: Mapping[str, Any], faults: Sequence[Fault | None], failed: dict[str, Fault]) -> dict[str, Any]:
    found = dict(zip(wanted, faults, strict=True))
    failed |= {name: fault for name, fault in found.items() if fault is not None}
    return batches.result([{"Id": name} for name, fault in found.items() if fault is None], failed)
