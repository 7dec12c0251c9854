"""Laws of the detector that hold for any counts."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opentrail.insights.detector import State, Turn, advance, step, wakes

DAY = 1440
COUNTS = st.one_of(st.just(0), st.integers(0, 30), st.integers(0, 10**15))
STRETCHES = st.lists(st.tuples(st.integers(1, 400), COUNTS, st.booleans()), max_size=12)
"""Stretches of minutes: how long, what is called in a minute, and whether each minute or only the last."""


def minutes(stretches: list[tuple[int, int, bool]]) -> list[int]:
    counts: list[int] = []
    for length, count, each in stretches:
        counts += [count] * length if each else [0] * (length - 1) + [count]
    return counts


def trained(errors: bool) -> State:
    """Nine days of 20 calls a minute."""
    state = State.new(0, errors=errors)
    for minute in range(9 * DAY):
        step(state, minute, 18 + minute % 5)
    return state


TRAINED = {errors: trained(errors).encoded() for errors in (False, True)}


def begun(old: bool, errors: bool) -> State:
    return State.decoded(TRAINED[errors]) if old else State.new(777, errors=errors)


@settings(max_examples=40, deadline=None)
@given(STRETCHES, st.booleans(), st.booleans())
def test_a_gap_is_the_same_as_zeros(stretches: list[tuple[int, int, bool]], old: bool, errors: bool) -> None:
    gaps, zeros = begun(old, errors), begun(old, errors)
    told: tuple[list[Turn], list[Turn]] = ([], [])
    first = gaps.minute + 1
    counts = minutes(stretches)
    for minute, count in enumerate(counts, first):
        if count:
            told[0].extend(step(gaps, minute, count))
        told[1].extend(step(zeros, minute, count))
    told[0].extend(advance(gaps, first + len(counts) - 1))
    assert told[0] == told[1]
    assert gaps.encoded() == zeros.encoded()


@settings(max_examples=40, deadline=None)
@given(STRETCHES, st.booleans(), st.data())
def test_a_restart_changes_nothing(stretches: list[tuple[int, int, bool]], old: bool, data: st.DataObject) -> None:
    through, restarted = begun(old, False), begun(old, False)
    first = through.minute + 1
    counts = minutes(stretches)
    restarts = data.draw(st.sets(st.integers(0, max(0, len(counts) - 1)), max_size=5))
    for number, count in enumerate(counts):
        if number in restarts:
            restarted = State.decoded(restarted.encoded())
        assert step(through, first + number, count) == step(restarted, first + number, count)
    assert through.encoded() == restarted.encoded()


@settings(max_examples=40, deadline=None)
@given(STRETCHES, st.booleans())
def test_episodes_begin_and_end_in_turn_with_sound_figures(stretches: list[tuple[int, int, bool]], old: bool) -> None:
    state = begun(old, False)
    first = state.minute + 1
    turns: list[Turn] = []
    counts = minutes(stretches)
    for minute, count in enumerate(counts, first):
        turns += step(state, minute, count)
    turns += advance(state, first + len(counts) + 40 * DAY)
    for number, turn in enumerate(turns):
        assert turn.state == ("End" if number % 2 else "Start")
        assert turn.start <= turn.minute <= turn.told
        assert turn.insight_minutes >= 1
        assert turn.baseline_minutes >= 1
        assert 0 < turn.confidence < 1
        for value in (turn.baseline_average, turn.insight_average):
            assert math.isfinite(value)
            assert value >= 0
    for start, end in zip(turns[::2], turns[1::2], strict=False):
        assert start.minute == end.start < end.minute
    for end, start in zip(turns[1::2], turns[2::2], strict=False):
        assert end.minute <= start.minute
    assert len(turns) % 2 == 0, "after forty silent days nothing is unusual any more"


@pytest.mark.parametrize("count", [-1, -1e300, 1e300, math.inf, -math.inf, math.nan, 0.5])
def test_no_count_is_too_odd(count: float) -> None:
    state = begun(True, False)
    for minute in range(9 * DAY, 9 * DAY + 200):
        step(state, minute, count)
    assert State.decoded(state.encoded()).encoded() == state.encoded()


def test_a_state_stays_small() -> None:
    state = State.new(0)
    for minute in range(0, 70 * DAY, 7):
        step(state, minute, 10**12 - minute)
    assert len(state.encoded()) < 6000


def test_a_gap_of_years_is_taken_at_once() -> None:
    state = begun(True, False)
    advance(state, 20 * 365 * DAY)
    assert state.minute == 20 * 365 * DAY
    assert wakes(state) is None


def test_minutes_before_the_watch_are_not_seen() -> None:
    state = State.new(1000)
    assert step(state, 10, 500) == ()
    assert state == State.new(1000)
