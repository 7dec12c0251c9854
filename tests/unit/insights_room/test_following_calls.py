"""The follower: what is told of a burst, once, whenever the process dies; and what ends an analysis."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from opentrail.events.service_event import ServiceEvent
from opentrail.insights import store
from opentrail.insights.announcer import NOTES, Announcer
from opentrail.journal import Entry
from opentrail.storage.database import Database
from opentrail.storage.outbox import Outbox
from simulators.insight_sources import CallJournal
from simulators.insights_world import World

DAY = 86_400.0


class Crash(Exception):
    """The process dies here."""


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.database.close()


def a_burst(journal: CallJournal, now: float, *, days: int = 8) -> float:
    """Quiet days, then 40 errors in each of five minutes; when that began."""
    dice, at = random.Random(6), now - days * DAY
    burst = now - now % 60 - 1800
    while at < burst:
        journal.call(at)
        at += dice.expovariate(1 / 600)
    for number in range(200):
        journal.call(burst + number * 1.5, errorCode="AccessDenied")
    return burst


def test_a_burst_begins_and_ends(world: World) -> None:
    burst = a_burst(world.journal, world.clock.time())
    world.catch_up()
    calls = [record for record in world.announced() if record["insightDetails"]["insightType"] == "ApiCallRateInsight"]
    assert [record["insightDetails"]["state"] for record in calls] == ["Start", "End"]
    assert len({record["sharedEventID"] for record in calls}) == 1
    assert calls[0]["eventTime"].endswith(":00Z")
    statistics = calls[1]["insightDetails"]["insightContext"]["statistics"]
    assert (statistics["insight"]["average"], statistics["insightDuration"]) == (40.0, 5)
    assert world.points()[int(burst)] == 40
    assert world.follower.position == len(world.journal.entries)


@pytest.mark.parametrize("page", [97, 1000])
def test_whenever_it_dies_each_call_counts_once_and_each_episode_is_told_once(tmp_path: Path, page: int) -> None:
    def run(name: str, dice: random.Random | None) -> tuple[Any, ...]:
        (tmp_path / name).mkdir()
        world = World(tmp_path / name)
        a_burst(world.journal, world.clock.time())
        if dice is not None:
            world.journal.page = page
        lives = 0
        while True:
            if dice is not None and dice.random() < 0.3:
                world.begin()
                lives += 1
            if dice is not None:
                world.clock.elapsed += dice.choice((0.0, 7.0))
                world.promise = _dies if dice.random() < 0.3 else lambda _: None
            try:
                if not world.follower.step():
                    break
            except Crash:
                pass
        assert dice is None or lives
        world.promise = lambda _: None
        world.catch_up()
        found = (
            sorted(world.announced(), key=lambda record: str(record["eventID"])),
            world.points(),
            world.points(3600),
            world.follower.position,
        )
        world.database.close()
        return found

    assert run("shaken", random.Random(7)) == run("calm", None)


def _dies(_: int) -> None:
    raise Crash


def test_a_new_process_knows_what_the_open_minute_had(world: World) -> None:
    now = world.clock.time()
    for _ in range(7):
        world.journal.call(now - 1)
    world.catch_up()
    world.begin()
    world.journal.call(now)
    world.catch_up()
    assert world.points() == {}  # the minute is not over
    world.clock.advance(120)
    world.follower.step()
    world.clock.advance(6)
    world.follower.step()
    assert list(world.points().values()) == [8]


def test_what_comes_late_is_counted_where_it_belongs(world: World) -> None:
    now = world.clock.time()
    world.journal.call(now)
    world.clock.advance(600)
    world.catch_up()
    world.journal.call(now)
    world.catch_up()
    assert world.points() == {int(now) // 60 * 60: 2}


def test_switched_off_nothing_is_remembered_and_later_it_learns_anew(world: World) -> None:
    a_burst(world.journal, world.clock.time())
    world.catch_up()
    world.sources.switch(on=False)
    world.catch_up()
    with world.database.read() as connection:
        assert store.known(connection) == {}
        assert store.sources(connection) == {}
    assert world.points(), "the points are still there to be asked for"
    told = len(world.announced())
    world.journal.call(world.clock.time())
    world.catch_up()
    assert len(world.announced()) == told
    assert world.follower.position == len(world.journal.entries)


def test_points_and_listed_events_outlive_only_their_time(world: World) -> None:
    now = world.clock.time()
    for days in (100, 70, 20, 1):
        world.journal.call(now - days * DAY)
    world.catch_up()
    assert [len(world.points(period)) for period in (60, 300, 3600)] == [1, 2, 3]
    world.clock.advance(15 * DAY)
    world.catch_up()
    assert [len(world.points(period)) for period in (60, 300, 3600)] == [0, 2, 3]
    world.clock.advance(90 * DAY)
    world.catch_up()
    assert [len(world.points(period)) for period in (60, 300, 3600)] == [0, 0, 0]


def test_a_record_with_a_time_to_come_closes_no_minute(world: World) -> None:
    now = world.clock.time()
    world.journal.call(now + 10 * DAY)
    world.journal.call(now)
    world.catch_up()
    assert world.points() == {}


class Passing:
    """An announcer of which the database can fail."""

    def __init__(self, world: World, folder: Path) -> None:
        self.state = Database.at(folder / "state.db")
        self.outbox = Outbox(self.state)
        self.world = world

    def announcer(self) -> Announcer:
        return Announcer(self.world.database, self.state, self.outbox)


def test_each_event_comes_into_the_outbox_once_though_the_process_dies_in_between(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_burst(world.journal, world.clock.time())
    world.catch_up()
    wanted = [record["eventID"] for record in world.announced()]
    passing = Passing(world, tmp_path)
    with monkeypatch.context() as patched:
        patched.setattr(store, "announced", lambda *_: _dies(0))
        with pytest.raises(Crash):
            passing.announcer().step()
    first = [event.event_id for event in passing.outbox.pending()]
    assert sorted(first) == sorted(wanted)
    passing.outbox.done(first)  # recorded in the meantime
    assert passing.announcer().step() == len(wanted)
    assert passing.outbox.pending() == []
    assert world.announced() == []
    again = passing.announcer()
    assert again.step() == 0
    with passing.state.read() as connection:
        from_notes = connection.execute(select(NOTES)).all()
    assert from_notes == []
    passing.state.close()


def test_what_is_passed_on_is_the_record_itself(world: World, tmp_path: Path) -> None:
    a_burst(world.journal, world.clock.time())
    world.catch_up()
    records = world.announced()
    passing = Passing(world, tmp_path)
    passing.announcer().step()
    events: list[ServiceEvent] = passing.outbox.pending()
    assert sorted(json.loads(event.record or "")["eventID"] for event in events) == sorted(record["eventID"] for record in records)
    passing.state.close()


def test_what_nobody_has_analysed_is_passed_by_unread_and_what_comes_once_somebody_has_is_counted(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.sources.switch(on=False)
    for _ in range(3):
        world.journal.call(world.clock.time())
    world.catch_up()
    reads: list[int] = []
    read = world.journal.read

    def noted(after: int, limit: int) -> Sequence[Entry]:
        reads.append(after)
        return read(after, limit)

    monkeypatch.setattr(world.journal, "read", noted)
    world.journal.call(world.clock.time())
    world.catch_up()
    assert 3 not in reads
    assert 4 in reads
    world.sources.switch(on=True)
    world.journal.call(world.clock.time())
    world.clock.advance(120)
    world.catch_up()
    assert list(world.points().values()) == [1]
    assert world.follower.position == 5
