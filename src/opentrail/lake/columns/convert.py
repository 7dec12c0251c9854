"""Records to a table: the good ones become rows, the others are named with what is wrong about them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from opentrail.lake.columns.arrow import ARROW, POSITION
from opentrail.lake.columns.plain import to_row
from opentrail.lake.columns.text import NotJSON
from opentrail.lake.families import Family


@dataclass(frozen=True, slots=True)
class Refused:
    """A record that is no row."""

    index: int
    """Its place among the given records, from 0."""
    reason: str


@dataclass(frozen=True, slots=True)
class Converted:
    """What came of some records."""

    table: pa.Table
    """Of the family's schema, in the order of the records."""
    refused: tuple[Refused, ...]


def to_table(family: Family, records: Sequence[bytes], positions: Sequence[int] | range) -> Converted:
    """`records`, each the JSON text of one event at the position of the same index, as rows. Refused are those that are not a JSON object
    in UTF-8 or have no `eventTime`. Together they must stay below 2 GiB."""
    rows = []
    refused = []
    for index, (record, position) in enumerate(zip(records, positions, strict=True)):
        try:
            values = to_row(family, record)
        except NotJSON as error:
            refused.append(Refused(index, str(error)))
        else:
            values[POSITION] = position
            rows.append(values)
    return Converted(pa.Table.from_pylist(rows, schema=ARROW[family]), tuple(refused))
