"""The event data stores there are, for those who fill and ask them, in whatever process: `neighbours.Stores`, and what is due."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Final

from opentrail.clock import Clock
from opentrail.journal.positions import Positions
from opentrail.lake.event_data_store import EventDataStore, Stretch
from opentrail.lake.stores import attachments, store, stretches
from opentrail.storage.database import Database

LAKE: Final = "lake"
"""Name under which the lake saves how far it has read."""


class StoreRegister:
    """Reads what is committed. Blocking, thread-safe."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._lock = threading.Lock()
        self._known: tuple[int, tuple[Stretch, ...]] | None = None
        database.create(store.METADATA)
        database.create(attachments.METADATA)

    def get(self, store_id: str) -> EventDataStore | None:
        """The store with this UUID, of whatever account; also while its deletion is pending. `None` when there is none, or no longer."""
        with self._database.read() as connection:
            return store.get(connection, store_id, self._clock.time())

    def all(self) -> Sequence[EventDataStore]:
        """Every store of every account and Region."""
        with self._database.read() as connection:
            return store.every(connection, self._clock.time())

    def stretches(self) -> Sequence[Stretch]:
        """The stretches that go on, or have not been read to their end: the same tuple again while nothing has changed."""
        with self._lock:
            if self._known is None or self._known[0] != self.generation():
                with self._database.read() as connection:
                    self._known = (store.changes(connection), stretches.every(connection))
            return self._known[1]

    def generation(self) -> int:
        """Equal numbers mean equal stores and stretches. Microseconds."""
        return store.latest_changes(self._database)

    def gone(self) -> Sequence[str]:
        """The stores that are gone for good and whose tables may still be there: delete the table, then `forget`."""
        with self._database.read() as connection:
            return store.gone(connection)

    def forget(self, store_id: str) -> None:
        """Nothing is left of a store that is gone. Repeating it changes nothing."""
        with self._database.begin() as connection:
            store.forget(connection, store_id)


class Keeper:
    """Ends what is due: pending deletions after seven days, stretches that have been read. Any process may do it, again and again."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._positions = Positions(database)
        database.create(store.METADATA)
        database.create(attachments.METADATA)

    def work(self) -> None:
        """One look. Writes only when something is due."""
        now, position = self._clock.time(), self._positions.get(LAKE)
        with self._database.read() as connection:
            is_due = store.is_due(connection, now) or stretches.is_read(connection, position)
        if is_due:
            with self._database.begin() as connection:
                store.end_due(connection, now)
                stretches.forget_read(connection, position)
