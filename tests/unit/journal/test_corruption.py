"""Damage is reported with the positions it hit; it is never skipped and never read as something else."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

import pytest

from opentrail.errors import JournalCorrupt, JournalUnavailable
from opentrail.journal import Journal, Reader

DAMAGES = {
    "a changed byte": (
        "UPDATE batches SET data = CAST(substr(data, 1, 20) || x'00' || substr(data, 22) AS BLOB) WHERE last = 6",
        "positions 4 to 6",
    ),
    "an emptied batch": ("UPDATE batches SET data = x'' WHERE last = 6", "positions 4 to 6"),
    "text instead of bytes": ("UPDATE batches SET data = 'abc' WHERE last = 6", "positions 4 to 6"),
    "another batch's bytes": ("UPDATE batches SET data = (SELECT data FROM batches WHERE last = 3) WHERE last = 6", "positions 4 to 6"),
    "a wrong count": ("UPDATE batches SET count = 2 WHERE last = 6", "positions 4 to 4 are missing"),
    "a missing batch": ("DELETE FROM batches WHERE last = 6", "positions 4 to 6 are missing"),
    "a count too high": ("UPDATE batches SET count = 4 WHERE last = 6", "positions 3 to 6"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_batch_is_named(desk, damage: str) -> None:
    journal = desk.open()
    for first in (1, 4, 7):
        desk.append(journal, *(b'{"number": %d}' % number for number in range(first, first + 3)))
    journal.close()
    statement, named = DAMAGES[damage]
    with sqlite3.connect(desk.path) as connection:
        connection.execute(statement)
    connection.close()
    reader = Reader(desk.path)
    assert [entry.position for entry in reader.read(0, 100)] == [1, 2, 3]
    with pytest.raises(JournalCorrupt, match=named):
        reader.read(3, 100)
    assert [entry.position for entry in reader.read(6, 100)] == [7, 8, 9]
    reader.close()


OPENED: dict[str, Callable[..., object]] = {
    "writer": lambda desk: desk.open(),
    "reader": lambda desk: Reader(desk.path).head(),
}


@pytest.mark.parametrize("way", OPENED)
def test_a_file_that_is_no_database_is_called_damaged(desk, way: str) -> None:
    desk.path.write_bytes(b"this is not a journal" * 1000)
    with pytest.raises(JournalCorrupt, match=r"journal\.db is damaged"):
        OPENED[way](desk)


@pytest.mark.parametrize("way", OPENED)
def test_the_journal_of_a_later_version_is_left_alone(desk, way: str) -> None:
    journal: Journal = desk.open()
    desk.append(journal, b"one")
    journal.close()
    with sqlite3.connect(desk.path) as connection:
        connection.execute("PRAGMA user_version=2")
    connection.close()
    with pytest.raises(JournalUnavailable, match="later OpenTrail"):
        OPENED[way](desk)


def test_a_damaged_tree_is_called_damaged(desk) -> None:
    journal = desk.open()
    for number in range(3000):
        desk.append(journal, b"%d" % number)
    journal.close()
    data = bytearray(desk.path.read_bytes())
    for page in range(2, len(data) // 16384):
        data[page * 16384 : page * 16384 + 200] = b"\x77" * 200
    desk.path.write_bytes(data)
    reader = Reader(desk.path)
    with pytest.raises(JournalCorrupt):
        reader.read(0, 3000)
    reader.close()
