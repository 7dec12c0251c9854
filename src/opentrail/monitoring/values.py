"""What passes between log groups, filters and metrics: small frozen values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class LogEvent:
    """One event in a log stream."""

    event_id: str
    """Unique; in order of `timestamp`, then of arrival."""
    timestamp: int
    """When it happened, milliseconds since 1970; chosen by whoever put it."""
    ingestion_time: int
    """When it came in, milliseconds since 1970."""
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """Log events that came in together, for one stream."""

    position: int
    """Of the chunk among all; ever rising, in order of arrival, with gaps."""
    account_id: str
    region: str
    log_group: str
    log_stream: str
    events: Sequence[LogEvent]


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """What identifies a metric (CloudWatch User Guide, "Metrics concepts")."""

    account_id: str
    region: str
    namespace: str
    name: str
    dimensions: tuple[tuple[str, str], ...] = ()
    """Name and value of each, in order of the names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricPoint:
    """A value of a metric at a moment; several of them together where `count` is above 1 (shape `StatisticSet`)."""

    metric: Metric
    time: float
    """Seconds since 1970."""
    sum: float
    count: float = 1.0
    minimum: float
    maximum: float
    unit: str = "None"
    values: Sequence[tuple[float, float]] = ()
    """Each value with how often it came, where they are known: percentiles stand on them."""
    high_resolution: bool = False
    """Kept by the second (`StorageResolution` 1)."""
