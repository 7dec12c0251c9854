"""Which records trails log, as rules see it: a trail of the account, or of its organization, that was logging when the record was made."""

from __future__ import annotations

from collections.abc import Sequence

from opentrail.clock import Clock
from opentrail.journal import Entry
from opentrail.storage.database import Database
from opentrail.trails import store
from opentrail.trails.facts import Facts, facts
from opentrail.trails.regions import Regions
from opentrail.trails.routes import Routes
from opentrail.trails.store import Trail, Window

KEPT = 600.0
"""Seconds for which the end of a trail is remembered after the trails' own delivery is done with it: rules may be a little behind."""
MOST_KEPT = 1000


class TrailSelection:
    """See `rules.neighbours.Trails`. One thread."""

    def __init__(self, database: Database, clock: Clock, regions: Regions) -> None:
        """`database` is `DataFolder.state`."""
        database.create(store.METADATA)
        self._database = database
        self._clock = clock
        self._routes = Routes(database, regions)
        self._changes = -1
        self._trails: dict[int, Trail] = {}
        self._windows: dict[int, Window] = {}
        self._gone: dict[int, float] = {}
        """Window that is forgotten elsewhere → monotonic time when that was seen."""

    def logged(self, entries: Sequence[Entry]) -> list[bool]:
        """As `Trails.logged`."""
        self._look()
        return [self._is_logged(entry.position, facts(entry.record)) for entry in entries]

    def _is_logged(self, position: int, of: Facts | None) -> bool:
        if of is None:
            return False
        return any(
            (position > route.open_from or route.was_logging(position, of.request_id)) and route.served(position) and route.takes(of)
            for route in self._routes.of(of.recipient_account_id, of.aws_region)
        )

    def _look(self) -> None:
        with self._database.read() as connection:
            changes = store.changes(connection)
            if changes == self._changes:
                return
            trails = {trail.id: trail for trail in store.working_trails(connection)}
            windows = {window.id: window for window in store.windows(connection, read=True)}
        now = self._clock.monotonic()
        for number, window in self._windows.items():
            if number not in windows and window.stop is not None:
                self._gone.setdefault(number, now)
        self._gone = {number: at for number, at in list(self._gone.items())[-MOST_KEPT:] if now - at < KEPT}
        kept = {number: self._windows[number] for number in self._gone if number in self._windows}
        self._windows = windows | kept
        wanted = {window.trail_id for window in kept.values()}
        self._trails = trails | {number: trail for number, trail in self._trails.items() if number in wanted and number not in trails}
        self._changes = changes
        self._routes.renew(self._trails, tuple(self._windows.values()), {})
