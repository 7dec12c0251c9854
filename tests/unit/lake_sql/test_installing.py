"""The functions of translated SQL, installed."""

from __future__ import annotations

import duckdb

from opentrail.lake.sql.engine_duckdb import prepare


def _there(connection: duckdb.DuckDBPyConnection) -> set[str]:
    found = connection.execute("SELECT DISTINCT function_name FROM duckdb_functions() WHERE function_name LIKE 'trino_%'").fetchall()
    return {name for (name,) in found}


def test_all_may_be_installed_again() -> None:
    connection = duckdb.connect()
    prepare(connection)
    there = _there(connection)
    prepare(connection.cursor())
    assert _there(connection) == there
