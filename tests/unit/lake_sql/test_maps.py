"""Maps with the same entries are equal, in whatever order a record has them."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest

from opentrail.lake.families import Family
from opentrail.lake.sql.engine_duckdb import prepare
from opentrail.lake.sql.translation import translate
from simulators.lake_tables import create, insert

STORE = "1b2c3d4e-f852-4e8f-8bd1-bcf6c0123456"
SAME = "MAP(ARRAY['b', 'a'], ARRAY['2', '1'])"


@pytest.fixture(scope="module")
def engine() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        prepare(connection)
        create(connection, STORE, Family.EVENTS)
        maps = [{"a": "1", "b": "2"}, {"b": "2", "a": "1"}, {"b": "3", "a": "1"}, None, None]
        insert(connection, STORE, Family.EVENTS, [{"eventid": str(at), "requestparameters": one} for at, one in enumerate(maps, 1)])
        yield connection


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        (
            "SELECT element_at(requestParameters, 'b') b, count(*), min(element_at(requestParameters, 'a')) "
            "FROM $S GROUP BY requestParameters ORDER BY b",
            [("2", "2", "1"), ("3", "1", "1"), (None, "2", None)],
        ),
        (
            "SELECT requestParameters, count(*) n FROM $S GROUP BY 1 HAVING requestParameters IS NOT NULL ORDER BY n DESC",
            [("{a=1, b=2}", "2"), ("{a=1, b=3}", "1")],
        ),
        (
            "SELECT count(*) n, grouping(requestParameters) FROM $S GROUP BY ROLLUP (requestParameters) ORDER BY n DESC LIMIT 1",
            [("5", "1")],
        ),
        ("SELECT count(*) FROM (SELECT p FROM (SELECT requestParameters FROM $S) t (p) GROUP BY p)", [("3",)]),
        ("SELECT count(*) FROM (SELECT * FROM (SELECT requestParameters p FROM $S) GROUP BY p)", [("3",)]),
        ("SELECT count(*) FROM (SELECT DISTINCT requestParameters FROM $S)", [("3",)]),
        ("SELECT count(DISTINCT requestParameters) FROM $S", [("2",)]),
        (
            "SELECT eventId, count(*) OVER (PARTITION BY requestParameters) FROM $S ORDER BY eventId",
            [("1", "2"), ("2", "2"), ("3", "1"), ("4", "2"), ("5", "2")],
        ),
        ("SELECT count(*) FROM (SELECT requestParameters FROM $S UNION SELECT requestParameters FROM $S)", [("3",)]),
        (
            "SELECT requestParameters FROM $S WHERE eventId = '2' UNION ALL SELECT requestParameters FROM $S WHERE eventId = '4'",
            [("{b=2, a=1}",), (None,)],
        ),
        ("SELECT requestParameters FROM $S WHERE eventId = '1' EXCEPT SELECT requestParameters FROM $S WHERE eventId = '2'", []),
        (f"SELECT eventId FROM $S WHERE requestParameters = {SAME} ORDER BY eventId", [("1",), ("2",)]),
        (f"SELECT eventId FROM $S WHERE requestParameters <> {SAME}", [("3",)]),
        (f"SELECT eventId FROM $S WHERE requestParameters IN ({SAME}) ORDER BY eventId", [("1",), ("2",)]),
        (f"SELECT eventId FROM $S WHERE requestParameters IS NOT DISTINCT FROM {SAME} ORDER BY eventId", [("1",), ("2",)]),
        (
            "SELECT eventId FROM $S WHERE requestParameters IN (SELECT requestParameters FROM $S WHERE eventId = '2') ORDER BY eventId",
            [("1",), ("2",)],
        ),
        (
            "SELECT a.eventId, b.eventId FROM $S a JOIN $S b ON a.requestParameters = b.requestParameters WHERE a.eventId < b.eventId",
            [("1", "2")],
        ),
    ],
)
def test_the_order_of_entries_does_not_matter(
    engine: duckdb.DuckDBPyConnection, statement: str, expected: list[tuple[str | None, ...]]
) -> None:
    assert engine.execute(translate(statement.replace("$S", STORE), {STORE: Family.EVENTS}).sql).fetchall() == expected
