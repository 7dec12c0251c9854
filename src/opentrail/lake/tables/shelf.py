"""Where the tables stand: a folder for each store, opened when somebody needs it, removed when the store is gone for good."""

from __future__ import annotations

import logging
import re
import shutil
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from opentrail.eventstore.files import make_directory, sync_directory
from opentrail.lake.event_data_store import EventDataStore
from opentrail.lake.faults import EventDataStoreNotFoundException
from opentrail.lake.names import UUID
from opentrail.lake.neighbours import Stores
from opentrail.lake.tables.settings import TableSettings
from opentrail.lake.tables.table import StoreTable

_ID: Final = re.compile(UUID)
_GONE: Final = ".gone"
"""What the folder of a store is renamed to before it is deleted, so that half a table is never taken for one."""

_log = logging.getLogger(__name__)


class Shelf:
    """The tables in `folder`. Any thread may call any method."""

    def __init__(self, folder: Path, stores: Stores, settings: TableSettings) -> None:
        self._folder = folder.resolve()
        self._stores = stores
        self._settings = settings
        self._lock = threading.Lock()
        self._opened: dict[str, StoreTable] = {}

    def open(self) -> None:
        """Make the folder, and finish removals that were cut short. Tables are opened by `of`."""
        make_directory(self._folder)
        for left_over in self._folder.glob(f"*{_GONE}"):
            shutil.rmtree(left_over)

    def close(self) -> None:
        """Close all tables."""
        with self._lock:
            for table in self._opened.values():
                table.close()
            self._opened.clear()

    def store(self, store_id: str) -> EventDataStore:
        """The store. Raises `EventDataStoreNotFoundException`."""
        store = self._stores.get(store_id)
        if store is None:
            raise EventDataStoreNotFoundException(f"The event data store {store_id} was not found.")
        return store

    def of(self, store_id: str) -> StoreTable:
        """The table of a store, made when it has none yet. Raises `EventDataStoreNotFoundException`, and what the disk says."""
        with self._lock:
            table = self._opened.get(store_id)
            if table is None:
                store = self.store(store_id)
                table = self._opened[store_id] = StoreTable(self._folder / store.id, store.id, store.family, self._settings)
            return table

    def opened(self) -> dict[str, StoreTable]:
        """The tables that are open now, by store."""
        with self._lock:
            return dict(self._opened)

    def remove_gone(self, removed: Callable[[str], None]) -> Sequence[str]:
        """Remove the tables of stores that are no more, unless a query reads them, and tell `removed` of each. Returns the stores' ids."""
        done = []
        for path in self._folder.iterdir():
            if _ID.fullmatch(path.name) and self._stores.get(path.name) is None and self._remove(path):
                removed(path.name)
                done.append(path.name)
        return done

    def _remove(self, path: Path) -> bool:
        with self._lock:
            table = self._opened.get(path.name)
            if table is not None:
                if table.is_pinned:
                    return False
                table.close()
                del self._opened[path.name]
            gone = path.with_name(path.name + _GONE)
            path.rename(gone)
        sync_directory(self._folder)
        shutil.rmtree(gone)
        return True
