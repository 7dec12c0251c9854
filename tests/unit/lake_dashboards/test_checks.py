"""Statements of widgets are checked by the engine's own reading; what a language model wrote is checked in the same way."""

from __future__ import annotations

import pytest

from opentrail.lake.dashboards.checks import answer, question
from opentrail.lake.dashboards.widgets import checked
from opentrail.lake.faults import InvalidQueryStatementException
from opentrail.lake.sql.translation import translate
from simulators.dashboards import STORE, StoresInMemory, widget


@pytest.fixture
def stores() -> StoresInMemory:
    stores = StoresInMemory()
    stores.add()
    return stores


def test_parameters_have_example_values_when_a_statement_is_checked(stores: StoresInMemory) -> None:
    statement = f"SELECT date_trunc('?', eventTime) FROM {STORE} WHERE eventTime BETWEEN '?' AND '?'"
    made = checked([widget(statement, ["$Period$", "$StartTime$", "$EndTime$"])], lambda: "alias")
    answer(translate, stores)(question(made))


@pytest.mark.parametrize(
    "statement",
    [
        f"SELECT nothing FROM {STORE}",
        f"DELETE FROM {STORE}",
        f"SELECT 1 FROM {STORE}; SELECT 2 FROM {STORE}",
        f"SELECT eventName FROM {STORE} WHERE",
        f"SELECT * FROM {STORE}, read_text('/etc/hostname')",
    ],
)
def test_what_cannot_run_is_refused_by_its_number(stores: StoresInMemory, statement: str) -> None:
    with pytest.raises(InvalidQueryStatementException, match="Statement 2"):
        answer(translate, stores)([f"SELECT eventName FROM {STORE}", statement])
