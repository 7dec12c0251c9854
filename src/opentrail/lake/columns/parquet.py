"""Parquet files of a store's events: sorted by time, small row groups, bloom filters on what people search for by name."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pyarrow as pa

from opentrail.eventstore import parquet
from opentrail.lake.columns.arrow import ARROW, POSITION
from opentrail.lake.families import Family

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


def write(path: Path, family: Family, table: pa.Table) -> None:
    """Write `table`, sorted by time and position, to `path`; on disk on return."""
    batches = table.sort_by([(TIME, "ascending"), (POSITION, "ascending")]).to_batches()
    parquet.write(path, batches, rows=table.num_rows, style=STYLES[family])
