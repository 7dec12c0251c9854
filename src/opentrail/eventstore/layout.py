"""What one cold table looks like: its columns, what it is partitioned and pruned by, and how its files are written."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pyarrow as pa

from opentrail.eventstore import parquet
from opentrail.eventstore.columns import SCHEMA


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """The layout of a cold table. All of it but `write` is settled when the table is made."""

    table: str
    """Its name in its catalog, with the namespace: `opentrail.events`."""
    home: str
    """The folder of its files, beside the catalog."""
    schema: pa.Schema
    time: str
    """The column of the event's time, microseconds; the table is partitioned by its day."""
    day: str
    """What the partition is called."""
    pruned: tuple[str, ...]
    """Columns whose bounds in each file are kept in the manifests, `time` among them."""
    write: Callable[[Path, Iterable[pa.RecordBatch], int], None]
    """Writes batches, which are in order already, into a file of so many rows; on disk on return."""
    hidden: tuple[str, ...] = ()
    """Text columns that its files have behind the table's, and the table does not know: readers of the table see nothing of them."""
    prefix: str = ""
    """How the names of its files begin."""


def _write_history(path: Path, batches: Iterable[pa.RecordBatch], rows: int) -> None:
    parquet.write(path, batches, rows=rows)


HISTORY: Final = Layout(
    table="opentrail.events",
    home="events",
    schema=SCHEMA,
    time="event_time",
    day="event_day",
    pruned=("event_time", "position"),
    write=_write_history,
)
"""Event history's."""
