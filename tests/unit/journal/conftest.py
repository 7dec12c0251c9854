"""A journal to play with: opened, appended to, and closed again in plain synchronous tests."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from opentrail.clock import ManualClock
from opentrail.config import JournalSettings
from opentrail.journal import Journal, Reservation


class Desk:
    """Opens journals below one folder, runs their appends to the end, closes what is still open."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "journal.db"
        self.clock = ManualClock()
        self._runner = asyncio.Runner()
        self._open: list[Journal] = []

    def open(self, *, floor: int = 0, **settings: Any) -> Journal:
        journal = Journal.open(self.path, settings=JournalSettings(**{"min_free": 0, **settings}), clock=self.clock, floor=floor)
        self._open.append(journal)
        return journal

    def append(self, journal: Journal, *records: bytes, reservation: Reservation | None = None) -> int:
        return self._runner.run(journal.append(records, reservation))

    def append_together(self, journal: Journal, calls: Sequence[Sequence[bytes]]) -> list[int | BaseException]:
        """All calls at the same time; their positions or what they raised, in the order of `calls`."""

        async def together() -> list[int | BaseException]:
            return await asyncio.gather(*(journal.append(call) for call in calls), return_exceptions=True)

        return self._runner.run(together())

    def close(self) -> None:
        for journal in self._open:
            journal.close()
        self._runner.close()


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path)
    yield made
    made.close()
