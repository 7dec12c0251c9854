"""`opentrail tail` on a journal whose old records are stored elsewhere already."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from opentrail.cli.tail import tail
from opentrail.clock import SystemClock
from opentrail.config import JournalSettings
from opentrail.journal import Journal, trim
from opentrail.server.folder import DataFolder
from simulators.event_journal import made


def keep(folder: Path, *, records: int, trimmed: int) -> None:
    """A journal of `records` records, each a batch of its own, without the first `trimmed`."""
    path = DataFolder(folder).journal

    async def append() -> None:
        journal = Journal.open(path, settings=JournalSettings(), clock=SystemClock())
        for number in range(1, records + 1):
            await journal.append([made(number)])
        journal.close()

    asyncio.run(append())
    trim(path, trimmed + 1)


@pytest.mark.parametrize(
    ("trimmed", "last", "shown"),
    [(0, 2, [4, 5]), (0, 9, [1, 2, 3, 4, 5]), (3, 9, [4, 5]), (4, 2, [5]), (5, 2, []), (0, 0, [])],
)
def test_shows_the_newest_of_what_is_kept(
    tmp_path: Path, trimmed: int, last: int, shown: list[int], capsys: pytest.CaptureFixture[str]
) -> None:
    keep(tmp_path, records=5, trimmed=trimmed)
    tail(last=last, follow=False, data_dir=tmp_path, as_json=True)
    printed = [json.loads(line)["eventID"] for line in capsys.readouterr().out.splitlines()]
    assert printed == [f"event-{number}" for number in shown]
