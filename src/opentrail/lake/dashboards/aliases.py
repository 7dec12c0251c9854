"""What a query alias stands for: a widget's statement, or a query that was generated from a question."""

from __future__ import annotations

from dataclasses import dataclass

from opentrail.lake.dashboards import store
from opentrail.lake.dashboards.managed import statements
from opentrail.storage.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class Aliased:
    """What an alias stands for."""

    statement: str
    """With a `?` for each parameter."""
    prompt: str | None = None
    """The question that it was generated from."""


class QueryAliases:
    """The aliases of an account and Region. Blocking, thread-safe; each call sees what is committed."""

    def __init__(self, database: Database) -> None:
        self._database = database
        database.create(store.METADATA)

    def statement(self, alias: str, account_id: str, region: str) -> str | None:
        """The statement behind `alias`, with its question marks; `None` when there is no such alias."""
        found = self.find(alias, account_id, region)
        return found.statement if found else None

    def prompt(self, alias: str, account_id: str, region: str) -> str | None:
        """The question that the query behind `alias` was generated from, where it was."""
        found = self.find(alias, account_id, region)
        return found.prompt if found else None

    def find(self, alias: str, account_id: str, region: str) -> Aliased | None:
        """Both at once."""
        if alias in statements():
            return Aliased(statement=statements()[alias])
        with self._database.read() as connection:
            found = store.aliased(connection, account_id, region, alias)
        return Aliased(statement=found[0], prompt=found[1]) if found else None
