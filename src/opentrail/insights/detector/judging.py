"""Is a minute, with those before it, unusual?"""

from __future__ import annotations

import math

from opentrail.insights.detector import episodes, limits, windows
from opentrail.insights.detector.episodes import LEAST_FALL
from opentrail.insights.detector.limits import FALL, FEW, OFFSET, RISE
from opentrail.insights.detector.state import WINDOWS, Near, State
from opentrail.insights.detector.turns import Turn
from opentrail.insights.detector.usual import expected

EVIDENCE = 20.0
"""Least deviance (in nats) of a window from what was expected: chance makes one in some hundred million Poisson counts go so far."""
LEAST_MORE = {False: (25, 35, 45, 90), True: (8, 12, 20, 40)}
"""Calls, and errors, above what was expected below which no window is unusual."""
UNSEEN = {False: (45, 150, 450, 1800), True: (8, 40, 120, 480)}
"""Calls in a minute below which a series in its first hour of calls is taken for a new workload."""
WEEK = 7 * 1440
YOUNG = 60
"""Minutes to be seen before anything is judged."""
LONG = 15
"""Windows from here on reach so far back that the hours on both sides count."""


def judged(state: State, minute: int) -> Turn | None:
    """Judge the windows that end with this minute; what they show is remembered as the series' own margin, unusual or not."""
    near = state.near
    if near.half != minute // 30:
        _look_around(state, minute)
    sums = windows.sums(state, minute)
    if within(near, sums):
        return None
    rise = None
    if sums[-1]:
        if _says_little(state, minute, sums):
            if not _raised(state, sums) and not near.falls:
                return None  # the bounds stay as they are
        else:
            rise = _rise(state, minute, sums)
    fall = _fall(state, minute, sums) if rise is None and near.falls else None
    _narrow(state)
    if rise is not None:
        over, index = rise
        return episodes.begun(state, minute, WINDOWS[index], "rise", over, near.most if WINDOWS[index] < LONG else near.most_long)
    if fall is not None:
        over, index = fall
        return episodes.begun(state, minute, WINDOWS[index], "fall", over, near.least)
    return None


def _look_around(state: State, minute: int) -> None:
    """What is expected changes by the half hour only."""
    near = state.near
    near.half = minute // 30
    near.most, near.least, near.most_long, near.least_long, near.known = expected(state, minute)
    near.falls = near.least * 60 >= LEAST_FALL and (near.known or state.steady) and not limits.bursts(state)
    near.shown = [(-1.0, -1.0, -1.0)] * len(WINDOWS)
    _narrow(state)


def _narrow(state: State) -> None:
    """Sums within these bounds teach nothing that was not seen on this day already, and stray less than anything that could be told."""
    near, falls = state.near, state.near.falls
    for index, (window, hourly, daily, heights) in enumerate(zip(WINDOWS, state.hourly, state.daily, state.heights, strict=False)):
        rise = daily.greatest if len(daily.past) >= FEW else hourly.greatest
        fall = _greatest(state, index + len(WINDOWS)) if falls else 0.0
        shown = (rise, heights.greatest, fall)
        if near.shown[index] == shown:  # what else the bounds follow from changes by the half hour
            continue
        near.shown[index] = shown
        mean = (near.most if window < LONG else near.most_long) * window
        highest = (mean + OFFSET) * math.exp(min(rise, RISE)) * (1 - 1e-9)
        near.highest[index] = min(highest, math.exp(heights.greatest) * (1 + 1e-9)) - OFFSET
        mean = (near.least if window < LONG else near.least_long) * window
        if falls and mean >= LEAST_FALL:
            near.lowest[index] = (mean + OFFSET) / math.exp(min(fall, FALL)) * (1 + 1e-9) - OFFSET
        else:
            near.lowest[index] = -1.0


def _greatest(state: State, index: int) -> float:
    """Deviation below which nothing is learnt."""
    daily = state.daily[index]
    return daily.greatest if len(daily.past) >= FEW else state.hourly[index].greatest


def _says_little(state: State, minute: int, sums: list[int]) -> bool:
    """Of a series called for the first time within the last hour no deviation is learnt yet; and nothing is told of so few calls, or while
    nothing was watched for long."""
    if minute - state.first > YOUNG:
        return False
    least = LEAST_MORE[state.errors]
    return minute - state.since < YOUNG or (sums[0] < least[0] and sums[1] < least[1] and sums[2] < least[2] and sums[3] < least[3])


def _raised(state: State, sums: list[int]) -> bool:
    """Remember how high the windows went; whether any went higher than before."""
    found = False
    for total, heights in zip(sums, state.heights, strict=True):
        height = math.log(total + OFFSET)
        if height > heights.greatest:
            heights.greatest = height
            found = True
    return found


def _rise(state: State, minute: int, sums: list[int]) -> tuple[float, int] | None:
    """By how much the most unusual window passes its limit, and which it is."""
    near = state.near
    found: tuple[float, int] | None = None
    age, called = minute - state.since + 1, minute - state.first
    known = near.known and called >= WEEK
    _raised(state, sums)
    for index, (window, total) in enumerate(zip(WINDOWS, sums, strict=True)):
        rate = near.most if window < LONG else near.most_long
        if not known:
            rate = max(rate, state.level / 60, windows.recent(state, minute, sums[-1] - total, window))
        mean = rate * window
        more = total - mean
        if more < 1:
            continue
        deviation = math.log((total + OFFSET) / (mean + OFFSET))
        over = limits.passed(state, index, deviation, total, known=known, learns=called >= window + YOUNG)
        if (
            over > 0
            and (known or window < 60)
            and age > YOUNG
            and more >= LEAST_MORE[state.errors][index]
            and limits.deviance(total, mean) >= EVIDENCE
            and ((called >= window + 60 and (known or rate >= 0.5)) or total >= UNSEEN[state.errors][index])
            and (found is None or over > found[0])
        ):
            found = (over, index)
    return found


def _fall(state: State, minute: int, sums: list[int]) -> tuple[float, int] | None:
    near = state.near
    found: tuple[float, int] | None = None
    whole = minute - max(state.resumed, state.since) + 1
    for index, window in enumerate(WINDOWS):
        mean = (near.least if window < LONG else near.least_long) * window
        total = sums[index]
        if mean < LEAST_FALL or window > whole or total >= mean:
            continue
        deviation = math.log((mean + OFFSET) / (total + OFFSET))
        limit = limits.limit(state, index + len(WINDOWS), deviation, FALL, learns=True)
        if deviation > limit and limits.deviance(total, mean) >= EVIDENCE and (found is None or deviation - limit > found[0]):
            found = (deviation - limit, index)
    return found


def within(near: Near, sums: list[int]) -> bool:
    """Nothing to tell and nothing to learn."""
    highest, lowest = near.highest, near.lowest
    return (
        lowest[0] <= sums[0] <= highest[0]
        and lowest[1] <= sums[1] <= highest[1]
        and lowest[2] <= sums[2] <= highest[2]
        and lowest[3] <= sums[3] <= highest[3]
    )
