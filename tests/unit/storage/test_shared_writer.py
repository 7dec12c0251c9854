"""One writer for many: shared commits, and faults that stay with whoever caused them."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from opentrail.storage.database import Database
from opentrail.storage.writer import Closed, Writer
from opentrail.wire.faults import ValidationException


@pytest.fixture
def database(tmp_path: Path) -> Database:
    made = Database.at(tmp_path / "messages.db")
    with made.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE items (name TEXT PRIMARY KEY)")
    return made


def put(connection: Connection, name: str) -> str:
    connection.exec_driver_sql("INSERT INTO items VALUES (?)", (name,))
    return name


def names(database: Database) -> list[str]:
    with database.read() as connection:
        return list(connection.exec_driver_sql("SELECT name FROM items ORDER BY name").scalars())


def test_jobs_that_wait_share_a_commit(database: Database) -> None:
    writer, held, commits = Writer(database, name="w"), threading.Event(), [0]
    began = database.begin

    def counted() -> object:
        commits[0] += 1
        return began()

    database.begin = counted  # type: ignore[method-assign,assignment]
    first = writer.submit(lambda connection: held.wait(90))
    others = [writer.submit(lambda connection, name=f"n{number:02}": put(connection, name)) for number in range(50)]
    held.set()
    assert first.result()
    assert [future.result() for future in others] == [f"n{number:02}" for number in range(50)]
    assert commits[0] <= 3
    writer.close()


def test_a_job_that_fails_is_undone_alone(database: Database) -> None:
    writer, held = Writer(database, name="w"), threading.Event()

    def failing(connection: Connection) -> None:
        put(connection, "undone")
        raise ValidationException("no")

    writer.submit(lambda connection: held.wait(90))
    good, bad, twice = (
        writer.submit(lambda connection: put(connection, "good")),
        writer.submit(failing),
        writer.submit(lambda connection: put(connection, "good")),
    )
    last = writer.submit(lambda connection: put(connection, "last"))
    held.set()
    assert (good.result(), last.result()) == ("good", "last")
    with pytest.raises(ValidationException):
        bad.result()
    with pytest.raises(Exception, match="UNIQUE"):
        twice.result()
    assert names(database) == ["good", "last"]
    writer.close()


def test_nobody_is_told_of_success_when_the_commit_fails(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = Writer(database, name="w")

    def broken() -> None:
        raise OperationalError("COMMIT", None, Exception("disk I/O error"))

    future = writer.submit(lambda connection: put(connection, "lost"))
    assert future.result() == "lost"
    monkeypatch.setattr(database, "begin", broken)
    with pytest.raises(OperationalError):
        writer.run(lambda connection: put(connection, "lost"))
    monkeypatch.undo()
    assert writer.run(lambda connection: put(connection, "kept")) == "kept"
    writer.close()


def test_a_closed_writer_finishes_and_takes_no_more(database: Database) -> None:
    writer = Writer(database, name="w")
    futures = [writer.submit(lambda connection, name=f"n{number}": put(connection, name)) for number in range(5)]
    writer.close()
    assert all(future.done() for future in futures)
    assert len(names(database)) == 5
    with pytest.raises(Closed):
        writer.submit(lambda connection: None)
    Writer(database, name="w").close()


def test_who_gives_up_waiting_in_time_has_nothing_done(database: Database) -> None:
    writer, held = Writer(database, name="w"), threading.Event()
    writer.submit(lambda connection: held.wait(90))
    later = writer.submit(lambda connection: put(connection, "wanted no more"))
    assert later.cancel()
    held.set()
    assert writer.run(lambda connection: put(connection, "kept")) == "kept"
    assert names(database) == ["kept"]
    writer.close()


def test_jobs_are_done_in_the_order_in_which_they_came(database: Database) -> None:
    writer, held, expected = Writer(database, name="w"), threading.Event(), [f"n{number:03}" for number in range(300, 0, -1)]
    writer.submit(lambda connection: held.wait(90))
    futures = [writer.submit(lambda connection, name=name: put(connection, name)) for name in expected]
    held.set()
    assert [future.result() for future in futures] == expected
    with database.read() as connection:
        assert list(connection.exec_driver_sql("SELECT name FROM items ORDER BY rowid").scalars()) == expected
    writer.close()
