"""Which periods the digests of a chain have to cover, and which are made up for later (reference of delivery, §10.1, §10.6). Pure.

A digest is a regular one if it is made within an hour of the end of its period, and a backfill digest if it is made later. The hour is not
ours to choose: whoever validates a time range takes digests stamped up to one hour after its end, and public keys valid up to two hours
after it. A regular digest made later than that could be signed with a key that such a validator is never handed.

For the same reason no backfill digest covers more than an hour (or one interval): a file that was delivered in the range is then always
in a digest that is stamped in time.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

LATEST = 3600.0
"""Seconds after the end of its period within which a regular digest is made."""
LONGEST_MADE_UP = 31 * 86400
"""Seconds that are made up for piece by piece; what lies before them is one piece. Nothing waits longer than 30 days for its bucket, but a
clock may jump."""


@dataclass(frozen=True, slots=True)
class Period:
    """`[start, end)` in epoch seconds, and whether its digest is a backfill digest."""

    start: int
    end: int
    is_backfill: bool


def boundary(now: float, interval: float) -> int:
    """The newest point of the grid of `interval` seconds that is not after `now`."""
    return int(math.floor(now / interval) * interval)


def is_boundary(end: int, interval: float) -> bool:
    """Whether `end` is on the grid. The last digest of a trail that was stopped does not end there: so it can be told."""
    return interval >= 2 and boundary(end + 1, interval) == end


def due(start: int, now: float, interval: float, *, last_end: int | None = None) -> list[Period]:
    """What has to be covered from `start` on, oldest first: up to the last point of the grid, or up to `last_end` where the chain ends."""
    end = boundary(now, interval) if last_end is None else last_end
    late_until = min(boundary(now - LATEST, interval), end)
    periods: list[Period] = []
    while start < late_until:
        upto = min(late_until, max(_hour_after(start, interval), _hour_after(late_until - LONGEST_MADE_UP, interval)))
        periods.append(Period(start, upto, True))
        start = upto
    if start < end:
        periods.append(Period(start, end, False))
    return periods


def _hour_after(at: int, interval: float) -> int:
    """The next whole hour; whole intervals where these do not fit into hours."""
    step = max(interval, math.floor(LATEST / interval) * interval)
    return max(at + 1, int((math.floor(at / step) + 1) * step))
