"""Records to rows, one by one: right for every record of every family. What is faster has to give the same rows. Pure."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from opentrail.lake.columns import insights
from opentrail.lake.columns.text import NotJSON, as_object, mended
from opentrail.lake.columns.values import Value, readers, row
from opentrail.lake.families import Family
from opentrail.lake.schema import COLUMNS

ORIGINAL: Final = ("eventjson", "eventjsonchecksum")
_READERS: Final[Mapping[Family, Mapping[str, Value]]] = {
    family: readers([column for column in columns if column.name not in ORIGINAL]) for family, columns in COLUMNS.items()
}
_SHAPES: Final[Mapping[Family, Callable[[dict[str, msgspec.Raw]], dict[str, msgspec.Raw]]]] = {Family.INSIGHTS: insights.flat}


def to_row(family: Family, record: bytes) -> dict[str, Any]:
    """Column name → value; null columns are left out. Raises `NotJSON` when `record` is no event, and says what is wrong."""
    try:
        text = record.decode()
    except UnicodeDecodeError as error:
        raise NotJSON(f"byte {error.start} is not UTF-8") from error
    members = _members(record)
    shape = _SHAPES.get(family)
    values = row(shape(members) if shape else members, _READERS[family])
    if "eventtime" not in values:
        given = members.get("eventTime")
        raise NotJSON("it has no eventTime" if given is None else f"eventTime {bytes(given)[:40].decode(errors='replace')} is not a time")
    values["eventjson"] = text
    values["eventjsonchecksum"] = checksum(record)
    return values


def checksum(record: bytes) -> str:
    """Base64 of the record's SHA-256."""
    return base64.b64encode(hashlib.sha256(record).digest()).decode()


def _members(record: bytes) -> dict[str, msgspec.Raw]:
    try:
        return as_object(record)
    except NotJSON:
        if (other := mended(record)) == record:
            raise
        return as_object(other)
