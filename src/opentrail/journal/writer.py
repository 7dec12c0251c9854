"""The appending side of the journal: one thread writes, everybody who waits shares its commits.

Whoever appends puts the records into a queue and awaits a future. The writer thread takes everything that waits, writes it as one
batch in one transaction, and wakes each event loop once per commit. While it is in a commit, the next batch gathers by itself.

A call that must be recorded whatever comes in meanwhile reserves room first:

    with journal.reserve() as reservation:
        ...                                                   # carry the call out
        await journal.append([record], reservation)

What the answer of `append` means:

- a position: the records are on disk (`journal.sync=full`), readers see them, nothing takes them away but trimming;
- `JournalFull`, or `JournalUnavailable` before anything was written: they are not in the journal;
- `JournalUnavailable` from a commit that failed: they are not in the journal as long as this process lives. When it dies right then,
  all or none of the batch may be found, as with any commit whose answer was lost.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import queue
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from opentrail.clock import Clock
from opentrail.config import JournalSettings
from opentrail.errors import JournalUnavailable
from opentrail.journal import sqlite
from opentrail.journal.batches import MAX_RECORD, Packer, batches, sealed
from opentrail.journal.checkpoints import LIMIT, Checkpoints
from opentrail.journal.room import RESERVE, Reservation, Room

MAX_COMMIT = 16 << 20
"""Bytes of records after which the writer stops taking more into one commit, so that the first of them does not wait for long."""

LARGE = 64 << 10
"""Bytes from which the records of one call are compressed before they are queued, in a thread beside the writer's."""

ROW = 2 * sqlite.PAGE_SIZE
"""Bytes that a commit writes besides its batch, about."""

CLOSED = "The journal is closed."

_INSERT = "INSERT INTO batches (last, count, data) VALUES (?, ?, ?)"
_PROBE = "UPDATE bounds SET trimmed = trimmed"

_own = threading.local()
"""The `Packer` of each thread that packs."""

_Packed = tuple[int, bytes]
"""How many records, and their compressed bytes."""


@dataclass(slots=True, eq=False)
class _Waiting:
    """One `append`. Without records and without anybody who waits: a probe whether writing works again."""

    records: Sequence[bytes] = ()
    size: int = 0
    """Bytes of the records."""
    promised: int = 0
    """Bytes that `Room` counts for it; 0 when a reservation does."""
    packed: Sequence[_Packed] = ()
    """The batches it was packed into beforehand, if it was large."""
    loop: asyncio.AbstractEventLoop | None = None
    future: asyncio.Future[int] | None = None


class Journal:
    """The journal, open for appending: by one process at a time. Any thread and any event loop of it may append."""

    def __init__(self, path: Path, settings: JournalSettings, clock: Clock, floor: int) -> None:
        """Use `Journal.open`."""
        self._path = path
        self._lock_file = _locked(path)
        try:
            with sqlite.translated(path):
                sqlite.create(path)
                self._connection = sqlite.connect(path, synchronous="FULL" if settings.sync == "full" else "NORMAL")
                self._head = _raised(self._connection, floor)
                limit = min(LIMIT, settings.max_bytes // 8)
                # Let a log that grew beyond (a reader held it) shrink when it is started anew.
                self._connection.execute(f"PRAGMA journal_size_limit={2 * limit}")
                self._room = Room(path, settings, clock)
                self._checkpoints = Checkpoints(path, limit)
        except BaseException:
            os.close(self._lock_file)
            raise
        self._packers = ThreadPoolExecutor(2, "journal-packer")
        self._queue: queue.SimpleQueue[_Waiting | None] = queue.SimpleQueue()
        self._closing = threading.Lock()
        self._closed = False
        self._failed: JournalUnavailable | None = None
        self._probing = False
        self._thread = threading.Thread(target=self._run, name="journal-writer", daemon=True)
        self._thread.start()

    @classmethod
    def open(cls, path: Path, *, settings: JournalSettings, clock: Clock, floor: int = 0) -> Journal:
        """Open the journal in the file `path`, making it if it is not there.

        `floor` is the highest position that any follower has saved. Where the journal ends below it (a power cut under
        `journal.sync=normal`, a lost file), its positions go on above it, so that none is ever given out twice. Raises
        `JournalUnavailable` when the disk refuses or another process appends to the journal, `JournalCorrupt` when it is damaged.
        """
        return cls(path, settings, clock, floor)

    @property
    def head(self) -> int:
        """Position of the newest durable record; 0 if there never was one."""
        return self._head

    async def append(self, records: Sequence[bytes], reservation: Reservation | None = None) -> int:
        """Append `records` together, in their order, and return the position of the last one when all are on disk.

        No records: the head. With a `reservation` that is still held they are let in whatever the bound says. Raises `JournalFull`
        or `JournalUnavailable` (see above), `ValueError` for a record over `MAX_RECORD`. A caller that is cancelled does not take
        its records back.
        """
        if not records:
            return self._head
        size = 0
        for record in records:
            if len(record) > MAX_RECORD:
                raise ValueError(f"A record of {len(record)} bytes is larger than {MAX_RECORD} bytes.")
            size += len(record)
        promised = 0
        if reservation is None:
            self._room.promise(size)
            promised = size
        loop = asyncio.get_running_loop()
        future: asyncio.Future[int] = loop.create_future()
        waiting = _Waiting(records, size, promised, loop=loop, future=future)
        if size < LARGE:
            self._put(waiting)
        else:
            try:
                self._packers.submit(self._pack, waiting)
            except RuntimeError:  # shut down by `close`
                self._answer([waiting], JournalUnavailable(CLOSED))
        return await future

    def check(self) -> None:
        """Raise `JournalFull` or `JournalUnavailable` when a call should not be let in now. Microseconds; touches no file most times.

        Refuses somewhat below the bound, so that calls let in before still find room. `reserve` gives certainty instead.
        """
        if self._failed is not None or self._closed:
            self._refuse()
        self._room.check()

    def reserve(self, size: int = RESERVE) -> Reservation:
        """Like `check`, and keep `size` bytes of the bound for this call until the reservation is released. See the example above."""
        if self._failed is not None or self._closed:
            self._refuse()
        return self._room.reserve(size)

    def close(self) -> None:
        """Write what waits, then close. Later appends raise `JournalUnavailable`; closing twice does nothing."""
        self._packers.shutdown()  # what is being compressed comes into the queue before its end does
        with self._closing:
            if self._closed:
                return
            self._closed = True
            self._queue.put(None)
        self._thread.join()
        self._checkpoints.close()
        self._room.close()
        self._connection.close()
        os.close(self._lock_file)

    def _refuse(self) -> None:
        """After a failed commit: refuse, and have the writer try whether it can write again."""
        if self._closed:
            raise JournalUnavailable(CLOSED)
        failed = self._failed
        if not self._probing:
            self._probing = True
            self._put(_Waiting())
        if failed is not None:
            raise JournalUnavailable(str(failed))

    def _pack(self, waiting: _Waiting) -> None:
        """Compress a large call, in a thread beside the writer's, then queue it."""
        try:
            waiting.packed = _pack(waiting.records)
        except Exception as failed:  # memory, most likely; the caller must hear of it
            self._answer([waiting], JournalUnavailable(f"The journal could not compress: {failed!r}"))
        else:
            self._put(waiting)

    def _put(self, waiting: _Waiting) -> None:
        with self._closing:
            if not self._closed:
                self._queue.put(waiting)
                return
        self._answer([waiting], JournalUnavailable(CLOSED))

    def _answer(self, taken: list[_Waiting], error: JournalUnavailable | None, position: int = 0, written: int = 0) -> None:
        """Tell everybody who waits; without an `error`, their records begin after `position` and took `written` bytes."""
        self._room.settle(sum(waiting.promised for waiting in taken), written)
        wakes: dict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[int], int | JournalUnavailable]]] = {}
        for waiting in taken:
            position += len(waiting.records)
            if waiting.loop is not None and waiting.future is not None:
                answer = position if error is None else JournalUnavailable(str(error))
                wakes.setdefault(waiting.loop, []).append((waiting.future, answer))
        for loop, answers in wakes.items():
            try:
                loop.call_soon_threadsafe(_wake, answers)
            except RuntimeError:  # the loop was closed; nobody waits any more
                continue

    # What follows runs in the writer thread only.

    def _run(self) -> None:
        taken: list[_Waiting] = []
        more = True
        while more:
            finish = self._checkpoints.due
            more = self._take(taken)
            if not taken:
                continue
            self._write(taken)
            taken = []
            if finish and self._failed is None:
                self._finish()

    def _take(self, taken: list[_Waiting]) -> bool:
        """Wait for something, take all that is there; False when the journal is being closed (that is the last in the queue)."""
        first = self._queue.get()
        if first is None:
            return False
        taken.append(first)
        size = first.size
        for _ in range(self._queue.qsize()):
            if size > MAX_COMMIT:
                break
            waiting = self._queue.get()
            if waiting is None:
                return False
            taken.append(waiting)
            size += waiting.size
        return True

    def _write(self, taken: list[_Waiting]) -> None:
        """Commit what was taken and tell everybody who waits."""
        head = self._head
        written = 0
        error: JournalUnavailable | None = None
        try:
            rows: list[tuple[int, int, bytes]] = []
            for count, packed in _packed(taken):
                data = sealed(head + 1, count, packed)
                head += count
                written += len(data)
                rows.append((head, count, data))
            self._commit(rows)
        except sqlite3.Error as failed:
            error = JournalUnavailable(str(sqlite.failure(self._path, failed)))
        except Exception as failed:  # whatever it is (memory), the waiters must hear of it
            error = JournalUnavailable(f"The journal could not write: {failed!r}")
        position = self._head
        if error is None:
            self._head = head
            written += ROW
            self._checkpoints.wrote(written)
        else:
            written = 0
        self._failed = error
        self._probing = False
        self._answer(taken, error, position, written)

    def _commit(self, rows: list[tuple[int, int, bytes]]) -> None:
        if self._connection.in_transaction:  # a rollback failed: without this the next commit would only seem to be one
            self._connection.execute("ROLLBACK")
        if len(rows) == 1:
            self._connection.execute(_INSERT, rows[0])
        elif not rows:
            self._connection.execute(_PROBE)
        else:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                self._connection.executemany(_INSERT, rows)
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    def _finish(self) -> None:
        try:
            self._checkpoints.finish(self._connection)
        except sqlite3.Error:
            return  # the log keeps what was not copied; the next round tries again


def _wake(answers: list[tuple[asyncio.Future[int], int | JournalUnavailable]]) -> None:
    for future, answer in answers:
        if future.done():
            continue
        if isinstance(answer, int):
            future.set_result(answer)
        else:
            future.set_exception(answer)


def _packed(taken: list[_Waiting]) -> Iterator[_Packed]:
    """The batches of everything that was taken, in its order: small calls share one, large ones bring their own."""
    small: list[bytes] = []
    for waiting in taken:
        if not waiting.packed:
            small.extend(waiting.records)
            continue
        yield from _pack(small)
        small = []
        yield from waiting.packed
    yield from _pack(small)


def _pack(records: Sequence[bytes]) -> list[_Packed]:
    packer: Packer | None = getattr(_own, "packer", None)
    if packer is None:
        packer = _own.packer = Packer()
    return [(len(batch), packer.pack(batch)) for batch in batches(records)]


def _locked(path: Path) -> int:
    """Keep other processes from appending; the kernel gives the lock back when this process dies."""
    path.parent.mkdir(parents=True, exist_ok=True)
    file = os.open(path.with_name(path.name + ".lock"), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(file)
        raise JournalUnavailable(f"Another process appends to the journal {path}.") from error
    return file


def _raised(connection: sqlite3.Connection, floor: int) -> int:
    """The head, after a void has been put in up to `floor` where the journal ends below it."""
    head: int = connection.execute(sqlite.HEAD).fetchone()[0]
    if floor > head:
        connection.execute(_INSERT, (floor, floor - head, None))
        head = floor
    return head
