"""Is a minute, with those before it, unusual? And is what was unusual over?"""

from __future__ import annotations

import math

from opentrail.insights.detector.margins import bound
from opentrail.insights.detector.state import WINDOWS, Episode, State
from opentrail.insights.detector.turns import Direction, Turn
from opentrail.insights.detector.usual import expected

OFFSET = 4.0
"""Calls added to both sides of a ratio: few calls against none are no multiple."""
EVIDENCE = 20.0
"""Least deviance (in nats) of a window from what was expected: chance makes one in some hundred million Poisson counts go so far."""
LEAST_MORE = {False: (15, 30, 45, 90), True: (8, 12, 20, 40)}
"""Calls, and errors, above what was expected below which no window is unusual."""
UNSEEN = {False: 30, True: 8}
"""Calls in a minute below which a series in its first hour of calls is taken for a new workload."""
LEAST_FALL = 15.0
"""Calls expected in a window below which their absence says nothing."""
RISE, RISE_UNKNOWN, FALL = math.log(2), math.log(3), math.log(2.5)
"""Least ratio: above what was expected, the same before the hours of the week are known, and below it."""
SPREAD = 0.15
WIDTH = 4.0
STEP = 0.4
YOUNG = 60
"""Minutes to be seen before anything is judged."""
ADOPTED = 12 * 60
"""An episode of as many minutes is a new level."""
QUIET = 5
LONG = 15
"""Windows from here on reach so far back that the hours on both sides count."""


def judged(state: State, minute: int) -> Turn | None:
    """Judge the windows that end with this minute; what they show is remembered as the series' own margin, unusual or not."""
    age = minute - state.since + 1
    most, least, most_long, least_long, known = expected(state, minute)
    known_fall = known
    known = known and minute - state.first >= 7 * 1440
    sums = _sums(state, minute)
    found: tuple[float, int, Direction] | None = None
    fallen: tuple[float, int, Direction] | None = None
    if sums[-1]:
        for index, window in enumerate(WINDOWS):
            total = sums[index]
            rate = most if window < LONG else most_long
            if not known:
                rate = max(rate, state.level / 60, _recent(state, minute, sums[-1] - total, window))
            mean = rate * window
            more = total - mean
            if more < 1:
                continue
            deviation = math.log((total + OFFSET) / (mean + OFFSET))
            limit = _limit(state, index, deviation, RISE if known else RISE_UNKNOWN, learns=minute - state.first >= window + YOUNG)
            if (
                deviation > limit
                and (known or window < 60)
                and age > YOUNG
                and more >= LEAST_MORE[state.errors][index]
                and _deviance(total, mean) >= EVIDENCE
                and ((minute - state.first >= window + 60 and (known or rate >= 0.5)) or total >= UNSEEN[state.errors] * window)
                and (found is None or deviation - limit > found[0])
            ):
                found = (deviation - limit, index, "rise")
    if found is None and least * 60 >= LEAST_FALL and (known_fall or state.steady):
        whole = minute - max(state.resumed, state.since) + 1
        for index, window in enumerate(WINDOWS):
            mean = (least if window < LONG else least_long) * window
            total = sums[index]
            if mean < LEAST_FALL or window > whole or total >= mean:
                continue
            deviation = math.log((mean + OFFSET) / (total + OFFSET))
            limit = _limit(state, index + len(WINDOWS), deviation, FALL, learns=True)
            if deviation > limit and _deviance(total, mean) >= EVIDENCE and (fallen is None or deviation - limit > fallen[0]):
                fallen = (deviation - limit, index, "fall")
    if found is None:
        found = fallen
    if found is None:
        return None
    over, index, direction = found
    rate = (most if WINDOWS[index] < LONG else most_long) if direction == "rise" else least
    return _begun(state, minute, WINDOWS[index], direction, over, rate)


def ended(state: State, minute: int, count: int) -> Turn | None:
    """Is the episode over with this minute? Rises end after some usual minutes in a row, falls as soon as enough has come again."""
    episode = state.episode
    assert episode is not None
    episode.count += count
    state.hour_told = True
    most, least, _, _, _ = expected(state, minute)
    sums = _sums(state, minute)
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
    if end is None and minute - episode.start >= ADOPTED:
        end = minute
        state.level = float(sums[-1])
    if end is None:
        return None
    end = min(max(end, episode.start + 1), minute)
    if end <= episode.start:
        return None
    return _closed(state, episode, minute, end)


def _closed(state: State, episode: Episode, minute: int, end: int) -> Turn:
    after = sum(calls for past, calls in zip(state.minutes, state.counts, strict=True) if past >= end)
    length = end - episode.start
    state.episode = None
    state.resumed = end
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


def _begun(state: State, minute: int, window: int, direction: Direction, over: float, rate: float) -> Turn:
    past = dict(zip(state.minutes, state.counts, strict=True))
    stretch = range(max(minute - window + 1, state.since, state.resumed), minute + 1)
    if direction == "rise":
        start = next((each for each in stretch if past.get(each, 0) > rate * 1.5), minute)
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


def _sums(state: State, minute: int) -> list[int]:
    """Calls in each window that ends with this minute."""
    one = five = fifteen = sixty = 0
    for past, calls in zip(reversed(state.minutes), reversed(state.counts), strict=True):
        gone = minute - past
        sixty += calls
        if gone < 15:
            fifteen += calls
            if gone < 5:
                five += calls
                if gone < 1:
                    one = calls
    return [one, five, fifteen, sixty]


def _recent(state: State, minute: int, before: int, window: int) -> float:
    """Calls in a minute of the last hour before the window: what there is to go by while the hours of the day are unknown."""
    rest = min(60, minute - state.first + 1) - window
    return before / rest if rest >= 30 else 0.0


def _limit(state: State, index: int, deviation: float, least: float, *, learns: bool) -> float:
    """What the deviation would have to pass; and remember the deviation."""
    daily, hourly = state.daily[index], state.hourly[index]
    limit = least
    if deviation > least:
        if daily.past:
            limit = max(limit, bound(daily, spread=SPREAD, width=WIDTH, step=STEP))
        if len(daily.past) < 3 and hourly.past:
            limit = max(limit, bound(hourly, spread=SPREAD, width=WIDTH, step=STEP))
    if not learns:
        return limit
    if deviation > daily.greatest:
        daily.greatest = deviation
    if deviation > hourly.greatest:
        hourly.greatest = deviation
    return limit


def _deviance(count: float, mean: float) -> float:
    """How much better the count fits a rate of its own than the expected one (Poisson; nats)."""
    mean = max(mean, 0.01)
    return (count * math.log(count / mean) if count else 0.0) - (count - mean)
