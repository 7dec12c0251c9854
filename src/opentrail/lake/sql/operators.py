"""Arithmetic, concatenation and comparisons by Trino's rules. Pure: values in, value out."""

from __future__ import annotations

from opentrail.lake.sql.dialects import Dialect
from opentrail.lake.sql.meeting import coerced, comparable, instant, meet, zoned
from opentrail.lake.sql.scanning import Refused
from opentrail.lake.sql.scopes import Free, Value
from opentrail.lake.sql.types import (
    BOOLEAN,
    DOUBLE,
    INTEGERS,
    MONTHS,
    NUMBERS,
    SECONDS,
    Kind,
    array,
    as_decimal,
    becomes,
    common,
    decimal,
    orderable,
)

_INTERVALS = (MONTHS, SECONDS)


def free(*values: Value) -> tuple[Free, ...]:
    """The free columns of all."""
    return tuple(found for value in values for found in value.free)


def compared(dialect: Dialect, operator: str, left: Value, right: Value, at: int) -> Value:
    """`left operator right`, a boolean."""
    (one, other), kind = meet(dialect, [left, right], at, f"{operator} of values")
    if kind.name == "function" or (operator not in ("=", "<>", "distinct") and not orderable(kind)):
        raise Refused(f"values of type {kind} have no order: {operator} is not possible", at)
    a, b = (
        (instant(one), instant(other))
        if kind.name == "timestamp with time zone"
        else (comparable(dialect, one), comparable(dialect, other))
    )
    if operator == "distinct":
        operator = "IS DISTINCT FROM"
        if dialect.name == "spark":
            return Value(f"(NOT {a} <=> {b})", BOOLEAN, free(left, right))
    return Value(f"({a} {operator} {b})", BOOLEAN, free(left, right), constant=one.constant and other.constant)


def computed(dialect: Dialect, operator: str, left: Value, right: Value, at: int) -> Value:
    """`left operator right` of numbers, moments and intervals."""
    if left.kind.name in (*NUMBERS, "unknown") and right.kind.name in (*NUMBERS, "unknown"):
        return _number(dialect, operator, left, right)
    found = _moment(dialect, operator, left, right)
    if found is None:
        raise Refused(f"{left.kind} {operator} {right.kind} is not possible{_hint(operator, left, right)}", at)
    return found


def _hint(operator: str, left: Value, right: Value) -> str:
    if operator == "+" and "varchar" in (left.kind.name, right.kind.name):
        return ": texts are joined with ||"
    if operator == "-" and "varchar" in (left.kind.name, right.kind.name):
        return ": a name with a hyphen stands in double quotes"
    return ""


def _number(dialect: Dialect, operator: str, left: Value, right: Value) -> Value:
    kind = common(left.kind, right.kind) or DOUBLE
    everything = free(left, right)
    if kind.name == "decimal":
        return _decimal(dialect, operator, left, right)
    a, b = left.sql, right.sql
    if kind.name in ("double", "real"):
        engine = dialect.type(kind)
        a, b = (one if value.kind == kind else f"CAST({one} AS {engine})" for one, value in ((a, left), (b, right)))
        if operator == "/":
            return Value(f"trino_divided({a}, {b})", kind, everything)
        if operator == "%":
            return Value(f"trino_remainder({a}, {b})", kind, everything)
        return Value(f"({a} {operator} {b})", kind, everything)
    if operator in ("/", "%"):
        divisor = b if right.constant and b.strip("(-)").isdigit() and int(b.strip("(-)")) != 0 else f"trino_divisor({b})"
        whole = {"/": "//" if dialect.name == "duckdb" else "div", "%": "%"}[operator]
        return Value(f"({a} {whole} {divisor})", kind, everything)
    return Value(f"({a} {operator} {b})", kind, everything, constant=left.constant and right.constant)


def _decimal(dialect: Dialect, operator: str, left: Value, right: Value) -> Value:
    one, other = (as_decimal(value.kind) if value.kind.name != "unknown" else decimal(1, 0) for value in (left, right))
    whole = max(one.precision - one.scale, other.precision - other.scale)
    scale = max(one.scale, other.scale)
    a, b = (f"CAST({value.sql} AS {dialect.type(kind)})" for value, kind in ((left, one), (right, other)))
    match operator:
        case "+" | "-":
            kind = decimal(whole + scale + 1, scale)
        case "*":
            kind = decimal(one.precision + other.precision, one.scale + other.scale)
        case "%":
            kind = decimal(min(one.precision - one.scale, other.precision - other.scale) + scale, scale)
            b = f"trino_divisor({b})"
        case _:
            kind = decimal(one.precision + other.scale + max(0, other.scale - one.scale), scale)
            sql = f"CAST(round(CAST({a} AS DOUBLE) / trino_divisor({b}), {scale}) AS {dialect.type(kind)})"
            return Value(sql, kind, free(left, right))
    return Value(f"CAST({a} {operator} {b} AS {dialect.type(kind)})", kind, free(left, right))


def _moment(dialect: Dialect, operator: str, left: Value, right: Value) -> Value | None:
    everything = free(left, right)
    if operator == "*" and {left.kind, right.kind} & set(_INTERVALS) and (left.kind.name in INTEGERS or right.kind.name in INTEGERS):
        interval, number = (left, right) if left.kind in _INTERVALS else (right, left)
        return Value(f"({interval.sql} * {number.sql})", interval.kind, everything)
    if operator not in ("+", "-"):
        return None
    if left.kind in _INTERVALS and operator == "+" and right.kind not in _INTERVALS:
        left, right = right, left
    if right.kind in _INTERVALS:
        if left.kind == right.kind:
            return Value(f"({left.sql} {operator} {right.sql})", left.kind, everything)
        if left.kind.name == "date":
            return Value(f"CAST({left.sql} {operator} {right.sql} AS DATE)", left.kind, everything)
        if left.kind.name in ("timestamp", "time"):
            return Value(f"({left.sql} {operator} {right.sql})", left.kind, everything)
        if left.kind.name == "timestamp with time zone":
            zone = left.zoned[1] if left.zoned else f"({left.sql}).z"
            moved = f"({instant(left)} {operator} {right.sql})"
            return Value(dialect.row(["t", "z"], [moved, zone]), left.kind, everything, zoned=(moved, zone))
        return None
    kind = common(left.kind, right.kind)
    if operator == "-" and kind is not None and kind.name in ("date", "timestamp", "timestamp with time zone"):
        engine = dialect.type(Kind("timestamp"))
        a, b = (instant(zoned(dialect, value)) if kind.name == "timestamp with time zone" else value.sql for value in (left, right))
        return Value(f"(CAST({a} AS {engine}) - CAST({b} AS {engine}))", SECONDS, everything)
    return None


def concatenated(dialect: Dialect, left: Value, right: Value, at: int) -> Value:
    """`left || right` of texts, bytes and arrays."""
    everything = free(left, right)
    names = {left.kind.name, right.kind.name} - {"unknown"}
    if names <= {"varchar"} or names == {"varbinary"}:
        return Value(f"({left.sql} || {right.sql})", left.kind if left.kind.name != "unknown" else right.kind, everything)
    if names == {"array"}:
        (one, other), kind = meet(dialect, [left, right], at, "|| of arrays")
        return Value(f"({one.sql} || {other.sql})", kind, everything)
    for whole, part, before in ((left, right, False), (right, left, True)):
        if whole.kind.name == "array" and (found := common(whole.kind.of, part.kind)) is not None and becomes(part.kind, found):
            single = dialect.array([coerced(dialect, part, found).sql])
            both = (single, whole.sql) if before else (whole.sql, single)
            return Value(f"({both[0]} || {both[1]})", array(found), everything)
    raise Refused(f"{left.kind} || {right.kind} is not possible: write CAST(… AS varchar) around what is no text", at)
