"""AWS's public sample queries from `iam-idc-user-create-iam-role` to `logs-by-region` answer rightly.

    LAKE_SAMPLE_QUERIES=CHECKOUT pytest tests/conformance/test_lake_sample_answers_second.py

CHECKOUT is a clone of https://github.com/aws-samples/cloud-trail-lake-query-samples; without it nothing is run.
"""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest

from conformance.test_lake_sample_queries import DAMAGED, EVENTS, FAMILIES, FILES, ITEMS
from opentrail.lake.sql.engine_duckdb import prepare
from opentrail.lake.sql.translation import translate
from simulators.lake_sample_answers_second import CASES, WIDENED, WIDENED_CASES
from simulators.lake_samples import Case
from simulators.lake_tables import create, insert

FIRST, BEYOND = "iam-idc-user-create-iam-role", "net"


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        prepare(connection)
        for store, family in FAMILIES.items():
            create(connection, store, family)
        yield connection


def answered(connection: duckdb.DuckDBPyConnection, statement: str, case: Case) -> list[tuple[str | None, ...]]:
    """The rows of the statement on stores that hold the case's events and items alone."""
    for store, rows in ((EVENTS, case.events), (ITEMS, case.items)):
        connection.execute(f'DELETE FROM "store_{store}"')
        insert(connection, store, FAMILIES[store], rows)
    found = connection.execute(translate(statement, FAMILIES).sql).fetchall()
    return found if case.is_ordered else sorted(found, key=repr)


def expected(case: Case) -> list[tuple[str | None, ...]]:
    rows = [tuple(row) for row in case.expected]
    return rows if case.is_ordered else sorted(rows, key=repr)


def test_every_sample_of_this_part_has_a_case() -> None:
    assert set(CASES) == {name for name in set(FILES) - set(DAMAGED) if FIRST <= name < BEYOND}


@pytest.mark.parametrize("name", sorted(CASES))
def test_answers(connection: duckdb.DuckDBPyConnection, name: str) -> None:
    case = CASES[name]
    assert answered(connection, FILES[name], case) == expected(case)


@pytest.mark.parametrize("name", sorted(WIDENED_CASES))
def test_answers_in_a_window_that_holds_something(connection: duckdb.DuckDBPyConnection, name: str) -> None:
    published, wider = WIDENED
    before, instant, after = FILES[name].rpartition(published)
    assert instant
    case = WIDENED_CASES[name]
    assert answered(connection, before + wider + after, case) == expected(case)
