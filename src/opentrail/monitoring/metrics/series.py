"""Statistics over time: what GetMetricStatistics, GetMetricData and alarms see of a metric."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sqlalchemy import Connection

from opentrail.monitoring.metrics.buckets import Bucket
from opentrail.monitoring.metrics.store import COARSE, FINE, MetricStore


def sizes_for(period: int) -> tuple[int, ...]:
    """Sizes of the buckets that a period is put together from."""
    if period % 60 == 0:
        return COARSE
    return FINE if period % 10 == 0 else (1,)


def first(start: float, period: int) -> int:
    """Where the first period begins: `start` rounded down to the minute, or for short periods to the period."""
    grid = 60 if period % 60 == 0 else period
    return int(start // grid * grid)


def series(
    store: MetricStore, connection: Connection, key: str, *, start: int, end: int, period: int, unit: str | None = None
) -> dict[int, Bucket]:
    """Start of a period → what fell into it, of all units together unless one is named. Periods follow each other from `start` on."""
    data = store.read(connection, key, start, end, sizes=sizes_for(period), unit=unit)
    return together(data, start=start, end=end, period=period)


def together(data: Iterable[tuple[int, str, Bucket]], *, start: int, end: int, period: int) -> dict[int, Bucket]:
    """The same from what was read: those of `data` that lie in `[start, end)`."""
    found: dict[int, Bucket] = {}
    for at, _, content in data:
        if start <= at < end:
            place = start + (at - start) // period * period
            found[place] = found[place].plus(content) if place in found else content
    return found


def series_by_unit(
    store: MetricStore, connection: Connection, key: str, *, start: int, end: int, period: int, unit: str | None = None
) -> Mapping[tuple[int, str], Bucket]:
    """The same, each unit for itself."""
    found: dict[tuple[int, str], Bucket] = {}
    for at, of, content in store.read(connection, key, start, end, sizes=sizes_for(period), unit=unit):
        place = (start + (at - start) // period * period, of)
        found[place] = found[place].plus(content) if place in found else content
    return found
