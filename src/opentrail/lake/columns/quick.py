"""CloudTrail's own events to columns, many at a time: what a record of the usual types takes. `plain` has the last word on all others.

A record is read into a struct of its known members, most of them as they are spelled. It fails on anything unusual: a member that is not
known, or an object that is none. What repeats from record to record (identities, TLS details) is read once for each time it is different.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from typing import Any, Final

import msgspec
import pyarrow as pa

from opentrail.lake.columns import buffers
from opentrail.lake.columns.arrow import ARROW, POSITION
from opentrail.lake.columns.times import micros
from opentrail.lake.columns.values import reader
from opentrail.lake.families import Family
from opentrail.lake.schema import COLUMNS

_NULL: Final = msgspec.Raw(b"null")
_BOOLEANS: Final = ("readOnly", "managementEvent")
_ROWS: Final = ("userIdentity", "tlsDetails", "eventContext")
_MAPS: Final = (
    "requestParameters",
    "responseElements",
    "additionalEventData",
    "serviceEventDetails",
    "addendum",
    "edgeDeviceDetails",
    "insightDetails",
)
_RESOURCE: Final = ("accountId", "type", "ARN", "ARNPrefix")
# fmt: off
_MEMBERS: Final = (
    "eventVersion", "userIdentity", "eventTime", "eventSource", "eventName", "awsRegion", "sourceIPAddress", "userAgent", "errorCode",
    "errorMessage", "requestParameters", "responseElements", "additionalEventData", "requestID", "eventID", "readOnly", "resources",
    "eventType", "apiVersion", "managementEvent", "recipientAccountId", "sharedEventID", "vpcEndpointId", "vpcEndpointAccountId",
    "serviceEventDetails", "addendum", "edgeDeviceDetails", "insightDetails", "annotation", "eventCategory", "eventContext", "tlsDetails",
    "sessionCredentialFromConsole",
)
# fmt: on
"""As CloudTrail writes them: a member is looked for behind the one before it first."""


def _struct(name: str, members: Sequence[str], types: Mapping[str, tuple[Any, Any]]) -> Any:
    fields = [(member, *types.get(member, (msgspec.Raw, _NULL))) for member in members]
    return msgspec.defstruct(name, fields, forbid_unknown_fields=True, gc=False)


_Resource = _struct("_Resource", _RESOURCE, {})
_Event = _struct(
    "_Event",
    _MEMBERS,
    {
        "eventTime": (str, ""),
        "resources": (list[_Resource] | None, None),  # type: ignore[valid-type]
        **dict.fromkeys(_BOOLEANS, (bool | None, None)),
        **dict.fromkeys(_MAPS, (dict[str, msgspec.Raw] | None, None)),
    },
)
_TEXTS: Final = tuple(field.name for field in msgspec.structs.fields(_Event) if field.type is msgspec.Raw and field.name not in _ROWS)
_decode: Final = msgspec.json.Decoder(_Event).decode
_SCHEMA: Final = ARROW[Family.EVENTS]
_READERS: Final = {column.name: reader(column.type) for column in COLUMNS[Family.EVENTS]}


def usual(records: Sequence[buffers.JSON], decode: Callable[[buffers.JSON], Any] = _decode) -> tuple[Sequence[int], list[Any]]:
    """Indexes of the records of the usual types, and what `decode` has read of them; to be given to `to_table`."""
    try:
        read = list(map(decode, records))
        if None not in [micros(event.eventTime) for event in read]:
            return range(len(read)), read
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        pass
    indexes, read = [], []
    for index, record in enumerate(records):
        try:
            event = decode(record)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            continue
        if micros(event.eventTime) is not None:
            indexes.append(index)
            read.append(event)
    return indexes, read


def to_table(records: Sequence[buffers.JSON], read: Sequence[Any], positions: Sequence[int]) -> pa.Table:
    """The rows of records that `usual` has read. They are UTF-8."""
    if not read:
        return _SCHEMA.empty_table()
    members = _columns(_MEMBERS, read)
    times = pa.array(list(map(micros, members["eventTime"])), pa.int64())
    columns: dict[str, Any] = {
        POSITION: pa.array(positions, pa.int64()),
        "eventtime": times.cast(pa.timestamp("us")),
        "resources": _resources(members["resources"]),
        "eventjson": buffers.spelled(records),
        "eventjsonchecksum": buffers.checksums(records),
    }
    for member in _MEMBERS:
        name, values = member.lower(), members[member]
        type_ = _SCHEMA.field(name).type
        if member in _TEXTS:
            columns[name] = buffers.texts(values, _NULL)
        elif member in _ROWS:
            columns[name] = buffers.repeated(values, _READERS[name], type_)
        elif member in _MAPS and any(values):
            columns[name] = buffers.maps(values, type_)
        elif name not in columns:
            columns[name] = pa.array(values, type_)
    return pa.table([columns[field.name] for field in _SCHEMA], _SCHEMA)


def _resources(given: Sequence[list[Any] | None]) -> pa.ListArray:
    type_ = _SCHEMA.field("resources").type
    fields = _columns(_RESOURCE, list(chain.from_iterable(filter(None, given))))
    arrays = [buffers.texts(values, _NULL) for values in fields.values()]
    return buffers.lists(given, type_, pa.StructArray.from_arrays(arrays, fields=list(type_.value_type)))


def _columns(names: Sequence[str], structs: Sequence[Any]) -> dict[str, list[Any]]:
    """Member → its value in each of `structs`; lists, because pyarrow takes its time with tuples."""
    if not structs:
        return {name: [] for name in names}
    return dict(zip(names, map(list, zip(*map(msgspec.structs.astuple, structs), strict=True)), strict=True))
