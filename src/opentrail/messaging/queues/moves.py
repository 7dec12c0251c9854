"""Message move tasks: dead letters go back to the queues they came from, or to another one (StartMessageMoveTask).

A task is a row. Whoever keeps the queues moves some messages of each running task at a time (`step`), each time in one transaction with
what the row says of it, so a task goes on after a crash where it was.
"""

from __future__ import annotations

import base64
import binascii
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, Row, delete, func, insert, select, update

from opentrail.clock import Clock
from opentrail.messaging.queues import names, ordering, store
from opentrail.messaging.queues.faults import InvalidParameterValue, ResourceNotFoundException, UnsupportedOperation
from opentrail.messaging.queues.receiving import move
from opentrail.messaging.queues.store import messages, moves, queues
from opentrail.messaging.queues.values import Queue
from opentrail.storage.database import Database
from opentrail.storage.writer import Writer

MAX_RATE: Final = 500
"""Messages of one task in a second."""
KEPT: Final = 10
"""Tasks of one source that are remembered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A message move task."""

    id: str
    source_arn: str
    target_arn: str | None
    rate: int | None
    status: str
    """`RUNNING`, `COMPLETED`, `CANCELLED`, `FAILED`."""
    started: float
    moved: int
    to_move: int
    failure: str | None

    @property
    def handle(self) -> str:
        return base64.b64encode(msgspec.json.encode({"taskId": self.id, "sourceArn": self.source_arn})).decode()


def source_of(handle: str) -> str | None:
    """ARN of the source of the task that a handle names; `None`: it is none."""
    found = _read(handle)
    return None if found is None else found[1]


class Moves:
    """Starts, lists and ends tasks, and carries them out."""

    def __init__(
        self, database: Database, known: store.Store, writer: Writer, clock: Clock, filled: Callable[[Connection, int], None]
    ) -> None:
        self._database = database
        self._known = known
        self._writer = writer
        self._clock = clock
        self._filled = filled

    def start(self, source: Queue, target_arn: str | None, rate: int | None) -> Task:
        """Begin to move what is in the dead-letter queue `source`.

        Raises `ResourceNotFoundException`, `UnsupportedOperation` when a task of it runs, `InvalidParameterValue`.
        """

        def job(connection: Connection) -> Task:
            queue = self._known.current(connection, source.id)
            if connection.execute(select(queues.c.id).where(queues.c.target == queue.arn).limit(1)).first() is None:
                raise InvalidParameterValue("Source queue must be configured as a Dead Letter Queue.")
            running = select(moves.c.id).where(moves.c.source_arn == queue.arn, moves.c.status == "RUNNING")
            if connection.execute(running).first() is not None:
                raise UnsupportedOperation(
                    "There is already a task running. Only one active task is allowed for a source queue arn at a given time."
                )
            if target_arn is not None:
                _checked_target(connection, queue, target_arn)
            waiting = connection.execute(select(func.count()).select_from(messages).where(messages.c.box == queue.box)).scalar_one()
            task = Task(
                id=str(uuid.uuid4()),
                source_arn=queue.arn,
                target_arn=target_arn,
                rate=rate,
                status="RUNNING",
                started=self._clock.time(),
                moved=0,
                to_move=waiting,
                failure=None,
            )
            connection.execute(
                insert(moves).values(
                    id=task.id,
                    source_arn=task.source_arn,
                    target_arn=target_arn,
                    rate=rate,
                    status=task.status,
                    started=task.started,
                    moved=0,
                    to_move=waiting,
                )
            )
            old = select(moves.c.id).where(moves.c.source_arn == queue.arn).order_by(moves.c.started.desc()).offset(KEPT)
            connection.execute(delete(moves).where(moves.c.id.in_(connection.execute(old).scalars().all())))
            return task

        return self._writer.run(job)

    def list(self, source_arn: str, limit: int) -> Sequence[Task]:
        """The newest tasks of a source, newest first."""
        query = select(moves).where(moves.c.source_arn == source_arn).order_by(moves.c.started.desc()).limit(limit)
        with self._database.read() as connection:
            return [_task(row) for row in connection.execute(query)]

    def cancel(self, handle: str) -> Task:
        """End a running task; what has been moved stays there. Raises `ResourceNotFoundException`, `UnsupportedOperation`."""
        named = _read(handle)

        def job(connection: Connection) -> Task:
            row = None if named is None else connection.execute(select(moves).where(moves.c.id == named[0])).first()
            if row is None or named is None or row.source_arn != named[1]:
                raise ResourceNotFoundException("The task that the TaskHandle names doesn't exist.")
            if row.status != "RUNNING":
                raise UnsupportedOperation(f"Only active tasks can be cancelled; this one is {row.status}.")
            connection.execute(update(moves).where(moves.c.id == row.id).values(status="CANCELLED"))
            return _task(row)

        return self._writer.run(job)

    def step(self, now: float) -> None:
        """Move some messages of each running task: to be called once a second."""
        with self._database.read() as connection:
            running = connection.execute(select(moves.c.id).where(moves.c.status == "RUNNING")).scalars().all()
        for task_id in running:
            self._writer.run(_bound(self._step, task_id, now))

    def _step(self, connection: Connection, task_id: str, now: float) -> None:
        row = connection.execute(select(moves).where(moves.c.id == task_id, moves.c.status == "RUNNING")).first()
        if row is None:
            return
        task = _task(row)
        place = names.of_arn(task.source_arn)
        source = None if place is None else store.by_place(connection, place)
        if source is None:
            self._end(connection, task, "FAILED", "AWS.SimpleQueueService.NonExistentQueue")
            return
        found = connection.execute(
            select(messages.c.id, messages.c.ordered_group, messages.c.source)
            .where(messages.c.box == source.box, messages.c.visible_at <= now, messages.c.expires > now)
            .order_by(messages.c.visible_at, messages.c.id)
            .limit(min(task.rate or MAX_RATE, max(1, task.to_move - task.moved)))
        ).all()
        moved = 0
        for arn in dict.fromkeys(task.target_arn or item.source for item in found):
            target_place = names.of_arn(arn or "")
            target = None if target_place is None else store.by_place(connection, target_place)
            if target is None:
                failure = "CouldNotDetermineMessageSource" if arn is None else "AWS.SimpleQueueService.NonExistentQueue"
                self._count(connection, task, moved)
                self._end(connection, task, "FAILED", failure)
                return
            these = [item for item in found if (task.target_arn or item.source) == arn]
            move(connection, these, None, target, now, anew=True)
            for group in {item.ordered_group for item in these if item.ordered_group is not None}:
                ordering.settle(connection, source.box, group, now)
            moved += len(these)
            self._filled(connection, target.id)
        self._count(connection, task, moved)
        if not found or task.moved + moved >= task.to_move:
            self._end(connection, task, "COMPLETED", None)

    def _count(self, connection: Connection, task: Task, moved: int) -> None:
        connection.execute(update(moves).where(moves.c.id == task.id).values(moved=moves.c.moved + moved))

    def _end(self, connection: Connection, task: Task, status: str, failure: str | None) -> None:
        connection.execute(update(moves).where(moves.c.id == task.id).values(status=status, failure=failure))


def _bound(step: Callable[[Connection, str, float], None], task_id: str, now: float) -> Callable[[Connection], None]:
    return lambda connection: step(connection, task_id, now)


def _checked_target(connection: Connection, source: Queue, arn: str) -> None:
    place = names.of_arn(arn)
    target = None if place is None else store.by_place(connection, place)
    if target is None or place is None or (place.account_id, place.region) != (source.place.account_id, source.place.region):
        raise ResourceNotFoundException("The resource that you specified for the DestinationArn parameter doesn't exist.")
    if target.fifo != source.fifo:
        raise InvalidParameterValue("Source and destination must be queues of the same type.")
    if target.id == source.id:
        raise InvalidParameterValue("Source and destination must be different queues.")


def _task(row: Row[Any]) -> Task:
    return Task(
        id=row.id,
        source_arn=row.source_arn,
        target_arn=row.target_arn,
        rate=row.rate,
        status=row.status,
        started=row.started,
        moved=row.moved,
        to_move=row.to_move,
        failure=row.failure,
    )


def _read(handle: str) -> tuple[str, str] | None:
    try:
        found = msgspec.json.decode(base64.b64decode(handle.encode(), validate=True), type=dict[str, str])
        return found["taskId"], found["sourceArn"]
    except (binascii.Error, ValueError, KeyError, msgspec.MsgspecError):
        return None
