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

from opentrail.clock import Clock, iso_seconds
from opentrail.errors import JournalTrimmed
from opentrail.insights import store, telling, time_store
from opentrail.insights.baselines import Baselines
from opentrail.insights.counts import Counts, Tally
from opentrail.insights.jumps import Jumps
from opentrail.insights.neighbours import Sources
from opentrail.insights.points import Points
from opentrail.insights.values import Series
from opentrail.insights.watched import Watched
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

log = logging.getLogger("opentrail.insights")


class Journal(Protocol):
    """The reading side of the journal."""

    def head(self) -> int:
        """Position of the newest record, 0 when there never was one."""

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

    def step(self) -> int:
        """Read some records, judge the minutes that are over, commit if it is time. How many there were. What is raised loses nothing: the
        next step begins again at the last commit."""
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
            self._since = store.sources(connection)
            kept = store.progress(connection)
            alive, jumps = time_store.kept(connection)
        self._closed = -1
        if kept is not None:
            self._closed = kept[0]
            for minute, series, tally in msgspec.msgpack.decode(kept[1], type=list[tuple[int, tuple[str, ...], Tally]]):
                self._counts.open.setdefault(minute, {})[Series(*series)] = tally
        self._jumps = Jumps(self._clock, alive, jumps)
        self._watched = Watched(self._database, self._jumps, self._closed)
        self._baselines = Baselines(self._database, self._clock, watched=self._watched, jumps=self._jumps)
        self._points = Points()
        self._sources_differ = True
        self._committed = self._clock.monotonic()
        self._spoilt = False

    def _step(self) -> int:
        head = self._read if self._is_wanted else self._journal.head()
        if head > self._read:
            self._renew()  # after the head, as it is after the records
            if not self._is_wanted:
                self._read = head
                self._go_on(caught_up=False)
                return 1  # for all that there were: none is left
        try:
            entries = self._journal.read(self._read, PAGE)
        except JournalTrimmed:
            kept_from = self._journal.first()
            if kept_from <= self._read + 1:
                raise
            log.error("the records from %d to %d are no longer in the journal: Insights do not count them", self._read + 1, kept_from - 1)
            self._read = kept_from - 1
            return PAGE
        # Looked at after the records: what was switched on before one of them was made is then always seen.
        self._renew()
        if entries:
            if self._is_wanted:
                self._counts.take(entries)
            self._read = entries[-1].position
        self._go_on(caught_up=not entries)
        return len(entries)

    @property
    def _is_wanted(self) -> bool:
        """Whether anybody has, or had, records analysed; else they are passed by unread."""
        return bool(self._since or self._sources.arns())

    def _renew(self) -> None:
        if self._sources.renew(self._read) or self._sources_differ:
            self._counts.begin_anew()
            self._end_what_nobody_asks_for()
            self._sources_differ = False

    def _go_on(self, *, caught_up: bool) -> None:
        """What is due by what was read."""
        self._go_along_with_the_clock(caught_up=caught_up)
        now = self._now(caught_up=caught_up)
        if now is not None:
            earliest = self._counts.earliest_minute
            self._begin_sources(int(now) // 60 if earliest is None else earliest)
            self._close((int(now) - LATE) // 60 - 1)
        self._baselines.step(self._closed, self._since, self._sources)
        self._commit_if_due()

    def _go_along_with_the_clock(self, *, caught_up: bool) -> None:
        for before, after in (*self._jumps.began(self._counts.minutes, caught_up=caught_up), *self._jumps.look()):
            log.warning("time went from %s to %s: what is between was not watched", iso_seconds(before * 60), iso_seconds(after * 60))
            if after <= before:  # the same minutes come again, so those that were open are over
                self._close(before)
            jump = self._jumps.note(before, after)
            if jump.is_back:
                self._closed = after - 1
                self._watched.wake_by(after)

    def _now(self, *, caught_up: bool) -> float | None:
        clock = self._clock.time()
        if caught_up:
            return clock
        latest = self._counts.latest_minute
        return None if latest is None else min(latest * 60.0, clock)

    def _begin_sources(self, minute: int) -> None:
        for arn in self._sources.arns():
            if arn not in self._since:
                self._since[arn] = minute
                self._baselines.begin(arn, minute)

    def _end_what_nobody_asks_for(self) -> None:
        """Insights are off, or what they need is not logged any more: begin anew when they are back."""
        asked = set(self._sources.arns())
        self._baselines.end(self._since.keys() - asked)
        self._since = {arn: minute for arn, minute in self._since.items() if arn in asked}
        for series in [series for series in self._watched if not self._sources.behind(series)]:
            self._watched.forget(series)
        for tallies in self._counts.open.values():
            for series in [series for series in tallies if series.is_analysed and not self._sources.behind(series)]:
                del tallies[series]

    def _close(self, last: int) -> None:
        """Judge every minute up to `last`."""
        earliest = self._counts.earliest_minute
        if earliest is not None and earliest <= last:
            self._counts.settle(last)
            now = self._clock.time()
            for minute in sorted(minute for minute in self._counts.open if minute <= last):
                tallies = self._counts.open.pop(minute)
                for series, tally in tallies.items():
                    if series.is_shown:
                        self._points.add(series, minute, tally.count, now)
                analysed = {series: tally for series, tally in tallies.items() if series.is_analysed}
                since = {series: self._watched_since(series, minute) for series in analysed if series not in self._watched}
                self._watched.take(minute, analysed, since)
        if last > self._closed:
            self._closed = last
            self._watched.pass_by(last)

    def _watched_since(self, series: Series, minute: int) -> int:
        return min((*(self._since[arn] for arn in self._sources.behind(series) if arn in self._since), minute))

    def _commit_if_due(self) -> None:
        now = self._clock.monotonic()
        waiting = len(self._points) + self._watched.changes
        if self._read - self._saved >= MANY and waiting < MOST_WAITING:
            interval = LOADED
        else:
            interval = OFTEN if waiting or self._counts.earliest_minute is None else SELDOM
        if (
            self._watched.told
            or self._baselines.has_changes
            or (now - self._committed >= interval and (self._read != self._saved or waiting))
        ):
            self._commit()
        if now - self._upkept >= UPKEEP:
            self._upkept = now
            with self._database.begin() as connection:
                store.forget_old(connection, self._clock.time())

    def _commit(self) -> None:
        self._promise(self._read)
        self._counts.settle()
        with self._database.begin() as connection:
            numbers = {series: number for series in self._points.series if (number := self._watched.number(series))}
            wanted = {*self._watched.unnumbered, *self._points.series}.difference(numbers)
            numbers |= store.series_ids(connection, wanted)
            self._watched.save(connection, numbers)
            self._points.save(connection, numbers)
            for told in self._watched.told:
                telling.tell(connection, *told)
            self._baselines.save(connection)
            store.save_sources(connection, self._since)
            open_minutes = [
                (minute, tuple(series), tally) for minute, tallies in self._counts.open.items() for series, tally in tallies.items()
            ]
            store.save_progress(connection, self._closed, msgspec.msgpack.encode(open_minutes))
            time_store.keep(connection, self._clock.time(), self._jumps.known)
            self._positions.save(connection, FOLLOWER, self._read)
        self._saved, self._committed = self._read, self._clock.monotonic()
        self._watched.saved()
        self._baselines.saved()
        self._points.saved()
