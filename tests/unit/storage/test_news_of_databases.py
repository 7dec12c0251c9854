"""Whoever waits for a database is called after each commit to it, and by nothing else."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from opentrail.storage.news import News


class Heard:
    """What was called, in order, and that something was."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.something = threading.Event()

    def __call__(self, name: str) -> None:
        self.names.append(name)
        self.something.set()

    def taken(self) -> list[str]:
        found, self.names = self.names, []
        return found


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def news(tmp_path: Path, heard: Heard) -> Iterator[News]:
    made = News()
    for name in ("one", "two"):
        made.tell(tmp_path / f"{name}.db", lambda name=name: heard(name))  # type: ignore[misc]
    yield made
    made.close()


def database(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("CREATE TABLE IF NOT EXISTS t (x INTEGER)")
    return connection


def test_a_commit_is_heard_of_once_by_those_who_wait_for_its_database(tmp_path: Path, news: News, heard: Heard) -> None:
    one, two = database(tmp_path / "one.db"), database(tmp_path / "two.db")
    assert news.look()
    assert heard.taken() == ["one", "two"]
    assert not news.look()
    two.execute("INSERT INTO t VALUES (1)")
    assert news.look()
    assert not news.look()
    assert heard.taken() == ["two"]
    one.execute("INSERT INTO t VALUES (1)")
    two.execute("INSERT INTO t VALUES (2)")
    two.execute("INSERT INTO t VALUES (3)")
    assert news.look()
    assert heard.taken() == ["one", "two"]
    one.close()
    two.close()


def test_what_is_rolled_back_is_no_news(tmp_path: Path, news: News, heard: Heard) -> None:
    one = database(tmp_path / "one.db")
    news.look()
    heard.taken()
    one.execute("BEGIN IMMEDIATE")
    one.execute("INSERT INTO t VALUES (1)")
    assert not news.look()
    one.execute("ROLLBACK")
    assert not news.look()
    assert heard.taken() == []
    one.close()


def test_a_database_that_is_made_later_or_cannot_be_read_is_heard_of_when_it_can(tmp_path: Path, news: News, heard: Heard) -> None:
    assert not news.look()
    (tmp_path / "one.db").write_bytes(b"this is no database, however long one looks at it" * 100)
    two = database(tmp_path / "two.db")
    assert news.look()
    assert heard.taken() == ["two"]
    (tmp_path / "one.db").unlink()
    one = database(tmp_path / "one.db")
    assert news.look()
    assert heard.taken() == ["one"]
    one.close()
    two.close()


def test_a_commit_of_another_thread_wakes_until_it_is_stopped(tmp_path: Path, news: News, heard: Heard) -> None:
    one = database(tmp_path / "one.db")
    stop = threading.Event()
    thread = threading.Thread(target=news.run, args=(stop,))
    thread.start()
    try:
        for number in range(3):
            assert heard.something.wait(90)
            heard.something.clear()
            one.execute("INSERT INTO t VALUES (?)", (number,))
        assert heard.something.wait(90)
    finally:
        stop.set()
        thread.join(90)
    assert not thread.is_alive()
    one.close()
