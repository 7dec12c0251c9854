"""Carries out what is wanted of federation, and lets the catalog follow each commit of a table.

One look is a loop over the stores; each step can be repeated, so a crash between the catalog and the state database only means the same
step again. The catalog is opened when there is something to show: one that is away holds up federation, and nothing else.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol

from sqlalchemy import update

from opentrail.lake.event_data_store import EventDataStore
from opentrail.lake.federation.catalogs import Shown
from opentrail.lake.federation.statuses import DISABLED, DISABLING, ENABLED, ENABLING
from opentrail.lake.neighbours import Tables
from opentrail.lake.stores import store
from opentrail.storage.database import Database

_log = logging.getLogger("opentrail.lake")
_WANTED: Final = (ENABLING, ENABLED)


class _Stores(Protocol):
    def all(self) -> Sequence[EventDataStore]: ...

    def generation(self) -> int: ...


class FederationKeeper:
    """For one thread at a time."""

    def __init__(self, database: Database, *, stores: _Stores, tables: Tables, opened: Callable[[], Shown]) -> None:
        """`opened` opens the catalog; it may raise whatever a catalog raises that does not answer."""
        self._database = database
        self._stores = stores
        self._tables = tables
        self._opened = opened
        self._catalog: Shown | None = None
        self._generation: int | None = None
        self._known: list[EventDataStore] = []
        self._shown: dict[str, str] = {}
        """Store → metadata file that the catalog was told last."""

    def work(self) -> None:
        """One look. Goes through all stores even when some fail; those are tried again the next time."""
        generation = self._stores.generation()
        if generation != self._generation:
            self._known = [one for one in self._stores.all() if one.federation_status not in (None, DISABLED)]
            self._sweep()
            self._generation = generation
        for one in self._known:
            try:
                self._step(one)
            except Exception:
                _log.exception("the federation of the event data store %s could not be brought up to date", one.arn)
                self._reopen()

    def close(self) -> None:
        """Give the catalog back."""
        if self._catalog is not None:
            self._catalog.close()
            self._catalog = None

    def _step(self, one: EventDataStore) -> None:
        if one.federation_status == DISABLING:
            self._open().hide(one.id)
            self._shown.pop(one.id, None)
            self._settle(one.id, DISABLING, {"federation_status": DISABLED, "federation_role_arn": None})
            return
        metadata = self._tables.location(one.id).as_uri()
        if self._shown.get(one.id) != metadata:
            self._open().show(one.id, metadata)
            self._shown[one.id] = metadata
        if one.federation_status == ENABLING:
            self._settle(one.id, ENABLING, {"federation_status": ENABLED})

    def _sweep(self) -> None:
        """What the catalog shows and nobody wants any more leaves it: of a state database that was emptied."""
        wanted = {one.id for one in self._known}
        for store_id in self._shown.keys() - wanted:
            self._open().hide(store_id)
            del self._shown[store_id]
        if wanted or self._catalog is not None:
            for store_id in set(self._open().names() or ()) - wanted:
                self._open().hide(store_id)

    def _settle(self, store_id: str, present: str, values: dict[str, Any]) -> None:
        """Change the store's status, unless somebody wants something else by now."""
        with self._database.begin() as connection:
            of = (store.STORES.c.id == store_id, store.STORES.c.federation_status == present)
            if connection.execute(update(store.STORES).where(*of).values(**values)).rowcount:
                store.changed(connection)

    def _open(self) -> Shown:
        if self._catalog is None:
            self._catalog = self._opened()
        return self._catalog

    def _reopen(self) -> None:
        """Whatever the catalog has been told is told again."""
        self._shown.clear()
        try:
            self.close()
        except Exception:
            _log.warning("the federation catalog could not be closed", exc_info=True)
            self._catalog = None
