"""Parquet files of events: sorted by time, small row groups, bloom filters on what people search for by name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from opentrail.eventstore.columns import SCHEMA
from opentrail.eventstore.files import sync_directory, sync_file

ROW_GROUP: Final = 20_000
"""Rows of a row group. One bloom filter guards each: small groups leave little to read when one event is asked for."""

GROUP_BYTES: Final = 256 << 20
"""Size in memory at which a row group is closed early (records of up to 256 KB exist)."""

PAGE_ROWS: Final = 64
"""Rows after which a page may end, when it has its mebibyte: a page must not hold a thousand of the largest records."""

_FALSE_POSITIVES: Final = 0.01
_NAMES_PER_EVENT: Final = 3


def write(path: Path, batches: Iterable[pa.RecordBatch], *, rows: int) -> None:
    """Write `batches`, already in order of time and position, to `path`; on disk on return. `rows` is how many will come."""
    distinct = max(1, min(ROW_GROUP, rows))
    filters = {
        "event_id": {"ndv": distinct, "fpp": _FALSE_POSITIVES},
        "access_key_id": {"ndv": distinct, "fpp": _FALSE_POSITIVES},
        "resource_names.list.element": {"ndv": distinct * _NAMES_PER_EVENT, "fpp": _FALSE_POSITIVES},
    }
    with pq.ParquetWriter(
        path,
        SCHEMA,
        compression="zstd",
        use_dictionary=[name for name in SCHEMA.names if name not in ("position", "event_id", "record")] + ["resource_types.list.element"],
        write_batch_size=PAGE_ROWS,
        write_statistics=[name for name in SCHEMA.names if name != "record"],  # or two whole records are copied into each page's header
        bloom_filter_options=filters,
        sorting_columns=[pq.SortingColumn(SCHEMA.names.index("event_time")), pq.SortingColumn(SCHEMA.names.index("position"))],
    ) as writer:
        for group in _groups(batches):
            writer.write_table(group, row_group_size=ROW_GROUP)
    sync_file(path)
    sync_directory(path.parent)


def _groups(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.Table]:
    """Whole row groups out of batches of any size."""
    waiting: list[pa.RecordBatch] = []
    rows = size = 0
    for batch in batches:
        start = 0
        while start < batch.num_rows:
            piece = batch.slice(start, ROW_GROUP - rows)
            start += piece.num_rows
            waiting.append(piece)
            rows += piece.num_rows
            size += piece.nbytes
            if rows >= ROW_GROUP or size >= GROUP_BYTES:
                yield pa.Table.from_batches(waiting).cast(SCHEMA)
                waiting, rows, size = [], 0, 0
    if waiting:
        yield pa.Table.from_batches(waiting).cast(SCHEMA)
