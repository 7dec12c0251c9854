"""Minute after minute: take a count in, judge it, and say when an episode begins or ends."""

from __future__ import annotations

from collections.abc import Sequence

from opentrail.insights.detector.episodes import ended
from opentrail.insights.detector.judging import judged
from opentrail.insights.detector.margins import closed
from opentrail.insights.detector.state import DAYS, State
from opentrail.insights.detector.turns import Turn
from opentrail.insights.detector.usual import is_steady, learn_hour

MOST = 10**12
"""No minute has more calls; what claims to counts as this."""
HOURS = 24


def step(state: State, minute: int, count: float) -> Sequence[Turn]:
    """Take in that `minute` had `count` calls; minutes between the last one taken in and this one were silent.

    Calls of a minute that was taken in before only join what is learnt: what was told then stays told.
    """
    whole = _whole(count)
    if minute <= state.minute:
        if minute >= state.since and minute > state.minute - DAYS * 1440:
            _add(state, minute, whole)
        return ()
    if minute < state.since:
        return ()
    turns: list[Turn] = []
    if minute > state.minute + 1:
        turns.extend(advance(state, minute - 1))
    turns.extend(_minute(state, minute, whole))
    return turns


def advance(state: State, minute: int) -> Sequence[Turn]:
    """Nothing was called until `minute` has passed: the same as steps of 0, but mostly without taking them."""
    turns: list[Turn] = []
    while state.minute < minute:
        if _asleep(state):
            _skip(state, minute)
            break
        turns.extend(_minute(state, state.minute + 1, 0))
        if not state.minutes and state.episode is None:
            # Until the next half hour nothing that is expected changes, and neither does a count of 0.
            rest = min(minute, state.minute + 29 - state.minute % 30)
            if rest > state.minute and _settled(state):
                state.minute = rest
    return turns


def wakes(state: State) -> int | None:
    """The next minute that has to be taken in even if it is silent (`step` makes good for others); `None`: silence tells nothing more."""
    if _asleep(state):
        return None
    if state.minutes or state.episode is not None or not _settled(state):
        return state.minute + 1
    return state.minute + 30 - state.minute % 30


def _whole(count: float) -> int:
    return int(min(max(count, 0), MOST)) if count == count else 0


def _asleep(state: State) -> bool:
    """Silent for so long that nothing is expected any more."""
    return not (
        state.minutes or state.slots or state.hour_count or state.episode is not None or state.level >= 0.05 or state.level_expected >= 0.05
    )


def _skip(state: State, minute: int) -> None:
    if minute // 60 > state.minute // 60:
        state.level = state.level_expected = 0.0
        state.hour_told = False
    if minute // 1440 > state.minute // 1440:
        close_day(state, minute // 1440)
    state.minute = minute


def _settled(state: State) -> bool:
    """Every window is silent from end to end, and complete."""
    return state.minute - max(state.resumed, state.since) >= 60


def _minute(state: State, minute: int, count: int) -> Sequence[Turn]:
    hour = minute // 60
    if hour != state.minute // 60 and state.minute >= state.since:
        _close_hour(state, hour)
    state.minute = minute
    minutes, counts = state.minutes, state.counts
    if minutes and minutes[0] <= minute - 60:
        old = 1
        while old < len(minutes) and minutes[old] <= minute - 60:
            old += 1
        del minutes[:old], counts[:old]
    if count:
        minutes.append(minute)
        counts.append(count)
        _add(state, minute, count)
        if state.first < 0:
            state.first = minute
    if state.episode is None:
        turn = judged(state, minute)
    else:
        turn = ended(state, minute, count)
    return (turn,) if turn is not None else ()


def _add(state: State, minute: int, count: int) -> None:
    if count:
        if minute // 60 == state.minute // 60:
            state.hour_count += count
        day = minute // 1440
        state.days[day] = state.days.get(day, 0) + count


def _close_hour(state: State, hour: int) -> None:
    """`hour` begins: learn the one before it."""
    learn_hour(state, state.minute // 60)
    for margin in state.hourly:
        closed(margin, HOURS)
    if hour // 24 != state.minute // 1440:
        close_day(state, hour // 24)


def close_day(state: State, day: int) -> None:
    """`day` begins: learn the one before it."""
    for margin in (*state.daily, *state.heights):
        closed(margin, DAYS)
    for old in [known for known in state.days if known <= day - DAYS]:
        del state.days[old]
    state.steady = is_steady(state)
