"""How much more the journal may take: its own bound, the disk's free space, and what has been promised already."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from types import TracebackType

from opentrail.clock import Clock
from opentrail.config import JournalSettings
from opentrail.errors import JournalFull, JournalUnavailable
from opentrail.journal import sqlite

FRESH = 0.25
"""Seconds for which a measurement is believed. A refusal is never given on an old one."""

MARGIN = 16 << 20
"""Bytes below `journal.max_bytes` at which `check` already refuses (an eighth of the bound where that is less), so that calls which
were let in before can still be recorded when they come back."""

RESERVE = 256 << 10
"""Bytes reserved for a call whose record is not known yet: the largest record CloudTrail makes."""


class Reservation:
    """Room kept for records that are still to be appended. Leave the `with` block, or call `release`, to give it back."""

    def __init__(self, room: Room, size: int) -> None:
        self._room = room
        self._size = size

    def release(self) -> None:
        """Give the room back; a second call does nothing."""
        size, self._size = self._size, 0
        self._room.settle(size)

    def __enter__(self) -> Reservation:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.release()


class Room:
    """Counts what is used, promised and free. Thread-safe."""

    def __init__(self, path: Path, settings: JournalSettings, clock: Clock) -> None:
        self._path = path
        self._settings = settings
        self._clock = clock
        self._lock = threading.Lock()
        self._margin = min(MARGIN, settings.max_bytes // 8)
        self._promised = 0
        self._used = 0
        self._free = 0
        self._measured = -FRESH
        self._gauge = sqlite.connect_reading(path)

    def check(self) -> None:
        """Raise `JournalFull` or `JournalUnavailable` when a new call should not be let in. Microseconds."""
        with self._lock:
            self._admit(0, self._settings.max_bytes - self._margin)

    def reserve(self, size: int = RESERVE) -> Reservation:
        """Keep `size` bytes for records to come; raises as `check` does."""
        with self._lock:
            self._admit(size, self._settings.max_bytes - self._margin)
            self._promised += size
        return Reservation(self, size)

    def promise(self, size: int) -> None:
        """Count `size` bytes that wait to be written; raises only when the bound itself or the disk's is reached."""
        with self._lock:
            self._admit(size, self._settings.max_bytes)
            self._promised += size

    def settle(self, size: int, written: int = 0) -> None:
        """`size` promised bytes became `written` bytes in the file."""
        with self._lock:
            self._promised -= size
            self._used += written

    def close(self) -> None:
        """Give the connection back."""
        with self._lock:
            if self._gauge is not None:
                self._gauge.close()
                self._gauge = None

    def _admit(self, size: int, limit: int) -> None:
        if self._clock.monotonic() - self._measured >= FRESH or not self._fits(size, limit):
            self._measure()
        if self._free - self._promised - size < self._settings.min_free:
            raise JournalUnavailable(
                f"The disk of the journal has {self._free} bytes free, journal.min_free is {self._settings.min_free}: make room on it."
            )
        if self._used + self._promised + size > limit:
            raise JournalFull(
                f"The journal holds {self._used} bytes and {self._promised} more are under way; journal.max_bytes is "
                f"{self._settings.max_bytes}. {self._holder()}"
            )

    def _holder(self) -> str:
        """Who has to catch up, in a sentence: what the last trimming noted."""
        if self._gauge is None:
            raise JournalUnavailable("The journal is closed.")
        with sqlite.translated(self._path):
            trimmed, holder = self._gauge.execute("SELECT trimmed, holder FROM bounds").fetchone()
        return f"It is kept from position {trimmed + 1} on for {holder or 'its followers'}, which must catch up first."

    def _fits(self, size: int, limit: int) -> bool:
        return self._free - self._promised - size >= self._settings.min_free and self._used + self._promised + size <= limit

    def _measure(self) -> None:
        """Pages in use, as the newest commit sees them (the ones trimming freed do not count); free space of the disk.

        The write-ahead log does not count: what it holds is among the pages, its file keeps its size when it has been copied, and it
        is bounded by itself (`checkpoints.LIMIT`, and what one round of trimming adds)."""
        if self._gauge is None:
            raise JournalUnavailable("The journal is closed.")
        with sqlite.translated(self._path):
            pages, unused, size = (
                self._gauge.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count", "page_size")
            )
        try:
            disk = os.statvfs(self._path.parent)
        except OSError as error:
            raise JournalUnavailable(f"The disk of the journal cannot be asked for its free space: {error}.") from error
        self._used = (pages - unused) * size
        self._free = disk.f_bavail * disk.f_frsize
        self._measured = self._clock.monotonic()
