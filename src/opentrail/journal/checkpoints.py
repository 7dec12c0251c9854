"""Moves what the write-ahead log holds into the journal's file, off the path of the appends, and so bounds the log.

A thread with its own connection copies the bulk while appends go on. It never catches up with a busy writer completely, and only a
log that is copied completely is started anew (and overwritten in place, which also syncs faster than a growing file). So the last
few pages are left to the writer: `due` asks it, and it calls `finish` between two commits, when its waiters have their answers.

The rule of `sqlite.py` (a checkpoint starts only after a commit that followed the last one) is kept by `PRAGMA data_version` here,
and by the writer, who calls `finish` only after a commit that it began with `due` set.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from pathlib import Path

from opentrail.journal import sqlite

LIMIT = 4 << 20
"""Bytes of log after which it is copied."""

REST = 256 << 10
"""Bytes that may be left to the writer."""

ROUNDS = 8
"""Attempts to get below `REST` while the writer goes on."""

PATIENCE = 3
"""Milliseconds to wait for the next commit of a busy writer."""

IDLE = 1.0
"""Seconds between two looks at what other processes (trimming) have added to the log."""

_log = logging.getLogger(__name__)


class Checkpoints:
    """The thread that copies. `wrote` and `finish` are called by the one writer thread."""

    def __init__(self, path: Path, limit: int = LIMIT) -> None:
        """`limit` in bytes; see `LIMIT`."""
        self.due = False
        self._path = path
        self._limit = limit
        self._written = 0
        self._wake = threading.Event()
        self._finished = threading.Event()
        self._stop = False
        self._connection = sqlite.connect(path, synchronous="NORMAL")
        self._seen: int | None = self._version()
        self._thread = threading.Thread(target=self._run, name="journal-checkpoints", daemon=True)
        self._thread.start()

    def wrote(self, size: int) -> None:
        """The writer has added about `size` bytes to the log."""
        self._written += size
        if self._written >= self._limit:
            self._wake.set()

    def finish(self, connection: sqlite3.Connection) -> None:
        """Copy the rest, with the writer's own connection, so that its next commit starts the log anew."""
        try:
            _copy(connection)
        finally:
            self._written = 0
            self.due = False
            self._finished.set()

    def close(self) -> None:
        """Stop the thread; what is left in the log stays there, for the last connection to copy when it closes."""
        self._stop = True
        self._wake.set()
        self._finished.set()
        self._thread.join()
        self._connection.close()

    def _run(self) -> None:
        while not self._stop:
            try:
                self._round()
            except sqlite3.Error as error:
                # Nothing is lost: the log keeps what was not copied, and its size counts against the journal's bound.
                _log.warning("The journal's log cannot be copied into %s: %s", self._path, error)
                self._wake.clear()
                self._wake.wait(IDLE)

    def _round(self) -> None:
        written = self._wake.wait(IDLE)
        self._wake.clear()
        if not (written or sqlite.log_size(self._path) > 2 * self._limit) or not self._added():
            return
        for _ in range(ROUNDS):
            self._written = 0
            self._seen = None
            _copy(self._connection)
            self._seen = self._version()
            if self._written < REST or not self._added():
                break
        self._finished.clear()
        self.due = True
        while not self._stop and not self._finished.is_set():
            self._finished.wait()
        self._seen = self._version()

    def _added(self) -> bool:
        """Whether a commit has followed the last checkpoint; one that is about to come is waited for."""
        for _ in range(PATIENCE):
            if self._stop:
                return False
            version = self._version()
            if self._seen is None:
                # A checkpoint failed somewhere in the middle: only what comes from here on counts.
                self._seen = version
            if version != self._seen:
                return True
            time.sleep(0.001)
        return False

    def _version(self) -> int:
        version: int = self._connection.execute("PRAGMA data_version").fetchone()[0]
        return version


def _copy(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
