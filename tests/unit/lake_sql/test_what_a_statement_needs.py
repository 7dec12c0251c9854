"""Only the functions that a statement uses are installed for it."""

from __future__ import annotations

import duckdb
import pytest

from opentrail.lake.families import Family
from opentrail.lake.sql.engine_duckdb import prepare
from opentrail.lake.sql.translation import translate

STORE = "1b2c3d4e-f852-4e8f-8bd1-bcf6c0123456"


def _there(connection: duckdb.DuckDBPyConnection) -> set[str]:
    found = connection.execute("SELECT DISTINCT function_name FROM duckdb_functions() WHERE function_name LIKE 'trino_%'").fetchall()
    return {name for (name,) in found}


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("1", "1"),
        ("format_datetime(timestamp '2026-01-02 03:04:05', 'yyyy-MM-dd')", "2026-01-02"),
        ("json_extract_scalar('{\"a\":[1,2]}', '$.a[1]')", "2"),
        ("array_intersect(ARRAY[1,2,2], ARRAY[2,3])", "[2]"),
        ("map_agg('k', 'v')['k']", "v"),
    ],
)
def test_a_statement_finds_all_that_it_needs(expression: str, value: str) -> None:
    every, connection = duckdb.connect(), duckdb.connect()
    prepare(every)
    source = f"(SELECT 1 AS one FROM {STORE} LIMIT 1)" if "agg" in expression else f"{STORE} LIMIT 1"
    sql = translate(f"SELECT {expression} FROM {source}", {STORE: Family.EVENTS}).sql
    prepare(connection, sql)
    connection.execute(f'CREATE TABLE "store_{STORE}" AS SELECT 1 AS eventid')
    assert connection.execute(sql).fetchall() == [(value,)]
    assert len(_there(connection)) < len(_there(every)) / 4


def test_all_may_be_installed_again() -> None:
    connection = duckdb.connect()
    prepare(connection)
    there = _there(connection)
    prepare(connection.cursor())
    assert _there(connection) == there
