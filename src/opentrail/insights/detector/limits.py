"""How far is usual for a series? What it showed of late sets the limit that an unusual window has to pass."""

from __future__ import annotations

import math

from opentrail.insights.detector.margins import bound, height
from opentrail.insights.detector.state import DAYS, State

OFFSET = 4.0
"""Calls added to both sides of a ratio: few calls against none are no multiple."""
RISE, RISE_UNKNOWN, FALL = math.log(2), math.log(3), math.log(2.5)
"""Least ratio: above what was expected, the same before the hours of the week are known, and below it."""
SPREAD = 0.15
WIDTH = 4.0
STEP = 0.4
SPREAD_HEIGHTS, SPREAD_HEIGHTS_FEW = 0.35, 0.6
PEAKED = 5
WIDTH_HEIGHTS = 4.0
MOST_LIMIT = math.log(7)
FEW = 3
"""Days below which the hours before count as well."""


def passed(state: State, index: int, deviation: float, total: int, *, known: bool, learns: bool) -> float:
    """By how much a rise passes what the series shows on its own; and remember it.

    A series that bursts on its own is judged by how high its bursts went, since nobody knows when they come; others by the deviation.
    """
    least = RISE if known else RISE_UNKNOWN
    bound_now = limit(state, index, deviation, least, learns=learns)
    if deviation <= least:
        return 0.0
    past = state.heights[index].past
    if past and bursts(state):
        spread = SPREAD_HEIGHTS if len(past) >= 7 else SPREAD_HEIGHTS_FEW
        return min(deviation - least, math.log(total + OFFSET) - height(past, spread=spread, width=WIDTH_HEIGHTS, step=STEP))
    return deviation - min(bound_now, MOST_LIMIT)


def limit(state: State, index: int, deviation: float, least: float, *, learns: bool) -> float:
    """What the deviation would have to pass; and remember the deviation."""
    daily, hourly = state.daily[index], state.hourly[index]
    found = least
    if deviation > least:
        if daily.past:
            found = max(found, bound(daily, spread=SPREAD, width=WIDTH, step=STEP))
        if len(daily.past) < FEW and hourly.past:
            found = max(found, bound(hourly, spread=SPREAD, width=WIDTH, step=STEP))
    if not learns:
        return found
    if deviation > daily.greatest:
        daily.greatest = deviation
    if len(daily.past) >= FEW:
        if hourly.past:
            hourly.past.clear()
        hourly.greatest = 0.0
    elif deviation > hourly.greatest:
        hourly.greatest = deviation
    return found


def bursts(state: State) -> bool:
    """On half of its days the series went to more than three times what was expected, for a minute or five; or to more than twice, and is
    nearly silent else. In the first week, when little is expected rightly: its highest minute is far above its average one."""
    whole = whole_days(state)
    if whole < 7:
        return _peaked(state, PEAKED)
    for times in (RISE_UNKNOWN, RISE) if _peaked(state, 4 * PEAKED) else (RISE_UNKNOWN,):
        burst = max(sum(each > 100 * times for each in state.daily[index].past) for index in (0, 1))
        if burst * 2 >= min(DAYS, whole):
            return True
    return False


def _peaked(state: State, times: float) -> bool:
    """The highest minute of the past days is as many times the average one."""
    highest = max(state.heights[0].past, default=0) / 100
    average = sum(state.days.values()) / min(state.minute - state.since + 1, DAYS * 1440)
    return math.exp(highest) > times * average + 2 * OFFSET


def whole_days(state: State) -> int:
    """Days (UTC) that were watched from begin to end."""
    return (state.minute + 1) // 1440 - (state.since + 1439) // 1440


def deviance(count: float, mean: float) -> float:
    """How much better the count fits a rate of its own than the expected one (Poisson; nats)."""
    mean = max(mean, 0.01)
    return (count * math.log(count / mean) if count else 0.0) - (count - mean)
