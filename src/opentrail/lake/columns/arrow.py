"""The columns of each family in Arrow's types. Data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import pyarrow as pa

from opentrail.lake.families import Family
from opentrail.lake.schema import BOOLEAN, COLUMNS, DOUBLE, INTEGER, TIMESTAMP, VARCHAR, Array, Column, Map, Row, Scalar, Type

POSITION: Final = "position"
"""The leading column, which queries do not see: where the record stands in the journal, or in its import."""

_SCALARS: Final[Mapping[Scalar, pa.DataType]] = {
    VARCHAR: pa.string(),
    BOOLEAN: pa.bool_(),
    INTEGER: pa.int32(),
    DOUBLE: pa.float64(),
    TIMESTAMP: pa.timestamp("us"),
}


def of(type_: Type) -> pa.DataType:
    """Arrow's type for `type_`."""
    match type_:
        case Scalar():
            return _SCALARS[type_]
        case Map():
            return pa.map_(pa.string(), pa.string())
        case Array(inner):
            return pa.list_(pa.field("element", of(inner)))
        case Row(fields):
            return pa.struct([_field(column) for column in fields])


def _field(column: Column) -> pa.Field:
    return pa.field(column.name, of(column.type))


ARROW: Final[Mapping[Family, pa.Schema]] = {
    family: pa.schema([pa.field(POSITION, pa.int64(), nullable=False), *map(_field, columns)]) for family, columns in COLUMNS.items()
}
"""`position`, then the columns of `lake.schema` in the order of `SELECT *`."""
