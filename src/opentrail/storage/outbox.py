"""What services did by themselves and what still has to be said about it.

A service that does something without being called (a key is rotated, deleted) puts its event here in the transaction of the deed, so
that after a crash both are there or neither. The front takes the events from here, records them and says `done`
(`server/announcing.py`).

Between the record and `done` the front may die. So it notes beforehand where the journal ended (`trying`): an event that was tried is
in the journal above that position or not at all. As long as it waits here that part of the journal must be kept: whoever trims asks
`lowest_tried`, *after* having looked up how far the followers are. An event that is not noted then is noted later, so its record is
above everything the followers can have seen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec
from sqlalchemy import Column, Connection, Float, Integer, LargeBinary, MetaData, String, Table, delete, func, insert, select, update

from opentrail.events.service_event import ServiceEvent
from opentrail.storage.database import Database

METADATA = MetaData()

EVENTS = Table(
    "outbox",
    METADATA,
    Column("event_id", String(36), primary_key=True),
    Column("time", Float, nullable=False, index=True),
    Column("event", LargeBinary, nullable=False),
    Column("tried_after", Integer),  # the journal's head before the first attempt to record it
)


class Outbox:
    """Service events that are not recorded yet. `on_put` is called when one has come in, right after its transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.on_put: Callable[[], None] = lambda: None
        database.create(METADATA)

    def put(self, connection: Connection, event: ServiceEvent) -> None:
        """Keep `event` until it is recorded, in the caller's own transaction."""
        connection.execute(insert(EVENTS).values(event_id=event.event_id, time=event.time, event=msgspec.json.encode(event)))
        self._database.after_commit(connection, self.on_put)

    def is_empty(self) -> bool:
        """Whether every event is recorded. Asked often, answered in microseconds."""
        return self._database.first("SELECT 1 FROM outbox LIMIT 1", ()) is None

    def pending(self, limit: int = 1000) -> list[ServiceEvent]:
        """The oldest events that are not recorded yet."""
        with self._database.read() as connection:
            rows = connection.execute(select(EVENTS.c.event).order_by(EVENTS.c.time, EVENTS.c.event_id).limit(limit))
            return [msgspec.json.decode(row.event, type=ServiceEvent) for row in rows]

    def trying(self, event_ids: Iterable[str], head: int) -> None:
        """From now on these may be in the journal, above the position `head`. Durable on return."""
        with self._database.begin() as connection:
            connection.execute(update(EVENTS).where(EVENTS.c.event_id.in_(list(event_ids))).values(tried_after=head))

    def tried(self, event_ids: Iterable[str]) -> dict[str, int]:
        """Those of the events that may be in the journal, and the position above which."""
        with self._database.read() as connection:
            rows = connection.execute(
                select(EVENTS.c.event_id, EVENTS.c.tried_after).where(
                    EVENTS.c.event_id.in_(list(event_ids)), EVENTS.c.tried_after.is_not(None)
                )
            )
            return {row.event_id: row.tried_after for row in rows}

    def lowest_tried(self) -> int | None:
        """Position above which the journal must be kept, because an event that waits may be there; `None`: none is."""
        with self._database.read() as connection:
            return connection.execute(select(func.min(EVENTS.c.tried_after))).scalar()

    def done(self, event_ids: Iterable[str]) -> None:
        """Forget these: their records are durable."""
        with self._database.begin() as connection:
            connection.execute(delete(EVENTS).where(EVENTS.c.event_id.in_(list(event_ids))))
