"""Which state an alarm is to have, by what its metric did. Pure.

The rules are those of the CloudWatch User Guide, "How alarm state is evaluated when data is missing".

More periods are looked at than are evaluated, so that data that come late or not at all do not change the state at once. The published
description leaves open how many; here they are `EXTRA` more.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

State = Literal["OK", "ALARM", "INSUFFICIENT_DATA"]
OK: Final = "OK"
ALARM: Final = "ALARM"
INSUFFICIENT_DATA: Final = "INSUFFICIENT_DATA"
STATES: Final[tuple[State, ...]] = (OK, ALARM, INSUFFICIENT_DATA)
TREATMENTS: Final = ("missing", "ignore", "breaching", "notBreaching")

EXTRA: Final = 2
"""Periods looked at beyond those evaluated."""


def verdict(points: Sequence[bool | None], *, periods: int, to_alarm: int, treatment: str) -> State | None:
    """The state that follows from `points`, one for each period of the range, oldest first: breaching or not, `None` where there is none.

    `periods` is the number evaluated (N), `to_alarm` how many of them must breach (M), `treatment` one of `TREATMENTS`.
    `None`: the state stays as it is.
    """
    newest_first = list(reversed(points))
    real = [point for point in newest_first if point is not None]
    breaching = sum(real[:periods])
    if len(real) >= periods:
        return ALARM if breaching >= to_alarm else OK
    if treatment in ("breaching", "notBreaching"):
        filled = periods - len(real) if treatment == "breaching" else 0
        return ALARM if breaching + filled >= to_alarm else OK
    if not real:
        return INSUFFICIENT_DATA if treatment == "missing" else None
    if breaching >= to_alarm:
        return ALARM
    if breaching < len(real):
        return OK
    if treatment == "ignore":
        return None
    # Only breaching points, but too few: an alarm once the oldest of them has moved as far back as M periods.
    oldest = max(place for place, point in enumerate(newest_first, 1) if point is not None)
    return ALARM if oldest >= to_alarm else None
