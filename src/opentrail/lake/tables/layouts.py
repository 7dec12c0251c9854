"""The layout of a store's table."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

import pyarrow as pa

from opentrail.eventstore import parquet
from opentrail.eventstore.layout import Layout
from opentrail.lake.columns import ARROW
from opentrail.lake.columns.parquet import STYLES
from opentrail.lake.families import Family
from opentrail.lake.usual_keys import MARKS, USUAL_KEYS

NAMESPACE: Final = "cloudtrail"
TIME: Final = "eventtime"
POSITION: Final = "position"
ORDER: Final = [(TIME, "ascending"), (POSITION, "ascending")]


def layout(store_id: str, family: Family) -> Layout:
    """The table of the store: by its id, as SQL names it. `position` is a column like the others to engines that read it in place."""

    def write(path: Path, batches: Iterable[pa.RecordBatch], rows: int) -> None:
        parquet.write(path, batches, rows=rows, style=STYLES[family])

    return Layout(
        table=f"{NAMESPACE}.{store_id}",
        home="table",
        schema=ARROW[family],
        time=TIME,
        day="eventday",
        pruned=(TIME,),
        write=write,
        hidden=tuple(USUAL_KEYS.get(family, {})),
        prefix=MARKS.get(family, ""),
    )
