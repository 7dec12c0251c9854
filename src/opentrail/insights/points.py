"""The points that ListInsightsMetricData shows, as far as they are not written down yet."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy.engine import Connection

from opentrail.insights import store
from opentrail.insights.values import Series


class Points:
    """Counts by series, period and time. One thread."""

    def __init__(self) -> None:
        self._counts: dict[tuple[Series, int, int], int] = {}

    def __len__(self) -> int:
        return len(self._counts)

    @property
    def series(self) -> set[Series]:
        """Those that have points here."""
        return {series for series, _, _ in self._counts}

    def add(self, series: Series, minute: int, count: int, now: float) -> None:
        """So many calls in that minute, as far as points of it are still kept at `now` (epoch seconds)."""
        time = minute * 60
        for period, kept in store.KEPT.items():
            if time >= now - kept:
                key = (series, period, time - time % period)
                self._counts[key] = self._counts.get(key, 0) + count

    def save(self, connection: Connection, numbers: Mapping[Series, int]) -> None:
        """Write them down; `numbers` has those of all `series`."""
        store.add_points(connection, {(numbers[series], period, time): count for (series, period, time), count in self._counts.items()})

    def saved(self) -> None:
        """It is committed."""
        self._counts.clear()
