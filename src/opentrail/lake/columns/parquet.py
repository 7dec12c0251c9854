"""Parquet files of a store's events: sorted by time, small row groups, bloom filters on what people search for by name."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from opentrail.eventstore.files import sync_directory, sync_file
from opentrail.lake.columns.arrow import ARROW, POSITION
from opentrail.lake.families import Family

ROW_GROUP: Final = 20_000
"""Rows of a row group, as in the event history."""

GROUP_BYTES: Final = 256 << 20
"""Size in memory above which row groups get smaller (records of up to 1 MB exist)."""

PAGE_ROWS: Final = 64
"""Rows after which a page may end, when it has its mebibyte."""

TIME: Final = "eventtime"
_UNIQUE: Final = frozenset({POSITION, TIME, "eventid", "requestid", "sharedeventid", "eventjson", "eventjsonchecksum"})
"""Columns in which a dictionary would hold every value."""

_FILTERS: Final[Mapping[str, int]] = {
    "eventid": 1,
    "requestid": 1,
    "useridentity.accesskeyid": 1,
    "resources.list.element.arn": 3,
}
"""Column path → distinct values per event, at most."""
_FALSE_POSITIVES: Final = 0.01


def write(path: Path, family: Family, table: pa.Table) -> None:
    """Write `table`, sorted by time and position, to `path`; on disk on return."""
    schema = ARROW[family]
    table = _sorted(table)
    size = max(1, min(ROW_GROUP, table.num_rows, table.num_rows * GROUP_BYTES // max(1, table.nbytes)))
    leaves = pq.ParquetFile(_nothing(schema)).schema
    paths = [leaves.column(number).path for number in range(len(leaves))]
    with pq.ParquetWriter(
        path,
        schema,
        compression="zstd",
        use_dictionary=[leaf for leaf in paths if leaf not in _UNIQUE],
        write_batch_size=PAGE_ROWS,
        write_statistics=[leaf for leaf in paths if leaf != "eventjson"],  # or two whole records are copied into each page's header
        bloom_filter_options={leaf: {"ndv": size * each, "fpp": _FALSE_POSITIVES} for leaf, each in _FILTERS.items() if leaf in paths},
        sorting_columns=[pq.SortingColumn(schema.names.index(name)) for name in (TIME, POSITION)],
    ) as writer:
        writer.write_table(table, row_group_size=size)
    sync_file(path)
    sync_directory(path.parent)


def _sorted(table: pa.Table) -> pa.Table:
    return table.sort_by([(TIME, "ascending"), (POSITION, "ascending")])


def _nothing(schema: pa.Schema) -> pa.BufferReader:
    """An empty file of `schema`: what names the columns within columns as Parquet does."""
    sink = pa.BufferOutputStream()
    pq.write_table(schema.empty_table(), sink)
    return pa.BufferReader(sink.getvalue())
