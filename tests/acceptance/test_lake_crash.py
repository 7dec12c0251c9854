"""The lake is killed while it commits, appends, merges and drops: each event is in its store once, whoever reads it, and nothing piles up.

`OPENTRAIL_KILLS` says how often; the more, the longer.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import duckdb
import pytest
from pyiceberg.table import StaticTable

from opentrail.clock import ManualClock
from opentrail.lake.tables.tables import StoreTables
from simulators.event_journal import DAY, NOW, EventJournal, made
from simulators.store_tables import KnownStores, files_on_disk, ids, opened_tables

KILLS = int(os.environ.get("OPENTRAIL_KILLS", "6"))
PER_ROUND = 20
APPENDED = 4
HOURS = 9
"""By which the clock goes on in each round."""
RETENTION = {1: 90, 2: 7}
SETTINGS: dict[str, Any] = {"compaction_files": 3, "read_batch": 13, "retention_slack": 3600}

OTHER = "444455556666"


def record(number: int) -> bytes:
    """The journal's record `number`, from 0: every fourth one is of the other account, some are days old."""
    at = number // PER_ROUND * HOURS * 3600
    account = OTHER if number % 4 == 0 else "111122223333"
    return made(number, age=(number % 3) * DAY // 2 - at, recipientAccountId=account)


def time_of(number: int) -> int:
    return NOW + number // PER_ROUND * HOURS * 3600 - (number % 3) * DAY // 2


def known() -> tuple[KnownStores, str, str]:
    stores = KnownStores()
    both = stores.make(1, retention=RETENTION[1], accounts=frozenset({OTHER}))
    return stores, both, stores.make(2, retention=RETENTION[2])


def appended(turn: int) -> tuple[list[bytes], list[tuple[str, int]]]:
    """What is appended to the second store in round `turn`: records, and id and time of each."""
    at = NOW + turn * HOURS * 3600
    names = [(f"event-{10**6 + turn * APPENDED + number}", at - number % 2 * 7 * DAY // 2) for number in range(APPENDED)]
    return [made(10**6 + turn * APPENDED + number, age=NOW - when) for number, (_, when) in enumerate(names)], names


def work(folder: Path, turn: int) -> None:
    """What is killed: rounds of taking in, committing, appending, merging and dropping, from `turn` on."""
    from opentrail.lake.columns import to_table, write
    from opentrail.lake.families import Family

    stores, _, second = known()
    journal = EventJournal([record(number) for number in range((turn + 1) * PER_ROUND)])  # the round may have begun before
    clock = ManualClock(at=NOW + turn * HOURS * 3600.0)
    tables = opened_tables(folder, journal, stores, clock, **SETTINGS)
    while True:
        journal.append(*(record(number) for number in range(journal.head(), (turn + 1) * PER_ROUND)))
        tables.step()
        tables.commit()
        token = f"append-{turn}"
        if not tables.has(second, token):
            records, _ = appended(turn)
            path = tables.draft(second)
            write(path, Family.EVENTS, to_table(Family.EVENTS, records, range(APPENDED)).table)
            tables.append(second, [path], token=token)
        print(turn, tables.durable_position, flush=True)
        turn += 1
        clock.advance(HOURS * 3600.0)
        tables.step()


def expected(turns: int, tables: StoreTables, second: str, now: float) -> tuple[Counter[str], Counter[str]]:
    numbers = range(turns * PER_ROUND)
    first_oldest, second_oldest = (now - RETENTION[number] * DAY for number in (1, 2))
    first = Counter(f"event-{number}" for number in numbers if time_of(number) >= first_oldest)
    own = Counter(f"event-{number}" for number in numbers if number % 4 and time_of(number) >= second_oldest)
    for turn in range(turns + 2):
        if tables.has(second, f"append-{turn}"):
            own.update(name for name, at in appended(turn)[1] if at >= second_oldest)
    return first, own


@pytest.mark.timeout(120 + 30 * KILLS)
def test_each_event_is_there_once_however_often_it_is_killed(tmp_path: Path) -> None:
    folder = tmp_path / "lake"
    pick = random.Random(11)
    turn = durable = 0
    pause = 0.1
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[1]), str(Path(__file__).parent), *sys.path])}
    for kill in range(KILLS):
        command = [sys.executable, __file__, str(folder), str(turn)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, text=True) as lake:
            assert lake.stdout is not None
            begun = time.monotonic()
            for _ in range(pick.randrange(1, 3)):
                told = lake.stdout.readline().split()
                assert told, "the lake ended by itself"
                turn, durable = int(told[0]) + 1, int(told[1])
                pause, begun = max(0.05, time.monotonic() - begun), time.monotonic()
            end = time.monotonic() + pick.random() * min(pause, 2.0)  # somewhere in the next round
            while time.monotonic() < end:
                pass
            lake.send_signal(signal.SIGKILL)
            for line in lake.stdout:
                turn, durable = int(line.split()[0]) + 1, int(line.split()[1])
        check(folder, turn, durable, with_engines=kill % 5 == 0 or kill == KILLS - 1)


def check(folder: Path, turn: int, durable: int, *, with_engines: bool) -> None:
    stores, both, second = known()
    now = NOW + (turn + 1) * HOURS * 3600.0
    journal = EventJournal([record(number) for number in range((turn + 1) * PER_ROUND)])
    journal.trim(durable + 1)  # what it said was durable may be gone
    tables = opened_tables(folder, journal, stores, ManualClock(at=now), **SETTINGS)
    try:
        assert tables.durable_position >= durable
        assert all(tables.has(second, f"append-{number}") for number in range(turn))
        head = (turn + 1) * PER_ROUND
        wanted = expected(turn + 1, tables, second, now)
        assert (Counter(ids(tables, both, head)), Counter(ids(tables, second, head))) == wanted
        assert tables.status().quarantined == 0
        if with_engines:
            for which in (both, second):
                read_by_others(tables, folder, which)
    finally:
        tables.close()


def read_by_others(tables: StoreTables, folder: Path, which: str) -> None:
    table = StaticTable.from_metadata(f"file://{tables.location(which)}")
    scanned = Counter(table.scan(selected_fields=("eventid",)).to_arrow()["eventid"].to_pylist())
    files = [task.file.file_path.removeprefix("file://") for task in table.scan().plan_files()]
    found = Counter(name for (name,) in duckdb.sql("SELECT eventid FROM read_parquet($files)", params={"files": files}).fetchall())
    assert scanned == found
    assert set(scanned.values()) <= {1}
    # Nothing but what some snapshot names, and the files that tell of snapshots.
    named = {
        task.file.file_path.removeprefix("file://")
        for one in table.metadata.snapshots
        for task in table.scan(snapshot_id=one.snapshot_id).plan_files()
    }
    assert {str(path) for path in files_on_disk(folder, which)} == named
    metadata = {path.name for path in (folder / "stores" / which / "table" / "metadata").iterdir()}
    assert len([name for name in metadata if name.endswith(".metadata.json")]) <= 11
    assert len([name for name in metadata if name.startswith("snap-")]) == len(table.metadata.snapshots)


if __name__ == "__main__":
    work(Path(sys.argv[1]), int(sys.argv[2]))
