"""Values as Trino prints them, and as JSON has them. Pure: SQL in, SQL out.

NULL stays NULL at the top; inside rows, arrays and maps it is `null`.
"""

from __future__ import annotations

from opentrail.lake.sql.dialects import Dialect, field_names
from opentrail.lake.sql.types import JSON, VARCHAR, Kind

_BARE = frozenset(["varchar", "json", "unknown"])
_FUNCTIONS = {
    "double": "trino_double_text",
    "real": "trino_real_text",
    "interval year to month": "trino_months_text",
    "interval day to second": "trino_seconds_text",
    "varbinary": "trino_binary_text",
    "ipaddress": "trino_ip_text",
    "time": "trino_time_text",
}


def as_text(dialect: Dialect, sql: str, kind: Kind, depth: int = 0) -> str:
    """The text of a value."""
    varchar = dialect.type(VARCHAR)
    match kind.name:
        case name if name in _BARE:
            return sql if name != "unknown" else f"CAST({sql} AS {varchar})"
        case name if name in _FUNCTIONS:
            return f"{_FUNCTIONS[name]}({sql})"
        case "timestamp":
            return f"trino_timestamp_text({sql}, {kind.precision})"
        case "timestamp with time zone":
            return f"trino_zoned_text({sql}, {kind.precision})"
        case "array":
            return f"'[' || {_joined(dialect, sql, kind.of, depth)} || ']'"
        case "map":
            return _map_text(dialect, sql, kind, depth)
        case "row":
            parts = [
                f"'{', ' if position else ''}{_plain(name)}=' || {_inside(dialect, f'({sql}).{dialect.quoted(name)}', part, depth)}"
                for position, (name, part) in enumerate(zip(field_names(kind), kind.parts, strict=True))
            ]
            return f"CASE WHEN {sql} IS NOT NULL THEN '{{' || {' || '.join(parts)} || '}}' END"
    return f"CAST({sql} AS {varchar})"


def _plain(name: str) -> str:
    return name.replace("'", "''").replace("\\", "")


def _inside(dialect: Dialect, sql: str, kind: Kind, depth: int) -> str:
    return f"coalesce({as_text(dialect, sql, kind, depth)}, 'null')"


def _joined(dialect: Dialect, sql: str, of: Kind, depth: int) -> str:
    name = f"p{depth}"
    transform = "list_transform" if dialect.name == "duckdb" else "transform"
    join = "array_to_string" if dialect.name == "duckdb" else "array_join"
    return f"{join}({transform}({sql}, {dialect.function([name], _inside(dialect, name, of, depth + 1))}), ', ')"


def _map_text(dialect: Dialect, sql: str, kind: Kind, depth: int) -> str:
    name = f"p{depth}"
    key = _inside(dialect, f"{name}.key", kind.parts[0], depth + 1)
    value = _inside(dialect, f"{name}.value", kind.parts[1], depth + 1)
    transform = "list_transform" if dialect.name == "duckdb" else "transform"
    join = "array_to_string" if dialect.name == "duckdb" else "array_join"
    pair = dialect.function([name], f"{key} || '=' || {value}")
    return f"'{{' || {join}({transform}(map_entries({sql}), {pair}), ', ') || '}}'"


def as_json(dialect: Dialect, sql: str, kind: Kind, depth: int = 0) -> str:
    """The JSON text of a value, as `CAST(… AS JSON)` makes it."""
    return f"CAST(to_json({_jsonable(dialect, sql, kind, depth)}) AS {dialect.type(VARCHAR)})" if kind != JSON else sql


def _jsonable(dialect: Dialect, sql: str, kind: Kind, depth: int) -> str:
    name = f"j{depth}"
    match kind.name:
        case "json":
            return f"CAST({sql} AS JSON)" if dialect.name == "duckdb" else f"parse_json({sql})"
        case "varchar" | "boolean" | "tinyint" | "smallint" | "integer" | "bigint" | "unknown":
            return sql
        case "double" | "real" | "decimal":
            return f"CAST({sql} AS DOUBLE)"
        case "array":
            transform = "list_transform" if dialect.name == "duckdb" else "transform"
            return f"{transform}({sql}, {dialect.function([name], _jsonable(dialect, name, kind.of, depth + 1))})"
        case "map":
            value = _jsonable(dialect, f"{name}.value", kind.parts[1], depth + 1)
            key = as_text(dialect, f"{name}.key", kind.parts[0], depth + 1)
            pair = dialect.row(["key", "value"], [key, value])
            transform = "list_transform" if dialect.name == "duckdb" else "transform"
            return f"map_from_entries({transform}(map_entries({sql}), {dialect.function([name], pair)}))"
        case "row":
            names = field_names(kind)
            parts = [_jsonable(dialect, f"({sql}).{dialect.quoted(part)}", of, depth) for part, of in zip(names, kind.parts, strict=True)]
            return f"CASE WHEN {sql} IS NOT NULL THEN {dialect.row(names, parts)} END"
    return as_text(dialect, sql, kind, depth)
