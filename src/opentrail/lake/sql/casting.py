"""CAST by Trino's rules: which types turn into which, and how. Pure: SQL in, SQL out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from opentrail.lake.sql.dialects import Dialect, field_names
from opentrail.lake.sql.printing import as_json, as_text
from opentrail.lake.sql.types import INTEGERS, JSON, NUMBERS, VARCHAR, Kind

_SCALARS: Final = frozenset(
    [*NUMBERS, "boolean", "varchar", "date", "time", "timestamp", "timestamp with time zone", "json", "ipaddress", "uuid"]
) | {
    "interval year to month",
    "interval day to second",
}
_FROM_TEXT: Final = _SCALARS - {"json"}


def cast(dialect: Dialect, sql: str, given: Kind, wanted: Kind, depth: int = 0) -> str | None:
    """`sql`, a value of `given`, as a value of `wanted`; `None` when Trino has no such cast."""
    if given == wanted:
        return sql
    if given.name == "unknown":
        return f"CAST({sql} AS {dialect.type(wanted)})"
    if wanted.name == "json":
        return as_json(dialect, sql, given, depth) if given.name not in ("varbinary", "function") else None
    if given.name == "json":
        return _from_json(dialect, sql, wanted, depth)
    if wanted.name == "varchar":
        return as_text(dialect, sql, given, depth) if given.name in _SCALARS else None
    if given.name in ("array", "map", "row"):
        return _of_parts(dialect, sql, given, wanted, depth) if given.name == wanted.name else None
    if given.name == "varchar":
        return _from_text(dialect, sql, wanted)
    if given.name in NUMBERS and (wanted.name in NUMBERS or wanted.name == "boolean"):
        return _from_number(dialect, sql, given, wanted)
    if given.name == "boolean" and wanted.name in NUMBERS:
        return f"CAST({sql} AS {dialect.type(wanted)})"
    return _moment(dialect, sql, given, wanted)


def _from_number(dialect: Dialect, sql: str, given: Kind, wanted: Kind) -> str:
    if wanted.name in INTEGERS and given.name not in INTEGERS:
        return f"CAST(round({sql}) AS {dialect.type(wanted)})"
    return f"CAST({sql} AS {dialect.type(wanted)})"


def _from_text(dialect: Dialect, sql: str, wanted: Kind) -> str | None:
    if wanted.name in INTEGERS:
        return f"CAST(trino_whole({sql}, '{wanted.name}') AS {dialect.type(wanted)})"
    if wanted.name == "timestamp with time zone":
        return f"trino_parse_zoned({sql})"
    if wanted.name == "ipaddress":
        return f"trino_ip({sql})"
    if wanted.name in _FROM_TEXT and not wanted.name.startswith("interval"):
        return f"CAST({sql} AS {dialect.type(wanted)})"
    return None


def _moment(dialect: Dialect, sql: str, given: Kind, wanted: Kind) -> str | None:
    match given.name, wanted.name:
        case ("date", "timestamp"):
            return f"CAST({sql} AS {dialect.type(wanted)})"
        case ("timestamp", "timestamp"):
            return sql if wanted.precision >= given.precision else f"trino_rounded({sql}, {wanted.precision})"
        case ("timestamp", "date" | "time"):
            return f"CAST({sql} AS {dialect.type(wanted)})"
        case ("date" | "timestamp", "timestamp with time zone"):
            return dialect.row(["t", "z"], [f"CAST({sql} AS {dialect.type(Kind('timestamp'))})", "'UTC'"])
        case ("timestamp with time zone", "timestamp with time zone"):
            return sql
        case ("timestamp with time zone", "timestamp"):
            return f"trino_local({sql})"
        case ("timestamp with time zone", "date" | "time"):
            return f"CAST(trino_local({sql}) AS {dialect.type(wanted)})"
    return None


def _from_json(dialect: Dialect, sql: str, wanted: Kind, depth: int) -> str | None:
    name = f"e{depth}"
    transform = "list_transform" if dialect.name == "duckdb" else "transform"
    match wanted.name:
        case "varchar":
            return f"trino_json_text({sql})"
        case "boolean":
            return f"CAST(trino_json_text({sql}) AS BOOLEAN)"
        case number if number in NUMBERS:
            return f"CAST(trino_json_number({sql}) AS {dialect.type(wanted)})"
        case "timestamp" | "date":
            return f"CAST(trino_json_text({sql}) AS {dialect.type(wanted)})"
        case "array":
            inner = cast(dialect, name, JSON, wanted.of, depth + 1)
            return inner and f"{transform}(trino_json_elements({sql}), {dialect.function([name], inner)})"
        case "map":
            key = cast(dialect, f"{name}.key", VARCHAR, wanted.parts[0], depth + 1)
            value = cast(dialect, f"{name}.value", JSON, wanted.parts[1], depth + 1)
            if key is None or value is None:
                return None
            pair = dialect.row(["key", "value"], [key, value])
            return f"map_from_entries({transform}(trino_json_members({sql}), {dialect.function([name], pair)}))"
        case "row":
            parts: list[str] = []
            for position, (field, part) in enumerate(zip(wanted.fields, wanted.parts, strict=True)):
                found = cast(dialect, f"trino_json_field({sql}, {dialect.text(field or '')}, {position})", JSON, part, depth)
                if found is None:
                    return None
                parts.append(found)
            return f"CASE WHEN {sql} <> 'null' THEN {dialect.row(field_names(wanted), parts)} END"
    return None


def _of_parts(dialect: Dialect, sql: str, given: Kind, wanted: Kind, depth: int) -> str | None:
    if len(given.parts) != len(wanted.parts):
        return None
    name = f"e{depth}"
    transform = "list_transform" if dialect.name == "duckdb" else "transform"
    part: Callable[[str, int], str | None] = lambda inner, index: cast(dialect, inner, given.parts[index], wanted.parts[index], depth + 1)  # noqa: E731
    if given.name == "array":
        inner = part(name, 0)
        return inner and (sql if inner == name else f"{transform}({sql}, {dialect.function([name], inner)})")
    if given.name == "map":
        key, value = part(f"{name}.key", 0), part(f"{name}.value", 1)
        if key is None or value is None:
            return None
        if (key, value) == (f"{name}.key", f"{name}.value"):
            return sql
        pair = dialect.row(["key", "value"], [key, value])
        return f"map_from_entries({transform}(map_entries({sql}), {dialect.function([name], pair)}))"
    names = field_names(given)
    parts = [part(f"({sql}).{dialect.quoted(field)}", index) for index, field in enumerate(names)]
    if None in parts:
        return None
    return f"CASE WHEN {sql} IS NOT NULL THEN {dialect.row(field_names(wanted), [found or '' for found in parts])} END"
