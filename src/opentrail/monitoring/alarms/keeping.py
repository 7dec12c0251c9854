"""The history of alarms is kept for 30 days (API reference, DescribeAlarmHistory)."""

from __future__ import annotations

from typing import Final

from opentrail.clock import Clock
from opentrail.monitoring.alarms.store import AlarmStore

KEPT: Final = 30 * 86_400
BATCH: Final = 1000
EVERY: Final = 300.0
"""Seconds between two looks."""


class HistoryKeeper:
    """Removes what is older."""

    def __init__(self, store: AlarmStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def step(self) -> bool:
        """One batch; whether there may be more."""
        before = self._clock.time() - KEPT
        if self._store.database.first("SELECT 1 FROM alarm_history WHERE time < ? LIMIT 1", (before,)) is None:
            return False
        with self._store.database.begin() as connection:
            done = connection.exec_driver_sql(
                "DELETE FROM alarm_history WHERE number IN (SELECT number FROM alarm_history WHERE time < ? LIMIT ?)", (before, BATCH)
            )
            return done.rowcount == BATCH
