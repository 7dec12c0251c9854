"""The process may die at any instruction: each selected event is in the bucket exactly once, and every chain is valid."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opentrail.config import TrailsSettings
from simulators.proof import awscli, ours
from simulators.trails import ACCOUNT, HOME, Crash, Deaths, World

STRIDE = 37
"""Every so many places to die are tried; all of them take minutes."""
QUICK = TrailsSettings(delivery_interval=5.0, digest_interval=30.0)


def story(world: World, deaths: Deaths) -> list[str]:
    """A trail that starts, stops and starts again while events happen; whoever dies is started again. Returns what must be delivered."""
    expected: list[str] = []

    def work(seconds: float) -> None:
        left = seconds
        while True:
            try:
                world.settle()
                if left <= 0:
                    return
                world.clock.advance(1)
                left -= 1
            except Crash:
                world.restart()

    for pause in (31, 3):
        world.trails.start_logging(ACCOUNT, HOME, "audit")
        expected += [world.happen(), world.happen(region="eu-west-1")]
        work(7)
        expected += [world.happen(), world.stop()]
        world.happen()
        work(pause)
    work(31)
    return expected


def prepared(folder: Path) -> tuple[World, str]:
    world = World(folder, settings=QUICK)
    return world, world.trail(start=False, enable_log_file_validation=True, is_multi_region_trail=True, sns_topic_name="told")


def check(world: World, arn: str, began: float, expected: list[str]) -> None:
    assert sorted(world.buckets.event_ids()) == sorted(expected)
    for region in ("us-east-1", "eu-west-1"):
        report = ours(world, arn, began, region=region)
        assert report.exit_code == 0, [str(finding) for finding in report.findings]
        assert awscli(world, arn, began, region=region)[0] == 0
        files = [key for key in world.buckets.log_files() if f"/{region}/" in key]
        assert report.count("log", valid=True) == len(files)
        assert not [finding for finding in report.findings if "not covered" in str(finding)]
    assert set(world.topics.told()) == set(world.buckets.log_files())
    assert not list(world.courier._spool.folder.iterdir())


def instructions() -> int:
    """How many places to die the story has."""
    with tempfile.TemporaryDirectory() as folder:
        world, _ = prepared(Path(folder))
        deaths = Deaths(world)
        story(world, deaths)
        world.close()
        return deaths.passed


def test_dying_once_at_any_instruction(tmp_path: Path) -> None:
    places = instructions()
    assert places > 100
    for number in range(0, places, STRIDE):
        folder = tmp_path / str(number)
        folder.mkdir()
        world, arn = prepared(folder)
        began = world.clock.time()
        deaths = Deaths(world, after=number)
        expected = story_surviving_control(world, deaths)
        deaths.after = None
        check(world, arn, began, expected)
        world.close()


def story_surviving_control(world: World, deaths: Deaths) -> list[str]:
    """The story, in which only the followers die: the front's own transactions are let through."""
    start, stop = world.trails.start_logging, world.trails.stop_logging

    def spared(call):  # type: ignore[no-untyped-def]
        def run(*arguments: object) -> None:
            after, deaths.after = deaths.after, None
            passed = deaths.passed
            call(*arguments)
            deaths.after, deaths.passed = after, passed

        return run

    world.trails.start_logging = spared(start)  # type: ignore[method-assign]
    world.trails.stop_logging = spared(stop)  # type: ignore[method-assign]
    return story(world, deaths)


ACTIONS = st.lists(
    st.one_of(
        st.tuples(st.just("event"), st.sampled_from(["us-east-1", "eu-west-1"])),
        st.tuples(st.just("start"), st.just("")),
        st.tuples(st.just("stop"), st.just("")),
        st.tuples(st.just("time"), st.sampled_from(["1", "3", "6", "31"])),
        st.tuples(st.just("crash"), st.sampled_from(["1", "2", "5", "11", "23"])),
        st.tuples(st.just("bucket"), st.sampled_from(["away", "back"])),
        st.tuples(st.just("restart"), st.just("")),
    ),
    min_size=5,
    max_size=40,
)


@given(actions=ACTIONS)
@settings(max_examples=25, deadline=None)
def test_any_sequence_of_starts_stops_outages_and_crashes(actions: list[tuple[str, str]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        world, arn = prepared(Path(folder))
        began = world.clock.time()
        deaths = Deaths(world)
        expected: list[str] = []
        logging = False

        def work(seconds: int) -> None:
            for second in range(seconds + 1):
                try:
                    world.settle()
                except Crash:
                    world.restart()
                if second < seconds:
                    world.clock.advance(1)

        for action, value in actions:
            deaths.after, armed = None, deaths.after
            if action == "event":
                happened = world.happen(region=value)
                expected += [happened] if logging else []
            elif action == "start":
                world.trails.start_logging(ACCOUNT, HOME, "audit")
                logging = True
            elif action == "stop":
                happened = world.stop()
                expected += [happened] if logging else []
                logging = False
            elif action == "bucket":
                (world.buckets.missing.add if value == "away" else world.buckets.missing.discard)("logs")
            elif action == "restart":
                world.restart()
            deaths.after = deaths.passed + int(value) if action == "crash" else armed
            if action == "time":
                work(int(value))
        deaths.after = None
        world.buckets.missing.clear()
        world.restart()
        work(20)
        if logging:
            expected.append(world.stop())
        work(70)
        check(world, arn, began, expected)
        world.close()


@pytest.mark.parametrize("failing", ["write", "sync"])
def test_a_full_disk_loses_nothing(tmp_path: Path, failing: str) -> None:
    world, _ = prepared(tmp_path)
    world.trails.start_logging(ACCOUNT, HOME, "audit")
    happened = world.happen()
    spool = world.delivery._spool
    working = getattr(spool, failing)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    setattr(spool, failing, full)
    with pytest.raises(OSError, match="No space left"):
        world.run(10)
    setattr(spool, failing, working)
    world.run(10)
    assert world.buckets.event_ids() == [happened]
    world.close()
