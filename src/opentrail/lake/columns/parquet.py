"""Parquet files of a store's events: sorted by time, small row groups, bloom filters on what people search for by name."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from opentrail.eventstore import parquet
from opentrail.lake.columns.arrow import ARROW, POSITION
from opentrail.lake.families import Family

PAGE_ROWS: Final = (parquet.PAGE_ROWS, 1_024)
"""Rows after which a page may end, when it has its mebibyte; fewest, most. Few cost time, many make huge pages of large records."""

PAGE_BYTES: Final = 4 << 20
"""What a page's records may come to, were each as large as the largest."""

TIME: Final = "eventtime"
_UNIQUE: Final = frozenset({POSITION, TIME, "eventid", "requestid", "sharedeventid", "eventjson", "eventjsonchecksum"})

_FILTERS: Final[Mapping[str, int]] = {
    "eventid": 1,
    "requestid": 1,
    "useridentity.accesskeyid": 1,
    "resources.list.element.arn": 3,
}

STYLES: Final[Mapping[Family, parquet.Style]] = {
    family: parquet.Style(schema=schema, filters=_FILTERS, unique=_UNIQUE, bare=frozenset({"eventjson"}), order=(TIME, POSITION))
    for family, schema in ARROW.items()
}
"""How the files of a family are written."""


def ordered(table: pa.Table) -> pa.Table:
    """`table` by time and position."""
    return table.sort_by([(TIME, "ascending"), (POSITION, "ascending")])


def write(path: Path, family: Family, table: pa.Table) -> None:
    """Write `table`, sorted by time and position, to `path`; on disk on return."""
    write_ordered(path, family, ordered(table))


def write_ordered(path: Path, family: Family, table: pa.Table) -> None:
    """Write `table`, which is `ordered`, to `path`; on disk on return."""
    parquet.write(path, table.to_batches(), rows=table.num_rows, style=STYLES[family], page_rows=_page_rows(table))


def _page_rows(table: pa.Table) -> int:
    largest = pc.max(pc.binary_length(table["eventjson"])).as_py() or 1
    fewest, most = PAGE_ROWS
    return min(most, max(fewest, PAGE_BYTES // largest))
