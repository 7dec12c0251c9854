"""Calls in the windows that end with a minute."""

from __future__ import annotations

from bisect import bisect_left

from opentrail.insights.detector.state import State

LAST = 10
"""Minutes whose rate counts as that of late, if they had more than the hour."""


def sums(state: State, minute: int) -> list[int]:
    """Calls in each window that ends with this minute."""
    minutes, counts = state.minutes, state.counts
    if not minutes:
        return [0, 0, 0, 0]
    return [
        counts[-1] if minutes[-1] == minute else 0,
        sum(counts[bisect_left(minutes, minute - 4, max(0, len(minutes) - 5)) :]),
        sum(counts[bisect_left(minutes, minute - 14, max(0, len(minutes) - 15)) :]),
        sum(counts),
    ]


def recent(state: State, minute: int, before: int, window: int) -> float:
    """Calls in a minute of the last hour before the window, or of the last minutes before it if those had more: what there is to go by
    while the hours of the day are unknown. So a morning, which comes over many minutes, is none."""
    rest = min(60, minute - state.first + 1) - window
    if rest < 30:
        return 0.0
    last = minute - window
    begin, end = bisect_left(state.minutes, last - LAST + 1), bisect_left(state.minutes, last + 1)
    return max(before / rest, sum(state.counts[begin:end]) / LAST)
