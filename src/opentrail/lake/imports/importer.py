"""The importer: the thread of the role `lake` that does the imports there are, those that were under way before it first.

Imports of several accounts take turns.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter
from typing import Final

from opentrail.lake.imports import ledger, store
from opentrail.lake.imports.run import Neighbourhood, Run
from opentrail.lake.imports.values import FAILED, ONGOING

IDLE: Final = 0.5
"""Seconds between two looks for something to do."""
TROUBLE: Final = 2.0
"""Seconds it waits after something went wrong."""
TURN: Final = 20.0
"""Seconds after which it is another import's turn, if there is another."""
MOST_TROUBLE: Final = 100
"""Attempts without any progress after which an import is given up."""

log = logging.getLogger("opentrail.lake")


class Importer:
    """Does the imports. `run` is for a thread of its own."""

    def __init__(self, near: Neighbourhood) -> None:
        self._near = near
        self._trouble: Counter[str] = Counter()
        self._progress: dict[str, int] = {}
        near.database.create(store.METADATA)

    def run(self, stop: threading.Event) -> None:
        """Work until `stop` is set."""
        self._forget_stores()
        try:
            while not stop.is_set():
                if not self.step(stop):
                    self._near.converts.rest()
                    stop.wait(IDLE)
        finally:
            self._near.converts.rest()

    def step(self, stop: threading.Event) -> bool:
        """Give one import its turn. Returns whether there was one."""
        if not store.is_any_ongoing(self._near.database):
            return False
        with self._near.database.read() as connection:
            import_id, _ = store.next_to_serve(connection)
            of = None if import_id is None else store.find(connection, import_id)
        if of is None:
            return False
        try:
            with self._near.database.begin() as connection:
                store.serve(connection, of.id)
            began = self._near.clock.monotonic()
            Run(of, self._near, stop, lambda: self._near.clock.monotonic() - began > TURN and self._others()).work()
            self._trouble.pop(of.id, None)
        except Exception as error:
            if not stop.is_set():
                log.exception("the import %s was interrupted and goes on where it is safe", of.id)
                self._count_trouble(of.id, error)
                stop.wait(TROUBLE)
        return True

    def _others(self) -> bool:
        with self._near.database.read() as connection:
            return store.next_to_serve(connection)[1] > 1

    def _count_trouble(self, import_id: str, error: Exception) -> None:
        """An import that cannot go on for minutes is given up, so that its account is not held for ever; it can be retried."""
        try:
            with self._near.database.begin() as connection:
                current = store.find(connection, import_id)
                if current is None or current.status not in ONGOING:
                    return
                done = current.statistics.files_completed
                if self._progress.get(import_id) != done:
                    self._progress[import_id] = done
                    self._trouble.pop(import_id, None)
                self._trouble[import_id] += 1
                if self._trouble[import_id] >= MOST_TROUBLE:
                    now = self._near.clock.time()
                    store.fail(connection, import_id, current.location, None, "InternalError", f"It could not go on: {error}", now)
                    store.set_status(connection, import_id, FAILED, now)
        except Exception:
            log.exception("the state of the import %s cannot be written", import_id)

    def _forget_stores(self) -> None:
        try:
            kept = [one.id for one in self._near.stores.all()]
            with self._near.database.begin() as connection:
                ledger.forget_stores(connection, kept)
                store.forget_ended(connection)
        except Exception:
            log.exception("what was imported into stores that are gone could not be forgotten")
