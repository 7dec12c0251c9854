"""Parquet files of events: sorted by time, small row groups, bloom filters on what people search for by name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from opentrail.eventstore.columns import SCHEMA
from opentrail.eventstore.files import sync_directory, sync_file
from opentrail.eventstore.map_keys import TYPE, Keys, with_keys

ROW_GROUP: Final = 20_000
"""Rows of a row group. One bloom filter guards each: small groups leave little to read when one event is asked for."""

GROUP_BYTES: Final = 256 << 20
"""Size in memory at which a row group is closed early (records of up to 1 MB exist)."""

PAGE_ROWS: Final = 64
"""Rows after which a page may end, when it has its mebibyte: a page must not hold a thousand of the largest records."""

_FALSE_POSITIVES: Final = 0.01


@dataclass(frozen=True, kw_only=True)
class Style:
    """How the columns of a file are written. Columns within columns go by their path in Parquet: `resources.list.element.arn`."""

    schema: pa.Schema
    filters: Mapping[str, int]
    """Columns with a bloom filter → distinct values per event, at most."""
    unique: frozenset[str]
    """Columns in which a dictionary would hold every value."""
    bare: frozenset[str]
    """Columns without statistics, as no reader asks for them: two whole records would be copied into each page's header. What is inside
    lists and maps has none either."""
    order: tuple[str, ...]
    """What the rows are in order of."""
    keys: Keys = field(default_factory=dict)
    """Columns that are made of the maps, and stand behind the others."""

    @cached_property
    def whole(self) -> pa.Schema:
        """All columns of a file."""
        return pa.schema([*self.schema, *(pa.field(name, TYPE) for name in self.keys)])

    @cached_property
    def leaves(self) -> tuple[str, ...]:
        """The paths of all columns that hold values."""
        sink = pa.BufferOutputStream()
        pq.write_table(self.whole.empty_table(), sink)
        names = pq.ParquetFile(pa.BufferReader(sink.getvalue())).schema
        return tuple(names.column(number).path for number in range(len(names)))


HISTORY: Final = Style(
    schema=SCHEMA,
    filters={"event_id": 1, "access_key_id": 1, "resource_names.list.element": 3},
    unique=frozenset({"position", "event_id", "record", "resource_names.list.element"}),
    bare=frozenset({"record"}),
    order=("event_time", "position"),
)
"""Event history's."""


def write(path: Path, batches: Iterable[pa.RecordBatch], *, rows: int, style: Style = HISTORY, page_rows: int = PAGE_ROWS) -> None:
    """Write `batches`, already in order, to `path`; on disk on return. `rows` is how many will come, `page_rows` after how many of them a
    page may end."""
    distinct = max(1, min(ROW_GROUP, rows))
    with pq.ParquetWriter(
        path,
        style.whole,
        compression="zstd",
        use_dictionary=[leaf for leaf in style.leaves if leaf not in style.unique],
        write_batch_size=page_rows,
        write_statistics=[leaf for leaf in style.leaves if leaf not in style.bare and not _is_inside(leaf)],
        bloom_filter_options={
            leaf: {"ndv": distinct * each, "fpp": _FALSE_POSITIVES} for leaf, each in style.filters.items() if leaf in style.leaves
        },
        sorting_columns=[pq.SortingColumn(style.schema.names.index(name)) for name in style.order],
    ) as writer:
        for group in _groups(batches, style.schema):
            writer.write_table(with_keys(group, style.keys), row_group_size=ROW_GROUP)
    sync_file(path)
    sync_directory(path.parent)


def _is_inside(leaf: str) -> bool:
    return ".list." in leaf or ".key_value." in leaf


def _groups(batches: Iterable[pa.RecordBatch], schema: pa.Schema) -> Iterator[pa.Table]:
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
                yield pa.Table.from_batches(waiting).cast(schema)
                waiting, rows, size = [], 0, 0
    if waiting:
        yield pa.Table.from_batches(waiting).cast(schema)
