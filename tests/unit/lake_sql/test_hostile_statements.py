"""From SQL nothing can be reached but events: each statement of `hostile_statements.txt` is refused, or does no harm."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from opentrail.lake.families import Family
from opentrail.lake.faults import InvalidQueryStatementException
from opentrail.lake.sql.engine_duckdb import prepare
from opentrail.lake.sql.translation import translate
from simulators.lake_tables import create, insert

STORE = "1b2c3d4e-f852-4e8f-8bd1-bcf6c0123456"
LINES = [line.split(" | ", 1) for line in (Path(__file__).parent / "hostile_statements.txt").read_text().splitlines() if line[:1] != "#"]
CASES = [(outcome, statement.replace("$S", STORE)) for outcome, statement in LINES]
NESTED = {
    "parentheses": "SELECT " + "(" * 4000 + "1" + ")" * 4000,
    "queries": "SELECT * FROM " + "(SELECT * FROM " * 500 + STORE + ") x" * 500,
    "arrays": "SELECT " + "ARRAY[" * 1000 + "1" + "]" * 1000,
    "cases": "SELECT " + "CASE WHEN true THEN " * 300 + "1" + " END" * 300,
    "minus": "SELECT " + "- " * 4000 + "1",
    "sums": "SELECT " + "+".join(["1"] * 4900),
    "lambdas": "SELECT " + "transform(ARRAY[1], x -> " * 200 + "1" + ")" * 200,
    "types": "SELECT CAST(NULL AS " + "array(" * 1000 + "bigint" + ")" * 1000 + ")",
    "subscripts": "SELECT eventName" + "[1]" * 3000,
    "unions": " UNION ".join(["SELECT 1"] * 600),
    "joins": f"SELECT 1 FROM {STORE}" + " CROSS JOIN x" * 600,
    "text": "SELECT '" + "x" * 20_000 + "'",
}


@pytest.fixture(scope="module")
def engine() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        prepare(connection)
        create(connection, STORE, Family.EVENTS)
        insert(connection, STORE, Family.EVENTS, [{"eventname": "PutObject"}])
        connection.execute("SET enable_external_access=false")
        connection.execute("SET lock_configuration=true")
        yield connection


def test_there_are_enough() -> None:
    assert len(CASES) + len(NESTED) >= 80


@pytest.mark.parametrize(("outcome", "statement"), CASES, ids=[statement for _, statement in CASES])
def test_statement(engine: duckdb.DuckDBPyConnection, outcome: str, statement: str) -> None:
    if outcome == "refused":
        with pytest.raises(InvalidQueryStatementException, match=r"line \d+:\d+: "):
            translate(statement, {STORE: Family.EVENTS})
        return
    sql = translate(statement, {STORE: Family.EVENTS}).sql
    assert "read_" not in sql
    if outcome == "harmless":
        assert len(engine.execute(sql).fetchall()) == 1


@pytest.mark.parametrize("statement", NESTED.values(), ids=NESTED)
def test_too_deep_or_too_long(statement: str) -> None:
    with pytest.raises(InvalidQueryStatementException):
        translate(statement, {STORE: Family.EVENTS})


def test_and_of_many_is_fine(engine: duckdb.DuckDBPyConnection) -> None:
    statement = f"SELECT eventName FROM {STORE} WHERE " + " AND ".join(["eventName <> 'x'"] * 400)
    assert engine.execute(translate(statement, {STORE: Family.EVENTS}).sql).fetchall() == [("PutObject",)]
