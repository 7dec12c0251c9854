"""The tables of queues, and what every part of the room asks of them.

A queue's messages lie in a **box**. PurgeQueue and DeleteQueue only take the box away from the queue, whatever it holds; it is emptied
afterwards, a little at a time (`keeper.py`). The state of a message and what it says are two rows: receiving and deleting never touch
the second, which may be large.

`generation` grows with every change of a queue itself, so that queues need not be read again with every call (`kms.store`).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Iterable
from typing import Any, TypeVar

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Connection,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Row,
    String,
    Table,
    Text,
    UniqueConstraint,
    delete,
    insert,
    select,
    update,
)

from opentrail.messaging.queues import names
from opentrail.messaging.queues.faults import QueueDoesNotExist
from opentrail.messaging.queues.values import Queue, redrive_of
from opentrail.storage.database import Database

T = TypeVar("T")

MAX_REMEMBERED = 10_000
"""Queues that are kept in memory; beyond that all are forgotten and read again as needed."""

_ID = BigInteger().with_variant(Integer, "sqlite")

tables = MetaData()

generation = Table("sqs_generation", tables, Column("id", Integer, primary_key=True), Column("value", Integer, nullable=False))

boxes = Table(
    "sqs_boxes",
    tables,
    Column("id", _ID, primary_key=True),
    Column("in_use", Boolean, nullable=False, index=True),
    sqlite_autoincrement=True,
)

queues = Table(
    "sqs_queues",
    tables,
    Column("id", _ID, primary_key=True),
    Column("account_id", String(12), nullable=False),
    Column("region", String(64), nullable=False),
    Column("name", String(80), nullable=False),
    Column("box", ForeignKey("sqs_boxes.id"), nullable=False, unique=True),
    Column("created", Float, nullable=False),
    Column("modified", Float, nullable=False),
    Column("settings", JSON, nullable=False),
    Column("tags", JSON, nullable=False),
    Column("purged", Float),
    Column("target", String(256), index=True),  # ARN of the queue that dead letters go to
    UniqueConstraint("account_id", "region", "name"),
    sqlite_autoincrement=True,
)

deleted = Table(
    "sqs_deleted",
    tables,
    Column("account_id", String(12), primary_key=True),
    Column("region", String(64), primary_key=True),
    Column("name", String(80), primary_key=True),
    Column("at", Float, nullable=False, index=True),
)

messages = Table(
    "sqs_messages",
    tables,
    Column("id", _ID, primary_key=True),
    Column("box", _ID, nullable=False),
    Column("visible_at", Float, nullable=False),
    Column("receives", Integer, nullable=False),  # in this queue
    Column("earlier", Integer, nullable=False),  # in the queues that it came from
    Column("sent", Float, nullable=False),
    Column("expires", Float, nullable=False, index=True),
    Column("received", Float),  # the last time
    Column("first_received", Float),
    Column("ordered_group", String(128)),  # the message group, in FIFO queues only
    Column("source", String(256)),  # ARN of the queue that it is a dead letter of
    Index("sqs_messages_by_visibility", "box", "visible_at"),
    sqlite_autoincrement=True,
)
Index(
    "sqs_messages_of_group",
    messages.c.box,
    messages.c.ordered_group,
    messages.c.id,
    sqlite_where=messages.c.ordered_group.is_not(None),
    postgresql_where=messages.c.ordered_group.is_not(None),
)

contents = Table(
    "sqs_contents",
    tables,
    Column("id", ForeignKey("sqs_messages.id", ondelete="CASCADE"), primary_key=True),
    Column("message_id", String(36), nullable=False),
    Column("group_id", String(128)),
    Column("deduplication_id", String(128)),
    Column("own_key", Boolean, nullable=False),
    Column("key", LargeBinary),
    Column("sealed_for", String(256)),
    Column("octets", LargeBinary, nullable=False),
)

groups = Table(
    "sqs_groups",
    tables,
    Column("box", _ID, primary_key=True),
    Column("group_id", String(128), primary_key=True),
    Column("ready_at", Float, nullable=False),
    Index("sqs_groups_by_readiness", "box", "ready_at"),
)
"""Message groups of FIFO queues that have messages, and when their first one may be received."""

duplicates = Table(
    "sqs_duplicates",
    tables,
    Column("queue", _ID, primary_key=True),
    Column("scope", String(128), primary_key=True),  # the message group, or empty: the queue
    Column("deduplication_id", String(128), primary_key=True),
    Column("at", Float, nullable=False, index=True),
    Column("message_id", String(36), nullable=False),
    Column("message", _ID, nullable=False),
)

attempts = Table(
    "sqs_attempts",
    tables,
    Column("queue", _ID, primary_key=True),
    Column("attempt_id", String(128), primary_key=True),
    Column("at", Float, nullable=False, index=True),
    Column("receipts", JSON, nullable=False),
)
"""What ReceiveMessage with a `ReceiveRequestAttemptId` gave out: pairs of message and number."""

moves = Table(
    "sqs_moves",
    tables,
    Column("id", String(36), primary_key=True),
    Column("source_arn", String(256), nullable=False, index=True),
    Column("target_arn", String(256)),  # none: each message goes back to where it came from
    Column("rate", Integer),
    Column("status", String(16), nullable=False, index=True),
    Column("started", Float, nullable=False),
    Column("moved", Integer, nullable=False),
    Column("to_move", Integer, nullable=False),
    Column("failure", Text),
)
"""Message move tasks."""


class Store:
    """A memory of the queues, as they are now. Thread-safe."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._generation = 0
        self._remembered: dict[Hashable, Any] = {}
        database.create(tables)
        with database.begin() as connection:
            if connection.execute(select(generation.c.value)).first() is None:
                connection.execute(insert(generation).values(id=1, value=1))

    def find(self, place: names.Place) -> Queue | None:
        """The queue of this name, as committed now."""
        row = self._database.first("SELECT value FROM sqs_generation", ())
        return self._recall(row[0] if row else 0, place, lambda: self._read(place))

    def current(self, connection: Connection, queue_id: int) -> Queue:
        """The queue as it is in this transaction. Raises `QueueDoesNotExist` when it has been deleted meanwhile."""
        value: int = connection.exec_driver_sql("SELECT value FROM sqs_generation").scalar_one()
        found = self._recall(value, queue_id, lambda: by_id(connection, queue_id))
        if found is None:
            raise QueueDoesNotExist
        return found

    def target(self, connection: Connection, queue: Queue) -> Queue | None:
        """The queue that dead letters of `queue` go to, when there is one."""
        if queue.redrive is None:
            return None
        value: int = connection.exec_driver_sql("SELECT value FROM sqs_generation").scalar_one()
        place = queue.redrive.target
        return self._recall(value, ("target", place), lambda: by_place(connection, place))

    def _read(self, place: names.Place) -> Queue | None:
        with self._database.read() as connection:
            return by_place(connection, place)

    def _recall(self, current: int, question: Hashable, read: Callable[[], Queue | None]) -> Queue | None:
        with self._lock:
            if current != self._generation or len(self._remembered) >= MAX_REMEMBERED:
                self._generation, self._remembered = current, {}
            if question in self._remembered:
                known: Queue | None = self._remembered[question]
                return known
        found = read()
        with self._lock:
            if current == self._generation:  # otherwise this may be older than what the new number stands for
                self._remembered[question] = found
        return found


def changed(connection: Connection) -> None:
    """To be called in every transaction that changes a queue itself."""
    connection.execute(update(generation).values(value=generation.c.value + 1))


def queue_of(row: Row[Any]) -> Queue:
    """The queue in a row of `queues`."""
    return Queue(
        id=row.id,
        place=names.Place(account_id=row.account_id, region=row.region, name=row.name),
        box=row.box,
        created=row.created,
        modified=row.modified,
        settings=row.settings,
        tags=row.tags,
        purged=row.purged,
        redrive=redrive_of(row.settings),
    )


def by_id(connection: Connection, queue_id: int) -> Queue | None:
    """The queue of this id."""
    row = connection.execute(select(queues).where(queues.c.id == queue_id)).first()
    return None if row is None else queue_of(row)


def by_place(connection: Connection, place: names.Place) -> Queue | None:
    """The queue of this name."""
    row = connection.execute(
        select(queues).where(queues.c.account_id == place.account_id, queues.c.region == place.region, queues.c.name == place.name)
    ).first()
    return None if row is None else queue_of(row)


def new_box(connection: Connection) -> int:
    """An empty box, in use."""
    made = connection.execute(insert(boxes).values(in_use=True)).inserted_primary_key
    assert made is not None
    return int(made[0])


def give_up_box(connection: Connection, box: int) -> None:
    """Nobody can see from now on what is in the box; the keeper empties it."""
    connection.execute(update(boxes).where(boxes.c.id == box).values(in_use=False))
    connection.execute(delete(groups).where(groups.c.box == box))


def remove(connection: Connection, ids: Iterable[int]) -> None:
    """Remove messages and what they say."""
    connection.execute(delete(messages).where(messages.c.id.in_(list(ids))))
