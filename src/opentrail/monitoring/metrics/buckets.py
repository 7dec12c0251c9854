"""What is kept of the values that fell into one stretch of time. Pure.

Percentiles need the values themselves. They are kept, each with how often it came, up to `MOST_VALUES` different ones; beyond that they are
rounded to fewer significant digits until they fit, so that a bucket has a bounded size whatever comes in. Of a statistic set with different
minimum and maximum the values are not known: a bucket that has taken one has no percentiles (CloudWatch User Guide, "Percentiles").
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

MOST_VALUES: Final = 1000
"""Different values that a bucket keeps."""

UNKNOWN: Final = "?"
"""Written for values that are not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """The values of one stretch; never empty."""

    sum: float
    count: float
    minimum: float
    maximum: float
    values: Mapping[float, float] | None
    """Value → how often; `None` when that is not known."""

    def plus(self, other: Bucket) -> Bucket:
        """Both together."""
        values: dict[float, float] | None = None
        if self.values is not None and other.values is not None:
            values = dict(self.values)
            for value, count in other.values.items():
                values[value] = values.get(value, 0.0) + count
            values = _bounded(values)
        return Bucket(
            sum=self.sum + other.sum,
            count=self.count + other.count,
            minimum=min(self.minimum, other.minimum),
            maximum=max(self.maximum, other.maximum),
            values=values,
        )

    def written(self) -> str | None:
        """The values as text; `None` when all are the minimum."""
        if self.values is None:
            return UNKNOWN
        if len(self.values) == 1:
            return None
        return json.dumps([[value, count] for value, count in self.values.items()], separators=(",", ":"))


def bucket(*, sum_: float, count: float, minimum: float, maximum: float, values: Iterable[tuple[float, float]] = ()) -> Bucket:
    """What came in at once; values that all are alike need not be given."""
    known: dict[float, float] = {}
    for value, times in values:
        known[value] = known.get(value, 0.0) + times
    if not known and minimum == maximum:
        known = {minimum: count}
    return Bucket(sum=sum_, count=count, minimum=minimum, maximum=maximum, values=_bounded(known) if known else None)


def read(sum_: float, count: float, minimum: float, maximum: float, written: str | None) -> Bucket:
    """A bucket from what was stored of it."""
    values: dict[float, float] | None
    if written is None:
        values = {minimum: count}
    elif written == UNKNOWN:
        values = None
    else:
        values = dict(json.loads(written))
    return Bucket(sum=sum_, count=count, minimum=minimum, maximum=maximum, values=values)


def _bounded(values: dict[float, float]) -> dict[float, float]:
    digits = 4
    while len(values) > MOST_VALUES:
        fewer: dict[float, float] = {}
        for value, count in values.items():
            rounded = float(f"{value:.{digits}g}")
            fewer[rounded] = fewer.get(rounded, 0.0) + count
        values, digits = fewer, max(digits - 1, 1)
        if digits == 1 and len(values) > MOST_VALUES:
            # Values over hundreds of powers of ten: the rarest are given to their neighbours.
            ordered = sorted(values.items())
            values = {}
            for place in range(0, len(ordered), 2):
                pair = ordered[place : place + 2]
                values[pair[0][0]] = sum(count for _, count in pair)
    return values
