"""One JSON value as what a column of a type holds. Pure.

Rules (reference of Lake SQL, §1.1): a text column takes any value as text; any other column is null where the value does not fit it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, Final

import msgspec

from opentrail.lake.columns.text import NotJSON, as_array, as_object, as_text
from opentrail.lake.columns.times import micros
from opentrail.lake.schema import BOOLEAN, DOUBLE, INTEGER, TIMESTAMP, VARCHAR, Array, Column, Map, Row, Scalar, Type

Value = Callable[[msgspec.Raw], Any]
_INT32: Final = range(-(1 << 31), 1 << 31)


def _boolean(value: msgspec.Raw) -> bool | None:
    return {b"true": True, b"false": False}.get(bytes(value).strip(b'"').lower())


def _double(value: msgspec.Raw) -> float | None:
    try:
        number = float(as_text(value) or "")
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _integer(value: msgspec.Raw) -> int | None:
    number = _double(value)
    return int(number) if number is not None and number.is_integer() and int(number) in _INT32 else None


def _time(value: msgspec.Raw) -> int | None:
    text = as_text(value)
    return None if text is None else micros(text)


def _map(value: msgspec.Raw) -> list[tuple[str, str | None]] | None:
    members = _members(value)
    return None if members is None else [(name, as_text(member)) for name, member in members.items()]


_SCALARS: Final[Mapping[Scalar, Value]] = {
    VARCHAR: as_text,
    BOOLEAN: _boolean,
    DOUBLE: _double,
    INTEGER: _integer,
    TIMESTAMP: _time,
}


@cache
def reader(type_: Type) -> Value:
    """What makes a column's value of a JSON value: times are microseconds, maps lists of pairs, rows dictionaries."""
    match type_:
        case Scalar():
            return _SCALARS[type_]
        case Map():
            return _map
        case Array(inner):
            return _array(reader(inner))
        case Row(fields):
            return _row(readers(fields))


def readers(columns: Sequence[Column]) -> Mapping[str, Value]:
    """Column name → its reader."""
    return {column.name: reader(column.type) for column in columns}


def row(members: Mapping[str, msgspec.Raw], readers: Mapping[str, Value]) -> dict[str, Any]:
    """`members` of a JSON object, whatever the case of their names, by column; what no column is for is left out."""
    values: dict[str, Any] = {}
    for name, member in members.items():
        lower = name.lower()
        read = readers.get(lower)
        if read is not None and (value := read(member)) is not None:
            values[lower] = value
    return values


def _array(read: Value) -> Value:
    def elements(value: msgspec.Raw) -> list[Any] | None:
        if bytes(value)[:1] != b"[":
            return None
        return [read(element) for element in as_array(value)]

    return elements


def _row(fields: Mapping[str, Value]) -> Value:
    def members(value: msgspec.Raw) -> dict[str, Any] | None:
        found = _members(value)
        return None if found is None else row(found, fields)

    return members


def _members(value: msgspec.Raw) -> dict[str, msgspec.Raw] | None:
    """The members of an object, be it an object or, as Config writes some, the text of one; `None` when it is neither."""
    raw = bytes(value)
    if raw[:1] == b"{":
        return as_object(raw)
    if raw[:2] == b'"{' and (text := as_text(raw)):
        try:
            return as_object(text.encode())
        except NotJSON:
            return None
    return None
