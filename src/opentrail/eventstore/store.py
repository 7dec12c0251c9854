"""The event store: one writer, many questions.

Events come from the journal into the hot tail and the warm window (`catch_up`), and move from the tail to the cold store (`commit`). A
question looks at a fixed view: the segments, the files and the journal position of one instant. So it sees each event once, whatever is
swapped meanwhile; what an old view still needs is deleted only after it has been let go.

While commits fail (a full disk), the tail fills up to its bound and then nothing more is taken in: memory stays bounded, the journal
keeps the rest, and what has been taken in is found. The clock decides what has outlived the retention: one that is far ahead drops
events too early.
"""

from __future__ import annotations

import fcntl
import logging
import math
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Protocol

from opentrail.clock import Clock
from opentrail.errors import JournalTrimmed, OpenTrailError
from opentrail.events.activity import CATEGORY as ACTIVITY
from opentrail.eventstore import query, rates
from opentrail.eventstore.cold import DAY, ColdFile, ColdStore
from opentrail.eventstore.columns import COLUMNS, INSIGHT, MANAGEMENT, Undecodable, deed, extract
from opentrail.eventstore.compaction import choose
from opentrail.eventstore.event import Event
from opentrail.eventstore.files import make_directory
from opentrail.eventstore.quarantine import Quarantine
from opentrail.eventstore.query import Question
from opentrail.eventstore.search import connect, in_batches, newest, newest_activity, newest_ids, search
from opentrail.eventstore.settings import EventStoreSettings
from opentrail.eventstore.tail import HotTail, Segment
from opentrail.eventstore.warm import BOTTOM, WarmWindow

KEPT = frozenset((MANAGEMENT, INSIGHT, ACTIVITY))
"""Categories of events that are kept here."""

MAINTENANCE_INTERVAL = 3600.0
"""Seconds between two looks at what has outlived the retention."""

_log = logging.getLogger(__name__)


class EventStoreError(OpenTrailError):
    """The event store cannot be used."""


class Entry(Protocol):
    """A record and its place in the journal."""

    @property
    def position(self) -> int: ...
    @property
    def record(self) -> bytes: ...


class Reader(Protocol):
    """What is needed of the journal."""

    def head(self) -> int:
        """Position of the newest record, 0 when there never was one."""

    def first(self) -> int:
        """Position of the oldest record that is kept."""

    def read(self, after: int, limit: int) -> Sequence[Entry]:
        """At most `limit` entries with positions above `after`, in order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """How the event store is doing."""

    position: int
    durable_position: int
    hot_events: int
    warm_events: int
    cold_events: int
    cold_files: int
    cold_bytes: int
    snapshots: int
    quarantined: int


@dataclass(frozen=True, slots=True, eq=False)
class _View:
    """What there was at one instant."""

    segments: tuple[Segment, ...]
    files: tuple[ColdFile, ...]
    position: int


class EventStore:
    """Events of `reader`'s journal, kept in `folder`. Any thread may call any method; one process may have it open."""

    def __init__(
        self,
        folder: Path,
        reader: Reader,
        clock: Clock,
        settings: EventStoreSettings,
        *,
        before_commit: Callable[[int], None] = lambda position: None,
    ) -> None:
        """`before_commit` hears of the position that a commit is about to make durable: a journal that is found to end below it (after a
        power cut under `journal.sync=normal`) must go on above it. A commit happens only when it has returned."""
        self._before_commit = before_commit
        self._folder = folder.resolve()
        self._spill = self._folder / "spill"
        self._reader = reader
        self._clock = clock
        self._settings = settings
        self._ingesting = threading.Lock()
        """Held while events are taken in, and while a segment is sealed."""
        self._writing = threading.Lock()
        """Held while the cold store changes. Taken before `_ingesting`."""
        self._state = threading.Lock()
        """Guards the fields below; held for microseconds. Taken last."""
        self._segments: tuple[Segment, ...] = ()
        self._files: tuple[ColdFile, ...] = ()
        self._position = 0
        self._views: list[_View] = []
        self._warm = WarmWindow(settings.warm_events, settings.warm_characters)
        self._hot_characters = 0
        self._dropped: list[Segment] = []
        self._committed_at = clock.monotonic()
        self._maintained_at = -math.inf
        self._lock_file: IO[bytes] | None = None

    def open(self) -> None:
        """Open the folder, or make it; the tail is filled by `catch_up`.

        Raises `EventStoreError` when another process has it open, or when the journal is not the one these events came from.
        """
        make_directory(self._folder)
        self._lock_file = (self._folder / "lock").open("ab")
        try:
            fcntl.flock(self._lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self._lock_file.close()
            raise EventStoreError(f"{self._folder} is in use by another process: only one may write to the event store.") from error
        try:
            self._build()
        except BaseException:
            self._lock_file.close()
            raise

    def _build(self) -> None:
        make_directory(self._spill)
        for left_over in self._spill.iterdir():
            left_over.unlink()
        self._quarantine = Quarantine(self._folder / "quarantine")
        self._cold = ColdStore(self._folder)
        head = self._reader.head()
        if head < self._cold.position:
            # Positions would be given out again, and the events that get them taken for known.
            raise EventStoreError(
                f"The journal ends at position {head}, but {self._folder} has events up to {self._cold.position}: put the journal that "
                "belongs to it back, or move this folder away to begin a new history."
            )
        self._connection = connect(self._settings.query_memory, self._spill)
        self._tail = HotTail(self._connection)
        self._segments = (self._tail.segment(),)
        self._files = self._cold.files
        self._position = self._cold.position
        if not self._position:  # a new store begins with what the journal still has
            self._position = max(0, self._reader.first() - 1)
        self._fill_warm()

    def close(self) -> None:
        """Let go of the folder. What is in the hot tail stays in the journal."""
        with self._writing, self._ingesting:
            self._tail.close()
            self._connection.close()
            self._cold.close()
            if self._lock_file is not None:
                self._lock_file.close()

    @property
    def position(self) -> int:
        """Events up to this journal position are found by questions."""
        return self._position

    @property
    def durable_position(self) -> int:
        """Events up to this journal position are on disk in the cold store: the journal may be trimmed behind it."""
        return self._cold.position

    def status(self) -> Status:
        """Figures for people and metrics."""
        with self._state:
            segments, files, warm = self._segments, self._files, len(self._warm)
            return Status(
                position=self._position,
                durable_position=self._cold.position,
                hot_events=sum(segment.rows for segment in segments),
                warm_events=warm,
                cold_events=sum(file.rows for file in files),
                cold_files=len(files),
                cold_bytes=sum(file.size for file in files),
                snapshots=self._cold.snapshots,
                quarantined=self._quarantine.count,
            )

    # Taking in

    def catch_up(self, at_least: int | None = None, *, patience: float = math.inf) -> bool:
        """Take in events from the journal: up to its head, or (enough for a question) up to `at_least` if that is not there yet.

        False when `patience` seconds were not enough. Raises what the journal's reader and `commit` raise.
        """
        if at_least is not None and self._position >= at_least:
            return True
        begun = self._clock.monotonic()
        target = max(self._reader.head(), 0) if at_least is None else at_least
        while self._position < target:
            if self._clock.monotonic() - begun > patience:
                return False
            if self._is_full():
                self.commit()
            with self._ingesting:
                if self._position >= target:
                    break
                entries = self._read()
                if not entries:
                    break
                self._take_in(entries)
        return True

    def _read(self) -> Sequence[Entry]:
        try:
            return self._reader.read(self._position, self._settings.read_batch)
        except JournalTrimmed:
            kept_from = self._reader.first()
            if kept_from <= self._position + 1:
                raise
            # Only when an older lake folder was put back. They cannot be had any more, and to wait for them would stop every call.
            _log.error("the records from %d to %d are no longer in the journal: history lacks them", self._position + 1, kept_from - 1)
            return self._reader.read(kept_from - 1, self._settings.read_batch)

    def _take_in(self, entries: Sequence[Entry]) -> None:
        events = []
        for entry in entries:
            try:
                event = extract(entry.position, entry.record)
            except Undecodable as error:
                self._quarantine.keep(entry.position, entry.record, str(error))
                continue
            if event.category in KEPT:
                events.append(event)
        if events:
            self._tail.add(self._segments[-1], events)
        with self._state:
            self._warm.add(events)
            self._hot_characters += sum(len(event.record) for event in events)
            self._position = entries[-1].position

    def _is_full(self) -> bool:
        rows = sum(segment.rows for segment in self._segments)
        return rows >= self._settings.hot_rows or self._hot_characters >= self._settings.hot_characters

    # Moving to the cold store

    def step(self) -> bool:
        """One round of a follower: catch up, and commit, compact and tidy when it is time. True when there was something to do."""
        before = self._position
        self.catch_up()
        now = self._clock.monotonic()
        worked = self._position != before
        if now - self._committed_at >= self._settings.commit_interval or self._is_full():
            worked |= self.commit()
            while self.compact():
                worked = True
        if now - self._maintained_at >= MAINTENANCE_INTERVAL:
            self._maintained_at = now
            worked |= self.drop_expired()
        return worked

    def commit(self) -> bool:
        """Move the hot tail to the cold store, durably; afterwards `durable_position` is what `position` was. False: nothing to move."""
        with self._writing:
            self._committed_at = self._clock.monotonic()
            settled = self._cold.settle()
            with self._ingesting:
                position = self._position
                if position == self._cold.position and not settled:
                    return False
                if self._segments[-1].rows:
                    fresh = self._tail.segment()
                    with self._state:
                        self._segments = (*self._segments, fresh)
                sealed = self._segments[:-1]
                characters = self._hot_characters
            if position > self._cold.position:
                paths = self._write_days(sealed)
                self._before_commit(position)
                self._cold.swap(add=paths, remove=[], position=position)
            with self._state:
                self._segments = self._segments[len(sealed) :]
                self._files = self._cold.files
                self._hot_characters -= characters
            self._dropped += sealed
            self._tidy()
            return True

    def compact(self) -> bool:
        """Merge one group of small files, if some day has too many; False when it has not."""
        with self._writing:
            self._cold.settle()
            settings = self._settings
            today = int(self._clock.time()) // DAY
            files = choose(self._cold.files, today=today, at_least=settings.compaction_files, target=settings.compaction_target)
            if not files:
                return False
            connection = connect(settings.compaction_memory, self._spill)
            try:
                sql = f"SELECT {', '.join(COLUMNS)} FROM read_parquet($files) ORDER BY event_time, position"
                batches = in_batches(connection, sql, {"files": [str(file.path) for file in files]})
                path = self._cold.write(files[0].day, batches, sum(file.rows for file in files))
            finally:
                connection.close()
            self._replace(files, [path])
            return True

    def drop_expired(self) -> bool:
        """Drop the days that have wholly outlived the retention; False when there are none."""
        with self._writing:
            self._cold.settle()
            oldest = self._oldest()
            with self._state:
                self._warm.drop_before(oldest)
            files = [file for file in self._cold.files if file.day < oldest // DAY]
            if files:
                self._replace(files, [])
            return bool(files)

    def _replace(self, files: Sequence[ColdFile], paths: Sequence[Path]) -> None:
        self._cold.swap(add=paths, remove=files, position=self._cold.position)
        with self._state:
            self._files = self._cold.files
        self._tidy()

    def _write_days(self, segments: Sequence[Segment]) -> list[Path]:
        """Write the events of `segments` to one file for each day that is still within the retention.

        Not those that are cold already, by a commit of which that was in doubt until now."""
        if not segments:  # only records of other kinds have come
            return []
        cold = self._cold.position
        tables = " UNION ALL ".join(f"SELECT * FROM {segment.table} WHERE position > {cold}" for segment in segments)
        cursor = self._connection.cursor()
        paths: list[Path] = []
        day = f"epoch_us(event_time) // {DAY * 1_000_000}"
        try:
            counts = cursor.execute(f"SELECT {day} AS day, count(*) FROM ({tables}) GROUP BY day ORDER BY day").fetchall()
            for number, rows in counts:
                if number < self._oldest() // DAY:
                    continue
                sql = f"SELECT {', '.join(COLUMNS)} FROM ({tables}) WHERE {day} = $day ORDER BY event_time, position"
                paths.append(self._cold.write(number, in_batches(cursor, sql, {"day": number}), rows))
        except Exception:
            for path in paths:
                path.unlink(missing_ok=True)
            raise
        finally:
            cursor.close()
        return paths

    def _tidy(self) -> None:
        """Free what no snapshot and no view needs any more. A failure only postpones it."""
        with self._state:
            segments = {segment for view in self._views for segment in view.segments}
            paths = {file.path for view in self._views for file in view.files}
        for segment in [segment for segment in self._dropped if segment not in segments]:
            self._dropped.remove(segment)
            with self._ingesting:
                self._tail.drop(segment)
        try:
            self._cold.expire()
            self._cold.delete_removed(paths)
        except OSError:
            _log.warning("old files of the event store could not be deleted; the next commit tries again", exc_info=True)

    # Answering

    def find(self, question: Question) -> list[Event]:
        """The newest `question.limit` events that answer `question` and are within the retention, newest first."""
        start = self._oldest() if question.start is None else max(question.start, self._oldest())
        question = replace(question, start=start)
        if question.attribute is not None and question.value is None:  # nothing equals what is not there
            return []
        with self._view(question) as (view, candidates, floor):
            wanted = query.test(question)
            found = []
            for event in reversed(candidates):
                if wanted(event):
                    found.append(event)
                    if len(found) == question.limit:
                        return found
            if floor == BOTTOM:
                return found
            below = floor if question.before is None else min(floor, question.before)
            up_to = view.position if question.up_to is None else min(view.position, question.up_to)
            rest = replace(question, before=below, up_to=up_to, limit=question.limit - len(found))
            cursor = self._connection.cursor()
            try:
                return found + search(cursor, view.segments, view.files, rest)
            finally:
                cursor.close()

    def newest_ids(self, category: str, limit: int) -> list[str]:
        """Ids of the events of `category` that came in last, newest first, of every account and age: at most `limit`."""
        with self._view() as (view, _, _):
            cursor = self._connection.cursor()
            try:
                return newest_ids(cursor, view.segments, view.files, category, limit)
            finally:
                cursor.close()

    def newest_activity(self, limit: int) -> list[tuple[str, str]]:
        """Ids of the events from outside AWS that came in last, newest first, with a short name (hex) for the channel and the source's own
        id of each: equal for events that tell of the same deed."""
        with self._view() as (view, _, _):
            cursor = self._connection.cursor()
            try:
                found = newest_activity(cursor, view.segments, view.files, ACTIVITY, limit)
            finally:
                cursor.close()
        return [(event_id, deed(record)) for event_id, record in found]

    def call_sizes(self, start: int, end: int) -> list[tuple[int, int]]:
        """How much `calls` has to tell of each hour from second `start` up to but not with `end`: (hours since 1970, minutes)."""
        with self._view() as (view, _, _):
            cursor = self._connection.cursor()
            try:
                return rates.sizes(cursor, view.segments, view.files, max(start, self._oldest()), end)
            finally:
                cursor.close()

    def calls(self, start: int, end: int) -> list[rates.Calls]:
        """How often each management call that writes, or failed, was made in each minute from second `start` up to but not with `end`."""
        with self._view() as (view, _, _):
            cursor = self._connection.cursor()
            try:
                return rates.calls(cursor, view.segments, view.files, max(start, self._oldest()), end)
            finally:
                cursor.close()

    @contextmanager
    def _view(self, question: Question | None = None) -> Iterator[tuple[_View, list[Event], query.Key]]:
        with self._state:
            view = _View(self._segments, self._files, self._position)
            self._views.append(view)
            candidates, floor = self._warm.candidates(question) if question is not None else [], self._warm.floor
        try:
            yield view, candidates, floor
        finally:
            with self._state:
                self._views.remove(view)

    def _oldest(self) -> int:
        """Earliest event time within the retention."""
        return math.ceil(self._clock.time() - self._settings.retention * DAY)

    def _fill_warm(self) -> None:
        cursor = self._connection.cursor()
        try:
            files = self._files
            events = newest(cursor, files, self._settings.warm_events * 3 // 4, self._settings.warm_characters * 3 // 4)
        finally:
            cursor.close()
        self._warm.fill(events, complete=len(events) == sum(file.rows for file in files))
