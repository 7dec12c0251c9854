"""From `insights.db` into the outbox of `state.db`: each Insights event exactly once, though these are two databases.

 1. Read what waits in `insights.db`.
 2. In one transaction of `state.db`: note the ids there, put the events of those that were not noted yet into the outbox.
 3. Forget them in `insights.db`.
 4. Forget the notes.

Dying between 2 and 3, the next round finds the notes in step 2 and puts nothing twice, whatever has become of the outbox meanwhile. Notes
that nothing waits for any more are forgotten when the next process starts.
"""

from __future__ import annotations

from typing import Final

import msgspec
from sqlalchemy import Column, MetaData, String, Table, delete
from sqlalchemy.dialects.sqlite import insert as upsert

from opentrail.events.service_event import ServiceEvent
from opentrail.insights import store
from opentrail.storage.database import Database
from opentrail.storage.outbox import Outbox

METADATA = MetaData()
NOTES = Table("insights_in_outbox", METADATA, Column("event_id", String(36), primary_key=True))
SOME: Final = 200
"""Events that are passed on together."""


class Announcer:
    """Blocking; one thread."""

    def __init__(self, insights: Database, state: Database, outbox: Outbox) -> None:
        self._insights = insights
        self._state = state
        self._outbox = outbox
        insights.create(store.METADATA)
        state.create(METADATA)
        with insights.read() as connection:
            waiting = [event_id for event_id, _ in store.announcements(connection, -1)]
        with state.begin() as connection:
            connection.execute(delete(NOTES).where(NOTES.c.event_id.not_in(waiting)))

    def step(self) -> int:
        """One round; how many events there were."""
        with self._insights.read() as connection:
            waiting = store.announcements(connection, SOME)
        if not waiting:
            return 0
        with self._state.begin() as connection:
            for event_id, event in waiting:
                if connection.execute(upsert(NOTES).values(event_id=event_id).on_conflict_do_nothing()).rowcount:
                    self._outbox.put(connection, msgspec.json.decode(event, type=ServiceEvent))
        event_ids = [event_id for event_id, _ in waiting]
        with self._insights.begin() as connection:
            store.announced(connection, event_ids)
        with self._state.begin() as connection:
            connection.execute(delete(NOTES).where(NOTES.c.event_id.in_(event_ids)))
        return len(waiting)
