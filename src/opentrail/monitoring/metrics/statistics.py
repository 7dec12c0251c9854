"""Statistics of a bucket, by the names that CloudWatch gives them. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from opentrail.monitoring.metrics.buckets import Bucket

SIMPLE: Final = ("SampleCount", "Average", "Sum", "Minimum", "Maximum")
_PERCENTILE: Final = re.compile(r"p(\d{1,2}(?:\.\d{1,10})?|100)")


@dataclass(frozen=True, slots=True)
class Statistic:
    """One of `SIMPLE`, or a percentile."""

    name: str
    percent: float | None = None

    def of(self, bucket: Bucket) -> float | None:
        """Its value; `None` for a percentile of values that are not known."""
        if self.percent is not None:
            return None if bucket.values is None else percentile(bucket.values, self.percent)
        match self.name:
            case "SampleCount":
                return bucket.count
            case "Average":
                return bucket.sum / bucket.count
            case "Sum":
                return bucket.sum
            case "Minimum":
                return bucket.minimum
        return bucket.maximum


def statistic(name: str) -> Statistic | None:
    """The statistic called `name`: `Sum`, `p99`, `p99.9`; `None` when there is none of that name."""
    if name in SIMPLE:
        return Statistic(name)
    found = _PERCENTILE.fullmatch(name)
    return None if found is None else Statistic(name, float(found[1]))


def percentile(values: Mapping[float, float], percent: float) -> float:
    """The value below which `percent` of the values lie; between two of them it is interpolated."""
    ordered = sorted(values.items())
    total = math.fsum(count for _, count in ordered)
    place = percent / 100 * max(total - 1, 0.0)
    below = math.floor(place)
    low, high = _at(ordered, below), _at(ordered, below + 1)
    return low + (high - low) * (place - below)


def _at(ordered: list[tuple[float, float]], place: float) -> float:
    passed = 0.0
    for value, count in ordered:
        passed += count
        if place < passed:
            return value
    return ordered[-1][0]
