"""The state database: SQLAlchemy Core over SQLite, shared by every process of one data folder.

Each room keeps its tables in its own `store.py` (a `MetaData` of its own) and calls `Database.create` once with them. A write
is durable when `begin()` has been left: SQLite in WAL mode with `synchronous=FULL`. Writers wait for each other (10 s) rather than fail.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, MetaData, create_engine, event
from sqlalchemy.engine import Engine

BUSY_TIMEOUT = 10.0
"""Seconds that a writer waits for another one."""


class Database:
    """One state database, opened by URL (`sqlite:///…/state.db`). Safe to use from several threads."""

    def __init__(self, url: str) -> None:
        self.engine: Engine = create_engine(url, connect_args={"timeout": BUSY_TIMEOUT, "check_same_thread": False})
        event.listen(self.engine, "connect", _configure)
        event.listen(self.engine, "begin", _begin)

    @classmethod
    def at(cls, path: Path) -> Database:
        """The SQLite database in the file `path`, made if it is not there."""
        return cls(f"sqlite:///{path}")

    def create(self, tables: MetaData) -> None:
        """Make the tables of a room that do not exist yet."""
        with self.engine.connect() as connection, connection.execution_options(opentrail_write=True).begin():
            tables.create_all(connection)

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """A write transaction: takes the write lock at once, commits at the end, rolls back on any exception."""
        with self.engine.connect() as connection, connection.execution_options(opentrail_write=True).begin():
            yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A consistent read; never blocks a writer."""
        with self.engine.connect() as connection:
            yield connection

    def close(self) -> None:
        """Give back every connection."""
        self.engine.dispose()


def _configure(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # transactions are ours to begin
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def _begin(connection: Connection) -> None:
    write = connection.get_execution_options().get("opentrail_write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")
