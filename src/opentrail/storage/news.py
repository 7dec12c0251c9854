"""Wakes those who wait for a database when something has been committed to it, by whichever process.

One thread looks for all who wait in its process, at a counter in shared memory (`PRAGMA data_version`): every 10 ms while something
happens, down to every 100 ms while nothing does. It only hastens: whoever is woken looks for himself, and looks now and then when nobody
wakes him. So a database that cannot be looked at for a while costs time and nothing else.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final

SHORTEST: Final = 0.01
LONGEST: Final = 0.1
"""Seconds between two looks: while something happens, and when nothing has for a while."""
SLOWER: Final = 1.2
"""By how much the next pause is longer when there was nothing."""


class News:
    """What is heard of some databases: `tell` who wants to hear of which, then `run`."""

    def __init__(self) -> None:
        self._watched: dict[Path, _Watched] = {}

    def tell(self, path: Path, call: Callable[[], object]) -> None:
        """Have `call` called soon after each commit to the database in the file `path`, which need not be there yet; several commits may
        be one call. Nothing before `run` is missed: each is called once at the start. `call` neither blocks nor raises."""
        self._watched.setdefault(path, _Watched(path)).calls.append(call)

    def run(self, stop: threading.Event) -> None:
        """Look and call until `stop` is set."""
        pause = SHORTEST
        while not stop.is_set():
            pause = SHORTEST if self.look() else min(pause * SLOWER, LONGEST)
            stop.wait(pause)
        self.close()

    def look(self) -> bool:
        """Look once at each of them; whether there was anything new."""
        found = False
        for watched in self._watched.values():
            if watched.has_changed():
                found = True
                for call in watched.calls:
                    call()
        return found

    def close(self) -> None:
        """Give back every connection; `look` opens them anew."""
        for watched in self._watched.values():
            watched.close()


class _Watched:
    """One database. One thread."""

    def __init__(self, path: Path) -> None:
        self.calls: list[Callable[[], object]] = []
        self._path = path
        self._connection: sqlite3.Connection | None = None
        self._seen: int | None = None

    def has_changed(self) -> bool:
        """Whether anything was committed since the last time; also when that is not known, as for the first time."""
        try:
            if self._connection is None:
                if not self._path.exists():
                    return False
                address = f"{self._path.absolute().as_uri()}?mode=ro"
                self._connection = sqlite3.connect(address, uri=True, timeout=0.0, isolation_level=None, check_same_thread=False)
            version: int = self._connection.execute("PRAGMA data_version").fetchone()[0]
        except (OSError, sqlite3.Error):  # somebody is recovering it, or it is damaged: whoever uses it says so
            self.close()
            return False
        if version == self._seen:
            return False
        self._seen = version
        return True

    def close(self) -> None:
        if self._connection is not None:
            with contextlib.suppress(sqlite3.Error):
                self._connection.close()
        self._connection, self._seen = None, None
