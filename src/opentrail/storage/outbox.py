"""What services did by themselves and what still has to be said about it.

A service that does something without being called (a key is rotated, deleted) puts its event here in the transaction of the deed, so
that after a crash both are there or neither. The front takes the events from here, records them and says `done`.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from sqlalchemy import Column, Connection, Float, LargeBinary, MetaData, String, Table, delete, insert, select

from opentrail.events.service_event import ServiceEvent
from opentrail.storage.database import Database

METADATA = MetaData()

EVENTS = Table(
    "outbox",
    METADATA,
    Column("event_id", String(36), primary_key=True),
    Column("time", Float, nullable=False, index=True),
    Column("event", LargeBinary, nullable=False),
)


class Outbox:
    """Service events that are not recorded yet."""

    def __init__(self, database: Database) -> None:
        self._database = database
        database.create(METADATA)

    def put(self, connection: Connection, event: ServiceEvent) -> None:
        """Keep `event` until it is recorded, in the caller's own transaction."""
        connection.execute(insert(EVENTS).values(event_id=event.event_id, time=event.time, event=msgspec.json.encode(event)))

    def pending(self, limit: int = 1000) -> list[ServiceEvent]:
        """The oldest events that are not recorded yet."""
        with self._database.read() as connection:
            rows = connection.execute(select(EVENTS.c.event).order_by(EVENTS.c.time, EVENTS.c.event_id).limit(limit))
            return [msgspec.json.decode(row.event, type=ServiceEvent) for row in rows]

    def done(self, event_ids: Iterable[str]) -> None:
        """Forget these: their records are durable."""
        with self._database.begin() as connection:
            connection.execute(delete(EVENTS).where(EVENTS.c.event_id.in_(list(event_ids))))
