"""How much of the stores' events is kept where, and when it moves."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class TableSettings:
    """`server.py` fills in what users may set."""

    commit_interval: float = 60.0
    """Seconds between two commits to the tables."""
    hot_rows: int = 100_000
    """Events in the hot tails of all stores together at which a commit is made early; bounds memory while catching up."""
    hot_characters: int = 96 << 20
    """Bytes of records in the hot tails, likewise; their columns take some three times that."""
    read_batch: int = 2_000
    """Records taken from the journal at a time."""
    compaction_files: int = 8
    """Files of similar size in one day that are merged into one."""
    compaction_target: int = 64 << 20
    """Size at which a file is left alone; bytes."""
    retention_interval: float = 3600.0
    """Seconds between two looks at what has outlived the retention of its store."""
    retention_slack: int = 6 * 3600
    """Seconds by which events must have outlived it before a file with younger ones is written anew. No query sees them meanwhile."""
    key_interval: float = 60.0
    """Seconds for which ingestion takes it that a KMS key can be used, once it could. A query asks anew."""
    trouble_interval: float = 10.0
    """Seconds after which a table that failed, or a key that could not be used, is tried again."""
