"""A disk that refuses: everybody who waits hears of it, nothing is half there, and it works again when there is space."""

from __future__ import annotations

import asyncio
import json
import random
import subprocess
import sys
from pathlib import Path

import pytest

from opentrail.errors import JournalUnavailable
from opentrail.journal import Reader

LIMITED = """
import asyncio, json, random, resource, sys
from pathlib import Path
from opentrail.clock import SystemClock
from opentrail.config import JournalSettings
from opentrail.errors import JournalUnavailable
from opentrail.journal import Journal

LIMIT = 3 << 20
noise = random.Random(7)

async def calls(journal, count, size):
    records = [noise.randbytes(size) for _ in range(count)]
    answers = await asyncio.gather(*(journal.append([record]) for record in records), return_exceptions=True)
    for record, answer in zip(records, answers):
        if isinstance(answer, int):
            acknowledged[answer] = record[:8].hex()
        else:
            refusals.append(type(answer).__name__)

async def main():
    journal = Journal.open(Path(sys.argv[1]), settings=JournalSettings(min_free=0), clock=SystemClock())
    await calls(journal, 5, 2000)
    resource.setrlimit(resource.RLIMIT_FSIZE, (LIMIT, resource.RLIM_INFINITY))
    while not refusals:
        await calls(journal, 20, 20000)
    await calls(journal, 20, 200000)
    checked = ""
    try:
        journal.check()
    except JournalUnavailable as error:
        checked = str(error)
    refused = len(refusals)
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    for _ in range(2000):
        try:
            journal.check()
            break
        except JournalUnavailable:
            await asyncio.sleep(0.005)
    await calls(journal, 20, 20000)
    journal.check()
    journal.close()
    print(json.dumps({"acknowledged": acknowledged, "refusals": refusals, "refused": refused, "checked": checked}))

acknowledged, refusals = {}, []
asyncio.run(main())
"""


def test_a_file_that_may_not_grow_is_an_error_for_everybody_and_heals(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    done = subprocess.run([sys.executable, "-c", LIMITED, str(path)], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert set(told["refusals"]) == {"JournalUnavailable"}
    assert told["refused"] >= 20
    assert len(told["refusals"]) == told["refused"], "appends after the limit was lifted must work"
    assert "cannot be used at the moment" in told["checked"]
    reader = Reader(path)
    kept = {entry.position: entry.record[:8].hex() for entry in reader.read(0, 100_000)}
    reader.close()
    assert kept == {int(position): start for position, start in told["acknowledged"].items()}
    assert list(kept) == list(range(1, len(kept) + 1))


def test_a_full_database_refuses_whole_calls_and_heals(desk) -> None:
    journal = desk.open()
    desk.append(journal, b"before")
    journal._connection.execute("PRAGMA max_page_count=20")
    noise = random.Random(3)
    whole = [noise.randbytes(1000) for _ in range(2000)]
    for attempt in ([b"small", *whole], [noise.randbytes(5_000_000), b"small"]):
        with pytest.raises(JournalUnavailable, match="full"):
            desk.append(journal, *attempt)
    assert journal.head == 1
    with pytest.raises(JournalUnavailable):
        journal.check()
    journal._connection.execute("PRAGMA max_page_count=1000000")
    assert desk.append(journal, *whole) == 2001
    journal.check()
    reader = Reader(desk.path)
    assert [entry.record for entry in reader.read(0, 10_000)] == [b"before", *whole]
    reader.close()


def test_check_finds_out_by_itself_that_writing_works_again(desk) -> None:
    journal = desk.open()
    journal._connection.execute("PRAGMA query_only=ON")
    with pytest.raises(JournalUnavailable):
        desk.append(journal, b"one")
    with pytest.raises(JournalUnavailable):
        journal.reserve()
    journal._connection.execute("PRAGMA query_only=OFF")

    async def until_it_works() -> None:
        while True:
            try:
                return journal.check()
            except JournalUnavailable:
                await asyncio.sleep(0)

    asyncio.run(until_it_works())
    assert desk.append(journal, b"one") == 1
