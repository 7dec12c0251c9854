"""Whether statements of widgets can be run, asked of the role that holds the engine before a dashboard is made or changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Protocol

from opentrail.lake.dashboards import parameters
from opentrail.lake.dashboards.widgets import Widget
from opentrail.lake.families import Family
from opentrail.lake.faults import InvalidQueryStatementException
from opentrail.lake.neighbours import Stores
from opentrail.lake.sql.scanning import store_ids

QUESTION: Final = "check_widgets"
"""The name under which `answer` must be reachable in the role `lake`."""


class Checks(Protocol):
    """Reads statements as a query would."""

    def __call__(self, statement: str, families: Mapping[str, Family]) -> object:
        """Nothing of interest when the statement can be run over stores of these families (by id). Raises
        `InvalidQueryStatementException`."""


def question(widgets: Sequence[Widget]) -> list[str]:
    """The payload of `QUESTION`: statements with example values in the place of their parameters."""
    return [parameters.named(widget.statement, widget.parameters, parameters.EXAMPLES) for widget in widgets]


def answer(checks: Checks, stores: Stores) -> Callable[[Any], Any]:
    """What answers `QUESTION` in the role `lake`."""

    def check(statements: Any) -> None:
        for number, statement in enumerate(statements, 1):
            found = (stores.get(store_id) for store_id in store_ids(statement))
            try:
                checks(statement, {one.id: one.family for one in found if one is not None})
            except InvalidQueryStatementException as refused:
                raise InvalidQueryStatementException(f"Statement {number}: {refused.message}") from None

    return check
