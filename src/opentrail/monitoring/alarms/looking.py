"""What the data of its metric say about an alarm at a moment: the windows, and the verdict over them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from opentrail.monitoring.alarms.reasons import Point
from opentrail.monitoring.alarms.settings import Watched
from opentrail.monitoring.alarms.verdict import ALARM, EXTRA, verdict
from opentrail.monitoring.metrics.buckets import Bucket
from opentrail.monitoring.metrics.series import sizes_for, together
from opentrail.monitoring.metrics.store import MetricStore, key_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """The state that follows, `None` for the one that it has, and the points that speak for it, oldest first."""

    state: str | None
    points: Sequence[Point | None]


def closed_end(watched: Watched, now: float) -> int:
    """Where the newest period ends that is over."""
    return int(now // watched.step * watched.step)


def look(
    store: MetricStore, connection: Connection, watched: Watched, now: float, *, low_samples_count: bool = True, only_alarm: bool = False
) -> Look:
    """The verdict at `now`.

    The period that is still open counts as soon as it breaches in a way that more data cannot undo; so a breach is seen at once. All other
    verdicts are on periods that are over. `only_alarm`: any other verdict than ALARM, and one that more data could undo, is left for later.
    `low_samples_count`: percentiles of few samples count too (`EvaluateLowSampleCountPercentile`).
    """
    if not watched.lasting and only_alarm:
        return Look(state=None, points=())
    end = closed_end(watched, now)
    upto = end + watched.step if watched.lasting else end
    data = list(
        store.read(connection, key_of(watched.metric), _start(watched, end), upto, sizes=sizes_for(watched.period), unit=watched.unit)
    )
    if watched.lasting:
        points, buckets = _points(watched, data, upto)
        newest = buckets[-1]
        if newest is not None and _breach_lasts(watched, newest) and _state(watched, points) == ALARM:
            return Look(state=ALARM, points=points)
    points, buckets = _points(watched, data, end)
    evaluated = [bucket for bucket in reversed(buckets) if bucket is not None][: watched.periods]
    if not low_samples_count and any(_few(watched, bucket) for bucket in evaluated):
        return Look(state=None, points=points)
    return Look(state=_state(watched, points), points=points)


def _start(watched: Watched, end: int) -> int:
    return end - (watched.periods + EXTRA) * watched.period


def _points(watched: Watched, data: Sequence[tuple[int, str, Bucket]], end: int) -> tuple[list[Point | None], list[Bucket | None]]:
    """What happened in each period of the range that ends at `end`, oldest first."""
    start = _start(watched, end)
    found = together(data, start=start, end=end, period=watched.period)
    buckets = [found.get(at) for at in range(start, end, watched.period)]
    points: list[Point | None] = []
    for place, bucket in enumerate(buckets):
        value = None if bucket is None else watched.statistic.of(bucket)
        at = start + place * watched.period
        points.append(None if bucket is None or value is None else Point(start=at, value=value, samples=bucket.count))
    return points, buckets


def _state(watched: Watched, points: Sequence[Point | None]) -> str | None:
    breaches = [None if point is None else watched.breaches(point.value) for point in points]
    return verdict(breaches, periods=watched.periods, to_alarm=watched.to_alarm, treatment=watched.treatment)


def _breach_lasts(watched: Watched, newest: Bucket) -> bool:
    value = watched.statistic.of(newest)
    # A sum grows for ever only where nothing negative comes in.
    return value is not None and watched.breaches(value) and not (watched.statistic.name == "Sum" and newest.minimum < 0)


def _few(watched: Watched, bucket: Bucket) -> bool:
    """Too few samples for the percentile to mean anything (User Guide, "Percentile-based alarms and low data samples")."""
    percent = watched.statistic.percent
    if percent is None:
        return False
    rare = min(percent, 100 - percent) / 100
    return rare > 0 and bucket.count < 10 / rare
