"""The detector's method on measurements that are no counts, to measure it by public benchmarks: a score for each value of a metric.

What is the same as for counts: deviations are taken as logarithms of ratios, over windows of several lengths; what a series has shown so
far is its own margin, so only what goes beyond that is unusual; one thing is told once. What differs: without a law of counts the scale is
the spread of the values, and the margin is the range of what was seen.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence

WINDOWS = (1, 5, 20)
FADES = 0.0008
"""Weight of the newest value in mean and spread, once there are enough."""
STARTS = 30
"""Values before anything is judged by its range; for the spread `STARTS_SPREAD`."""
STARTS_SPREAD = 50
SPREAD = 0.15
"""Standard deviation of deviations that is assumed at least."""
BEYOND, BEYOND_SCALE = 6.0, 60.0
"""What leaving the range weighs, and how soon it does: a sixtieth of the range beyond counts `log 2`."""
SURE = 8.0
TOLD, QUIET, HUSHED = 0.3, 200, 0.3
"""A score above `TOLD` opens an episode; for as many values after it lower ones are `HUSHED`: they say nothing new."""


class Range:
    """Means over a window, and the lowest and the highest that they have been."""

    def __init__(self, window: int) -> None:
        self._values: deque[float] = deque(maxlen=window)
        self._sum = 0.0
        self._seen = 0
        self._low, self._high = math.inf, -math.inf

    def beyond(self, value: float) -> float:
        """By what part of the range so far the window with this value is outside it; then the range takes it in."""
        values, window = self._values, self._values.maxlen or 1
        if len(values) == window:
            self._sum -= values[0]
        values.append(value)
        self._sum += value
        mean = self._sum / len(values)
        out = 0.0
        if self._seen >= STARTS + window:
            width = self._high - self._low + 1e-9 * abs(mean) + 1e-12
            out = max(0.0, (mean - self._high) / width, (self._low - mean) / width)
        if self._seen >= window:
            self._low, self._high = min(self._low, mean), max(self._high, mean)
        self._seen += 1
        return out


class Spread:
    """Mean and variance of what was seen, older values weighing less."""

    def __init__(self) -> None:
        self.mean = self.variance = 0.0
        self._seen = 0

    def add(self, value: float) -> None:
        self._seen += 1
        weight = max(FADES, 1 / self._seen)
        gap = value - self.mean
        self.mean += gap * weight
        self.variance += (gap * gap - self.variance) * weight


def scores(values: Sequence[float]) -> list[float]:
    """How unusual each value is beside those before it, from 0 to below 1. Nothing is known of a value when those before it are judged."""
    ranges = [Range(window) for window in WINDOWS]
    level, deviations = Spread(), Spread()
    opened, told = -QUIET, 0.0
    out = []
    for index, value in enumerate(values):
        unusual = 0.0
        if index >= 2:
            scale = math.sqrt(level.variance) + 1e-6 * abs(level.mean) + 1e-9
            deviation = math.log1p(abs(value - level.mean) / scale)
            if index > STARTS_SPREAD:
                unusual = max(0.0, (deviation - deviations.mean) / (math.sqrt(deviations.variance) + SPREAD))
            deviations.add(deviation)
        level.add(value)
        unusual += BEYOND * math.log1p(BEYOND_SCALE * max([each.beyond(value) for each in ranges]))
        score = 1 - math.exp(-unusual / SURE)
        if index - opened < QUIET and score <= told:
            score *= HUSHED
        elif score > TOLD:
            opened, told = index, score
        out.append(score)
    return out
