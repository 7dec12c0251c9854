"""The write-ahead log is copied into the file while appends go on, and stays bounded."""

from __future__ import annotations

import random

import pytest

from opentrail.journal import Reader
from opentrail.journal.sqlite import log_size


def test_the_log_stays_bounded_under_load_and_nothing_is_lost(desk) -> None:
    journal = desk.open(max_bytes=256 << 20)
    noise = random.Random(5)
    records = [noise.randbytes(30_000) for _ in range(1500)]
    largest = 0
    for start in range(0, len(records), 50):
        desk.append_together(journal, [[record] for record in records[start : start + 50]])
        largest = max(largest, log_size(desk.path))
    assert largest < 32 << 20 < sum(map(len, records))
    reader = Reader(desk.path)
    kept: list[bytes] = []
    while entries := reader.read(len(kept), 10_000):
        kept += [entry.record for entry in entries]
    assert kept == records
    reader.close()


def test_a_reader_that_holds_the_log_delays_copying_only_as_long_as_it_reads(desk) -> None:
    journal = desk.open(max_bytes=256 << 20)
    noise = random.Random(6)
    desk.append(journal, b"first")
    slow = Reader(desk.path)
    connection = slow._connected()
    assert connection is not None
    connection.execute("BEGIN")
    assert connection.execute("SELECT count(*) FROM batches").fetchone() == (1,)
    for _ in range(40):
        desk.append(journal, noise.randbytes(500_000))
    held = log_size(desk.path)
    assert held > 16 << 20
    assert connection.execute("SELECT count(*) FROM batches").fetchone() == (1,)
    connection.execute("COMMIT")
    for _ in range(200):
        desk.append(journal, noise.randbytes(100_000))
    assert log_size(desk.path) < held
    assert slow.head() == 241
    slow.close()


@pytest.mark.parametrize(("sync", "level"), [("full", 2), ("normal", 1)])
def test_the_setting_decides_whether_each_commit_is_synced(desk, sync: str, level: int) -> None:
    journal = desk.open(sync=sync)
    assert journal._connection.execute("PRAGMA synchronous").fetchone() == (level,)
    assert journal._connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert desk.append(journal, b"one") == 1


def test_the_files_are_readable_by_their_owner_only(desk) -> None:
    journal = desk.open()
    desk.append(journal, b"one")
    modes = {path.name: path.stat().st_mode & 0o777 for path in desk.path.parent.iterdir()}
    assert modes == dict.fromkeys(("journal.db", "journal.db-wal", "journal.db-shm", "journal.db.lock"), 0o600)
