"""What the detector of Insights tells, and what it does not, as small streams of counts by minute."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence

import pytest

from opentrail.insights.detector import State, Turn, advance, step, wakes

DAY = 1440
WEEK = 7 * DAY


def poisson(rng: random.Random, mean: float) -> int:
    limit, made, product = math.exp(-mean), 0, rng.random()
    while product > limit:
        made += 1
        product *= rng.random()
    return made


def told(count: Callable[[int], int], minutes: int, *, errors: bool = False, state: State | None = None) -> list[Turn]:
    state = state or State.new(0, errors=errors)
    turns: list[Turn] = []
    for minute in range(minutes):
        if calls := count(minute):
            turns += step(state, minute, calls)
    turns += advance(state, minutes - 1)
    return turns


def around(mean: float, seed: int = 1) -> Callable[[int], int]:
    rng = random.Random(seed)
    return lambda minute: poisson(rng, mean)


def states(turns: Sequence[Turn]) -> list[str]:
    return [turn.state for turn in turns]


@pytest.mark.parametrize("mean", [0.05, 1, 20])
def test_a_steady_workload_is_not_told(mean: float) -> None:
    assert told(around(mean), 9 * DAY) == []


@pytest.mark.parametrize("mean", [1, 5, 20])
def test_a_new_but_steady_workload_is_not_told(mean: float) -> None:
    calls = around(mean)
    assert told(lambda minute: calls(minute) if minute >= 2 * DAY + 100 else 0, 5 * DAY) == []


@pytest.mark.parametrize("calls", [1, 5, 12])
def test_a_single_minute_of_a_few_calls_is_not_told(calls: int) -> None:
    assert told(lambda minute: calls if minute == 10 * DAY + 77 else 0, 11 * DAY) == []


def test_rare_sporadic_calls_are_not_told() -> None:
    rng = random.Random(3)
    assert told(lambda minute: rng.randint(1, 4) if rng.random() < 0.002 else 0, 21 * DAY) == []


def test_a_burst_is_told_in_its_first_minutes_and_ends_when_it_is_over() -> None:
    calls, begin = around(20), 8 * DAY + 600
    start, end = told(lambda minute: calls(minute) + (80 if begin <= minute < begin + 12 else 0), 9 * DAY)
    assert (start.state, start.direction, end.state) == ("Start", "rise", "End")
    assert begin <= start.minute <= start.told <= begin + 1
    assert begin + 12 <= end.minute <= begin + 15
    assert end.start == start.minute
    assert start.baseline_average == pytest.approx(20, rel=0.02)
    assert start.baseline_minutes >= 10080
    assert end.insight_average == pytest.approx(100, rel=0.2)
    assert end.insight_minutes == end.minute - end.start


def test_a_burst_is_told_after_the_first_hour_of_data_with_less_confidence() -> None:
    turns = {}
    for begin in (90, 9 * DAY):
        calls = around(20)
        turns[begin] = told(lambda minute, calls=calls, begin=begin: calls(minute) + (90 if begin <= minute < begin + 9 else 0), begin + 60)
        assert states(turns[begin]) == ["Start", "End"]
        assert begin <= turns[begin][0].told <= begin + 4
    assert 0 < turns[90][0].confidence < 0.6 < turns[9 * DAY][0].confidence < 1


def test_a_burst_of_one_minute_lasts_one_minute() -> None:
    calls, begin = around(20), 8 * DAY
    turns = told(lambda minute: 120 if minute == begin else calls(minute), 9 * DAY)
    assert states(turns) == ["Start", "End"]
    assert [turn.insight_minutes for turn in turns] == [1, 1]
    assert turns[1].insight_average == 120


def test_silence_of_what_is_usually_steady_is_told_while_it_lasts() -> None:
    calls, begin = around(20), 8 * DAY + 300
    start, end = told(lambda minute: 0 if begin <= minute < begin + 45 else calls(minute), 9 * DAY)
    assert (start.state, start.direction, end.state) == ("Start", "fall", "End")
    assert begin <= start.minute <= start.told <= begin + 5
    assert begin + 45 <= end.minute <= begin + 50
    assert end.insight_average == 0


def test_an_error_burst_is_told_at_once() -> None:
    begin = 8 * DAY + 5
    start, end = told(lambda minute: 12 if begin <= minute < begin + 6 else 0, 9 * DAY, errors=True)
    assert (start.minute, start.told, end.minute) == (begin, begin, begin + 6)
    assert end.insight_average == 12


def test_a_burst_of_a_call_never_made_before_is_told() -> None:
    begin = 3 * DAY
    assert states(told(lambda minute: 100 if begin <= minute < begin + 5 else 0, 4 * DAY)) == ["Start", "End"]


def test_nights_and_week_ends_are_usual_and_a_burst_at_night_is_not() -> None:
    rng, burst = random.Random(5), 26 * DAY + 120

    def office(minute: int) -> int:
        busy = 9 * 60 <= minute % DAY < 18 * 60 and minute // DAY % 7 < 5
        return poisson(rng, 40 if busy else 2)

    turns = told(lambda minute: 30 if burst <= minute < burst + 10 else office(minute), 28 * DAY)
    late = [turn for turn in turns if turn.told >= 2 * WEEK]
    assert states(late) == ["Start", "End"]
    assert burst <= late[0].minute <= late[0].told <= burst + 2


def test_a_new_level_is_told_once() -> None:
    low, high = around(20, 1), around(100, 2)
    turns = told(lambda minute: low(minute) if minute < 9 * DAY else high(minute), 14 * DAY)
    assert states(turns) == ["Start", "End"]


def test_a_workload_that_ends_is_told_once() -> None:
    calls = around(20)
    turns = told(lambda minute: calls(minute) if minute < 9 * DAY else 0, 20 * DAY)
    assert states(turns) == ["Start", "End"]


def test_silence_wakes_only_what_it_could_tell_something_about() -> None:
    state = State.new(0)
    assert wakes(state) is None
    step(state, 500, 1)
    assert wakes(state) == 501
    advance(state, 3 * DAY)
    asked = wakes(state)
    assert asked is None or 3 * DAY < asked <= 3 * DAY + 60


def test_late_calls_are_learnt_and_not_told() -> None:
    state = State.new(0)
    advance(state, 5000)
    assert step(state, 4990, 500) == ()
    assert state.days == {3: 500}


def test_a_fall_to_a_new_level_is_told_once_though_it_lasts_longer_than_an_episode_may() -> None:
    high, low = around(40, 1), around(4, 2)
    turns = told(lambda minute: high(minute) if minute < 9 * DAY else low(minute), 13 * DAY)
    assert states(turns) == ["Start", "End"]
    assert turns[0].direction == "fall"
    assert turns[1].told - turns[0].start <= 12 * 60


def test_a_daily_batch_of_differing_size_at_any_hour_is_not_told_once_it_is_known() -> None:
    rng = random.Random(11)
    calls: dict[int, int] = {}
    for day in range(28):
        at, whole = day * DAY + rng.randrange(DAY - 10), 200 * rng.lognormvariate(0, 0.4)
        calls.update((minute, round(whole / 6)) for minute in range(at, at + 6))
    assert [turn for turn in told(lambda minute: calls.get(minute, 0), 28 * DAY) if turn.told >= WEEK] == []


def test_a_burst_far_above_the_usual_ones_is_told() -> None:
    rng, begin = random.Random(12), 26 * DAY + 300
    calls: dict[int, int] = {}
    for day in range(27):
        at = day * DAY + rng.randrange(600, 1000)
        calls.update((minute, rng.randint(40, 60)) for minute in range(at, at + 6))
    calls.update((minute, 250) for minute in range(begin, begin + 6))
    late = [turn for turn in told(lambda minute: calls.get(minute, 0), 28 * DAY) if turn.told >= WEEK]
    assert states(late) == ["Start", "End"]
    assert begin <= late[0].told <= begin + 1
