"""Events that wait on disk: one folder for each process, of append-only segments.

    SPOOL/<destination>/<process>/lock                 locked as long as the process lives
                                  000000000001.events  a line for each event: crc32, id, eventData
                                  cursor               how far the oldest segment has been sent

What is promised:

- `append` returns when the events are on disk (`fdatasync`, once for each call; the folder is synced when it gets a new segment);
- a line that was torn by a crash in the middle of a write, or damaged later, is told by its checksum, skipped and counted;
- events come out in the order they went in. The cursor is saved after a batch has been answered, so after a crash the last batch may be
  sent again, octet for octet: OpenTrail knows it by its content;
- two processes never use one folder. The folder of a process that is gone is adopted by another of the same destination.

The file locks need a local disk.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from opentrail.events import activity
from opentrail.middleware.event import Written

SEGMENT = 4 << 20
"""Bytes from which a new segment is begun; the space of an old one comes back when all of it has been sent."""

_SUFFIX = ".events"
_LOCK = "lock"
_CURSOR = "cursor"


@dataclass(frozen=True, slots=True)
class Batch:
    """The oldest events of a spool, and where they end."""

    events: tuple[Written, ...]
    segment: int
    offset: int
    damaged: int
    """Lines on the way that could not be read."""


class Spool:
    """The spool of one process, or of one that is gone. For one thread at a time."""

    def __init__(self, folder: Path, lock: int, *, limit: int, segment: int = SEGMENT) -> None:
        """Use `Spool.new` or `adopt`. `lock` is the descriptor of the locked file."""
        self._folder = folder
        self._lock: int | None = lock
        self._limit = limit
        self._segment = segment
        self._sizes = {int(path.name.removesuffix(_SUFFIX)): path.stat().st_size for path in sorted(folder.glob("*" + _SUFFIX))}
        self._own: int | None = None
        """The segment that is appended to: one of our own; what others left is only read."""
        self._file: int | None = None
        self._read_to = self._saved_cursor()

    @classmethod
    def new(cls, destination: Path, *, limit: int, segment: int = SEGMENT) -> Spool:
        """A spool for this process in the folder `destination`, for at most `limit` bytes. Raises `OSError`."""
        destination.mkdir(mode=0o700, parents=True, exist_ok=True)
        name = f"{os.getpid()}-{secrets.token_hex(8)}"
        fresh = destination / f".{name}"  # others look only at what is in its place, and then it is locked
        fresh.mkdir(mode=0o700)
        lock = os.open(fresh / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            folder = destination / name
            fresh.rename(folder)
        except OSError:
            os.close(lock)
            raise
        return cls(folder, lock, limit=limit, segment=segment)

    @property
    def folder(self) -> Path:
        return self._folder

    @property
    def empty(self) -> bool:
        """Whether nothing waits here."""
        return not self._sizes

    @property
    def size(self) -> int:
        """Bytes on disk."""
        return sum(self._sizes.values())

    def append(self, events: Sequence[Written]) -> int:
        """Put `events` on disk, in their order; returns for how many of them there was room within the limit.

        Raises `OSError` when the disk refuses; then none of them is here, as far as can be helped.
        """
        room = self._limit - self.size
        lines: list[bytes] = []
        for event in events:
            line = _line(event)
            room -= len(line)
            if room < 0:
                break
            lines.append(line)
        if lines:
            self._write(b"".join(lines))
        return len(lines)

    def peek(self, events: int, size: int) -> Batch | None:
        """The oldest events, at most `events` and `size` bytes (but one at least); `None` when nothing waits. Raises `OSError`."""
        while self._sizes:
            number = next(iter(self._sizes))
            offset = self._read_to if self._read_to is not None else 0
            batch = self._read(number, offset, events, size)
            if batch.events or batch.damaged:
                return batch
            self._remove(number)
        return None

    def advance(self, batch: Batch) -> None:
        """`batch` is done with. Raises `OSError`; then it may come again."""
        if self._lock is None or batch.segment not in self._sizes:
            return
        self._read_to = batch.offset
        if batch.offset >= self._sizes[batch.segment]:
            self._remove(batch.segment)
        else:
            self._save_cursor(batch.segment, batch.offset)

    def close(self) -> None:
        """Let go of the folder; when nothing waits in it, it is removed."""
        if self._lock is None:
            return
        self._end_segment()
        if self.empty:
            with contextlib.suppress(OSError):
                for name in (_CURSOR, _LOCK):
                    (self._folder / name).unlink(missing_ok=True)
                self._folder.rmdir()
        self.abandon()

    def abandon(self) -> None:
        """Let go of the descriptors and touch nothing: after a fork the spool is the parent's."""
        for descriptor in (self._file, self._lock):
            if descriptor is not None:
                with contextlib.suppress(OSError):
                    os.close(descriptor)
        self._file = self._lock = None

    # Writing

    def _write(self, data: bytes) -> None:
        if self._own is not None and self._sizes.get(self._own, 0) >= self._segment:
            self._end_segment()
        if self._file is None:
            self._begin_segment()
        assert self._own is not None
        assert self._file is not None
        good = self._sizes[self._own]
        try:
            view = memoryview(data)
            while view:
                view = view[os.write(self._file, view) :]
            os.fdatasync(self._file)
        except OSError:
            try:
                os.ftruncate(self._file, good)
            except OSError:  # nothing is appended behind what is torn
                self._sizes[self._own] = os.fstat(self._file).st_size
                self._end_segment()
            raise
        self._sizes[self._own] = good + len(data)

    def _begin_segment(self) -> None:
        number = max(self._sizes, default=0) + 1
        if self._own is not None:
            number = max(number, self._own + 1)
        file = os.open(self._path(number), os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            folder = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        except OSError:
            os.close(file)
            with contextlib.suppress(OSError):
                self._path(number).unlink()
            raise
        self._file, self._own = file, number
        self._sizes[number] = 0

    def _end_segment(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None
        if self._own is not None and self._sizes.get(self._own) == 0:
            del self._sizes[self._own]
            with contextlib.suppress(OSError):
                self._path(self._own).unlink()

    # Reading

    def _read(self, number: int, offset: int, events: int, size: int) -> Batch:
        found: list[Written] = []
        damaged = 0
        try:
            with self._path(number).open("rb") as file:
                file.seek(offset)
                while len(found) < events:
                    line = file.readline()
                    if not line:
                        break
                    event = _event(line)
                    if event is None:
                        damaged += 1
                    else:
                        size -= len(event.text)
                        if found and size < 0:
                            break
                        found.append(event)
                    offset += len(line)
        except FileNotFoundError:  # somebody has cleaned up by hand
            offset = self._sizes[number]
        return Batch(tuple(found), number, offset, damaged)

    def _remove(self, number: int) -> None:
        if number == self._own:
            self._sizes[number] = 0
            self._end_segment()
        else:
            self._path(number).unlink(missing_ok=True)
            del self._sizes[number]
        self._read_to = None
        (self._folder / _CURSOR).unlink(missing_ok=True)

    def _save_cursor(self, number: int, offset: int) -> None:
        fresh = self._folder / f"{_CURSOR}.new"
        fresh.write_text(f"{number} {offset}\n")
        fresh.replace(self._folder / _CURSOR)

    def _saved_cursor(self) -> int | None:
        """Where to go on in the oldest segment. A cursor that cannot be read costs a repetition, nothing else."""
        try:
            number, offset = map(int, (self._folder / _CURSOR).read_text().split())
        except (OSError, ValueError):
            return None
        return offset if number == next(iter(self._sizes), None) and 0 <= offset <= self._sizes[number] else None

    def _path(self, number: int) -> Path:
        return self._folder / f"{number:012d}{_SUFFIX}"


def adopt(destination: Path, *, limit: int) -> Iterator[Spool]:
    """Take over the spools in `destination` whose processes are gone, oldest first. Raises `OSError`."""
    try:
        folders = sorted((path for path in destination.iterdir() if not path.name.startswith(".")), key=_age)
    except FileNotFoundError:
        return
    for folder in folders:
        try:
            lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CLOEXEC)
        except (FileNotFoundError, NotADirectoryError):
            continue
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Somebody else may have adopted and removed it between our two steps.
            there = (folder / _LOCK).stat().st_ino == os.fstat(lock).st_ino
        except OSError:
            there = False
        if there:
            yield Spool(folder, lock, limit=limit)
        else:
            os.close(lock)


def _age(folder: Path) -> tuple[float, str]:
    try:
        return (folder / _LOCK).stat().st_mtime, folder.name
    except OSError:
        return 0.0, folder.name


def _line(event: Written) -> bytes:
    content = event.id.encode() + b" " + event.text
    return b"%08x %b\n" % (zlib.crc32(content), content)


def _event(line: bytes) -> Written | None:
    """The event of a line; `None` when it is not as it was written."""
    checksum, _, content = line[:-1].partition(b" ")
    if not line.endswith(b"\n") or checksum != b"%08x" % zlib.crc32(content):
        return None
    name, _, text = content.partition(b" ")
    try:
        event = Written(name.decode("ascii"), text)
    except UnicodeDecodeError:
        return None
    return event if activity.ID.fullmatch(event.id) and text.startswith(b"{") and text.endswith(b"}") else None
