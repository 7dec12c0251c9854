"""Messages on their way: sent, received, deleted, prolonged. Each call is one transaction, shared with others that come meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from concurrent.futures import Future
from typing import TypeVar

from sqlalchemy import Connection

from opentrail.clock import Clock
from opentrail.messaging.queues import receipts, sending, store
from opentrail.messaging.queues.handles import Handles, Receipt
from opentrail.messaging.queues.polls import Polls
from opentrail.messaging.queues.receiving import Asking, Receiving
from opentrail.messaging.queues.sealing import Sealing
from opentrail.messaging.queues.values import Outgoing, Queue, Sent, Taken
from opentrail.storage.database import Database
from opentrail.storage.writer import Writer
from opentrail.wire.faults import Fault

T = TypeVar("T")

_NEWEST = "SELECT max(id) FROM sqs_messages"
_FILLED = (
    "SELECT group_concat(id) FROM (SELECT DISTINCT sqs_queues.id FROM sqs_messages JOIN sqs_queues ON sqs_queues.box = sqs_messages.box "
    "WHERE sqs_messages.id > ? AND sqs_messages.id <= ?)"
)


class Messages:
    """What is done with messages. Futures are done when it is durable; what they raise are faults."""

    def __init__(self, database: Database, queues: store.Store, writer: Writer, sealing: Sealing, handles: Handles, clock: Clock) -> None:
        self._database = database
        self._queues = queues
        self._writer = writer
        self._handles = handles
        self._clock = clock
        self._receiving = Receiving(queues, sealing, handles, self.wake)
        self.polls = Polls(self._look, clock)

    def send(self, queue: Queue, outgoing: Sequence[Outgoing]) -> Future[list[Sent]]:
        """Put messages into the queue. `QueueDoesNotExist` when it has been deleted meanwhile."""

        def job(connection: Connection) -> list[Sent]:
            current = self._queues.current(connection, queue.id)
            sent = sending.send(connection, current, outgoing, self._clock.time())
            self.wake(connection, queue.id)
            return sent

        return self._writer.submit(job)

    async def receive(self, queue: Queue, asking: Asking, patience: float = 0, gone: Callable[[], Awaitable[None]] | None = None) -> Taken:
        """Take messages, waiting for the first one up to `patience` seconds or until the receiver has `gone`.

        Raises `QueueDoesNotExist`, `OverLimit` and faults of KMS keys.
        """

        def job(connection: Connection) -> Taken:
            return self._receiving.receive(connection, self._queues.current(connection, queue.id), asking, self._clock.time())

        return await self.polls.receive(queue.id, lambda: asyncio.wrap_future(self._writer.submit(job)), patience, gone)

    def remove(self, queue: Queue, handles: Sequence[str]) -> Future[list[Fault | None]]:
        """Delete the messages of these receipts; for each one, what kept it from being deleted."""

        if queue.fifo:

            def one(connection: Connection, current: Queue, handle: str, now: float) -> None:
                receipts.remove_ordered(connection, current, self._handles.read(handle, queue.id), handle, now)

            return self._each(queue, handles, one, opens=True)
        read = [self._read(handle, queue) for handle in handles]
        good = [receipt for receipt in read if isinstance(receipt, Receipt)]

        def job(connection: Connection) -> list[Fault | None]:
            current = self._queues.current(connection, queue.id)
            if good:
                receipts.remove(connection, current, good)
            return [receipt if isinstance(receipt, Fault) else None for receipt in read]

        return self._writer.submit(job)

    def change_visibility(self, queue: Queue, changes: Sequence[tuple[str, int]]) -> Future[list[Fault | None]]:
        """Let receipts (handles) last so many seconds from now; for each one, what kept it from being changed."""

        def one(connection: Connection, current: Queue, change: tuple[str, int], now: float) -> None:
            handle, seconds = change
            receipts.change_visibility(connection, current, self._handles.read(handle, queue.id), handle, seconds, now)

        return self._each(queue, changes, one, opens=True)

    def _read(self, handle: str, queue: Queue) -> Receipt | Fault:
        try:
            return self._handles.read(handle, queue.id)
        except Fault as fault:
            return fault

    def _each(
        self, queue: Queue, items: Sequence[T], one: Callable[[Connection, Queue, T, float], None], *, opens: bool
    ) -> Future[list[Fault | None]]:
        """`one` for each of `items`; `opens`: others may be able to receive something by that."""

        def job(connection: Connection) -> list[Fault | None]:
            current, now = self._queues.current(connection, queue.id), self._clock.time()
            found: list[Fault | None] = []
            for item in items:
                try:
                    one(connection, current, item, now)
                    found.append(None)
                except Fault as fault:  # raised before anything is written
                    found.append(fault)
            if opens:
                self.wake(connection, queue.id)
            return found

        return self._writer.submit(job)

    def wake(self, connection: Connection, queue_id: int) -> None:
        """Once this transaction is durable, whoever waits at the queue looks again."""
        self._database.after_commit(connection, lambda: self.polls.wake(queue_id))

    def _look(self, after: int | None) -> tuple[int, Collection[int]]:
        """The newest message's id, and the queues that have got one above `after`."""
        row = self._database.first(_NEWEST, ())
        newest = int(row[0] or 0) if row else 0
        if after is None or newest <= after:
            return max(newest, after or 0), ()
        listed = self._database.first(_FILLED, (after, newest))
        return newest, [int(part) for part in listed[0].split(",")] if listed and listed[0] else ()
