"""The clock jumps by hours, or nothing runs for hours: nothing is told of what was not watched, what comes after is judged as before."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from opentrail.clock import ManualClock
from opentrail.insights.detector import State, advance, step, unseen
from opentrail.insights.jumps import MOST, TOLERANCE, Jumps
from simulators.insight_sources import CallJournal
from simulators.insights_world import World

HOUR = 3600.0
MIDNIGHT = 1_767_571_200.0  # 2026-01-05T00:00:00Z
NAMES = ("DeleteRole", "CreateRole")
STEADY = 16
"""Calls a minute of each."""


@pytest.fixture(scope="module")
def steady(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A whole day and an hour of steady calls: silence would be told now."""
    world = World(tmp_path_factory.mktemp("steady"), clock=ManualClock(at=MIDNIGHT))
    begin = world.clock.time()
    for number in range(25 * 60 * STEADY):
        for name in NAMES:
            world.journal.call(begin + number * 60 / STEADY, name)
    world.clock.advance(25 * 3600)
    world.catch_up()
    world.database.close()
    return world


@pytest.fixture
def world(steady: World, tmp_path: Path) -> Iterator[World]:
    shutil.copytree(steady.folder, tmp_path, dirs_exist_ok=True)
    made = World(tmp_path, CallJournal(list(steady.journal.entries)), ManualClock(at=steady.clock.at - steady.clock.at % 60))
    live(made, 3)
    yield made
    made.database.close()


def live(world: World, minutes: int, burst: int = 0) -> None:
    """As many minutes of steady calls, read as they come; `burst` calls of one name beside them in each."""
    for _ in range(minutes):
        now = world.clock.time()
        for number in range(STEADY):
            for name in NAMES:
                world.journal.call(now + number * 60 / STEADY, name)
        for number in range(burst):
            world.journal.call(now + number % 60, "DeleteRole")
        world.clock.advance(60)
        while world.follower.step():
            pass


def jump(world: World, hours: float) -> None:
    """The clock is set; the one that never jumps goes on."""
    world.clock.at += hours * HOUR


def killed(world: World, hours: float) -> None:
    """Nothing runs for so long."""
    world.clock.advance(hours * HOUR)
    world.clock.elapsed = 0.0
    world.begin()


@pytest.mark.parametrize(("interrupted", "hours"), [(jump, 5.0), (jump, -3.0), (jump, 0.2), (killed, 26.0), (killed, 0.2), (killed, -3.0)])
def test_no_storm_and_no_stall(world: World, interrupted: Callable[[World, float], None], hours: float) -> None:
    interrupted(world, hours)
    live(world, 70)
    assert world.announced() == []
    live(world, 3, burst=200)
    (start,) = world.announced()
    assert (start["insightDetails"]["state"], start["insightDetails"]["eventName"]) == ("Start", "DeleteRole")


def test_a_clock_that_only_drifts_makes_no_jump() -> None:
    clock = ManualClock()
    jumps = Jumps(clock, None, [])
    for _ in range(100):
        clock.advance(30)
        clock.at += TOLERANCE - 1
        assert jumps.look() == []


def test_two_clocks_that_were_not_read_together_are_not_compared() -> None:
    class Slow(ManualClock):
        slow = False

        def time(self) -> float:
            if self.slow:
                self.advance(40)  # something else had the processor
            return super().time()

    clock = Slow()
    jumps = Jumps(clock, None, [])
    clock.slow = True
    assert jumps.look() == []
    clock.slow = False
    assert jumps.look() == []
    clock.at += 100
    assert len(jumps.look()) == 1


def test_only_the_last_jumps_are_remembered() -> None:
    jumps = Jumps(ManualClock(), None, [])
    for number in range(2 * MOST):
        jumps.note(number * 10, number * 10 + 5)
    assert [jump.number for jump in jumps.known] == list(range(MOST + 1, 2 * MOST + 1))
    assert [jump.number for jump in jumps.unknown(2 * MOST - 1, 10**6)] == [2 * MOST]
    assert jumps.unknown(2 * MOST, 10**6) == []


@pytest.mark.parametrize(
    ("alive", "records", "found"),
    [
        (100, [], [(99, 201)]),
        (199, [], []),
        (100, list(range(101, 200)), []),
        (100, [50, 101, 150, 199], [(100, 151), (149, 200)]),
        (400, [], [(399, 201)]),
    ],
)
def test_what_lies_between_two_processes_was_watched_as_far_as_there_are_records(
    alive: int, records: list[int], found: list[tuple[int, int]]
) -> None:
    clock = ManualClock(at=200 * 60.0)
    jumps = Jumps(clock, alive * 60.0, [])
    assert [*jumps.began(records, caught_up=False), *jumps.began([], caught_up=True)] == found
    assert jumps.began([5, 500], caught_up=True) == []


def test_an_episode_that_nobody_saw_end_ends_where_it_was_seen_last() -> None:
    state = State.new(0)
    turns: list[Any] = []
    for minute in range(3 * 1440):
        turns += step(state, minute, 2)
    for minute in range(3 * 1440, 3 * 1440 + 5):
        turns += step(state, minute, 300)
    (start,) = turns
    (end,) = unseen(state, 4 * 1440)
    assert (start.state, end.state, end.start, end.insight_minutes) == ("Start", "End", start.start, 5)
    assert end.insight_average == 300
    for minute in range(4 * 1440 + 1, 4 * 1440 + 300):
        assert not step(state, minute, 2)


@pytest.mark.parametrize("minute", [7 * 1440, 7 * 1440 + 17, 9 * 1440 + 3, 5 * 1440 + 31, 0])
def test_unseen_hours_teach_nothing(minute: int) -> None:
    state = State.new(100)
    for each in range(100, 6 * 1440 + 59):
        step(state, each, 10)
    slots = dict(state.slots)
    assert not unseen(state, minute)
    assert state.slots == slots
    assert state.minute >= minute - 1
    assert state.since <= state.minute + 1
    for each in range(state.minute + 1, state.minute + 600):
        assert not step(state, each, 10)
    if state.minute // 1440 == 9:
        assert [turn.direction for turn in advance(state, state.minute + 30)] == ["fall"], "silence that is seen is told"


def test_silence_that_is_seen_is_told(world: World) -> None:
    for _ in range(20):
        world.clock.advance(60)
        while world.follower.step():
            pass
    assert {record["insightDetails"]["eventName"] for record in world.announced()} == set(NAMES)


def test_when_only_the_watch_was_down_silence_is_seen(world: World) -> None:
    now = world.clock.time()
    for second in range(0, 3600, 4):
        world.journal.call(now + second, "CreateRole")
    killed(world, 1.0)
    while world.follower.step():
        pass
    assert {record["insightDetails"]["eventName"] for record in world.announced()} == {"DeleteRole"}
