"""Carrying out one query: a snapshot of tables, the child told what to read of it, and what comes taken in."""

from __future__ import annotations

import shutil
import threading
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from opentrail.clock import Clock
from opentrail.config import LakeSettings
from opentrail.errors import OpenTrailError
from opentrail.lake.neighbours import Snapshot, Tables
from opentrail.lake.queries import frames, store
from opentrail.lake.queries.children import Children
from opentrail.lake.queries.narrowing import Narrowing
from opentrail.lake.queries.orders import orders
from opentrail.lake.queries.process import Child
from opentrail.lake.queries.query import FAILED, Ended, Query, Statistics
from opentrail.lake.queries.taking import Taken, take_in
from opentrail.lake.queries.vouching import Vouching
from opentrail.lake.sql.wanted import Wanted
from opentrail.storage.database import Database
from opentrail.wire.faults import Fault, ServiceUnavailable

CATCHING_UP: Final = 600.0
"""Seconds that a query waits, queued, for events that were acknowledged before it."""
LOOK_UP: Final = 1.0
"""Seconds of these between two looks at whether it is still wanted."""
OUTSIDE: Final = "The process of the query was ended from outside. Run the query again."


@dataclass(slots=True, kw_only=True)
class UnderWay:
    """A query that has not ended, and the child that is to run it."""

    query: Query
    child: Child
    wanted: tuple[Wanted, ...]
    at_least: int
    cancelled: threading.Event = field(default_factory=threading.Event)
    settled: threading.Event = field(default_factory=threading.Event)
    """Its row is durable, or never will be."""
    is_known: bool = False
    """It has a row."""


class CarryingOut:
    """Carries queries out, several at a time."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        *,
        tables: Tables,
        children: Children,
        vouching: Vouching,
        folder: Path,
        settings: LakeSettings,
    ) -> None:
        """`folder` holds a folder of results per query."""
        self._database = database
        self._clock = clock
        self._tables = tables
        self._children = children
        self._vouching = vouching
        self._folder = folder
        self._settings = settings
        self._narrowing = Narrowing()

    def ended(self, under_way: UnderWay) -> tuple[Ended | None, float]:
        """How it ended, `None` when it was cancelled; and the seconds it took."""
        query = under_way.query
        if under_way.cancelled.is_set():
            return None, 0.0
        try:
            snapshot = self._snapshot(under_way)
            if snapshot is None:
                return None, 0.0
        except (Fault, OpenTrailError) as refused:
            message = refused.message if isinstance(refused, Fault) else str(refused)
            return Ended(status=FAILED, error_message=message), 0.0
        began = self._clock.monotonic()
        try:
            taken = self._taken(under_way, snapshot, began)
        finally:
            snapshot.release()
        seconds = self._clock.monotonic() - began
        if under_way.cancelled.is_set():
            if under_way.is_known:
                shutil.rmtree(self._folder / query.id, ignore_errors=True)
            return None, seconds
        if not taken.is_told:
            taken = replace(taken, statistics=Statistics(bytes_scanned=under_way.child.scanned))
        return taken.ended(self._interruption(under_way, taken)), seconds

    def _snapshot(self, under_way: UnderWay) -> Snapshot | None:
        """The tables with all that was acknowledged before the query; `None` when it was cancelled while it waited for that."""
        late = self._clock.monotonic() + CATCHING_UP
        while not under_way.cancelled.is_set():
            try:
                return self._tables.snapshot(under_way.query.store_ids, at_least=under_way.at_least, patience=LOOK_UP)
            except ServiceUnavailable:
                if self._clock.monotonic() >= late:
                    raise
        return None

    def _taken(self, under_way: UnderWay, snapshot: Snapshot, began: float) -> Taken:
        query, timeout = under_way.query, self._settings.query_timeout
        told = orders(
            snapshot,
            self._settings,
            deliver=query.delivery_s3_uri is not None,
            scratch=self._scratch(query.id),
            parts=self._narrowing.of(snapshot, under_way.wanted),
        )
        self._children.seen(query.store_ids, [path for source in told["sources"] for path in source["files"]])
        frames_of = under_way.child.run(told, began + timeout, self._clock, lambda: self._runs(under_way))
        return take_in(frames_of, self._folder / query.id, self._vouching.of(query) if query.delivery_s3_uri else None)

    def _runs(self, under_way: UnderWay) -> None:
        """Say so, once it has a row; raises `frames.Ended` where it gets none. What was cancelled meanwhile is killed by whoever did that.

        This need not survive a power failure: what was under way has failed then anyway.
        """
        under_way.settled.wait()
        if not under_way.is_known:
            raise frames.Ended
        with self._database.begin_unsettled() as connection:
            store.run(connection, under_way.query.id)

    def clear(self, query_id: str) -> None:
        """Remove what its engine has written in between."""
        shutil.rmtree(self._scratch(query_id), ignore_errors=True)

    def _scratch(self, query_id: str) -> Path:
        """Named like no query, so that what a crash leaves is swept by the next start."""
        return self._folder / f"{query_id}.scratch"

    def _interruption(self, under_way: UnderWay, taken: Taken) -> str:
        """What is said of a process that was gone before it had told how its query ended."""
        if taken.is_told or taken.is_timed_out:
            return ""
        return taken.because(under_way.child.end(), OUTSIDE)
