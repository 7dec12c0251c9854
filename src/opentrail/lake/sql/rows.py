"""A query as SQL, before it is put in its place. Pure data."""

from __future__ import annotations

from dataclasses import dataclass

from opentrail.lake.sql.scopes import Free
from opentrail.lake.sql.types import Kind


@dataclass(frozen=True, slots=True)
class Output:
    """A column of a result."""

    name: str | None
    """As written; `None` when it has no name."""
    kind: Kind


@dataclass(frozen=True, slots=True)
class Rows:
    """A query as SQL whose columns are `c0`, `c1` …, with what sorts it."""

    sql: str
    outputs: tuple[Output, ...]
    order: str = ""
    """`s0 DESC NULLS LAST, …` over columns of `sql`, or empty."""
    bounds: str = ""
    """`LIMIT … OFFSET …`, or empty."""
    free: tuple[Free, ...] = ()

    @property
    def names(self) -> list[str]:
        return [f"c{position}" for position in range(len(self.outputs))]

    def whole(self) -> str:
        """The query with its order and bounds, for the place of a table; an order without bounds has no meaning there."""
        if not self.bounds:
            return self.sql if not self.order else f"SELECT {', '.join(self.names)} FROM ({self.sql}) o"
        order = f" ORDER BY {self.order}" if self.order else ""
        return f"SELECT {', '.join(self.names)} FROM ({self.sql}) o{order}{self.bounds}"
