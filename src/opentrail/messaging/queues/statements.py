"""Statements on the path of every message: written with SQLAlchemy, compiled once, run by the driver.

SQLAlchemy takes ten times as long to put such a statement together as SQLite does to carry it out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, CursorResult
from sqlalchemy.sql import ClauseElement
from sqlalchemy.sql.compiler import SQLCompiler


class Statement:
    """A statement whose values are all named (`bindparam`). Values are handed to the driver as they are: no JSON, no times."""

    __slots__ = ("_compiled", "_statement")

    def __init__(self, statement: ClauseElement) -> None:
        self._statement = statement
        self._compiled: dict[str, tuple[str, tuple[str, ...], Mapping[str, Any]]] = {}

    def __call__(self, connection: Connection, **values: Any) -> CursorResult[Any]:
        """Run it once."""
        text, names, fixed = self._text(connection)
        return connection.exec_driver_sql(text, tuple([values[name] if name in values else fixed[name] for name in names]))

    def each(self, connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
        """Run it for each of `rows`."""
        text, names, fixed = self._text(connection)
        connection.exec_driver_sql(text, [tuple([row[name] if name in row else fixed[name] for name in names]) for row in rows])

    def _text(self, connection: Connection) -> tuple[str, tuple[str, ...], Mapping[str, Any]]:
        dialect = connection.dialect
        found = self._compiled.get(dialect.name)
        if found is None:
            compiled = self._statement.compile(dialect=dialect)
            assert isinstance(compiled, SQLCompiler)
            names = tuple(compiled.positiontup or ())
            found = self._compiled[dialect.name] = (str(compiled), names, dict(compiled.params))
        return found
