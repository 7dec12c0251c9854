"""The state database: SQLAlchemy Core over SQLite, shared by every process of one data folder.

Each room keeps its tables in its own `store.py` (a `MetaData` of its own) and calls `Database.create` once with them. A write is durable
when `begin()` has been left: SQLite in WAL mode with `synchronous=FULL`. Writers wait for each other (10 s) rather than fail.

SQLite before 3.51.3 can lose commits when a checkpoint starts on a log that is copied completely while a commit of another connection
starts the log anew (https://sqlite.org/wal.html#walresetbug). So no connection checkpoints by itself: a writer does it right after a commit
of its own, and only while it holds the checkpoint lock of the folder.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, MetaData, create_engine, event
from sqlalchemy.engine import Engine
from sqlalchemy.exc import OperationalError

BUSY_TIMEOUT = 10.0
"""Seconds that a writer waits for another one."""
LOG_LIMIT = 4 << 20
"""Bytes of write-ahead log at which it is copied into the database."""


class Database:
    """One state database, opened by URL (`sqlite:///…/state.db`). Safe to use from several threads."""

    def __init__(self, url: str) -> None:
        self.engine: Engine = create_engine(url, connect_args={"timeout": BUSY_TIMEOUT, "check_same_thread": False})
        self._path = Path(self.engine.url.database or "")
        event.listen(self.engine, "connect", _configure)
        event.listen(self.engine, "begin", _begin)

    @classmethod
    def at(cls, path: Path) -> Database:
        """The SQLite database in the file `path`, made if it is not there."""
        return cls(f"sqlite:///{path}")

    def create(self, tables: MetaData) -> None:
        """Make the tables of a room that do not exist yet."""
        with self.begin() as connection:
            tables.create_all(connection)

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """A write transaction: takes the write lock at once, commits at the end, rolls back on any exception."""
        with self.engine.connect() as connection:
            afterwards: list[Callable[[], None]] = []
            with connection.execution_options(opentrail_write=True, opentrail_afterwards=afterwards).begin():
                yield connection
            self._checkpoint(connection)
        for call in afterwards:
            call()

    def after_commit(self, connection: Connection, call: Callable[[], None]) -> None:
        """Have `call` called once the transaction of `connection` (one of `begin`) is durable; not at all when it is rolled back."""
        connection.get_execution_options()["opentrail_afterwards"].append(call)

    @contextmanager
    def begin_unsettled(self) -> Iterator[Connection]:
        """As `begin`, without waiting for the disk: a power failure may undo it, unless something was committed by `begin` after it.

        Others see it at once, and it outlives the process. For what says nothing any more after a start of the machine.
        """
        with self.engine.connect() as connection:
            _settling(connection, "NORMAL")
            try:
                with connection.execution_options(opentrail_write=True, opentrail_afterwards=[]).begin():
                    yield connection
            finally:
                _settling(connection, "FULL")

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A consistent read; never blocks a writer."""
        with self.engine.connect() as connection:
            yield connection

    def first(self, query: str, parameters: Sequence[object] | Mapping[str, object]) -> tuple[Any, ...] | None:
        """The first row of one SELECT that finds few, as committed now, asked of the driver itself, in no transaction.

        For the questions on the path of every call: SQLAlchemy takes ten times as long for one as SQLite does.
        """
        with self.engine.connect() as connection:
            driver = connection.connection.driver_connection
            assert isinstance(driver, sqlite3.Connection)
            try:
                found = driver.execute(query, parameters).fetchall()  # all: a statement that is not finished keeps its snapshot
            except sqlite3.OperationalError as error:
                raise OperationalError(query, parameters, error) from error
        return found[0] if found else None

    def close(self) -> None:
        """Give back every connection."""
        self.engine.dispose()

    def _checkpoint(self, connection: Connection) -> None:
        """Copy the log when it has grown, right after a commit; never two at a time. What fails is done after a later commit."""
        log = self._path.with_name(self._path.name + "-wal")
        try:
            if log.stat().st_size < LOG_LIMIT:
                return
            lock = os.open(self._path.with_name(self._path.name + ".checkpoint"), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        except OSError:
            return
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            driver = connection.connection.driver_connection
            assert isinstance(driver, sqlite3.Connection)
            driver.execute("PRAGMA wal_checkpoint(PASSIVE)").close()
        except (OSError, sqlite3.OperationalError):
            return
        finally:
            os.close(lock)


def _configure(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # transactions are ours to begin
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA wal_autocheckpoint=0")
    # When the log is started anew its file shrinks below the limit: otherwise every commit from then on would copy it.
    cursor.execute(f"PRAGMA journal_size_limit={LOG_LIMIT // 2}")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def _settling(connection: Connection, synchronous: str) -> None:
    driver = connection.connection.driver_connection
    assert isinstance(driver, sqlite3.Connection)
    driver.execute(f"PRAGMA synchronous={synchronous}").close()


def _begin(connection: Connection) -> None:
    write = connection.get_execution_options().get("opentrail_write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")
