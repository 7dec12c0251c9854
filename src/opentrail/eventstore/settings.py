"""Settings of the event store; `server.py` fills in what users may set."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class EventStoreSettings:
    """How much is kept where, and when it moves."""

    retention: float = 90.0
    """Age of an event, by its own time, up to which it is found; days."""
    commit_interval: float = 60.0
    """Seconds between two commits to the cold store."""
    hot_rows: int = 200_000
    """Events in the hot tail at which a commit is made early; bounds memory while catching up."""
    hot_characters: int = 512 << 20
    """Characters of records in the hot tail, likewise."""
    warm_events: int = 20_000
    """Events in the warm window."""
    warm_characters: int = 48 << 20
    """Characters of records in the warm window, likewise."""
    read_batch: int = 5_000
    """Records taken from the journal at a time."""
    query_memory: str = "2GB"
    """DuckDB's memory limit for the hot tail and all questions together."""
    compaction_memory: str = "1GB"
    """DuckDB's memory limit for a compaction; it spills to the lake folder beyond that."""
    compaction_files: int = 8
    """Files of similar size in one day that are merged into one."""
    compaction_target: int = 64 << 20
    """Size at which a file is left alone; bytes."""
