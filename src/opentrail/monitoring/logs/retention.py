"""What is past its retention, and what belonged to deleted groups and streams, is removed: a few chunks at a time, so nobody waits long."""

from __future__ import annotations

from typing import Final

from sqlalchemy import ColumnElement, delete, select

from opentrail.clock import Clock
from opentrail.monitoring.logs.accepting import DAY
from opentrail.monitoring.logs.store import CHUNKS, GROUPS, STREAMS
from opentrail.storage.database import Database

FEW: Final = 200
"""Chunks in one transaction."""


class Retention:
    """One thread."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def step(self) -> bool:
        """Remove some of what is due; whether there was any. What remains of a chunk that is due in part is hidden by those who read."""
        now = int(self._clock.time() * 1000)
        with self._database.read() as connection:
            limited = connection.execute(
                select(GROUPS.c.id, GROUPS.c.retention_in_days).where(GROUPS.c.retention_in_days.is_not(None), GROUPS.c.deleted.is_(False))
            ).all()
            gone = list(connection.scalars(select(STREAMS.c.id).where(STREAMS.c.deleted.is_(True)).limit(FEW)))
            empty = list(
                connection.scalars(
                    select(GROUPS.c.id).where(
                        GROUPS.c.deleted.is_(True), ~select(STREAMS.c.id).where(STREAMS.c.group_id == GROUPS.c.id).exists()
                    )
                )
            )
        did = False
        for row in limited:
            did = self._remove((CHUNKS.c.group_id == row.id) & (CHUNKS.c.last < now - row.retention_in_days * DAY)) or did
        for stream_id in gone:
            did = True
            if not self._remove(CHUNKS.c.stream_id == stream_id):
                with self._database.begin() as connection:
                    connection.execute(delete(STREAMS).where(STREAMS.c.id == stream_id))
        if empty:
            with self._database.begin() as connection:
                connection.execute(delete(GROUPS).where(GROUPS.c.id.in_(empty)))
        return did

    def _remove(self, due: ColumnElement[bool]) -> bool:
        few = select(CHUNKS.c.position).where(due).limit(FEW)
        with self._database.read() as connection:
            if connection.scalar(few.limit(1)) is None:
                return False
        with self._database.begin() as connection:
            connection.execute(delete(CHUNKS).where(CHUNKS.c.position.in_(few)))
        return True
