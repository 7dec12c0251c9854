"""The follower `insights` of the journal: counts, has each minute judged when it is over, keeps what came of it.

Everything between two commits is memory only: position, open minutes, what is remembered of each series, points and announcements are
written in one transaction, so a record counts exactly once, whenever the process dies. What time it is the records say while there are
any unread; the clock says it when all are read.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Final, Protocol

import msgspec
from sqlalchemy.engine import Connection

from opentrail.clock import Clock
from opentrail.errors import JournalTrimmed
from opentrail.events.service_event import ServiceEvent
from opentrail.insights import store
from opentrail.insights.counts import Counts, Tally
from opentrail.insights.detector import Turn
from opentrail.insights.memory import Memory, pass_by, take, wakes
from opentrail.insights.neighbours import Sources
from opentrail.insights.store import Known
from opentrail.insights.values import DATA, Series
from opentrail.journal import Entry
from opentrail.journal.positions import Positions
from opentrail.storage.database import Database

FOLLOWER: Final = "insights"
"""Name under which the position is saved."""
PAGE: Final = 2000
"""Records that are read together."""
LATE: Final = 10
"""Seconds after the end of a minute in which its last records are waited for."""
OFTEN, SELDOM, LOADED = 1.0, 60.0, 300.0
"""Seconds between two commits at least: when a minute was closed or nothing is counted; while minutes are only open; and when records are
many. What is found is committed at once."""
MANY: Final = 4000
"""Records since the last commit that are many: to write everything down each minute would cost more than to read them again."""
MOST_WAITING: Final = 20_000
"""Points and series that wait for a commit."""
UPKEEP: Final = 3600.0
"""Seconds between two looks at what has outlived its time."""
MOST_SERIES: Final = 50_000
"""Series that are watched; when there are more, those are forgotten that have been silent longest."""
MOST_HOT: Final = 1000
"""Series of which everything remembered stays in memory between two commits."""
FORGOTTEN_AFTER: Final = 28 * 1440
"""Minutes without a call after which a series is forgotten."""

log = logging.getLogger("opentrail.insights")


class Journal(Protocol):
    """The reading side of the journal."""

    def first(self) -> int:
        """Position of the oldest record that is kept."""

    def read(self, after: int, limit: int) -> Sequence[Entry]:
        """At most `limit` entries above the position `after`, in order."""


class InsightsFollower:
    """One thread, but for `position`."""

    def __init__(
        self, database: Database, clock: Clock, *, journal: Journal, sources: Sources, promise: Callable[[int], None] = lambda _: None
    ) -> None:
        """`database` is `DataFolder.insights`; `promise` is called with each position before it is saved."""
        self._database = database
        self._clock = clock
        self._journal = journal
        self._sources = sources
        self._promise = promise
        self._positions = Positions(database)
        database.create(store.METADATA)
        self._upkept = -UPKEEP
        self._spoilt = True
        self._rewind()

    @property
    def position(self) -> int:
        """Position up to which everything is kept."""
        return self._saved

    def step(self) -> bool:
        """Read some records, judge the minutes that are over, commit if it is time. What is raised loses nothing: the next step begins
        again at the last commit."""
        if self._spoilt:
            self._rewind()
        try:
            return self._step()
        except BaseException:
            self._spoilt = True
            raise

    def _rewind(self) -> None:
        self._spoilt = True
        self._saved = self._read = self._positions.get(FOLLOWER)
        self._counts = Counts(self._sources)
        with self._database.read() as connection:
            self._known = store.known(connection)
            self._since = store.sources(connection)
            kept = store.progress(connection)
        self._closed = -1
        if kept is not None:
            self._closed = kept[0]
            for minute, series, tally in msgspec.msgpack.decode(kept[1], type=list[tuple[int, tuple[str, ...], Tally]]):
                self._counts.open.setdefault(minute, {})[Series(*series)] = tally
        self._hot: dict[Series, Memory] = {}
        self._dirty: set[Series] = set()
        self._points: dict[tuple[Series, int, int], int] = {}
        self._told: list[tuple[Series, Turn, bytes]] = []
        self._gone: list[int] = []
        self._sources_differ = True
        self._committed = self._clock.monotonic()
        self._spoilt = False

    def _step(self) -> bool:
        try:
            entries = self._journal.read(self._read, PAGE)
        except JournalTrimmed:
            kept_from = self._journal.first()
            if kept_from <= self._read + 1:
                raise
            log.error("the records from %d to %d are no longer in the journal: Insights do not count them", self._read + 1, kept_from - 1)
            self._read = kept_from - 1
            return True
        # Looked at after the records: what was switched on before one of them was made is then always seen.
        if self._sources.renew() or self._sources_differ:
            self._counts.begin_anew()
            self._end_what_nobody_asks_for()
            self._sources_differ = False
        if entries:
            if self._since.keys() or self._sources.arns():
                self._counts.take(entries)
            self._read = entries[-1].position
        now = self._now(caught_up=not entries)
        if now is not None:
            earliest = self._counts.earliest_minute
            self._begin_sources(int(now) // 60 if earliest is None else earliest)
            self._close((int(now) - LATE) // 60 - 1)
        self._commit_if_due()
        return bool(entries)

    def _now(self, *, caught_up: bool) -> float | None:
        clock = self._clock.time()
        if caught_up:
            return clock
        latest = self._counts.latest_minute
        return None if latest is None else min(latest * 60.0, clock)

    def _begin_sources(self, minute: int) -> None:
        for arn in self._sources.arns():
            self._since.setdefault(arn, minute)

    def _end_what_nobody_asks_for(self) -> None:
        """Insights are off, or what they need is not logged any more: begin anew when they are back."""
        asked = set(self._sources.arns())
        self._since = {arn: minute for arn, minute in self._since.items() if arn in asked}
        for series in [series for series in (*self._known, *self._hot) if not self._sources.behind(series)]:
            self._forget(series)
        for tallies in self._counts.open.values():
            for series in [series for series in tallies if series.is_analysed and not self._sources.behind(series)]:
                del tallies[series]

    def _forget(self, series: Series) -> None:
        self._hot.pop(series, None)
        self._dirty.discard(series)
        known = self._known.pop(series, None)
        if known is not None and known.id:
            self._gone.append(known.id)

    def _close(self, last: int) -> None:
        """Judge every minute up to `last`."""
        earliest = self._counts.earliest_minute
        if earliest is not None and earliest <= last:
            self._counts.settle(last)
        for minute in sorted(minute for minute in self._counts.open if minute <= last):
            tallies = self._counts.open.pop(minute)
            self._warm(tallies)
            for series, tally in tallies.items():
                self._add_points(series, minute, tally.count)
                if series.is_analysed:
                    self._judge(series, minute, tally)
        if last > self._closed:
            self._closed = last
            due = [series for series, known in self._known.items() if known.wakes is not None and known.wakes <= last]
            self._warm(due)
            for series in due:
                self._settle(series, pass_by(series, self._hot[series], last))
            self._make_room()

    def _judge(self, series: Series, minute: int, tally: Tally) -> None:
        if series not in self._hot:
            asked = [self._since[arn] for arn in self._sources.behind(series) if arn in self._since]
            self._hot[series] = Memory.new(series, min((*asked, minute)))
            self._known[series] = Known(0, None, minute)
        known = self._known[series]
        known.latest = max(known.latest, minute)
        self._settle(series, take(series, self._hot[series], minute, tally))

    def _settle(self, series: Series, told: Sequence[tuple[Turn, bytes]]) -> None:
        self._known[series].wakes = wakes(self._hot[series])
        self._dirty.add(series)
        self._told.extend((series, turn, record) for turn, record in told)

    def _warm(self, wanted: Sequence[Series] | dict[Series, Tally]) -> None:
        """Have what is remembered of these in memory."""
        cold = {self._known[series].id: series for series in wanted if series in self._known and series not in self._hot}
        if cold:
            with self._database.read() as connection:
                for number, data in store.memories(connection, cold).items():
                    self._hot[cold[number]] = Memory.decoded(data)

    def _add_points(self, series: Series, minute: int, count: int) -> None:
        if series.is_shown:
            time, now = minute * 60, self._clock.time()
            for period, kept in store.KEPT.items():
                if time >= now - kept:
                    key = (series, period, time - time % period)
                    self._points[key] = self._points.get(key, 0) + count

    def _make_room(self) -> None:
        oldest = self._closed - FORGOTTEN_AFTER
        if len(self._known) > MOST_SERIES:
            by_age = sorted(known.latest for known in self._known.values())
            oldest = max(oldest, by_age[len(by_age) - MOST_SERIES * 9 // 10])
        elif self._closed % 1440:
            return
        for series in [series for series, known in self._known.items() if known.latest < oldest]:
            self._forget(series)

    def _commit_if_due(self) -> None:
        now = self._clock.monotonic()
        waiting = len(self._points) + len(self._dirty)
        if self._read - self._saved >= MANY and waiting < MOST_WAITING:
            interval = LOADED
        else:
            interval = OFTEN if waiting or self._counts.earliest_minute is None else SELDOM
        if self._told or (now - self._committed >= interval and (self._read != self._saved or self._dirty or self._gone)):
            self._commit()
        if now - self._upkept >= UPKEEP:
            self._upkept = now
            with self._database.begin() as connection:
                store.forget_old(connection, self._clock.time())

    def _commit(self) -> None:
        self._promise(self._read)
        self._counts.settle()
        with self._database.begin() as connection:
            store.forget(connection, self._gone)
            numbers: dict[Series, int] = {}
            for series in {*self._dirty, *(series for series, _, _ in self._points)}:
                known = self._known.get(series)
                numbers[series] = known.id if known is not None and known.id else store.series_id(connection, series)
            rows = []
            for series in self._dirty:
                known = self._known[series]
                known.id = numbers[series]
                rows.append((known.id, self._hot[series].encoded(), known.wakes, known.latest))
            store.remember(connection, rows)
            store.add_points(connection, {(numbers[series], *rest): count for (series, *rest), count in self._points.items()})  # type: ignore[misc]
            for told in self._told:
                _announce(connection, *told)
            store.save_sources(connection, self._since)
            open_minutes = [
                (minute, tuple(series), tally) for minute, tallies in self._counts.open.items() for series, tally in tallies.items()
            ]
            store.save_progress(connection, self._closed, msgspec.msgpack.encode(open_minutes))
            self._positions.save(connection, FOLLOWER, self._read)
        self._saved, self._committed = self._read, self._clock.monotonic()
        self._dirty, self._points, self._told, self._gone = set(), {}, [], []
        if len(self._hot) > MOST_HOT:
            self._hot.clear()


def _announce(connection: Connection, series: Series, turn: Turn, record: bytes) -> None:
    members = msgspec.json.decode(record)
    event = ServiceEvent(
        event_source=series.source,
        event_name=series.name,
        account_id=series.account_id,
        region=series.region,
        time=turn.minute * 60.0,
        event_id=members["eventID"],
        shared_event_id=members["sharedEventID"],
        record=record.decode(),
    )
    store.announce(connection, event.event_id, msgspec.json.encode(event))
    if series.category == DATA:
        store.list_event(
            connection,
            {
                "event_id": event.event_id,
                "insight_source": series.scope,
                "account_id": series.account_id,
                "region": series.region,
                "time": turn.minute * 60,
                "event_source": series.source,
                "event_name": series.name,
                "record": record,
            },
        )
