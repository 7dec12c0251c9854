"""The reading side: for any process, at any time, without ever holding up an append."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable
from contextlib import closing
from itertools import count as count_from
from pathlib import Path

import msgspec

from opentrail.errors import JournalCorrupt, JournalError, JournalTrimmed
from opentrail.journal import sqlite
from opentrail.journal.batches import Unpacker

SHORTEST, LONGEST = 0.01, 0.1
"""Seconds between two looks of a follower that waits: short at first, longer the longer nothing comes."""

MAX_READ = 16 << 20
"""Bytes of records after which a read ends, however many entries were asked for."""

_BATCHES = "SELECT last, count, CAST(data AS BLOB) FROM batches WHERE last > ? ORDER BY last"
_NEWEST = "SELECT coalesce((SELECT last FROM batches WHERE data IS NOT NULL ORDER BY last DESC LIMIT 1), 0)"
_TRIMMED = "SELECT trimmed FROM bounds"


class Entry(msgspec.Struct, frozen=True, gc=False):
    """A record and its position."""

    position: int
    record: bytes


class Reader:
    """Reads the journal in the file `path`, which need not be there yet (it is empty then). Any thread may use it.

    Every method raises `JournalCorrupt` when the file is damaged and `JournalUnavailable` when the disk refuses.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._connection: sqlite3.Connection | None = None
        self._unpacker = Unpacker()
        self._lock = threading.Lock()

    def head(self) -> int:
        """Position of the newest record that is committed, trimmed or not; 0 if there never was one."""
        with self._lock, sqlite.translated(self.path):
            return self._number(sqlite.HEAD)

    def first(self) -> int:
        """Position of the oldest record that is kept; `head() + 1` when there is none."""
        with self._lock, sqlite.translated(self.path):
            return self._number(_TRIMMED) + 1

    def read(self, after: int, limit: int) -> list[Entry]:
        """At most `limit` entries with positions above `after`, in order; none when there is nothing newer.

        Decodes only the batches they are in, and gives fewer when they are large (`MAX_READ`) or damage follows. Positions are
        consecutive but for a void (see `Journal.open`). Raises `JournalTrimmed` when the record after `after` is not kept any more
        or `after` lies beyond the head, `JournalCorrupt`, naming positions, when that record's batch is damaged or missing.
        """
        if after < 0 or limit < 0:
            raise ValueError(f"after ({after}) and limit ({limit}) must not be negative.")
        with self._lock, sqlite.translated(self.path):
            connection = self._connected()
            if connection is None or limit == 0:
                return []
            with closing(connection.execute(_BATCHES, (after,))) as rows:
                return self._entries(rows, after, limit)

    def wait(self, after: int, timeout: float, stop: threading.Event, *, quiet: bool = False) -> bool:
        """Wait until there is a record with a position above `after`: True; or `timeout` seconds or `stop` came first: False.

        Looks at a counter in shared memory every 10 ms, down to every 100 ms when nothing comes for long; `quiet`: nothing has come for
        long already.
        """
        seen: int | None = None
        pause = LONGEST if quiet else SHORTEST
        waited = 0.0
        while True:
            with self._lock, sqlite.translated(self.path):
                # Taken before the head: a commit in between is then found by the next look.
                version = self._number("PRAGMA data_version")
                if version != seen and self._number(_NEWEST) > after:
                    return True
            seen = version
            pause = min(pause, timeout - waited)
            if pause <= 0 or stop.wait(pause):
                return False
            waited += pause
            pause = min(pause * 1.2, LONGEST)

    def close(self) -> None:
        """Give the connection back; the next use opens another one."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def _number(self, query: str) -> int:
        connection = self._connected()
        if connection is None:
            return 0
        number: int = connection.execute(query).fetchone()[0]
        return number

    def _entries(self, rows: Iterable[tuple[int, int, bytes | None]], after: int, limit: int) -> list[Entry]:
        entries: list[Entry] = []
        expected, size = after + 1, 0
        for last, count, data in rows:
            begin = last - count + 1
            try:
                if begin > expected:
                    raise self._gap(expected, begin)
                if data is not None:
                    wanted = self._unpacker.unpack(begin, count, data)[expected - begin :][: limit - len(entries)]
                    entries.extend(map(Entry, count_from(expected), wanted))
                    size += sum(map(len, wanted))
            except JournalError:
                if entries:
                    return entries  # what comes before the damage is good; the next read begins at it
                raise
            if len(entries) >= limit or size >= MAX_READ:
                return entries
            expected = last + 1
        if expected == after + 1:
            self._nothing_newer(after)
        return entries

    def _nothing_newer(self, after: int) -> None:
        trimmed = self._number(_TRIMMED)
        if after < trimmed:
            raise JournalTrimmed(f"Positions {after + 1} to {trimmed} were trimmed from the journal.")
        head = self._number(sqlite.HEAD)
        if after > head:
            raise JournalTrimmed(f"Position {after} was asked for, but the journal ends at {head}: it is not the one that was followed.")

    def _gap(self, expected: int, begin: int) -> JournalError:
        if expected <= self._number(_TRIMMED):
            return JournalTrimmed(f"Positions {expected} to {begin - 1} were trimmed from the journal.")
        return JournalCorrupt(f"The journal's positions {expected} to {begin - 1} are missing.")

    def _connected(self) -> sqlite3.Connection | None:
        if self._connection is None:
            self._connection = sqlite.connect_reading(self.path)
        return self._connection
