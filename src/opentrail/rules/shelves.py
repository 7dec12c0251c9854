"""What an account keeps by name in a Region, connections and API destinations alike: found by name, listed in order of the names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, Connection, Table, delete, select, true

from opentrail.rules.faults import ResourceNotFoundException
from opentrail.rules.store import Store

T = TypeVar("T")


class Shelf(Generic[T]):
    """The rows of one table as values. Methods with a connection are for the caller's own transaction. Thread-safe."""

    def __init__(self, store: Store, table: Table, value: Callable[..., T], *, absent: str) -> None:
        """`value` makes one of the columns of a row; `absent` is what is said of a name that is not there, with `{name}` in it."""
        self._store = store
        self._table = table
        self._value = value
        self._absent = absent

    def find(self, account_id: str, region: str, name: str, *, connection: Connection | None = None) -> T | None:
        """The one of this name."""
        if connection is None:
            with self._store.read() as connection:
                return self.find(account_id, region, name, connection=connection)
        there = self._table.c
        query = select(self._table).where(there.account_id == account_id, there.region == region, there.name == name)
        row = connection.execute(query).first()
        return None if row is None else self._value(**row._mapping)

    def get(self, account_id: str, region: str, name: str, *, connection: Connection | None = None) -> T:
        """The same. Raises `ResourceNotFoundException`."""
        found = self.find(account_id, region, name, connection=connection)
        if found is None:
            raise ResourceNotFoundException(self._absent.format(name=name))
        return found

    def page(
        self, account_id: str, region: str, *, prefix: str, after: str, limit: int, where: ColumnElement[bool] | None = None
    ) -> list[T]:
        """Those with names above `after` that begin with `prefix`, in order of their names."""
        there = self._table.c
        wanted = (there.account_id == account_id) & (there.region == region) & (there.name > after)
        wanted &= there.name.startswith(prefix, autoescape=True)
        query = select(self._table).where(wanted, true() if where is None else where).order_by(there.name).limit(limit)
        with self._store.read() as connection:
            return [self._value(**row._mapping) for row in connection.execute(query)]

    def remove(self, connection: Connection, account_id: str, region: str, name: str) -> T:
        """Remove it. Raises `ResourceNotFoundException`."""
        found: Any = self.get(account_id, region, name, connection=connection)
        connection.execute(delete(self._table).where(self._table.c.arn == found.arn))
        return found  # type: ignore[no-any-return]
