"""What is kept how long (CloudWatch User Guide, "Metrics retention"): finer than a minute 3 hours, minutes 15 days, 5 minutes 63 days,
hours 455 days. What is too old goes into the next larger bucket, in small transactions: a process may die between any two of them.
"""

from __future__ import annotations

from typing import Final

from opentrail.clock import Clock
from opentrail.monitoring.metrics.buckets import Bucket, read
from opentrail.monitoring.metrics.store import FINE, FINE_FOR, MetricStore, put_buckets

DAY: Final = 86_400
STEPS: Final = ((60, 15 * DAY, 300), (300, 63 * DAY, 3600), (3600, 455 * DAY, None))
"""Size of a bucket, seconds it is kept, size of the one it then goes into."""
BATCH: Final = 1000
"""Buckets in one transaction."""
EVERY: Final = 60.0
"""Seconds between two looks."""


class Expiry:
    """Thins out old data."""

    def __init__(self, store: MetricStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def step(self) -> bool:
        """One batch of each kind; whether there may be more."""
        now = self._clock.time()
        more = sum(self._drop(size, now - FINE_FOR) for size in FINE) > 0
        for size, kept, larger in STEPS:
            more |= self._drop(size, now - kept) if larger is None else self._thin(size, now - kept, larger)
        self._forget(now - STEPS[-1][1])
        return more

    def _drop(self, size: int, before: float) -> bool:
        if self._store.database.first("SELECT 1 FROM metric_buckets WHERE resolution = ? AND start < ? LIMIT 1", (size, before)) is None:
            return False
        with self._store.database.begin() as connection:
            done = connection.exec_driver_sql(
                "DELETE FROM metric_buckets WHERE rowid IN (SELECT rowid FROM metric_buckets WHERE resolution = ? AND start < ? LIMIT ?)",
                (size, before, BATCH),
            )
            return done.rowcount == BATCH

    def _thin(self, size: int, before: float, larger: int) -> bool:
        if self._store.database.first("SELECT 1 FROM metric_buckets WHERE resolution = ? AND start < ? LIMIT 1", (size, before)) is None:
            return False
        with self._store.database.begin() as connection:
            rows = connection.exec_driver_sql(
                'SELECT rowid, metric, start, unit, sum, count, minimum, maximum, "values" FROM metric_buckets '
                "WHERE resolution = ? AND start < ? ORDER BY start LIMIT ?",
                (size, before, BATCH),
            ).all()
            merged: dict[tuple[int, int, int, str], Bucket] = {}
            for row in rows:
                place = (row[1], larger, row[2] // larger * larger, row[3])
                content = read(*row[4:])
                merged[place] = merged[place].plus(content) if place in merged else content
            put_buckets(connection, merged)
            if rows:
                connection.exec_driver_sql("DELETE FROM metric_buckets WHERE rowid = ?", [(row[0],) for row in rows])
            return len(rows) == BATCH

    def _forget(self, before: float) -> None:
        """Metrics of which nothing is left."""
        if self._store.database.first("SELECT 1 FROM metrics WHERE newest < ? LIMIT 1", (before,)) is None:
            return
        with self._store.database.begin() as connection:
            connection.exec_driver_sql(
                "DELETE FROM metrics WHERE newest < ? AND NOT EXISTS (SELECT 1 FROM metric_buckets b WHERE b.metric = metrics.number)",
                (before,),
            )
