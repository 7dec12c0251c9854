"""Catalogs in which tables of federated stores are shown: a SQLite file of our own, any Iceberg REST catalog, any other of PyIceberg's.

A table is shown by its current metadata file. In a SQL catalog the pointer moves in one transaction, and REST catalogs overwrite a
registration, so that the table never vanishes in between.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, Protocol

from pyiceberg.catalog import Catalog, load_catalog
from pyiceberg.catalog.rest import RestCatalog
from pyiceberg.catalog.sql import IcebergTables, SqlCatalog
from pyiceberg.exceptions import NamespaceAlreadyExistsError, NoSuchTableError, TableAlreadyExistsError
from sqlalchemy import delete, insert, select, update
from sqlalchemy.orm import Session

NAMESPACE: Final = "aws:cloudtrail"
"""The database in which the tables are shown; a table is called as its store's id."""
OWN: Final = "opentrail"
"""Name of our own catalog."""
_QUIET: Final = {"py-io-impl": "pyiceberg.io.pyarrow.PyArrowFileIO"}


class Shown(Protocol):
    """A catalog, seen from here. Blocking; each call is whole or not at all, and the same call again changes nothing."""

    def names(self) -> Sequence[str] | None:
        """The tables shown; `None` where others may show theirs in the same place."""

    def show(self, store_id: str, metadata: str) -> None:
        """Let the store's table be the one of this metadata file (a URI)."""

    def hide(self, store_id: str) -> None:
        """Take the table out of the catalog, and delete nothing."""

    def close(self) -> None:
        """Give the connections back."""


def opened(configured: str, own: Path) -> Shown:
    """The catalog of the setting `lake.federation_catalog`; `own` is the file that is meant by an empty one.

    Raises what the catalog raises that does not answer, and `ValueError` for a URI that is none of a catalog.
    """
    if not configured:
        own.parent.mkdir(parents=True, exist_ok=True)
        return _Sql(SqlCatalog(OWN, uri=f"sqlite:///{own}", warehouse=own.parent.as_uri(), **_QUIET), alone=True)
    catalog = load_catalog(OWN, uri=configured, **_QUIET)
    return _Sql(catalog, alone=False) if isinstance(catalog, SqlCatalog) else _Other(catalog)


def _create_namespace(catalog: Catalog) -> None:
    with contextlib.suppress(NamespaceAlreadyExistsError):
        catalog.create_namespace(NAMESPACE)


class _Sql:
    """Rows of `iceberg_tables`, as the catalogs of other languages keep them too."""

    def __init__(self, catalog: SqlCatalog, *, alone: bool) -> None:
        self._catalog = catalog
        self._alone = alone
        _create_namespace(catalog)

    def names(self) -> Sequence[str] | None:
        if not self._alone:
            return None
        with Session(self._catalog.engine) as session:
            return list(session.scalars(select(IcebergTables.table_name).where(*self._ours())))

    def show(self, store_id: str, metadata: str) -> None:
        where = (*self._ours(), IcebergTables.table_name == store_id)
        with Session(self._catalog.engine) as session, session.begin():
            present = session.scalars(select(IcebergTables.metadata_location).where(*where)).first()
            if present is None:
                row = {"catalog_name": self._catalog.name, "table_namespace": NAMESPACE, "table_name": store_id, "iceberg_type": "TABLE"}
                session.execute(insert(IcebergTables).values(**row, metadata_location=metadata))
            elif present != metadata:
                moved = {"metadata_location": metadata, "previous_metadata_location": present}
                session.execute(update(IcebergTables).where(*where).values(**moved))

    def hide(self, store_id: str) -> None:
        with Session(self._catalog.engine) as session, session.begin():
            session.execute(delete(IcebergTables).where(*self._ours(), IcebergTables.table_name == store_id))

    def close(self) -> None:
        self._catalog.engine.dispose()

    def _ours(self) -> tuple[Any, ...]:
        return (IcebergTables.catalog_name == self._catalog.name, IcebergTables.table_namespace == NAMESPACE)


class _Other:
    """A catalog that is told by its own interface."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        _create_namespace(catalog)

    def names(self) -> Sequence[str] | None:
        return None

    def show(self, store_id: str, metadata: str) -> None:
        named = (NAMESPACE, store_id)
        try:
            if self._catalog.load_table(named).metadata_location == metadata:
                return
        except NoSuchTableError:
            self._catalog.register_table(named, metadata)
            return
        if isinstance(self._catalog, RestCatalog):
            try:
                self._catalog.register_table(named, metadata, overwrite=True)
            except TableAlreadyExistsError:  # an older one, which knows no overwriting
                pass
            else:
                return
        self._catalog.drop_table(named)
        self._catalog.register_table(named, metadata)

    def hide(self, store_id: str) -> None:
        with contextlib.suppress(NoSuchTableError):
            self._catalog.drop_table((NAMESPACE, store_id))

    def close(self) -> None:
        self._catalog.close()
