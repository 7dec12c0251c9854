"""Trino's types: how they are written, what may stand for what, and what two have in common. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from opentrail.lake import schema
from opentrail.lake.sql.scanning import Refused
from opentrail.lake.sql.tree import Written


@dataclass(frozen=True, slots=True)
class Kind:
    """A type of Trino's."""

    name: str
    parts: tuple[Kind, ...] = ()
    """Element of an array; key and value of a map; types of a row's fields; arguments and result of a function."""
    fields: tuple[str | None, ...] = ()
    """Names of a row's fields, lower case; `None` for one without a name."""
    precision: int = 0
    """Digits of a decimal, or after the point of seconds."""
    scale: int = 0

    def __str__(self) -> str:
        if self.name == "row":
            return f"row({', '.join(f'{name} {part}' if name else str(part) for name, part in zip(self.fields, self.parts, strict=True))})"
        if self.parts:
            return f"{self.name}({', '.join(map(str, self.parts))})"
        if self.name == "decimal":
            return f"decimal({self.precision}, {self.scale})"
        if self.name == "timestamp":
            return f"timestamp({self.precision})"
        return self.name

    @property
    def of(self) -> Kind:
        """Element of an array."""
        return self.parts[0]


UNKNOWN: Final = Kind("unknown")
BOOLEAN: Final = Kind("boolean")
INTEGER: Final = Kind("integer")
BIGINT: Final = Kind("bigint")
REAL: Final = Kind("real")
DOUBLE: Final = Kind("double")
VARCHAR: Final = Kind("varchar")
BINARY: Final = Kind("varbinary")
JSON: Final = Kind("json")
DATE: Final = Kind("date")
TIME: Final = Kind("time")
TIMESTAMP: Final = Kind("timestamp", precision=3)
ZONED: Final = Kind("timestamp with time zone", precision=3)
MONTHS: Final = Kind("interval year to month")
SECONDS: Final = Kind("interval day to second")
IP: Final = Kind("ipaddress")
UUID: Final = Kind("uuid")

INTEGERS: Final = ("tinyint", "smallint", "integer", "bigint")
NUMBERS: Final = (*INTEGERS, "decimal", "real", "double")
_DIGITS: Final = {"tinyint": 3, "smallint": 5, "integer": 10, "bigint": 19}
_MOMENTS: Final = ("date", "timestamp", "timestamp with time zone")
_SIMPLE: Final = {
    **{name: Kind(name) for name in (*INTEGERS, "real", "double", "boolean", "varchar", "varbinary", "json", "date", "ipaddress", "uuid")},
    "int": INTEGER,
    "string": VARCHAR,
    "char": VARCHAR,
    "time": TIME,
    "interval year to month": MONTHS,
    "interval day to second": SECONDS,
}


def array(of: Kind) -> Kind:
    return Kind("array", (of,))


def mapping(key: Kind, value: Kind) -> Kind:
    return Kind("map", (key, value))


def row(*fields: tuple[str | None, Kind]) -> Kind:
    return Kind("row", tuple(kind for _, kind in fields), tuple(name for name, _ in fields))


def decimal(precision: int, scale: int) -> Kind:
    return Kind("decimal", precision=min(precision, 38), scale=scale)


def of_column(given: schema.Type) -> Kind:
    """The type of a column."""
    match given:
        case schema.Scalar("timestamp(3)"):
            return TIMESTAMP
        case schema.Scalar(name):
            return _SIMPLE[name]
        case schema.Map():
            return mapping(VARCHAR, VARCHAR)
        case schema.Array(inner):
            return array(of_column(inner))
        case schema.Row(fields):
            return row(*((field.name, of_column(field.type)) for field in fields))


def of_written(written: Written) -> Kind:
    """The type that a query writes. Raises `Refused` for types that events and their functions do not have."""
    parts = tuple(map(of_written, written.parts))
    match written.name:
        case "array" | "map":
            return Kind(written.name, parts)
        case "row":
            return Kind("row", parts, written.fields)
        case "decimal" | "dec" | "numeric":
            precision, scale = (*written.numbers, 38, 0)[:2] if len(written.numbers) != 1 else (written.numbers[0], 0)
            if not 1 <= precision <= 38 or scale > precision:
                raise Refused("a decimal has 1 to 38 digits, and no more of them after the point", written.at)
            return decimal(precision, scale)
        case "timestamp" | "timestamp with time zone":
            digits = written.numbers[0] if written.numbers else 3
            if digits > 6:
                raise Refused("a timestamp has at most 6 digits after the point of seconds here", written.at)
            return Kind(written.name, precision=digits)
        case name if name in _SIMPLE:
            return _SIMPLE[name]
    raise Refused(f"type {written.name!r} is unknown, or not available in queries over events", written.at)


def common(left: Kind, right: Kind) -> Kind | None:
    """The type that values of both become when they meet in one place; `None` when there is none."""
    if left == right or right.name == "unknown":
        return left
    if left.name == "unknown":
        return right
    if left.name in NUMBERS and right.name in NUMBERS:
        return _common_number(left, right)
    if left.name in _MOMENTS and right.name in _MOMENTS:
        name = _MOMENTS[max(_MOMENTS.index(left.name), _MOMENTS.index(right.name))]
        return Kind(name, precision=max(left.precision, right.precision))
    if left.name != right.name or len(left.parts) != len(right.parts) or left.name == "function" or not left.parts:
        return None
    parts = tuple(common(one, other) for one, other in zip(left.parts, right.parts, strict=True))
    if None in parts:
        return None
    fields = tuple(one or other for one, other in zip(left.fields, right.fields, strict=True))
    return replace(left, parts=tuple(part for part in parts if part is not None), fields=fields)


def _common_number(left: Kind, right: Kind) -> Kind:
    names = (left.name, right.name)
    if "double" in names:
        return DOUBLE
    if "real" in names:
        return REAL
    if "decimal" in names:
        one, other = as_decimal(left), as_decimal(right)
        scale = max(one.scale, other.scale)
        return decimal(max(one.precision - one.scale, other.precision - other.scale) + scale, scale)
    return Kind(INTEGERS[max(map(INTEGERS.index, names))])


def as_decimal(kind: Kind) -> Kind:
    """The decimal that holds every value of an integer type."""
    return kind if kind.name == "decimal" else decimal(_DIGITS[kind.name], 0)


def becomes(given: Kind, wanted: Kind) -> bool:
    """Whether a value of `given` may stand where `wanted` is asked, without a CAST."""
    found = common(given, wanted)
    return found is not None and (
        found == wanted or (found.name == wanted.name and wanted.name in ("timestamp", "timestamp with time zone", "row", "array", "map"))
    )


def orderable(kind: Kind) -> bool:
    """Whether values of `kind` have an order."""
    return kind.name not in ("map", "json", "function") and all(map(orderable, kind.parts))
