"""The state database: whole transactions, several processes, a log that does not grow for ever."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest
from sqlalchemy import Column, Integer, LargeBinary, MetaData, Table, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from opentrail.storage.database import LOG_LIMIT, Database

METADATA = MetaData()
NOTES = Table("notes", METADATA, Column("id", Integer, primary_key=True), Column("body", LargeBinary))
COUNTS = Table("counts", METADATA, Column("id", Integer, primary_key=True), Column("value", Integer))


@pytest.fixture
def database(tmp_path: Path) -> Database:
    made = Database.at(tmp_path / "state.db")
    made.create(METADATA)
    return made


def _count(database: Database) -> int:
    with database.read() as connection:
        return connection.scalar(select(func.count()).select_from(NOTES)) or 0


def test_an_exception_takes_the_whole_transaction_back(database: Database) -> None:
    def twice() -> None:
        with database.begin() as connection:
            connection.execute(insert(NOTES), {"id": 1})
            connection.execute(insert(NOTES), {"id": 1})

    with pytest.raises(IntegrityError):
        twice()
    assert _count(database) == 0


def test_a_transaction_is_there_for_everybody_when_it_has_been_left(database: Database, tmp_path: Path) -> None:
    with database.begin() as connection:
        connection.execute(insert(NOTES), {"id": 1})
        assert _count(Database.at(tmp_path / "state.db")) == 0
    assert _count(Database.at(tmp_path / "state.db")) == 1


def test_what_does_not_wait_for_the_disk_is_there_too_and_the_next_one_waits_again(database: Database, tmp_path: Path) -> None:
    with database.begin_unsettled() as connection:
        connection.execute(insert(NOTES), {"id": 1})
    assert _count(Database.at(tmp_path / "state.db")) == 1
    with pytest.raises(IntegrityError), database.begin_unsettled() as connection:
        connection.execute(insert(NOTES), [{"id": 2}, {"id": 1}])
    assert _count(database) == 1
    with database.begin() as connection:
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar_one() == 2  # FULL


def test_writers_in_threads_and_processes_wait_for_each_other(database: Database, tmp_path: Path) -> None:
    with database.begin() as connection:
        connection.execute(insert(COUNTS), {"id": 1, "value": 0})
    program = f"""
from pathlib import Path
from sqlalchemy import text
from opentrail.storage.database import Database
database = Database.at(Path({str(tmp_path / "state.db")!r}))
for _ in range(50):
    with database.begin() as connection:
        connection.execute(text("UPDATE counts SET value = value + 1"))
"""

    def bump() -> None:
        for _ in range(50):
            with database.begin() as connection:
                connection.execute(update(COUNTS).values(value=COUNTS.c.value + 1))

    other = subprocess.Popen([sys.executable, "-c", program])
    threads = [threading.Thread(target=bump) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert other.wait(60) == 0
    with database.read() as connection:
        assert connection.scalar(select(COUNTS.c.value)) == 200


def test_the_log_is_copied_when_it_has_grown(database: Database, tmp_path: Path) -> None:
    for _ in range(60):
        with database.begin() as connection:
            connection.execute(insert(NOTES), {"body": b"x" * (512 << 10)})
    assert (tmp_path / "state.db-wal").stat().st_size < LOG_LIMIT + (4 << 20)
    assert _count(database) == 60


def test_once_it_has_grown_not_every_commit_copies_the_log(database: Database, tmp_path: Path) -> None:
    def note(size: int) -> None:
        with database.begin() as connection:
            connection.execute(insert(NOTES), {"body": b"x" * size})

    while not (tmp_path / "state.db.checkpoint").exists():
        note(512 << 10)
    note(10)
    (tmp_path / "state.db.checkpoint").unlink()
    for _ in range(50):
        note(10)
    assert not (tmp_path / "state.db.checkpoint").exists()
    assert (tmp_path / "state.db-wal").stat().st_size < LOG_LIMIT


def test_the_database_survives_being_told_nothing(database: Database, tmp_path: Path) -> None:
    database.close()
    assert _count(Database.at(tmp_path / "state.db")) == 0
