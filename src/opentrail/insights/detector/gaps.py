"""What was not watched, since the clock jumped or nothing was running: neither silence nor calls may be read into it. And what is past."""

from __future__ import annotations

from collections.abc import Sequence

from opentrail.insights.detector.episodes import broken_off
from opentrail.insights.detector.state import State
from opentrail.insights.detector.steps import close_day
from opentrail.insights.detector.turns import Turn


def unseen(state: State, minute: int) -> Sequence[Turn]:
    """Go on with `minute`, which may lie far ahead or back: nothing is known of what is between. An episode ends where it was seen last.

    Neither the hour that breaks off nor the one in which it goes on is learnt as if it were whole.
    """
    if minute % 60 == 0:
        minute += 1  # the hour before would be learnt as a silent one
    turns = () if state.episode is None else (broken_off(state),)
    if minute // 60 != state.minute // 60:
        state.hour_count = 0
    state.hour_told = True
    day = minute // 1440
    if day != state.minute // 1440:
        close_day(state, day)
    for ahead in [known for known in state.days if known > day]:
        del state.days[ahead]
    state.minutes, state.counts = [], []
    state.since = min(state.since, minute)
    state.first = min(state.first, minute)
    state.minute, state.resumed = minute - 1, minute
    state.near.half = -1
    return turns


def close_past(state: State, minute: int) -> None:
    """What was before `minute` is learnt, but nothing is told of it: no window reaches back there."""
    first = next((index for index, past in enumerate(state.minutes) if past >= minute), len(state.minutes))
    del state.minutes[:first], state.counts[:first]
    state.resumed = max(state.resumed, minute)
    state.near.half = -1
