"""Values that meet: comparisons, branches, elements, columns of a UNION. One type for all, by Trino's rules and two of Lake's. Pure.

The exceptions (reference of Lake SQL, §1.1): a text literal may be compared with a timestamp or date, and `sessionCredentialFromConsole`,
a text, with a boolean.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from opentrail.lake.sql.casting import cast
from opentrail.lake.sql.dialects import Dialect
from opentrail.lake.sql.scanning import Refused
from opentrail.lake.sql.scopes import Value
from opentrail.lake.sql.types import BOOLEAN, NUMBERS, UNKNOWN, VARCHAR, Kind, common

_MOMENT: Final = re.compile(
    r"\s*(\d{4,5})-(\d{1,2})-(\d{1,2})(?:[ T](\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:\.(\d{1,9}))?)?\s*(Z|UTC|[+-]\d{2}:?\d{2})?)?\s*",
    re.IGNORECASE,
)


def moment(text: str) -> tuple[str, bool, str | None] | None:
    """`(timestamp, whether it is a mere date, zone)` of a text such as `2024-01-31`, `2024-01-31 10:00:00`, `2024-01-31T10:00:00Z`."""
    match = _MOMENT.fullmatch(text)
    if match is None or len(match[1]) > 4:
        return None
    year, month, day, hour, minute, second = (int(match[index] or 0) for index in range(1, 7))
    try:
        at = datetime(year, month, day, hour, minute, second)
    except ValueError:
        return None
    fraction = f".{match[7][:6]}" if match[7] and match[7].strip("0") else ""
    return f"{at.isoformat(' ')}{fraction}", match[4] is None, match[8] and match[8].upper()


def zoned(dialect: Dialect, value: Value) -> Value:
    """`value`, a date or timestamp, as one with the zone UTC."""
    if value.zoned is not None or value.kind.name == "timestamp with time zone":
        return value
    kind = Kind("timestamp with time zone", precision=value.kind.precision or 3)
    parts = (value.sql, dialect.text("UTC"))
    return Value(dialect.row(["t", "z"], parts), kind, value.free, zoned=parts)


def instant(value: Value) -> str:
    """The SQL to compare a moment by."""
    if value.zoned is not None:
        return value.zoned[0]
    return f"({value.sql}).t" if value.kind.name == "timestamp with time zone" else value.sql


def comparable(dialect: Dialect, value: Value) -> str:
    """The SQL to tell equal values by: maps with the same entries are equal, in whatever order they have them. Maps inside rows stay."""
    return f"trino_by_key({value.sql})" if value.kind.name == "map" and dialect.name == "duckdb" else value.sql


def coerced(dialect: Dialect, value: Value, kind: Kind) -> Value:
    """`value` as `kind`, which it becomes without a CAST by the user."""
    if value.kind == kind or kind.name == "unknown":
        return value
    if kind.name == "timestamp with time zone" and value.kind.name in ("date", "timestamp", "timestamp with time zone"):
        return zoned(dialect, value)
    if kind.name == "timestamp" and value.kind.name == "timestamp":
        return Value(value.sql, kind, value.free, column=value.column)
    sql = cast(dialect, value.sql, value.kind, kind)
    return Value(sql or value.sql, kind, value.free, constant=value.constant)


def meet(dialect: Dialect, values: Sequence[Value], at: int, what: str) -> tuple[list[Value], Kind]:
    """The values with one type. Raises `Refused`, naming the types, when they have none."""
    values = _lake_exceptions(dialect, values, at)
    kind = UNKNOWN
    for value in values:
        found = common(kind, value.kind)
        if found is None:
            raise Refused(_mismatch(kind, value.kind, what), at)
        kind = found
    return [value if value.kind.name in NUMBERS and kind.name in NUMBERS else coerced(dialect, value, kind) for value in values], kind


def _mismatch(left: Kind, right: Kind, what: str) -> str:
    hint = ""
    if "varchar" in (left.name, right.name):
        other = right if left.name == "varchar" else left
        if other.name in (*NUMBERS, "boolean"):
            hint = f": write CAST(… AS {other.name if other.name != 'decimal' else 'double'}) around the text, or quotes around the value"
    return f"{what} of types {left} and {right} is not possible{hint}"


def _lake_exceptions(dialect: Dialect, values: Sequence[Value], at: int) -> list[Value]:
    kinds = {value.kind.name for value in values}
    if kinds & {"timestamp", "date", "timestamp with time zone"} and any(value.text is not None for value in values):
        only_dates = kinds <= {"date", "varchar", "unknown"}
        return [value if value.text is None else _literal(dialect, value, only_dates, at) for value in values]
    if "boolean" in kinds and any(value.column == "sessioncredentialfromconsole" for value in values):
        return [
            Value(f"(lower({value.sql}) = 'true')", BOOLEAN, value.free) if value.column == "sessioncredentialfromconsole" else value
            for value in values
        ]
    return list(values)


def _literal(dialect: Dialect, value: Value, only_dates: bool, at: int) -> Value:
    text = value.text or ""
    found = moment(text)
    if found is None:
        raise Refused(f"{text[:60]!r} is no point in time: write it as '2024-01-31', '2024-01-31 10:00:00' or '2024-01-31T10:00:00Z'", at)
    stamp, is_date, zone = found
    if only_dates and is_date:
        return Value(f"DATE '{stamp[:10]}'", Kind("date"), constant=True)
    if zone and zone not in ("Z", "UTC"):
        moved = datetime.fromisoformat(f"{stamp}{zone}").astimezone(UTC).replace(tzinfo=None)
        stamp = moved.isoformat(" ")
    return Value(dialect.timestamp(stamp), Kind("timestamp", precision=3 if len(stamp) < 24 else 6), constant=True)


def as_varchar(dialect: Dialect, value: Value, at: int, what: str) -> Value:
    """`value`, which must be text."""
    if value.kind.name not in ("varchar", "unknown"):
        raise Refused(f"{what} takes a text, not {value.kind}: write CAST(… AS varchar)", at)
    return coerced(dialect, value, VARCHAR)
