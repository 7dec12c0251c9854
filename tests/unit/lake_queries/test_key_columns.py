"""Usual keys in queries that really run: over files of ours, files of another engine, and events that are in no file yet."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from opentrail.lake.columns import to_table, write
from opentrail.lake.families import Family
from opentrail.lake.queries.key_columns import KeyColumns
from opentrail.lake.usual_keys import MARKS, USUAL_KEYS
from simulators.query_lake import Lake, Make
from simulators.query_tables import STORE

REAL = (sys.executable, "-m", "opentrail.lake.queries.zygote")
OURS = f"/x/{MARKS[Family.EVENTS]}a.parquet"


@pytest.fixture
def lake(make: Make, tmp_path: Path) -> Lake:
    """Five events of ours with buckets, five of another engine, five that are not committed; every fifth has none."""
    lake: Lake = make(zygote=REAL)
    bucket = "CASE i WHEN 4 THEN NULL WHEN 3 THEN map([], []) ELSE MAP {'bucketName': 'b-' || i} END"
    lake.tables.fill(5, requestparameters=bucket, start="2026-01-02", eventid="'other-' || i")
    lake.tables.fill(5, requestparameters=bucket, start="2026-01-03", eventid="'hot-' || i", hot=True)
    maps = [{"bucketName": "b-0"}, {"bucketName": "b-1"}, {"bucketName": "b-2"}, {}, None]
    records = [{"eventTime": "2026-01-01T10:11:12Z", "eventID": f"our-{at}", "requestParameters": one} for at, one in enumerate(maps)]
    path = tmp_path / "tables" / f"{MARKS[Family.EVENTS]}1.parquet"
    write(path, Family.EVENTS, to_table(Family.EVENTS, [json.dumps(record).encode() for record in records], range(5)).table)
    lake.tables._files[STORE].append(path)
    lake.tables._rows[STORE] += 5
    return lake


@pytest.mark.parametrize(
    ("select", "rows"),
    [
        (
            "element_at(requestParameters, 'bucketName') AS b, count(*) AS n FROM @ GROUP BY 1 ORDER BY 1",
            [["b-0", "3"], ["b-1", "3"], ["b-2", "3"], [None, "6"]],
        ),
        ("eventID FROM @ WHERE element_at(requestParameters, 'bucketName') = 'b-1' ORDER BY 1", [["hot-1"], ["other-1"], ["our-1"]]),
        (
            "eventID FROM @ WHERE eventID IN ('our-2', 'hot-2') AND element_at(requestParameters, 'bucketName') > '' ORDER BY 1",
            [["hot-2"], ["our-2"]],
        ),
        ("count(*) AS n FROM @ WHERE element_at(requestParameters, 'policyArn') IS NULL", [["15"]]),
    ],
)
def test_events_answer_wherever_they_are(lake: Lake, select: str, rows: list[list[str | None]]) -> None:
    query = lake.ended(lake.start(f"SELECT {select.replace('@', STORE)}"))
    assert (query.status, query.error_message) == ("FINISHED", None)
    assert lake.rows(query.id) == rows


def test_a_store_without_events_has_them_too(make: Make) -> None:
    lake: Lake = make(zygote=REAL)
    query = lake.ended(lake.start(f"SELECT count(element_at(requestParameters, 'bucketName')) AS n FROM {STORE}"))
    assert (query.status, query.error_message, lake.rows(query.id)) == ("FINISHED", None, [["0"]])


def test_only_what_a_statement_reads_is_in_the_view() -> None:
    assert KeyColumns(Family.EVENTS, 'SELECT t1."eventid"').alike([OURS, "/x/b.parquet"]) == [("", [OURS, "/x/b.parquet"])]
    keys = KeyColumns(Family.EVENTS, 'SELECT t1."requestparameters/roleArn"')
    read, made = ', "requestparameters/roleArn"', """, "requestparameters"['roleArn'] AS "requestparameters/roleArn\""""
    assert keys.alike([OURS, "/x/b.parquet"]) == [(read, [OURS]), (made, ["/x/b.parquet"])]
    assert (keys.made, keys.alike([])) == (made, [])


@pytest.mark.parametrize("family", [family for family in Family if family not in USUAL_KEYS])
def test_families_without_such_maps_have_none(family: Family) -> None:
    keys = KeyColumns(family, 'SELECT t1."requestparameters/roleArn"')
    assert (keys.made, keys.null, keys.alike([OURS]), keys.alike([])) == ("", "", [("", [OURS])], [])
