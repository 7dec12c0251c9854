"""Events from outside AWS to columns, many at a time, as `quick` does it for CloudTrail's own; `plain` has the last word on unusual ones.

The members are those of the schema, spelled as the event schema of channels spells them. Text columns take any value, maps and rows an
object or nothing: whatever else is there, or a member that no column is for, makes a record unusual.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec
import pyarrow as pa

from opentrail.lake.columns import buffers, quick
from opentrail.lake.columns.arrow import ARROW, POSITION, of
from opentrail.lake.columns.plain import ORIGINAL
from opentrail.lake.columns.times import micros
from opentrail.lake.families import Family
from opentrail.lake.schema import COLUMNS, TIMESTAMP, Column, Map, Row, Type

# fmt: off
_SPELLED: Final = {
    name.lower(): name
    for name in (
        "eventVersion", "eventCategory", "eventType", "eventID", "eventTime", "awsRegion", "recipientAccountId", "addendum", "reason",
        "updatedFields", "originalUID", "originalEventID", "metadata", "ingestionTime", "channelARN", "eventData", "version",
        "userIdentity", "type", "principalId", "details", "userAgent", "eventSource", "eventName", "UID", "requestParameters",
        "responseElements", "errorCode", "errorMessage", "sourceIPAddress", "additionalEventData",
    )
}
# fmt: on
"""Column or field → the member that it is filled from."""
_NULL: Final = msgspec.Raw(b"null")
_COLUMNS: Final = tuple(column for column in COLUMNS[Family.ACTIVITY] if column.name not in ORIGINAL)
_SCHEMA: Final = ARROW[Family.ACTIVITY]
_structs: Final[dict[Row, Any]] = {}


def _struct(name: str, columns: Sequence[Column]) -> Any:
    return msgspec.defstruct(name, [(_SPELLED[one.name], *_held(one)) for one in columns], forbid_unknown_fields=True, gc=False)


def _held(column: Column) -> tuple[Any, Any]:
    """What the member of a column is read as, and what stands for one that is not there."""
    match column.type:
        case Map():
            return dict[str, msgspec.Raw] | None, None
        case Row(fields) as row:
            struct = _structs[row] = _struct(column.name, fields)
            return struct | None, None
    return (str, "") if column.type == TIMESTAMP else (msgspec.Raw, _NULL)


_decode: Final = msgspec.json.Decoder(_struct("event", _COLUMNS)).decode


def usual(records: Sequence[buffers.JSON]) -> tuple[Sequence[int], list[Any]]:
    """As `quick.usual`."""
    return quick.usual(records, _decode)


def to_table(records: Sequence[buffers.JSON], read: Sequence[Any], positions: Sequence[int]) -> pa.Table:
    """The rows of records that `usual` has read. They are UTF-8."""
    if not read:
        return _SCHEMA.empty_table()
    columns = {
        POSITION: pa.array(positions, pa.int64()),
        "eventjson": buffers.spelled(records),
        "eventjsonchecksum": buffers.checksums(records),
        **dict(zip((column.name for column in _COLUMNS), _arrays(_COLUMNS, read), strict=True)),
    }
    return pa.table([columns[field.name] for field in _SCHEMA], _SCHEMA)


def _arrays(columns: Sequence[Column], structs: Sequence[Any]) -> list[pa.Array]:
    """One array for each of the columns, out of structs that were read for them."""
    values = zip(*map(msgspec.structs.astuple, structs), strict=True)
    return [_array(column.type, list(its)) for column, its in zip(columns, values, strict=True)]


def _array(type_: Type, values: list[Any]) -> pa.Array:
    match type_:
        case Map():
            return buffers.maps(values, of(type_))
        case Row(fields):
            return _rows(type_, fields, values)
    return pa.array(list(map(micros, values)), pa.int64()).cast(of(type_)) if type_ == TIMESTAMP else buffers.texts(values, _NULL)


def _rows(row: Row, fields: Sequence[Column], values: list[Any]) -> pa.Array:
    missing = None
    if None in values:
        nothing = _structs[row]()
        missing = pa.array([value is None for value in values], pa.bool_())
        values = [nothing if value is None else value for value in values]
    return pa.StructArray.from_arrays(_arrays(fields, values), fields=list(of(row)), mask=missing)
