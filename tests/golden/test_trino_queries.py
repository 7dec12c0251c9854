"""Whole queries over two stores: names and rows as Lake gives them. The cases are `trino/queries.json`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from opentrail.lake.families import Family
from opentrail.lake.sql.engine_duckdb import prepare
from opentrail.lake.sql.translation import translate
from simulators.lake_tables import create, insert, keyed

EVENTS, ITEMS = "1b2c3d4e-f852-4e8f-8bd1-bcf6c0123456", "a1b2c3d4-f852-4e8f-8bd1-bcf6c0123456"
FAMILIES = {EVENTS: Family.EVENTS, ITEMS: Family.CONFIGURATION}
DATA = json.loads((Path(__file__).parent / "trino" / "queries.json").read_text())


@pytest.fixture(scope="module", params=["tables", "files"])
def engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[duckdb.DuckDBPyConnection, bool]]:
    """The stores as plain tables, and as files with the columns of usual keys."""
    is_keyed = request.param == "files"
    with duckdb.connect() as connection:
        prepare(connection)
        for store, family, rows in ((EVENTS, Family.EVENTS, DATA["events"]), (ITEMS, Family.CONFIGURATION, DATA["items"])):
            create(connection, store, family)
            insert(connection, store, family, rows)
            if is_keyed:
                keyed(connection, store, family, tmp_path_factory.mktemp("store"))
        yield connection, is_keyed


@pytest.mark.parametrize("case", DATA["cases"], ids=[case["sql"] for case in DATA["cases"]])
def test_query(engine: tuple[duckdb.DuckDBPyConnection, bool], case: dict[str, Any]) -> None:
    connection, is_keyed = engine
    translated = translate(case["sql"].replace("$S", EVENTS).replace("$C", ITEMS), FAMILIES, keyed=is_keyed)
    assert list(translated.columns) == case["columns"]
    assert [list(row) for row in connection.execute(translated.sql).fetchall()] == case["rows"]


@pytest.mark.parametrize("case", DATA["cases"], ids=[case["sql"] for case in DATA["cases"]])
def test_the_same_query_has_a_spark_form(case: dict[str, Any]) -> None:
    translated = translate(case["sql"].replace("$S", EVENTS).replace("$C", ITEMS), FAMILIES, dialect="spark")
    assert list(translated.columns) == case["columns"]
    assert "lambda " not in translated.sql
