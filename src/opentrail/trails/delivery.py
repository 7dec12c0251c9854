"""Log files: the follower `trails` of the journal (reference of delivery, §2-§4).

One position for all trails. Records are sorted into batches in memory, one per chain (trail, account, Region) and kind of file. A *cut*
closes all of them at once: every file goes to the spool, then one transaction keeps the plans and the position. A crash before it loses
only memory, which is read again; a crash after it finds the plans. So each event is in exactly one file.

Records of what CloudTrail did itself make no file by themselves (`held`): they go into the next one that has anything else.

Where a file goes is settled when it is cut: bucket, prefix and key are in its plan, and a later change of the trail does not move it.
Intervals are measured on the monotonic clock, so a clock that is set back or forward cuts no file early and none late; the minute in a
file's name is what the clock says at the cut.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from sqlalchemy.engine import Connection

from opentrail.clock import Clock
from opentrail.config import TrailsSettings
from opentrail.errors import JournalError, JournalTrimmed
from opentrail.storage.database import Database
from opentrail.trails import facts as records
from opentrail.trails import held, keys, plans, store
from opentrail.trails.batch import CHUNK, Batch
from opentrail.trails.courier import Courier
from opentrail.trails.facts import Facts
from opentrail.trails.keys import Chain
from opentrail.trails.regions import Regions, is_region_name
from opentrail.trails.selection import Choice
from opentrail.trails.spool import Spool
from opentrail.trails.store import Trail, Window

FOLLOWER = "trails"
"""Name under which the position is saved."""
READ_AHEAD = 2000
"""Records read in one step."""
MOST_UNCOMPRESSED = 48 << 20
"""Uncompressed bytes at which a file is closed; with one more record it still has less than CloudTrail's 50 MB."""
MOST_IN_MEMORY = 96 << 20
"""Bytes of all batches together at which everything is cut."""
GRACE = 60.0
"""Seconds after StopLogging was noticed in which the record of that call must have come, if it was made at all."""
MOST_STRANGE = 16
"""Regions unknown to us of which one trail keeps files apart. The records of further ones, and of names that no Region can have, are
filed under the trail's home: whoever makes up Regions in signatures gets a record, not a chain of digests for each."""
CURING = frozenset(f"{name}.amazonaws.com" for name in ("s3", "kms", "sns", "cloudtrail", "organizations"))
"""Sources whose writes may have cured what keeps files from their bucket or a topic from hearing of them."""
MOST_ROUTES = 10_000
"""Accounts and Regions whose trails are remembered at the same time."""


_log = logging.getLogger(__name__)


class Entry(Protocol):
    """A record and its position in the journal."""

    @property
    def position(self) -> int: ...
    @property
    def record(self) -> bytes: ...


class Reader(Protocol):
    """The reading side of the journal."""

    def first(self) -> int:
        """Position of the oldest record that is kept."""

    def read(self, after: int, limit: int) -> Sequence[Entry]:
        """At most `limit` entries above the position `after`, in order."""


class Positions(Protocol):
    """Where followers save how far they have come."""

    def get(self, name: str) -> int: ...
    def save(self, connection: Connection, name: str, position: int) -> None: ...


@dataclass(frozen=True, slots=True)
class _Route:
    """One trail that may want the records of one account and Region."""

    chain: Chain
    windows: tuple[Window, ...]
    choice: Choice

    def wants(self, position: int, facts: Facts) -> bool:
        return any(window.holds(position, facts.request_id) for window in self.windows) and self.choice.takes(facts)


_File = tuple[Chain, str]
"""A chain, and the kind of its files (`keys.LOG_KINDS`)."""
_WAITED_FOR = keys.LOG_KINDS["Data"]
"""The kind of the files that records of CloudTrail's own doings wait for."""


class Delivery:
    """Reads the journal, cuts log files, has them put. One thread."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        *,
        journal: Reader,
        positions: Positions,
        spool: Spool,
        courier: Courier,
        settings: TrailsSettings,
        regions: Regions,
        unique: Callable[[], str],
        cured: Callable[[], None] = lambda: None,
    ) -> None:
        """`unique` gives 16 fresh characters of `[A-Za-z0-9]` for each file name; `cured` hears when a trail, a bucket, a policy, a key or
        a topic may be in order again."""
        self._database = database
        self._clock = clock
        self._journal = journal
        self._positions = positions
        self._spool = spool
        self._courier = courier
        self._settings = settings
        self._regions = regions
        self._unique = unique
        self._cured = cured
        database.create(store.METADATA)
        with database.begin() as connection:
            positions.save(connection, FOLLOWER, 0)  # from now on the journal is not trimmed beyond this follower
        self._strange: dict[int, set[str]] = {}
        self._rewind()

    @property
    def position(self) -> int:
        """Position of the last record read; what is planned may be behind it."""
        return self._position

    def step(self) -> bool:
        """Read some records, cut if it is time, put what waits. Returns whether there was anything to do.

        Whatever is raised (disk full, journal damaged, database locked) loses nothing: the next step begins again where it is safe. What
        was read before a damaged place in the journal is cut and put all the same.
        """
        if self._spoilt:
            self._rewind()
        damage: JournalError | None = None
        did = False
        try:
            did = self._read()
        except JournalError as error:
            damage = error
        if self._cut_is_due():
            self.cut()
            did = True
        did = self._courier.step() or did
        if damage is not None:
            raise damage
        return did

    def cut(self) -> None:
        """Close every batch at the position reached, whatever the time."""
        try:
            destinations = self._plan()
        except BaseException:
            self._spoilt = True
            self._courier.left_over()
            raise
        self._start_afresh()
        for destination in destinations:
            self._courier.expect(destination)

    def _rewind(self) -> None:
        """Forget what is in memory and go back to the saved position."""
        self._spoilt = True
        self._position = self._positions.get(FOLLOWER)
        self._batches: dict[_File, Batch] = {}
        self._held: dict[Chain, list[held.Record]] = {}
        with self._database.read() as connection:
            self._held_before = held.counts(connection)
        self._memory = 0
        self._opened: float | None = None
        self._full = False
        self._stops_seen: set[int] = set()
        self._closed_since: dict[int, float] = {}
        self._caught_up = -math.inf
        self._changes = -1
        self._windows: list[Window] = []
        self._trails: dict[int, Trail] = {}
        self._routes: dict[tuple[str, str], list[_Route]] = {}
        self._spoilt = False

    def _start_afresh(self) -> None:
        self._batches = {}
        self._held = {}
        self._memory = 0
        self._opened = None
        self._full = False

    def _read(self) -> bool:
        before = self._clock.monotonic()
        try:
            entries = self._journal.read(self._position, READ_AHEAD)
        except JournalTrimmed:
            kept_from = self._journal.first()
            if kept_from <= self._position + 1:
                raise
            # Only when an older state.db was put back. They cannot be had any more, and to wait for them would stop every call.
            _log.error("the records from %d to %d are no longer in the journal: no log file gets them", self._position + 1, kept_from - 1)
            self._position = kept_from - 1
            return True
        # The trails are looked at after the records: a StartLogging that was answered before a record was made is then always seen.
        self._look_at_trails()
        if not entries:
            self._caught_up = before
            return False
        if self._opened is None:
            self._opened = self._clock.monotonic()
        for entry in entries:
            facts = records.facts(entry.record)
            if facts is not None:
                try:
                    self._sort_in(entry, facts)
                except BaseException:
                    self._spoilt = True  # it may be in one batch and not in another
                    raise
                if facts.event_source in CURING and not facts.read_only and facts.event_category == "Management":
                    self._cured()
            self._position = entry.position
            if self._full:
                return True
        if len(entries) < READ_AHEAD:
            self._caught_up = before
        return True

    def _look_at_trails(self) -> None:
        with self._database.read() as connection:
            changes = store.changes(connection)
            if changes == self._changes:
                return
            self._trails = {trail.id: trail for trail in store.working_trails(connection)}
            self._windows = store.windows(connection)
        now = self._clock.monotonic()
        self._closed_since = {window.id: self._closed_since.get(window.id, now) for window in self._windows if window.stop is not None}
        self._changes = changes
        self._routes = {}
        self._cured()

    def _sort_in(self, entry: Entry, facts: Facts) -> None:
        place = (facts.recipient_account_id, facts.aws_region)
        routes = self._routes.get(place)
        if routes is None:
            if len(self._routes) >= MOST_ROUTES:
                self._routes.clear()
            routes = self._routes[place] = self._routes_for(*place)
        for route in routes:
            if route.wants(entry.position, facts):
                file = (route.chain, keys.LOG_KINDS.get(facts.event_category, keys.LOG_KINDS["Management"]))
                if facts.is_own and file not in self._batches:
                    self._hold(route.chain, (facts.event_time, entry.record))
                else:
                    self._add(file, facts.event_time, entry.record)
            for window in route.windows:
                if window.stop is not None and entry.position > window.stop and facts.request_id == window.stop_request_id:
                    self._stops_seen.add(window.id)
        if self._memory >= MOST_IN_MEMORY:
            self._full = True

    def _add(self, file: _File, event_time: str, record: bytes) -> None:
        batch = self._batches.get(file) or self._begin(file)
        before = batch.memory
        batch.add(record, event_time)
        self._memory += batch.memory - before
        if batch.compressed >= self._settings.max_file_bytes or batch.uncompressed >= MOST_UNCOMPRESSED:
            self._full = True

    def _begin(self, file: _File) -> Batch:
        """A new batch, with what waited for it. In the database that waits on until the batch is planned."""
        chain, kind = file
        batch = self._batches[file] = Batch(min(CHUNK, self._settings.max_file_bytes))
        if kind == _WAITED_FOR:
            waiting = self._held.pop(chain, [])
            if self._held_before[chain]:
                with self._database.read() as connection:
                    waiting = held.of(connection, chain) + waiting
            for event_time, record in waiting:
                self._add(file, event_time, record)
        return batch

    def _hold(self, chain: Chain, record: held.Record) -> None:
        waiting = self._held.setdefault(chain, [])
        waiting.append(record)
        self._memory += len(record[1])
        if len(waiting) + self._held_before[chain] >= held.MOST:
            self._begin((chain, _WAITED_FOR))

    def _routes_for(self, account_id: str, region: str) -> list[_Route]:
        return [
            _Route(
                chain=Chain(trail.id, account_id, self._filed_under(trail, region)),
                windows=windows,
                choice=Choice.of(trail),
            )
            for trail in self._trails.values()
            if trail.serves(account_id)
            and trail.covers(region)
            and (windows := tuple(window for window in self._windows if window.trail_id == trail.id))
        ]

    def _filed_under(self, trail: Trail, region: str) -> str:
        """The Region whose files take the records of `region`."""
        if region in self._regions.of(trail):
            return region
        strange = self._strange.get(trail.id)
        if strange is None:
            with self._database.read() as connection:
                begun = {state.region for state in plans.open_chains_of(connection, trail.id)}
            strange = self._strange[trail.id] = begun.difference(self._regions.of(trail))
        if region not in strange:
            if len(strange) >= MOST_STRANGE or not is_region_name(region):
                return trail.home_region
            strange.add(region)
        return region

    def _cut_is_due(self) -> bool:
        if self._full or self._ended_windows():
            return True
        return self._opened is not None and self._clock.monotonic() - self._opened >= self._settings.delivery_interval

    def _ended_windows(self) -> list[int]:
        """Closed windows of which every record is read and in a batch or a plan."""
        return [
            window.id
            for window in self._windows
            if window.stop is not None
            and self._position >= window.stop
            and (window.id in self._stops_seen or self._caught_up >= self._closed_since[window.id] + GRACE)
        ]

    def _plan(self) -> set[plans.Destination]:
        now = self._clock.time()
        ended = self._ended_windows()
        self._release_last(ended)
        cuts = [self._spooled(file, self._batches[file], now) for file in sorted(self._batches)]
        if cuts:
            self._spool.sync()
        with self._database.begin() as connection:
            for cut in cuts:
                plans.add(connection, cut)
                if self._trails[cut.trail_id].log_file_validation_enabled:
                    # For a Region that nobody has heard of; the chains of the others began with the trail.
                    plans.open_chains(connection, cut.trail_id, cut.account_id, (cut.region,), int(now))
            for chain, kind in self._batches:
                if kind == _WAITED_FOR and self._held_before[chain]:
                    held.forget(connection, chain)
            for chain, waiting in self._held.items():
                held.keep(connection, chain, waiting)
            counts = held.counts(connection) if self._held or self._held_before else self._held_before
            store.forget_windows(connection, ended)
            self._positions.save(connection, FOLLOWER, self._position)
        self._stops_seen.difference_update(ended)
        self._windows = [window for window in self._windows if window.id not in ended]
        self._held_before = counts
        return {cut.destination for cut in cuts}

    def _release_last(self, ended: Sequence[int]) -> None:
        """A trail that has ended has nothing else to wait for."""
        trails = {window.trail_id for window in self._windows if window.id in ended}
        for chain in [*self._held, *self._held_before]:
            if chain.trail_id in trails and (chain, _WAITED_FOR) not in self._batches:
                self._begin((chain, _WAITED_FOR))

    def _spooled(self, file: _File, batch: Batch, now: float) -> plans.Cut:
        chain, kind = file
        trail = self._trails[chain.trail_id]
        body, digest = batch.finish()
        return plans.Cut(
            trail_id=trail.id,
            account_id=chain.account_id,
            region=chain.region,
            kind="log",
            bucket=trail.s3_bucket_name,
            prefix=trail.s3_key_prefix or "",
            key=keys.log_file_key(trail.s3_key_prefix, chain.account_id, chain.region, now, self._unique(), kind=kind),
            spool=self._spool.write(body),
            hash=digest,
            metadata={},
            records=batch.records,
            oldest=batch.oldest,
            newest=batch.newest,
            cut_at=now,
        )
