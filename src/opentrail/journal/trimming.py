"""Gives the space of old records back to new ones."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

from opentrail.journal import sqlite

STEP_BYTES = 1 << 20
STEP_BATCHES = 64
"""What one transaction removes at most: it keeps appends waiting for a millisecond or two."""

PAUSE = 0.005
"""Seconds between two transactions, in which appends go ahead."""

_OLDEST = f"SELECT last, length(data) FROM batches WHERE last < ? ORDER BY last LIMIT {STEP_BATCHES}"


def trim(path: Path, before: int, stop: threading.Event | None = None, *, holder: str = "") -> int:
    """Remove the records with positions below `before` from the journal in the file `path`; returns the lowest position kept.

    Only whole batches go, so a few records below `before` may stay. The file does not shrink, new records use the space. Any
    process may call it while others append and read; dying in the middle, it has trimmed less. `stop` ends it after the step that
    is under way. `holder` says who still needs the record `before`, and what ails it; a full journal tells. Raises `JournalUnavailable`
    or `JournalCorrupt`.
    """
    stop = stop or threading.Event()
    with sqlite.translated(path):
        if not path.exists():
            return 1
        # Not synced: a step that a power cut takes back is done again, and the next append syncs it anyway.
        connection = sqlite.connect(path, synchronous="NORMAL")
        try:
            while _step(connection, before) and not stop.wait(PAUSE):
                pass
            connection.execute("UPDATE bounds SET holder = ? WHERE holder <> ?", (holder, holder))
            lowest: int = connection.execute("SELECT trimmed + 1 FROM bounds").fetchone()[0]
            return lowest
        finally:
            connection.close()


def _step(connection: sqlite3.Connection, before: int) -> bool:
    """Remove the oldest few batches; False when none is left to remove."""
    last = size = 0
    for row in connection.execute(_OLDEST, (before,)).fetchall():
        if last and size + (row[1] or 0) > STEP_BYTES:
            break
        last = row[0]
        size += row[1] or 0
    if not last:
        return False
    connection.execute("BEGIN IMMEDIATE")
    try:
        connection.execute("DELETE FROM batches WHERE last <= ?", (last,))
        connection.execute("UPDATE bounds SET trimmed = max(trimmed, ?)", (last,))
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    return True
