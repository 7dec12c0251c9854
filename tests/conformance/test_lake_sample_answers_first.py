"""The first third of AWS's public sample queries answers rightly: what matches is found, what nearly matches is not.

Run as `test_lake_sample_queries`, which has the statements and skips when there is no checkout.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import duckdb
import pytest

from conformance.test_lake_sample_queries import DAMAGED, EVENTS, FAMILIES, FILES, ITEMS
from opentrail.lake.sql.engine_duckdb import prepare
from opentrail.lake.sql.translation import translate
from simulators.lake_sample_answers_first import CASES, UPPER_BOUNDS
from simulators.lake_samples import Case
from simulators.lake_tables import create, insert

END = "iam-idc-user-create-iam-role"
"""The first name of the next third."""
ANSWERED_ELSEWHERE = {"resourceCompliance", *(name for name in FILES if name.startswith("ssm-patch-compliance"))}


@pytest.fixture(scope="module")
def engine() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        prepare(connection)
        for store, family in FAMILIES.items():
            create(connection, store, family)
        yield connection


def test_all_are_there() -> None:
    assert sorted(CASES) == sorted(name for name in set(FILES) - set(DAMAGED) - ANSWERED_ELSEWHERE if name < END)


@pytest.mark.parametrize("name", sorted(CASES))
def test_answers(engine: duckdb.DuckDBPyConnection, name: str) -> None:
    _answers(engine, FILES[name], CASES[name])


@pytest.mark.parametrize("name", sorted(UPPER_BOUNDS))
def test_answers_with_dates_of_ones_own(engine: duckdb.DuckDBPyConnection, name: str) -> None:
    bound, case = UPPER_BOUNDS[name]
    statement, changed = re.subn(r"(?<=< ')[^']+", bound, FILES[name])
    assert changed == 1
    _answers(engine, statement, case)


def _answers(engine: duckdb.DuckDBPyConnection, statement: str, case: Case) -> None:
    for store, rows in ((EVENTS, case.events), (ITEMS, case.items)):
        engine.execute(f'DELETE FROM "store_{store}"')
        insert(engine, store, FAMILIES[store], rows)
    found = engine.execute(translate(statement, FAMILIES).sql).fetchall()
    expected = [tuple(row) for row in case.expected]
    if case.is_ordered:
        assert found == expected
    else:
        assert sorted(found, key=str) == sorted(expected, key=str)
