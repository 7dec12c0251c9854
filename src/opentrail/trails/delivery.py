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
from concurrent.futures import Executor
from typing import Protocol

from sqlalchemy.engine import Connection

from opentrail.clock import Clock
from opentrail.config import TrailsSettings
from opentrail.errors import JournalError, JournalTrimmed
from opentrail.storage.database import Database
from opentrail.trails import held, keys, organization_members, plans, store
from opentrail.trails.batch import SAMPLE, Batch, Packed, pack_all
from opentrail.trails.courier import Courier
from opentrail.trails.facts import Facts
from opentrail.trails.keys import Chain
from opentrail.trails.organization_members import Membership
from opentrail.trails.pages import Entry, Pages, Reader
from opentrail.trails.regions import Regions
from opentrail.trails.routes import Routes
from opentrail.trails.spool import Spool
from opentrail.trails.store import Trail, Window

FOLLOWER = "trails"
"""Name under which the position is saved."""
MOST_UNCOMPRESSED = 48 << 20
"""Uncompressed bytes at which a file is closed; with one more record it still has less than CloudTrail's 50 MB."""
MOST_IN_MEMORY = 64 << 20
"""Bytes of records in all batches at which everything is cut; a record counts once, however many trails take it."""
GRACE = 60.0
"""Seconds after StopLogging was noticed in which the record of that call must have come, if it was made at all."""
CURING = frozenset(f"{name}.amazonaws.com" for name in ("s3", "kms", "sns", "cloudtrail", "organizations"))
"""Sources whose writes may have cured what keeps files from their bucket or a topic from hearing of them."""


_log = logging.getLogger(__name__)


class Positions(Protocol):
    """Where followers save how far they have come."""

    def get(self, name: str) -> int: ...
    def all(self) -> dict[str, int]: ...
    def save(self, connection: Connection, name: str, position: int) -> None: ...


File = tuple[Chain, str]
"""A chain, and the kind of its files (`keys.LOG_KINDS`)."""
_USUAL = keys.LOG_KINDS["Management"]
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
        packers: Executor | None = None,
    ) -> None:
        """`unique` gives 16 fresh characters of `[A-Za-z0-9]` for each file name; `cured` hears when a trail, a bucket, a policy, a key or
        a topic may be in order again. `packers` pack files, several at a time and while further records are read."""
        self._database = database
        self._clock = clock
        self._pages = Pages(journal, clock)
        self._positions = positions
        self._spool = spool
        self._courier = courier
        self._settings = settings
        self._routes = Routes(database, regions)
        self._unique = unique
        self._cured = cured
        self._packers = packers
        database.create(store.METADATA)
        with database.begin() as connection:
            positions.save(connection, FOLLOWER, 0)  # from now on the journal is not trimmed beyond this follower
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
        self._pages.forget()
        self._files: dict[Chain, dict[str, Batch]] = {}
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
        self._departures: list[Membership] = []
        self._trails: dict[int, Trail] = {}
        self._routes.renew({}, (), self._files)
        self._spoilt = False

    def _start_afresh(self) -> None:
        for files in self._files.values():
            files.clear()
        self._held = {}
        self._memory = 0
        self._opened = None
        self._full = False

    def _read(self) -> bool:
        try:
            page = self._pages.next(self._position)
        except JournalTrimmed:
            kept_from = self._pages.first()
            if kept_from <= self._position + 1:
                raise
            # Only when an older state.db was put back. They cannot be had any more, and to wait for them would stop every call.
            _log.error("the records from %d to %d are no longer in the journal: no log file gets them", self._position + 1, kept_from - 1)
            self._position = kept_from - 1
            return True
        # The trails are looked at after the records: a StartLogging that was answered before a record was made is then always seen.
        self._look_at_trails()
        if not page.entries:
            self._caught_up = page.begun
            return False
        if self._opened is None:
            self._opened = self._clock.monotonic()
        for done, (entry, facts) in enumerate(zip(page.entries, page.facts, strict=True), 1):
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
                self._pages.put_back(page, done)
                return True
        if page.is_last:
            self._caught_up = page.begun
        return True

    def _look_at_trails(self) -> None:
        if store.latest_changes(self._database) == self._changes:
            return
        with self._database.read() as connection:
            changes = store.changes(connection)
            self._trails = {trail.id: trail for trail in store.working_trails(connection)}
            self._windows = store.windows(connection)
            self._departures = organization_members.departures(connection)
        now = self._clock.monotonic()
        self._closed_since = {window.id: self._closed_since.get(window.id, now) for window in self._windows if window.stop is not None}
        self._changes = changes
        # What was read for trails that are gone without having been deleted (`server/reset_door.py`) is forgotten.
        self._files = {chain: files for chain, files in self._files.items() if files and chain.trail_id in self._trails}
        for chain in [chain for chain in (*self._held, *self._held_before) if chain.trail_id not in self._trails]:
            self._held.pop(chain, None)
            del self._held_before[chain]
        self._routes.renew(self._trails, self._windows, self._files)
        self._cured()

    def _sort_in(self, entry: Entry, facts: Facts) -> None:
        routes = self._routes.of(facts.recipient_account_id, facts.aws_region)
        position, record = entry.position, entry.record
        kind = keys.LOG_KINDS.get(facts.event_category, _USUAL)
        taken = False
        for route in routes:
            was_on = position > route.open_from or (route.closed and route.was_logging(position, facts.request_id))
            if was_on and route.served(position) and route.takes(facts):
                taken = True
                batch = route.files.get(kind)
                if batch is None:
                    if facts.is_own:
                        self._hold(route.chain, (facts.event_time, record))
                        continue
                    batch = self._begin((route.chain, kind))
                self._add(batch, facts.event_time, record)
            for window in route.closed:
                if window.stop is not None and position > window.stop and facts.request_id == window.stop_request_id:
                    self._stops_seen.add(window.id)
        if taken:
            self._memory += len(record)
            if self._memory >= MOST_IN_MEMORY:
                self._full = True

    def _add(self, batch: Batch, event_time: str, record: bytes) -> None:
        batch.add(record, event_time)
        if batch.uncompressed >= MOST_UNCOMPRESSED or batch.compressed >= self._settings.max_file_bytes:
            self._full = True

    def _begin(self, file: File) -> Batch:
        """A new batch, with what waited for it. In the database that waits on until the batch is planned."""
        chain, kind = file
        batch = self._files.setdefault(chain, {})[kind] = Batch(min(SAMPLE, self._settings.max_file_bytes))
        if kind == _WAITED_FOR:
            waiting = self._held.pop(chain, [])
            if self._held_before[chain]:
                with self._database.read() as connection:
                    before = held.of(connection, chain)
                self._memory += sum(len(record) for _, record in before)
                waiting = before + waiting
            for event_time, record in waiting:
                self._add(batch, event_time, record)
        return batch

    def _hold(self, chain: Chain, record: held.Record) -> None:
        waiting = self._held.setdefault(chain, [])
        waiting.append(record)
        if len(waiting) + self._held_before[chain] >= held.MOST:
            self._begin((chain, _WAITED_FOR))

    def _cut_is_due(self) -> bool:
        if self._full or self._ended_windows() or (self._opened is None and self._departed()):
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

    def _departed(self) -> list[Membership]:
        """Memberships that have ended and of which every record is read and in a batch or a plan."""
        return [membership for membership in self._departures if self._position >= (membership.stop or 0)]

    def _plan(self) -> set[plans.Destination]:
        now = self._clock.time()
        ended, departed = self._ended_windows(), self._departed()
        self._release_last(ended, departed)
        batches = {(chain, kind): batch for chain, files in self._files.items() for kind, batch in files.items()}
        packed = pack_all(batches, self._packers, lambda: self._pages.read_ahead(self._position))
        cuts = [self._spooled(file, batches[file], packed[file], now) for file in sorted(batches)]
        if cuts:
            self._spool.sync()
        watched = self._positions.all().get(store.WATCH) if ended else None
        with self._database.begin() as connection:
            for cut in cuts:
                plans.add(connection, cut)
                if self._trails[cut.trail_id].log_file_validation_enabled:
                    # For a Region that nobody has heard of; the chains of the others began with the trail.
                    plans.open_chains(connection, cut.trail_id, cut.account_id, (cut.region,), int(now))
            for chain, kind in batches:
                if kind == _WAITED_FOR and self._held_before[chain]:
                    held.forget(connection, chain)
            for chain, waiting in self._held.items():
                held.keep(connection, chain, waiting)
            counts = held.counts(connection) if self._held or self._held_before else self._held_before
            store.forget_windows(connection, ended, self._position, watched=watched)
            organization_members.mark_read(connection, departed)
            self._positions.save(connection, FOLLOWER, self._position)
        self._stops_seen.difference_update(ended)
        self._windows = [window for window in self._windows if window.id not in ended]
        self._departures = [membership for membership in self._departures if membership not in departed]
        self._held_before = counts
        return {cut.destination for cut in cuts}

    def _release_last(self, ended: Sequence[int], departed: Sequence[Membership]) -> None:
        """A trail that has ended, or has left an account, has nothing else to wait for there."""
        trails = {window.trail_id for window in self._windows if window.id in ended}
        left = {(membership.trail_id, membership.account_id) for membership in departed}
        for chain in [*self._held, *self._held_before]:
            has_ended = chain.trail_id in trails or (chain.trail_id, chain.account_id) in left
            if has_ended and _WAITED_FOR not in self._files.get(chain, {}):
                self._begin((chain, _WAITED_FOR))

    def _spooled(self, file: File, batch: Batch, packed: Packed, now: float) -> plans.Cut:
        chain, kind = file
        trail = self._trails[chain.trail_id]
        with self._database.read() as connection:
            organization_id = organization_members.organization_id(connection, trail, chain.account_id)
        return plans.Cut(
            trail_id=trail.id,
            account_id=chain.account_id,
            region=chain.region,
            kind="log",
            bucket=trail.s3_bucket_name,
            prefix=trail.s3_key_prefix or "",
            key=keys.log_file_key(
                trail.s3_key_prefix, chain.account_id, chain.region, now, self._unique(), kind=kind, organization_id=organization_id
            ),
            spool=self._spool.write(packed.body),
            hash=packed.hash,
            metadata={},
            records=len(batch.records),
            oldest=batch.oldest,
            newest=batch.newest,
            cut_at=now,
        )
