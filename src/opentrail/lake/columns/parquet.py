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
from opentrail.lake.usual_keys import USUAL_KEYS

PAGE_ROWS: Final = (parquet.PAGE_ROWS, 1_024)
"""Rows after which a page may end, when it has its mebibyte; fewest, most. Few cost time, many make huge pages of large records."""

PAGE_BYTES: Final = 4 << 20
"""What a page's records may come to, were each as large as the largest."""

TIME: Final = "eventtime"
RUN: Final = 1_000
"""Rows that lie side by side in order, on average, from which on they are cut out instead of gathered one by one."""

_UNIQUE: Final = frozenset(
    {POSITION, TIME, "eventid", "requestid", "sharedeventid", "eventjson", "eventjsonchecksum", "requestparameters/key"}
    | {f"{name}.key_value.value" for name in ("requestparameters", "responseelements", "additionaleventdata")}
)

_FILTERS: Final[Mapping[str, int]] = {
    "eventid": 1,
    "requestid": 1,
    "useridentity.accesskeyid": 1,
    "resources.list.element.arn": 3,
}

STYLES: Final[Mapping[Family, parquet.Style]] = {
    family: parquet.Style(
        schema=schema,
        filters=_FILTERS,
        unique=_UNIQUE,
        bare=frozenset({"eventjson", "eventjsonchecksum"}),
        order=(TIME, POSITION),
        keys=USUAL_KEYS.get(family, {}),
    )
    for family, schema in ARROW.items()
}
"""How the files of a family are written."""


def ordered(table: pa.Table) -> pa.Table:
    """`table` by time and position. What is delivered is in order for the most part: one file after the other, each by time."""
    order = pc.sort_indices(table, sort_keys=[(TIME, "ascending"), (POSITION, "ascending")])
    breaks = pc.indices_nonzero(pc.not_equal(pc.pairwise_diff(order.cast(pa.int64())), 1))
    if len(breaks) >= max(1, table.num_rows // RUN):
        return table.take(order)
    starts = [0, *breaks.to_pylist()]
    runs = zip(starts, [*starts[1:], table.num_rows], strict=True)
    return pa.concat_tables([table.slice(order[start].as_py(), end - start) for start, end in runs]) if table.num_rows else table


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
