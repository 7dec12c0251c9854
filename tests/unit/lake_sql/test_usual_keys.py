"""`element_at` of a usual key reads a column of its own, and answers as the map does; everything else reads the map."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest

from opentrail.lake.columns import to_table, write
from opentrail.lake.families import Family
from opentrail.lake.queries.key_columns import KeyColumns
from opentrail.lake.sql.engine_duckdb import prepare
from opentrail.lake.sql.translation import translate
from opentrail.lake.usual_keys import MARKS, USUAL_KEYS

STORE, OTHER = "1b2c3d4e-f852-4e8f-8bd1-bcf6c0123456", "aaaaaaaa-0000-4000-8000-bbbbbbbbbbbb"
ITEMS = "a1b2c3d4-f852-4e8f-8bd1-bcf6c0123456"
FAMILIES = {STORE: Family.EVENTS, OTHER: Family.EVENTS, ITEMS: Family.ACTIVITY}
HIDDEN = 'requestparameters/bucketName"'


def _sql(statement: str, *, keyed: bool = True) -> str:
    named = statement.replace("@other", OTHER).replace("@items", ITEMS).replace("@", STORE)
    return translate(named, FAMILIES, keyed=keyed, enriched=[STORE, OTHER]).sql


READS = (
    "SELECT element_at(requestParameters, 'bucketName') FROM @",
    "SELECT Element_At(RequestParameters, 'bucketName') AS b, count(*) FROM @ GROUP BY 1 HAVING count(*) > 0 ORDER BY 1",
    "SELECT element_at(e.requestParameters, 'bucketName') FROM @ AS e WHERE element_at(e.requestParameters, 'key') = 'x'",
    "SELECT count(*) FROM @ WHERE element_at(requestParameters, 'bucketName') IS NULL",
    "SELECT count(*) FROM @ WHERE element_at(requestParameters, 'bucketName') IN ('', 'x', '1')",
    "SELECT count(*) FROM @ WHERE NOT element_at(requestParameters, 'bucketName') LIKE '%x%' OR eventID = '1'",
    "SELECT count(DISTINCT element_at(requestParameters, 'bucketName')), max(element_at(requestParameters, 'bucketName')) FROM @",
    "SELECT count(*) FILTER (WHERE element_at(requestParameters, 'bucketName') = '') FROM @",
    "SELECT DISTINCT element_at(requestParameters, 'bucketName') AS b FROM @ ORDER BY b",
    "SELECT eventID, row_number() OVER (PARTITION BY element_at(requestParameters, 'bucketName') ORDER BY eventID) FROM @ ORDER BY 1",
    "SELECT element_at(requestParameters, 'bucketName') AS b, eventName, count(*) FROM @ GROUP BY ROLLUP (1, 2) ORDER BY 1, 2",
    "SELECT a.eventID, b.eventID FROM @ a JOIN @other b"
    " ON element_at(a.requestParameters, 'bucketName') = element_at(b.requestParameters, 'key') ORDER BY 1, 2",
    "SELECT a.eventID, element_at(b.requestParameters, 'bucketName') FROM @ a LEFT JOIN @other b"
    " ON a.eventID = b.eventID AND b.eventName = 'A' ORDER BY 1",
    "SELECT eventID FROM @ WHERE eventID IN (SELECT eventID FROM @other WHERE element_at(requestParameters, 'bucketName') = 'x')",
    "SELECT eventID, (SELECT count(*) FROM @other o WHERE o.eventID = element_at(e.requestParameters, 'bucketName')) FROM @ e ORDER BY 1",
    "WITH w AS (SELECT element_at(requestParameters, 'bucketName') AS b FROM @) SELECT b, count(*) FROM w GROUP BY b ORDER BY b",
    "SELECT element_at(requestParameters, 'bucketName') FROM @ UNION SELECT element_at(requestParameters, 'key') FROM @other ORDER BY 1",
    "SELECT transform(ARRAY['-'], x -> x || element_at(requestParameters, 'bucketName')) FROM @ ORDER BY eventID",
    "SELECT eventID, k FROM @ e CROSS JOIN UNNEST(map_keys(e.requestParameters)) AS t (k)"
    " WHERE element_at(e.requestParameters, 'bucketName') = 'x' ORDER BY 1, 2",
    "SELECT requestParameters, element_at(requestParameters, 'bucketName') FROM @ ORDER BY eventID",
    "SELECT CASE WHEN element_at(requestParameters, 'bucketName') = '' THEN 'empty' ELSE coalesce(element_at(requestParameters,"
    " 'bucketName'), 'none') END FROM @ ORDER BY eventID",
    "SELECT TRY(CAST(element_at(requestParameters, 'bucketName') AS bigint)) FROM @ ORDER BY eventID",
)
DOES_NOT_READ = (
    "SELECT element_at(requestParameters, 'bucketname') FROM @ ORDER BY eventID",
    "SELECT element_at(requestParameters, 'BucketName') FROM @ ORDER BY eventID",
    "SELECT element_at(requestParameters, 'n') FROM @ ORDER BY eventID",
    "SELECT element_at(responseElements, 'bucketName') FROM @ ORDER BY eventID",
    "SELECT element_at(requestParameters, eventName) FROM @ ORDER BY eventID",
    "SELECT element_at(requestParameters, 'bucket' || 'Name') FROM @ ORDER BY eventID",
    "SELECT TRY(requestParameters['bucketName']) FROM @ ORDER BY eventID",
    "SELECT element_at(requestParameters, 'bucketName') AS b, count(*) FROM @ GROUP BY requestParameters ORDER BY b, 2",
    "SELECT element_at(p, 'bucketName') FROM (SELECT requestParameters AS p, eventID FROM @) ORDER BY eventID",
    "SELECT element_at(map_filter(requestParameters, (k, v) -> v <> ''), 'bucketName') FROM @ ORDER BY eventID",
    "SELECT transform(ARRAY[map(ARRAY['bucketName'], ARRAY['y'])],"
    " requestParameters -> element_at(requestParameters, 'bucketName')) FROM @",
    "SELECT element_at(coalesce(requestParameters, responseElements), 'bucketName') FROM @ ORDER BY eventID",
    "SELECT cardinality(requestParameters), map_keys(requestParameters) FROM @ ORDER BY eventID",
    "SELECT element_at(eventData.requestParameters, 'bucketName') FROM @items",
    "SELECT element_at(addendum.x, 'bucketName') FROM (SELECT CAST(ROW(MAP()) AS row(x map(varchar, varchar))) AS addendum FROM @)",
)


@pytest.mark.parametrize("statement", READS)
def test_the_column_is_read_where_it_says_the_same(statement: str) -> None:
    assert HIDDEN in _sql(statement)
    assert HIDDEN not in _sql(statement, keyed=False)


@pytest.mark.parametrize("statement", DOES_NOT_READ)
def test_the_map_is_read_for_everything_else(statement: str) -> None:
    assert _sql(statement) == _sql(statement, keyed=False)


@pytest.mark.parametrize("dialect", ["duckdb", "spark"])
def test_nobody_sees_them(dialect: Any) -> None:
    assert HIDDEN not in translate(f"SELECT * FROM {STORE}", FAMILIES, dialect=dialect, keyed=True).sql


def test_their_names_differ_by_more_than_case_and_are_no_columns_of_the_table() -> None:
    for family, keys in USUAL_KEYS.items():
        names = [*(name.lower() for name in keys), *to_table(family, [], []).table.column_names]
        assert len(set(names)) == len(names)
        assert all(column in to_table(family, [], []).table.column_names and key for column, key in keys.values())


Members = Mapping[str, Any] | None
_SAID = (None, "", "x", "1", "X y", "é", "null", 0, 1.5, True, [1, "x"], {"a": None})
MAPS: tuple[Members, ...] = (
    *(None, {}, {"n": 1}, {"BucketName": "x"}, {"bucketname": "x", "bucketName": "y"}, {"userName": "x", "n": "bucketName"}),
    *({"bucketName": one} for one in _SAID),
    *({"key": one, "bucketName": other} for one, other in zip(_SAID, reversed(_SAID), strict=True)),
)


@pytest.fixture(scope="module", name="engine")
def _engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    folder = tmp_path_factory.mktemp("stores")
    with duckdb.connect() as connection:
        prepare(connection)
        _show(connection, folder, STORE, MAPS)
        _show(connection, folder, OTHER, MAPS[::-3])
        yield connection


def _show(engine: duckdb.DuckDBPyConnection, folder: Path, store: str, maps: Sequence[Members]) -> None:
    """The store with an event for each of `maps`: every other one in a file of ours, the rest in one of another engine."""
    records = [
        {"eventTime": "2026-01-05T10:11:12Z", "eventID": str(at), "eventName": "AB"[at % 2], "requestParameters": one}
        for at, one in enumerate(maps)
    ]
    table = to_table(FAMILIES[store], [json.dumps(record).encode() for record in records], range(len(records))).table
    ours, others = folder / f"{MARKS[Family.EVENTS]}{store}.parquet", folder / f"{store}.parquet"
    write(ours, FAMILIES[store], table.take([*range(0, len(records), 2)]))
    pq.write_table(table.take([*range(1, len(records), 2)]), others)
    keys = KeyColumns(Family.EVENTS, " ".join(f'"{name}"' for name in USUAL_KEYS[Family.EVENTS]))
    names = ", ".join(table.column_names)
    parts = [f"SELECT {names}{own} FROM read_parquet({paths})" for own, paths in keys.alike([str(ours), str(others)])]
    assert len(parts) == 2
    engine.execute(f'CREATE VIEW "store_{store}" AS {" UNION ALL ".join(parts)}')


@pytest.mark.parametrize("statement", READS)
def test_answers_are_those_of_the_map(engine: duckdb.DuckDBPyConnection, statement: str) -> None:
    keyed, plain = (sorted(map(repr, engine.execute(_sql(statement, keyed=way)).fetchall())) for way in (True, False))
    assert keyed == plain
    assert keyed


def test_a_missing_key_of_a_subscript_is_an_error_as_ever(engine: duckdb.DuckDBPyConnection) -> None:
    with pytest.raises(duckdb.Error, match="Key not present in map: bucketName"):
        engine.execute(_sql("SELECT requestParameters['bucketName'] FROM @")).fetchall()
