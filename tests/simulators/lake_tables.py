"""Tables of event data stores in a DuckDB of the test: created by the schema, filled with plain values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import duckdb

from opentrail.lake.columns import ARROW, write
from opentrail.lake.families import Family
from opentrail.lake.schema import COLUMNS, Array, Map, Row, Scalar, Type


def create(connection: duckdb.DuckDBPyConnection, store_id: str, family: Family) -> None:
    """An empty table `store_<id>`."""
    columns = ", ".join(f'"{column.name}" {_type(column.type)}' for column in COLUMNS[family])
    connection.execute(f'CREATE TABLE "store_{store_id}" ({columns})')


def insert(connection: duckdb.DuckDBPyConnection, store_id: str, family: Family, events: Iterable[Mapping[str, Any]]) -> None:
    """Rows; what an event leaves out is null, at every depth."""
    for event in events:
        values = ", ".join(_value(column.type, event.get(column.name)) for column in COLUMNS[family])
        unknown = set(event) - {column.name for column in COLUMNS[family]}
        assert not unknown, unknown
        connection.execute(f'INSERT INTO "store_{store_id}" VALUES ({values})')


def keyed(connection: duckdb.DuckDBPyConnection, store_id: str, family: Family, folder: Path) -> None:
    """Let the table be a view over a file of its rows, as stores have them: with the columns of usual keys."""
    name = f"store_{store_id}"
    found = connection.sql(f'SELECT CAST(0 AS BIGINT) AS position, * FROM "{name}"').to_arrow_table()
    write(folder / name, family, found.cast(ARROW[family]))
    connection.execute(f'DROP TABLE "{name}"; CREATE VIEW "{name}" AS SELECT * EXCLUDE (position) FROM read_parquet(\'{folder / name}\')')


def _type(of: Type) -> str:
    match of:
        case Scalar("timestamp(3)"):
            return "TIMESTAMP"
        case Scalar(name):
            return name.upper()
        case Map():
            return "MAP(VARCHAR, VARCHAR)"
        case Array(inner):
            return f"{_type(inner)}[]"
        case Row(fields):
            inside = [f'"{field.name}" {_type(field.type)}' for field in fields]
            return f"STRUCT({', '.join(inside)})"


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _value(of: Type, value: Any) -> str:
    if value is None:
        return f"CAST(NULL AS {_type(of)})"
    match of:
        case Map():
            keys = ", ".join(_text(key) for key in value)
            return f"map([{keys}]::VARCHAR[], [{', '.join(_text(str(found)) for found in value.values())}]::VARCHAR[])"
        case Array(inner):
            return f"CAST([{', '.join(_value(inner, found) for found in value)}] AS {_type(of)})"
        case Row(fields):
            parts = ", ".join(f'"{field.name}" := {_value(field.type, value.get(field.name))}' for field in fields)
            return f"CAST(struct_pack({parts}) AS {_type(of)})"
    return f"CAST({_text(str(value))} AS {_type(of)})"
