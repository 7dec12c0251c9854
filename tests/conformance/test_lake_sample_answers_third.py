"""AWS's public sample queries from `network-…` to `users-…` give the answers that their statements ask for.

LAKE_SAMPLE_QUERIES names the checkout, as for `test_lake_sample_queries`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import duckdb
import pytest

if os.environ.get("LAKE_SAMPLE_QUERIES") is None:
    pytest.skip("LAKE_SAMPLE_QUERIES names no checkout", allow_module_level=True)

from conformance.test_lake_sample_queries import DAMAGED, EVENTS, FAMILIES, FILES, ITEMS
from opentrail.lake.sql.engine_duckdb import prepare
from opentrail.lake.sql.translation import translate
from simulators.lake_sample_answers_third import ANSWERS, WITH_A_PERIOD
from simulators.lake_samples import Case
from simulators.lake_tables import create, insert

ANSWERED_THERE = {name for name in FILES if name.startswith("ssm-patch-compliance")} | {"resourceCompliance"}
"""Queries whose answers `test_lake_sample_queries` has."""


@pytest.fixture(scope="module")
def engine() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        prepare(connection)
        for store, family in FAMILIES.items():
            create(connection, store, family)
        yield connection


def check(engine: duckdb.DuckDBPyConnection, statement: str, case: Case) -> None:
    for store, rows in ((EVENTS, case.events), (ITEMS, case.items)):
        engine.execute(f'DELETE FROM "store_{store}"')
        insert(engine, store, FAMILIES[store], rows)
    found = engine.execute(translate(statement, FAMILIES).sql).fetchall()
    wanted = [tuple(row) for row in case.expected]
    if not case.is_ordered:
        found, wanted = sorted(found, key=repr), sorted(wanted, key=repr)
    assert found == wanted


def test_every_query_of_this_part_has_an_answer() -> None:
    assert sorted(ANSWERS) == sorted(name for name in FILES if name >= "net" and name not in DAMAGED and name not in ANSWERED_THERE)


@pytest.mark.parametrize("name", sorted(ANSWERS))
def test_answers_as_published(engine: duckdb.DuckDBPyConnection, name: str) -> None:
    check(engine, FILES[name], ANSWERS[name])


@pytest.mark.parametrize("name", sorted(WITH_A_PERIOD))
def test_answers_with_a_period(engine: duckdb.DuckDBPyConnection, name: str) -> None:
    end = "< '2022-01-01 00:00:00'"
    assert FILES[name].count(end) == 1
    check(engine, FILES[name].replace(end, "< '2022-02-01 00:00:00'"), WITH_A_PERIOD[name])
