"""An episode of unusual activity: how it begins, and is it over?"""

from __future__ import annotations

import math

from opentrail.insights.detector import limits, windows
from opentrail.insights.detector.limits import OFFSET, RISE
from opentrail.insights.detector.margins import closed
from opentrail.insights.detector.state import DAYS, WINDOWS, Episode, State
from opentrail.insights.detector.turns import Direction, Turn
from opentrail.insights.detector.usual import expected

LEAST_FALL = 15.0
"""Calls expected in a window below which their absence says nothing."""
ADOPTED = 12 * 60
"""An episode of as many minutes is a new level."""
QUIET = 5


def begun(state: State, minute: int, window: int, direction: Direction, over: float, rate: float) -> Turn:
    past = dict(zip(state.minutes, state.counts, strict=True))
    stretch = range(max(minute - window + 1, state.since, state.resumed), minute + 1)
    if direction == "rise":
        # Above what was expected by half of what the window is above it on average: not what chance brought just before.
        above = (sum(past.get(each, 0) for each in stretch) / len(stretch) - rate) / 2
        start = next((each for each in stretch if past.get(each, 0) > rate + max(rate / 2, above)), minute)
    else:
        start = next((each for each in stretch if past.get(each, 0) <= rate / 2), minute)
    count = sum(calls for each, calls in past.items() if each >= start)
    opened = max(state.since, (start // 1440 - 27) * 1440)
    length = max(1, start - opened)
    before = max(0, sum(calls for day, calls in state.days.items() if day * 1440 + 1439 >= opened) - count)
    # An hour of data: 0.5; a day: 0.84; a week: 0.92; four weeks: 0.95. Then by how far the limit is passed.
    sure = (1 - 0.5 * (60 / max(60, minute - state.since + 1)) ** 0.35) * (1 - 0.3 * math.exp(-2 * over))
    state.hour_told = True
    state.episode = Episode(
        start=start, direction=direction, window=window, confidence=sure, baseline_count=before, baseline_minutes=length, count=count
    )
    return Turn(
        state="Start",
        minute=start,
        told=minute,
        start=start,
        direction=direction,
        confidence=sure,
        baseline_average=before / length,
        baseline_minutes=length,
        insight_average=count / (minute - start + 1),
        insight_minutes=minute - start + 1,
    )


def ended(state: State, minute: int, count: int) -> Turn | None:
    """Is the episode over with this minute? Rises end after some usual minutes in a row, falls as soon as enough has come again."""
    episode = state.episode
    assert episode is not None
    episode.count += count
    state.hour_told = True
    most, least, _, _, _ = expected(state, minute)
    sums = windows.sums(state, minute)
    end = None
    if episode.direction == "rise":
        index = min(WINDOWS.index(episode.window), 2)
        window = WINDOWS[index]
        # By either neighbour: else it would be unusual again in the other half of the hour.
        other = minute - minute % 60 + (30 if minute % 60 < 30 else 0)
        most = min(most, expected(state, other)[0])
        deviation = math.log((sums[index] + OFFSET) / (most * window + OFFSET))
        episode.quiet = episode.quiet + 1 if deviation < RISE / 2 else 0
        if episode.quiet >= QUIET:
            over = [past for past, calls in zip(state.minutes, state.counts, strict=True) if calls > most * 1.5 + 1]
            end = max(episode.start, over[-1] if over else episode.start) + 1 if window > 1 else minute - episode.quiet + 1
    else:
        window = next((window for window in WINDOWS if least * window >= LEAST_FALL / 2), 60)
        total = sums[WINDOWS.index(window)]
        if least * 60 < LEAST_FALL / 2:
            end = minute
        elif total >= least * window / 2:
            episode.quiet += 1
            if episode.quiet >= (QUIET if window < 5 else 1):
                end = next((past for past in state.minutes if past > minute - window - episode.quiet + 1), minute)
        else:
            episode.quiet = 0
    lasted = minute - episode.start
    if lasted >= ADOPTED or (end is not None and episode.direction == "fall" and lasted >= ADOPTED / 2):
        # It goes on from here: else what is still off would be told again.
        end = minute if end is None else end
        state.level = float(sums[-1])
        state.near.half = -1
    if end is None:
        return None
    end = min(max(end, episode.start + 1), minute)
    if end <= episode.start:
        return None
    return _closed(state, episode, minute, end)


def broken_off(state: State) -> Turn:
    """The episode ends with the last minute that was seen."""
    episode = state.episode
    assert episode is not None
    end = max(episode.start, state.minute) + 1
    return _closed(state, episode, end, end)


def _closed(state: State, episode: Episode, minute: int, end: int) -> Turn:
    after = sum(calls for past, calls in zip(state.minutes, state.counts, strict=True) if past >= end)
    length = end - episode.start
    state.episode = None
    state.resumed = end
    if limits.whole_days(state) < 7:
        # What comes several times on the first days need not be told each time.
        for heights in state.heights:
            closed(heights, DAYS)
    first = next((index for index, past in enumerate(state.minutes) if past >= end), len(state.minutes))
    del state.minutes[:first], state.counts[:first]
    return Turn(
        state="End",
        minute=end,
        told=minute,
        start=episode.start,
        direction=episode.direction,
        confidence=episode.confidence,
        baseline_average=episode.baseline_count / episode.baseline_minutes,
        baseline_minutes=episode.baseline_minutes,
        insight_average=max(0, episode.count - after) / length,
        insight_minutes=length,
    )
