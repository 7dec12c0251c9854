"""What keeps the tables in order: small files are merged, what has outlived its retention goes, tables of stores that are gone go."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable

from opentrail.clock import Clock
from opentrail.lake.event_data_store import EventDataStore
from opentrail.lake.neighbours import Stores
from opentrail.lake.tables.ingestion import oldest
from opentrail.lake.tables.settings import TableSettings
from opentrail.lake.tables.shelf import Shelf
from opentrail.lake.tables.sorting import DAY

_log = logging.getLogger(__name__)


class Upkeep:
    """One thread. What fails for one table is said, and tried again; the others go on."""

    def __init__(self, shelf: Shelf, stores: Stores, clock: Clock, settings: TableSettings, removed: Callable[[str], None]) -> None:
        self._shelf = shelf
        self._stores = stores
        self._clock = clock
        self._settings = settings
        self._removed = removed
        self._looked: dict[str, tuple[int, float]] = {}
        """Store → the retention by which its table was gone through, and when."""

    def work(self) -> bool:
        """Do what is due; False when nothing was."""
        worked = bool(self._shelf.remove_gone(self._forget))
        for store in self._stores.all():
            try:
                worked |= self._care(store)
            except Exception:
                _log.exception("the table of the event data store %s could not be put in order; it is tried again", store.id)
        return worked

    def _forget(self, store_id: str) -> None:
        self._looked.pop(store_id, None)
        self._removed(store_id)

    def _care(self, store: EventDataStore) -> bool:
        bound = oldest(store.retention_period, self._clock.time())
        period, looked = self._looked.get(store.id, (0, -math.inf))
        worked = False
        if period != store.retention_period or self._clock.monotonic() - looked >= self._settings.retention_interval:
            worked = self._shelf.of(store.id).drop_expired(bound)
            self._looked[store.id] = (store.retention_period, self._clock.monotonic())
        table = self._shelf.of(store.id)
        while table.compact(today=int(self._clock.time()) // DAY, oldest=bound):
            worked = True
        return worked
