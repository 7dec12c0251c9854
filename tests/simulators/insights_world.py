"""A follower of Insights over a journal in memory."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from opentrail.clock import ManualClock
from opentrail.insights import store
from opentrail.insights.follower import InsightsFollower
from opentrail.insights.values import Series
from opentrail.storage.database import Database
from simulators.insight_sources import DELETE_ROLE, CallJournal, OneTrail


class World:
    """A follower over a journal in memory, that can be begun anew."""

    def __init__(self, folder: Path, journal: CallJournal | None = None, clock: ManualClock | None = None) -> None:
        self.folder = folder
        self.clock = clock or ManualClock()
        self.database = Database.at(folder / "insights.db")
        self.journal = journal or CallJournal()
        self.sources = OneTrail()
        self.promise: Callable[[int], None] = lambda _: None
        self.begin()

    def begin(self) -> None:
        """A new process."""
        self.follower = InsightsFollower(
            self.database, self.clock, journal=self.journal, sources=self.sources, promise=lambda position: self.promise(position)
        )

    def catch_up(self) -> None:
        """Read everything, and commit."""
        while self.follower.step():
            pass
        self.clock.advance(6)
        self.follower.step()

    def announced(self) -> list[dict[str, Any]]:
        """The records that are to be told, oldest first."""
        with self.database.read() as connection:
            return [json.loads(json.loads(event)["record"]) for _, event in store.announcements(connection, 100)]

    def points(self, period: int = 60, series: Series = DELETE_ROLE) -> dict[int, int]:
        with self.database.read() as connection:
            number = store.find(connection, series)
            return dict(store.points(connection, [number or 0], period, 0, 1 << 40, 1_000_000))
