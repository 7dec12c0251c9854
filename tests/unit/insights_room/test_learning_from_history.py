"""Switched on with a history behind it, Insights know what is usual at once; whenever the process dies; and tell nothing of the past."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from opentrail.clock import ManualClock, iso_seconds
from opentrail.insights import learning, learning_store, store
from opentrail.insights.detector import State, advance, close_past, step
from opentrail.insights.learning import Learning
from opentrail.insights.store import Known
from opentrail.insights.values import Series
from opentrail.wire.faults import ServiceUnavailable
from simulators.insight_sources import DELETE_ROLE, CallJournal
from simulators.insights_history import CallHistory
from simulators.insights_world import World

MIDNIGHT = 1_767_571_200.0  # 2026-01-05T00:00:00Z
DAY, HOUR = 86_400.0, 3600.0
NEW = DELETE_ROLE._replace(name="CreateRole")


class Past:
    """A world with two days and a half behind it; Insights are switched on now."""

    def __init__(self, folder: Path, *, burst: bool = False) -> None:
        journal = CallJournal()
        for minute in range(int(2.5 * 1440)):
            for _ in range(3 if minute % 7 else 5):
                journal.call(MIDNIGHT + minute * 60)
        if burst:
            for number in range(900):
                journal.call(MIDNIGHT + 2.5 * DAY - 180 + number // 5)
        self.history = CallHistory(CallJournal(list(journal.entries)))
        self.world = World(folder, CallJournal(), ManualClock(at=MIDNIGHT + 2.5 * DAY))
        self.learning = self.learner()
        self.stop = threading.Event()

    def learner(self) -> Learning:
        return Learning(self.world.database, self.world.clock, history=self.history, sources=self.history, head=lambda: 77)

    def live(self, minutes: int, calls: int = 4, name: str = "DeleteRole") -> None:
        for _ in range(minutes):
            for _ in range(calls):
                self.world.journal.call(self.world.clock.time(), name)
            self.world.clock.advance(60)
            while self.world.follower.step():
                pass

    def learn(self) -> None:
        while self.learning.step(self.stop):
            pass

    def state(self, series: Series = DELETE_ROLE) -> State:
        memory = self.world.follower._watched.memory(series)
        assert memory is not None
        return memory.state

    def learners(self) -> list[learning_store.Learner]:
        with self.world.database.read() as connection:
            return learning_store.learners(connection)


@pytest.fixture
def past(tmp_path: Path) -> Iterator[Past]:
    made = Past(tmp_path)
    yield made
    made.world.database.close()


def test_after_minutes_it_knows_days(past: Past) -> None:
    past.live(3)
    assert past.state().since >= (MIDNIGHT + 2.5 * DAY) // 60
    past.learn()
    past.live(2)
    state = past.state()
    assert state.since == MIDNIGHT // 60 + 60, "the first hour of the history may not be whole"
    assert len(state.slots) == 59, "every hour of the week that was whole"
    assert past.history.gone_to == 77
    assert past.learners() == []
    assert past.world.announced() == []
    past.live(3, calls=150)
    (start,) = past.world.announced()
    assert start["insightDetails"]["insightContext"]["statistics"]["baselineDuration"] > 2 * 1440


def test_what_is_taken_over_is_what_would_be_known_had_it_been_on_all_the_time(past: Past) -> None:
    whole = State.new(int(MIDNIGHT) // 60 + 60)
    for minute in range(60, int(2.5 * 1440)):
        step(whole, int(MIDNIGHT) // 60 + minute, 3 if minute % 7 else 5)
    past.live(4)
    past.learn()
    past.live(1)
    state = past.state()
    for minute in range(4):
        step(whole, int(MIDNIGHT + 2.5 * DAY) // 60 + minute, 4)
    advance(whole, state.minute)
    close_past(whole, int(MIDNIGHT + 2.5 * DAY) // 60)
    for name in ("since", "first", "minutes", "counts", "days", "slots", "level", "level_expected", "steady", "resumed"):
        assert getattr(state, name) == getattr(whole, name), name
    assert [margin.past for margin in state.daily] == [margin.past for margin in whole.daily]


def test_a_name_that_history_does_not_have_is_known_to_be_new(past: Past) -> None:
    past.live(2, name="CreateRole")
    past.learn()
    past.live(1)
    assert past.state(NEW).since == MIDNIGHT // 60 + 60
    past.live(3, calls=200, name="CreateRole")
    assert [record["insightDetails"]["eventName"] for record in past.world.announced()] == ["CreateRole"]


def test_nothing_is_told_of_the_past_but_what_goes_on_is_told(tmp_path: Path) -> None:
    past = Past(tmp_path, burst=True)
    past.live(2)
    past.learn()
    past.live(30)
    assert past.world.announced() == []
    past.world.database.close()
    (tmp_path / "on").mkdir()
    past = Past(tmp_path / "on", burst=True)
    past.live(2, calls=300)
    past.learn()
    past.live(3, calls=300)
    (start,) = past.world.announced()
    assert start["insightDetails"]["state"] == "Start"
    assert start["eventTime"] >= iso_seconds(MIDNIGHT + 2.5 * DAY)
    past.world.database.close()


def test_whenever_it_dies_the_same_is_learnt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(learning, "AT_ONCE", 400)

    def run(name: str, dice: random.Random | None) -> State:
        (tmp_path / name).mkdir()
        past = Past(tmp_path / name)
        past.live(2)
        lives = 0
        while past.learners():
            if dice is not None and dice.random() < 0.5:
                past.learning, lives = past.learner(), lives + 1
            if dice is not None and dice.random() < 0.3:
                past.world.begin()
            if dice is not None and dice.random() < 0.3:
                past.stop.set()
                past.learning.step(past.stop)
                past.stop.clear()
            past.learning.step(past.stop)
            past.world.clock.advance(2)
            past.world.follower.step()
        assert dice is None or lives
        state = past.state()
        advance(state, int(MIDNIGHT + 3 * DAY) // 60)
        past.world.database.close()
        return state

    assert run("shaken", random.Random(5)) == run("calm", None)


def test_while_the_history_cannot_be_asked_it_goes_on_without(past: Past) -> None:
    past.history.is_there = False
    past.live(2)
    with pytest.raises(ServiceUnavailable):
        past.learning.step(past.stop)
    past.live(90)
    past.history.is_there = True
    past.history.journal.entries += [*past.world.journal.entries]
    past.learn()
    past.live(1)
    assert past.state().since == MIDNIGHT // 60 + 60
    assert sum(past.state().days.values()) > 90 * 4, "what was counted meanwhile is in it"


def test_switched_off_while_learning_nothing_is_left(past: Past) -> None:
    past.live(2)
    past.learning.step(past.stop)
    past.world.sources.switch(on=False)
    past.world.catch_up()
    assert past.learners() == []
    past.learn()
    with past.world.database.read() as connection:
        assert learning_store.some(connection, past.world.sources.arns()[0] if past.world.sources.arns() else "", 10) == {}
        assert store.known(connection) == dict[Series, Known]()


def test_a_history_that_is_too_long_loses_its_oldest_part(past: Past, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(learning, "MOST", 10 * 60)
    past.live(2)
    past.learn()
    past.live(1)
    now = int(MIDNIGHT + 2.5 * DAY) // 60
    assert now - 11 * 60 <= past.state().since <= now - 8 * 60


@pytest.mark.parametrize(
    ("sizes", "begin"),
    [
        ({}, 60_000),
        ({999: 5}, 60_000),
        ({900: 5, 999: 5}, 901 * 60),
        ({900: learning.MOST_AT_ONCE + 1, 950: 5}, 951 * 60),
        ({1000 - 28 * 24: 1, 999: 5}, 60_000 - 28 * 1440),
    ],
)
def test_where_learning_begins(sizes: dict[int, int], begin: int) -> None:
    assert learning._begin(sizes, 60_000) == begin


def test_stretches_cover_everything_once() -> None:
    sizes: dict[int, Any] = {hour: random.Random(hour).choice((0, 10, 30_000, 90_000)) for hour in range(100)}
    at, target = 7, 100 * 60 - 11
    while at < target:
        end = learning._end(sizes, at, target)
        assert at < end <= target
        assert end - at <= 60 or sum(sizes[hour] for hour in range(at // 60, (end + 59) // 60)) <= learning.AT_ONCE
        at = end
