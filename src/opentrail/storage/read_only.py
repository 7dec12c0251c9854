"""A state database read in place: by plain `sqlite3`, with nothing written.

For verbs that ask a few questions of a data folder and end: they need neither SQLAlchemy, whose import takes longer than such a verb, nor
anything that opening a `Database` may write. The tables still belong to their rooms: each has its own `in_place` module with its queries.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from opentrail.errors import OpenTrailError

BUSY_TIMEOUT = 10.0
"""Seconds that a read waits where SQLite lets nobody read for a moment (recovery after a crash)."""


class Unreadable(OpenTrailError):
    """The state database cannot be read."""


class ReadOnlyDatabase:
    """The SQLite database in the file `path`, which must exist, whether a server uses it or not. Any thread may use it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._connection = self._open("mode=ro")

    def rows(self, query: str, parameters: Sequence[object] | Mapping[str, object] = ()) -> list[tuple[Any, ...]]:
        """What a SELECT finds, as committed now; nothing, when its table has not been made yet. Raises `Unreadable`."""
        with self._lock:
            try:
                return self._connection.execute(query, parameters).fetchall()
            except sqlite3.DatabaseError as error:
                if str(error).startswith("no such table"):
                    return []
                raise self._unreadable(error) from error

    def close(self) -> None:
        """Give the file back."""
        self._connection.close()

    def _open(self, mode: str) -> sqlite3.Connection:
        try:
            connection = sqlite3.connect(
                f"{self._path.absolute().as_uri()}?{mode}", uri=True, timeout=BUSY_TIMEOUT, isolation_level=None, check_same_thread=False
            )
            connection.execute("SELECT 1 FROM sqlite_master").fetchone()
        except sqlite3.DatabaseError as error:
            if mode == "mode=ro" and not self._path.with_name(self._path.name + "-wal").exists():
                # Where nothing at all can be written SQLite cannot share the write-ahead log; there is none, so it need not.
                return self._open("mode=ro&immutable=1")
            raise self._unreadable(error) from error
        return connection

    def _unreadable(self, error: sqlite3.DatabaseError) -> Unreadable:
        return Unreadable(f"The state database {self._path} cannot be read: {error}.")
