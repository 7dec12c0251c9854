"""The journal's file: one SQLite database in WAL mode, opened directly because it is the hot path.

One row per batch, keyed by the position of its last record, no other index: finding the batch after a position is one search of the
tree, the head is its right edge. `bounds` remembers how far the journal has been trimmed, so that positions go on upwards even when
no batch is left, and who needs what is left. A batch without data is a void: positions that were given out, whose records a power cut
took (`journal.sync=normal`).

SQLite before 3.51.3 can lose commits when a checkpoint *starts* on a log that is copied completely, while a commit of another
connection starts the log anew (https://sqlite.org/wal.html#walresetbug). The rule that keeps us clear of it: no connection
checkpoints by itself (`wal_autocheckpoint=0`), only one checkpoint runs at a time, and it starts only after a commit has been added
since the last one ended; see `checkpoints.py`.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from opentrail.errors import JournalCorrupt, JournalUnavailable

PAGE_SIZE = 16384
"""Bytes. Measured: larger pages cost fewer calls for commits of hundreds of events, smaller ones save nothing for those of a few."""

BUSY_TIMEOUT = 10.0
"""Seconds that a writer waits for another one (appends and trimming exclude each other for a few milliseconds)."""

VERSION = 1
"""`user_version` of the file; a higher one was made by a later OpenTrail."""

_TABLES = f"""
BEGIN IMMEDIATE;
CREATE TABLE IF NOT EXISTS batches (last INTEGER PRIMARY KEY, count INTEGER NOT NULL, data BLOB);
CREATE TABLE IF NOT EXISTS bounds (id INTEGER PRIMARY KEY CHECK (id = 1), trimmed INTEGER NOT NULL, holder TEXT NOT NULL);
INSERT OR IGNORE INTO bounds VALUES (1, 0, '');
PRAGMA user_version = {VERSION};
COMMIT;
"""

HEAD = "SELECT coalesce((SELECT max(last) FROM batches), (SELECT trimmed FROM bounds))"
"""Position of the newest record, 0 if there never was one."""


def create(path: Path) -> None:
    """Make the file and its tables if they are not there; readable by the owner only. Durable on return."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    connection = connect(path, synchronous="FULL")
    try:
        connection.execute(f"PRAGMA page_size={PAGE_SIZE}")
        connection.execute("PRAGMA journal_mode=WAL")
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version > VERSION:
            raise _later(path, version)
        if version < VERSION:
            connection.executescript(_TABLES)
    finally:
        connection.close()
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def connect(path: Path, *, synchronous: str) -> sqlite3.Connection:
    """A connection that writes; every statement is a transaction of its own unless `BEGIN` says otherwise."""
    connection = sqlite3.connect(path, timeout=BUSY_TIMEOUT, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA wal_autocheckpoint=0")
    connection.execute(f"PRAGMA synchronous={synchronous}")
    # Deleted records carry no secrets; overwriting them would make trimming as expensive as appending.
    connection.execute("PRAGMA secure_delete=OFF")
    return connection


def connect_reading(path: Path) -> sqlite3.Connection | None:
    """A connection that only reads, or None as long as nobody has made the journal. It never blocks an append."""
    if not path.exists():
        return None
    uri = path.absolute().as_uri() + "?mode=ro"
    connection = sqlite3.connect(uri, uri=True, timeout=BUSY_TIMEOUT, isolation_level=None, check_same_thread=False)
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version == VERSION:
        return connection
    connection.close()
    if version:
        raise _later(path, version)
    return None


def _later(path: Path, version: int) -> JournalUnavailable:
    return JournalUnavailable(f"{path} was written by a later OpenTrail (its version is {version}, ours {VERSION}).")


def log_size(path: Path) -> int:
    """Bytes of the write-ahead log beside the file; 0 when there is none."""
    try:
        return path.with_name(path.name + "-wal").stat().st_size
    except OSError:
        return 0


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Failures of SQLite become `JournalCorrupt` (the file is damaged) or `JournalUnavailable` (anything else)."""
    try:
        yield
    except sqlite3.Error as error:
        raise failure(path, error) from error


def failure(path: Path, error: sqlite3.Error) -> JournalCorrupt | JournalUnavailable:
    """What an error of SQLite means to the journal's callers."""
    if getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return JournalCorrupt(f"The journal's file {path} is damaged: {error}.")
    return JournalUnavailable(f"The journal {path} cannot be used at the moment: {error}.")
