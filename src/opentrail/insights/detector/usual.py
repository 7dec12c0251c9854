"""What is usual for a minute: the calls to be expected at this hour of the week, and how the last hours were beside that."""

from __future__ import annotations

from opentrail.insights.detector.state import State

WEEK = 168
HALVES = 0.5 ** (1 / 4)
"""Weight of an hour beside the next: what the last hours were like fades with a half-life of four hours."""
LEARNS = 0.3
"""Least weight of the newest week in a slot, so that a series that has changed is known again after a few weeks."""
EASE = 20.0
"""Calls in an hour added to both sides of a ratio, so that few calls do not make it jump."""


def seen_weeks(state: State, hour: int) -> int:
    """How often this hour of the week has been watched from its begin to its end before."""
    return (hour - (state.since + 59) // 60) // WEEK


def profile(state: State, hour: int) -> tuple[float, float] | None:
    """Calls that an hour had at most and at least, by the same hour of the week or, before that was seen, by those of the days so far.

    `None`: there was no whole day yet. For the least, a day beside it must have had calls at that hour as well (once is
    no rhythm); for the most, what both days beside it had at that hour is usual, too, and until
    the second time what any day had.
    """
    get = state.slots.get
    weeks = seen_weeks(state, hour)
    if weeks >= 1:
        value = get(hour % WEEK, 0.0)
        beside = get((hour - 24) % WEEK, 0.0), get((hour + 24) % WEEK, 0.0)
        most = max([get((hour - 24 * day) % WEEK, 0.0) for day in range(7)]) if weeks == 1 else max(value, min(beside))
        return most, min(value, max(beside))
    days = (hour - (state.since + 59) // 60) // 24
    if days < 1:
        return None
    values = [get((hour - 24 * day) % WEEK, 0.0) for day in range(1, days + 1)]
    return max(values), min(values)


def expected(state: State, minute: int) -> tuple[float, float, float, float, bool]:
    """Calls in a minute: at most, at least; the same over a whole hour's window; and whether the hours of the week are known.

    Beside an hour its neighbour counts as well, since rhythms are not exact. What the last hours had more than their profile is added to
    the most (the series has grown), what they had less is taken from the least.
    """
    hour = minute // 60
    here = profile(state, hour)
    if here is None:
        rate = state.level / 60
        return rate, rate, rate, rate, False
    before = profile(state, hour - 1) or here
    after = profile(state, hour + 1) or here
    near = before if minute % 60 < 30 else after
    ratio = (state.level + EASE) / (state.level_expected + EASE)
    more = max(0.0, state.level - state.level_expected)
    grown, shrunk = max(1.0, ratio), min(1.0, ratio)
    most = max(here[0], near[0])
    least = min(here[1], near[1])
    most_long = max(here[0], before[0], after[0])
    least_long = min(here[1], before[1], after[1])
    return (
        max(most * grown, most + more) / 60,
        least * shrunk / 60,
        max(most_long * grown, most_long + more) / 60,
        least_long * shrunk / 60,
        seen_weeks(state, hour) >= 1,
    )


def learn_hour(state: State, hour: int) -> None:
    """The hour is over: take its calls into its slot and into the level."""
    count = float(state.hour_count)
    known = profile(state, hour)
    if known is None:
        usual = count
    else:
        usual = state.slots.get(hour % WEEK, 0.0) if seen_weeks(state, hour) >= 1 else (known[0] + known[1]) / 2
    if state.hour_told and known is not None:
        count_learnt = usual + (count - usual) * LEARNS
    else:
        count_learnt = count
    whole = hour - (state.since + 59) // 60
    if whole >= 0:
        weight = HALVES if whole >= 6 else whole / (whole + 1)
        state.level = state.level * weight + count * (1 - weight)
        state.level_expected = state.level_expected * weight + usual * (1 - weight)
        slot = hour % WEEK
        old = state.slots.get(slot, 0.0)
        if old or count_learnt:
            share = max(1 / (seen_weeks(state, hour) + 1), LEARNS)
            new = old + (count_learnt - old) * share
            if new >= 0.05:
                state.slots[slot] = new
            else:
                state.slots.pop(slot, None)
    state.hour_count = 0
    state.hour_told = state.episode is not None


def is_steady(state: State) -> bool:
    """No hour of the week seen so far had less than half of the calls of another, and all had some."""
    slots = state.slots
    return len(slots) >= 24 and min(slots.values()) >= max(slots.values()) / 2
