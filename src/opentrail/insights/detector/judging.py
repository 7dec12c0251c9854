"""Is a minute, with those before it, unusual? And is what was unusual over?"""

from __future__ import annotations

import math
from bisect import bisect_left

from opentrail.insights.detector.margins import bound, closed, height
from opentrail.insights.detector.state import DAYS, WINDOWS, Episode, Near, State
from opentrail.insights.detector.turns import Direction, Turn
from opentrail.insights.detector.usual import expected

OFFSET = 4.0
"""Calls added to both sides of a ratio: few calls against none are no multiple."""
EVIDENCE = 20.0
"""Least deviance (in nats) of a window from what was expected: chance makes one in some hundred million Poisson counts go so far."""
LEAST_MORE = {False: (25, 35, 45, 90), True: (8, 12, 20, 40)}
"""Calls, and errors, above what was expected below which no window is unusual."""
UNSEEN = {False: (45, 150, 450, 1800), True: (8, 40, 120, 480)}
"""Calls in a minute below which a series in its first hour of calls is taken for a new workload."""
LEAST_FALL = 15.0
"""Calls expected in a window below which their absence says nothing."""
RISE, RISE_UNKNOWN, FALL = math.log(2), math.log(3), math.log(2.5)
"""Least ratio: above what was expected, the same before the hours of the week are known, and below it."""
SPREAD = 0.15
WIDTH = 4.0
STEP = 0.4
SPREAD_HEIGHTS, SPREAD_HEIGHTS_FEW = 0.35, 0.6
PEAKED = 5
WIDTH_HEIGHTS = 4.0
MOST_LIMIT = math.log(7)
WEEK = 7 * 1440
LAST = 10
FEW = 3
"""Days below which the hours before count as well."""
YOUNG = 60
"""Minutes to be seen before anything is judged."""
ADOPTED = 12 * 60
"""An episode of as many minutes is a new level."""
QUIET = 5
LONG = 15
"""Windows from here on reach so far back that the hours on both sides count."""


def judged(state: State, minute: int) -> Turn | None:
    """Judge the windows that end with this minute; what they show is remembered as the series' own margin, unusual or not."""
    near = state.near
    if near.half != minute // 30:
        _look_around(state, minute)
    sums = _sums(state, minute)
    if within(near, sums):
        return None
    rise = _rise(state, minute, sums) if sums[-1] else None
    fall = _fall(state, minute, sums) if rise is None and near.falls else None
    _narrow(state)
    if rise is not None:
        over, index = rise
        return _begun(state, minute, WINDOWS[index], "rise", over, near.most if WINDOWS[index] < LONG else near.most_long)
    if fall is not None:
        over, index = fall
        return _begun(state, minute, WINDOWS[index], "fall", over, near.least)
    return None


def _look_around(state: State, minute: int) -> None:
    """What is expected changes by the half hour only."""
    near = state.near
    near.half = minute // 30
    near.most, near.least, near.most_long, near.least_long, near.known = expected(state, minute)
    near.falls = near.least * 60 >= LEAST_FALL and (near.known or state.steady) and not _bursts(state)
    _narrow(state)


def _narrow(state: State) -> None:
    """Sums within these bounds teach nothing that was not seen on this day already, and stray less than anything that could be told."""
    near = state.near
    for index, window in enumerate(WINDOWS):
        mean = (near.most if window < LONG else near.most_long) * window
        highest = (mean + OFFSET) * math.exp(min(_greatest(state, index), RISE)) * (1 - 1e-9)
        near.highest[index] = min(highest, math.exp(state.heights[index].greatest) * (1 + 1e-9)) - OFFSET
        mean = (near.least if window < LONG else near.least_long) * window
        if near.falls and mean >= LEAST_FALL:
            greatest = min(_greatest(state, index + len(WINDOWS)), FALL)
            near.lowest[index] = (mean + OFFSET) / math.exp(greatest) * (1 + 1e-9) - OFFSET
        else:
            near.lowest[index] = -1.0


def _greatest(state: State, index: int) -> float:
    """Deviation below which nothing is learnt."""
    daily = state.daily[index]
    return daily.greatest if len(daily.past) >= FEW else state.hourly[index].greatest


def _rise(state: State, minute: int, sums: list[int]) -> tuple[float, int] | None:
    """By how much the most unusual window passes its limit, and which it is."""
    near = state.near
    for total, heights in zip(sums, state.heights, strict=True):
        heights.greatest = max(heights.greatest, math.log(total + OFFSET))
    found: tuple[float, int] | None = None
    age, called = minute - state.since + 1, minute - state.first
    known = near.known and called >= WEEK
    for index, window in enumerate(WINDOWS):
        total = sums[index]
        rate = near.most if window < LONG else near.most_long
        if not known:
            rate = max(rate, state.level / 60, _recent(state, minute, sums[-1] - total, window))
        mean = rate * window
        more = total - mean
        if more < 1:
            continue
        deviation = math.log((total + OFFSET) / (mean + OFFSET))
        over = _over(state, index, deviation, total, known=known, learns=called >= window + YOUNG)
        if (
            over > 0
            and (known or window < 60)
            and age > YOUNG
            and more >= LEAST_MORE[state.errors][index]
            and _deviance(total, mean) >= EVIDENCE
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
        limit = _limit(state, index + len(WINDOWS), deviation, FALL, learns=True)
        if deviation > limit and _deviance(total, mean) >= EVIDENCE and (found is None or deviation - limit > found[0]):
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


def _closed(state: State, episode: Episode, minute: int, end: int) -> Turn:
    after = sum(calls for past, calls in zip(state.minutes, state.counts, strict=True) if past >= end)
    length = end - episode.start
    state.episode = None
    state.resumed = end
    if _whole_days(state) < 7:
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


def _begun(state: State, minute: int, window: int, direction: Direction, over: float, rate: float) -> Turn:
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


def _sums(state: State, minute: int) -> list[int]:
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


def _recent(state: State, minute: int, before: int, window: int) -> float:
    """Calls in a minute of the last hour before the window, or of the last minutes before it if those had more: what there is to go by
    while the hours of the day are unknown. So a morning, which comes over many minutes, is none."""
    rest = min(60, minute - state.first + 1) - window
    if rest < 30:
        return 0.0
    last = minute - window
    begin, end = bisect_left(state.minutes, last - LAST + 1), bisect_left(state.minutes, last + 1)
    return max(before / rest, sum(state.counts[begin:end]) / LAST)


def _over(state: State, index: int, deviation: float, total: int, *, known: bool, learns: bool) -> float:
    """By how much a rise passes what the series shows on its own; and remember it.

    A series that bursts on its own is judged by how high its bursts went, since nobody knows when they come; others by the deviation.
    """
    least = RISE if known else RISE_UNKNOWN
    limit = _limit(state, index, deviation, least, learns=learns)
    if deviation <= least:
        return 0.0
    past = state.heights[index].past
    if past and _bursts(state):
        spread = SPREAD_HEIGHTS if len(past) >= 7 else SPREAD_HEIGHTS_FEW
        return min(deviation - least, math.log(total + OFFSET) - height(past, spread=spread, width=WIDTH_HEIGHTS, step=STEP))
    return deviation - min(limit, MOST_LIMIT)


def _bursts(state: State) -> bool:
    """On half of its days the series went to more than three times what was expected, for a minute or five; or to more than twice, and is
    nearly silent else. In the first week, when little is expected rightly: its highest minute is far above its average one."""
    whole = _whole_days(state)
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


def _whole_days(state: State) -> int:
    """Days (UTC) that were watched from begin to end."""
    return (state.minute + 1) // 1440 - (state.since + 1439) // 1440


def _limit(state: State, index: int, deviation: float, least: float, *, learns: bool) -> float:
    """What the deviation would have to pass; and remember the deviation."""
    daily, hourly = state.daily[index], state.hourly[index]
    limit = least
    if deviation > least:
        if daily.past:
            limit = max(limit, bound(daily, spread=SPREAD, width=WIDTH, step=STEP))
        if len(daily.past) < FEW and hourly.past:
            limit = max(limit, bound(hourly, spread=SPREAD, width=WIDTH, step=STEP))
    if not learns:
        return limit
    if deviation > daily.greatest:
        daily.greatest = deviation
    if len(daily.past) >= FEW:
        if hourly.past:
            hourly.past.clear()
        hourly.greatest = 0.0
    elif deviation > hourly.greatest:
        hourly.greatest = deviation
    return limit


def _deviance(count: float, mean: float) -> float:
    """How much better the count fits a rate of its own than the expected one (Poisson; nats)."""
    mean = max(mean, 0.01)
    return (count * math.log(count / mean) if count else 0.0) - (count - mean)
