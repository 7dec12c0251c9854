"""`any_match` as a condition and as a value: in WHERE it is written shorter, and lets the same rows through."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest

from opentrail.lake.families import Family
from opentrail.lake.sql.engine_duckdb import prepare
from opentrail.lake.sql.translation import translate
from simulators.lake_tables import create, insert

STORE = "1b2c3d4e-f852-4e8f-8bd1-bcf6c0123456"
LISTS: dict[str, list[str | None] | None] = {
    "found": ["x", "y"],
    "unknown": ["y", None],
    "both": [None, "x"],
    "other": ["y"],
    "empty": [],
    "none": None,
}
MATCH = "any_match(resources, r -> r.arn = 'x')"


@pytest.fixture(scope="module")
def engine() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        prepare(connection)
        create(connection, STORE, Family.EVENTS)
        lists = {name: None if arns is None else [{"arn": arn, "type": "t"} for arn in arns] for name, arns in LISTS.items()}
        insert(connection, STORE, Family.EVENTS, [{"eventid": name, "resources": resources} for name, resources in lists.items()])
        yield connection


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (MATCH, {"found", "both"}),
        (f"({MATCH})", {"found", "both"}),
        (f"{MATCH} AND eventID <> 'both'", {"found"}),
        (f"(eventID <> 'found' AND {MATCH}) AND eventID IS NOT NULL", {"both"}),
        (f"NOT {MATCH}", {"other", "empty"}),
        (f"NOT ({MATCH} AND eventID IS NOT NULL)", {"other", "empty"}),
        (f"{MATCH} IS NULL", {"unknown", "none"}),
        (f"coalesce({MATCH}, true)", {"found", "both", "unknown", "none"}),
        (f"{MATCH} OR eventID = 'none'", {"found", "both", "none"}),
        (f"NOT (eventID = 'other' OR {MATCH})", {"empty"}),
        (f"none_match(resources, r -> r.arn = 'x') AND NOT {MATCH}", {"other", "empty"}),
        (f"NOT EXISTS (SELECT 1 FROM {STORE} AS o WHERE o.eventID = e.eventID AND any_match(o.resources, r -> r.arn = 'x'))", None),
    ],
)
def test_conditions(engine: duckdb.DuckDBPyConnection, condition: str, expected: set[str] | None) -> None:
    translated = translate(f"SELECT e.eventID FROM {STORE} AS e WHERE {condition}", {STORE: Family.EVENTS})
    assert {name for (name,) in engine.execute(translated.sql).fetchall()} == (expected or {"unknown", "other", "empty", "none"})


def test_what_where_lets_through_is_asked_once() -> None:
    for condition, times in ((MATCH, 0), (f"eventID = 'a' AND {MATCH}", 0), (f"NOT {MATCH}", 1), (f"{MATCH} OR eventID = 'a'", 1)):
        assert translate(f"SELECT eventID FROM {STORE} WHERE {condition}", {STORE: Family.EVENTS}).sql.count("trino_any(") == times
    assert "exists(" in translate(f"SELECT eventID FROM {STORE} WHERE {MATCH}", {STORE: Family.EVENTS}, dialect="spark").sql
