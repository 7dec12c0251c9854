"""What time does to queues: old messages go, given-up boxes are emptied, old notes are forgotten, message move tasks go on. A little
in each transaction."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from sqlalchemy import Connection, delete, select

from opentrail.messaging.queues import ordering, store
from opentrail.messaging.queues.control import GRACE
from opentrail.messaging.queues.moves import Moves
from opentrail.messaging.queues.sending import DEDUPLICATION
from opentrail.messaging.queues.store import attempts, boxes, deleted, duplicates, messages
from opentrail.storage.writer import Writer

MOST: Final = 500
"""Rows that go in one transaction, so that nobody waits long for it."""


SWEEP: Final = 30.0
"""Seconds between two looks for what is too old."""


class Keeper:
    """Does what is due. For a thread that can wait."""

    def __init__(self, writer: Writer, moves: Moves) -> None:
        self._writer = writer
        self._moves = moves
        self._swept: float | None = None

    def work(self, now: float) -> None:
        """Do what is due at `now` (epoch seconds); to be called once a second."""
        self._moves.step(now)
        if self._swept is not None and 0 <= now - self._swept < SWEEP:
            return
        self._swept = now
        for step in (_expired, _given_up, _notes):
            while self._writer.run(_bound(step, now)):
                pass


def _bound(step: Callable[[Connection, float], bool], now: float) -> Callable[[Connection], bool]:
    return lambda connection: step(connection, now)


def _expired(connection: Connection, now: float) -> bool:
    rows = connection.execute(
        select(messages.c.id, messages.c.box, messages.c.ordered_group).where(messages.c.expires <= now).limit(MOST)
    ).all()
    store.remove(connection, [row.id for row in rows])
    for box, group in {(row.box, row.ordered_group) for row in rows if row.ordered_group is not None}:
        ordering.settle(connection, box, group, now)
    return len(rows) == MOST


def _given_up(connection: Connection, now: float) -> bool:
    box = connection.execute(select(boxes.c.id).where(boxes.c.in_use.is_(False)).limit(1)).scalar()
    if box is None:
        return False
    ids = connection.execute(select(messages.c.id).where(messages.c.box == box).limit(MOST)).scalars().all()
    store.remove(connection, ids)
    if len(ids) < MOST:
        connection.execute(delete(boxes).where(boxes.c.id == box))
    return True


def _notes(connection: Connection, now: float) -> bool:
    for table, lasts in ((duplicates, DEDUPLICATION), (attempts, DEDUPLICATION), (deleted, GRACE)):
        connection.execute(delete(table).where(table.c.at <= now - lasts))
    return False
