"""Damaged journals, full disks, clocks that jump, names that nobody should have: the rest is delivered, each event once."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from opentrail.config import TrailsSettings
from opentrail.errors import JournalCorrupt
from opentrail.trails import plans, routes, store
from opentrail.trails.batch import Batch
from opentrail.trails.control import Wanted
from simulators.proof import ours
from simulators.trails import ACCOUNT, HOME, World

DAY = 86_400.0


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.close()


def stumbling(world: World, seconds: int) -> list[str]:
    """Let time pass as the supervisor's loop does: every step again, whatever it raises; what was raised."""
    raised = []
    for _ in range(seconds):
        for step in (world.delivery.step, world.digests.step):
            try:
                for _ in range(100):
                    if not step():
                        break
            except (OSError, RuntimeError, JournalCorrupt) as error:
                raised.append(str(error))
        world.clock.advance(1)
    return raised


# A journal that cannot be read any further


def test_what_comes_before_damage_in_the_journal_is_delivered_and_digested(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    arn = world.trail(enable_log_file_validation=True)
    began = world.clock.time()
    happened = [world.happen(), world.happen()]
    good = world.journal.head()
    world.happen()
    reading = world.journal.read

    def read(after: int, limit: int) -> list[Any]:
        if after >= good:
            raise JournalCorrupt("damaged")
        return reading(after, min(limit, good - after))

    monkeypatch.setattr(world.journal, "read", read)
    assert "damaged" in stumbling(world, 90)
    assert world.buckets.event_ids() == happened
    world.clock.advance(3600)
    stumbling(world, 5)
    assert ours(world, arn, began).count("log", valid=True) == 1


def test_a_record_that_was_sorted_into_half_of_the_files_is_not_doubled(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.trail("one", s3_bucket_name="one")
    world.trail("two", s3_bucket_name="two")
    happened = [world.happen()]
    world.run()
    happened.append(world.happen())
    adding, calls = Batch.add, []

    def add(batch: Batch, record: bytes, event_time: str) -> None:
        calls.append(record)
        if len(calls) == 2:
            raise RuntimeError("out of memory")
        adding(batch, record, event_time)

    monkeypatch.setattr(Batch, "add", add)
    assert stumbling(world, 70) == ["out of memory"]
    assert world.buckets.event_ids("one") == happened
    assert world.buckets.event_ids("two") == happened


def test_an_older_state_goes_on_behind_the_gap_and_says_so(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.trail()
    happened = [world.happen() for _ in range(5)]
    world.journal.trimmed = 3
    with caplog.at_level(logging.ERROR):
        world.run(61)
    assert "from 1 to 3" in caplog.text
    assert world.buckets.event_ids() == happened[3:]


# Disks and databases that fail


def test_a_cut_that_fails_while_the_database_does_leaves_whole_files(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.trail()
    happened = [world.happen()]
    world.run(59)
    adding, asking = plans.add, world.delivery._positions.get

    def failing(*_: object) -> Any:
        raise OSError("the disk fails")

    monkeypatch.setattr(plans, "add", failing)
    monkeypatch.setattr(world.delivery._positions, "get", failing)
    world.clock.advance(2)
    assert stumbling(world, 2)
    monkeypatch.setattr(plans, "add", adding)
    monkeypatch.setattr(world.delivery._positions, "get", asking)
    happened.append(world.happen())
    world.run(130)
    assert world.buckets.event_ids() == happened


@pytest.mark.parametrize("what", ["sync", "add"])
def test_a_disk_that_stays_full_is_not_filled_any_further(world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, what: str) -> None:
    world.trail(is_multi_region_trail=True, enable_log_file_validation=True)
    happened = [world.happen(region=region) for region in ("us-east-1", "eu-west-1", "us-west-2")]

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(*((world.delivery._spool, "sync") if what == "sync" else (plans, "add")), full)
        assert stumbling(world, 500)
        world.clock.advance(3600)
        assert stumbling(world, 20)
        assert len(list((tmp_path / "spool").iterdir())) <= 6
    world.run(100)
    assert sorted(world.buckets.event_ids()) == sorted(happened)
    assert len(world.buckets.digests()) == 1


def test_a_file_that_is_lost_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    lossy = World(tmp_path, settings=TrailsSettings(retry_limit=100.0))
    lossy.trail()
    lossy.buckets.denied.add("logs")
    lossy.happen()
    with caplog.at_level(logging.ERROR):
        lossy.run(500)
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    assert "it is lost" in caplog.text
    lossy.close()


# Names that anybody may send


def test_regions_that_cannot_be_do_not_hold_up_delivery(world: World) -> None:
    world.trail(is_multi_region_trail=True, enable_log_file_validation=True)
    odd = ["x" * 900, "", "..", "EU WEST 1", "ünder-ground-1"]
    happened = [world.happen(region=region) for region in odd]
    happened.append(world.happen())
    world.run(61)
    assert sorted(world.buckets.event_ids()) == sorted(happened)
    assert {key.split("/")[3] for key in world.buckets.log_files()} == {HOME}


def test_made_up_regions_do_not_multiply_files_and_digests_without_end(world: World) -> None:
    world.trail(is_multi_region_trail=True, enable_log_file_validation=True)
    happened = [world.happen(region=f"moon-{number}") for number in range(50)]
    world.run(61)
    world.restart()
    happened += [world.happen(region=f"mars-{number}") for number in range(50)]
    world.run(61)
    assert sorted(world.buckets.event_ids()) == sorted(happened)
    known = len(world.regions.beside(HOME))
    with world.database.read() as connection:
        assert len(plans.open_chains_of(connection)) == known + routes.MOST_STRANGE


def test_a_strange_region_is_digested_even_if_the_trail_stops_before_the_first_file(world: World) -> None:
    arn = world.trail(is_multi_region_trail=True, enable_log_file_validation=True)
    began = world.clock.time()
    world.happen(region="moon-1")
    world.stop()
    world.run(70)
    assert ours(world, arn, began, region="moon-1").count("log", valid=True) == 1


# Two trails of one name


@pytest.mark.parametrize("interval", [1.0, 2.0, 5.0])
def test_a_trail_made_anew_never_replaces_a_digest_of_its_namesake(tmp_path: Path, interval: float) -> None:
    world = World(tmp_path, settings=TrailsSettings(delivery_interval=0.5, digest_interval=interval))
    world.clock.at = 1_767_607_872.5
    began = world.clock.time()
    arn = ""
    for _ in range(6):
        arn = world.trail(enable_log_file_validation=True)
        world.happen()
        world.run(1.5, by=0.5)
        world.trails.delete(ACCOUNT, HOME, "audit", f"delete-{world.journal.head()}")
        world.happen(request_id=f"delete-{world.journal.head()}")
    world.trail(enable_log_file_validation=True)
    world.run(30, by=0.5)  # the bucket refuses to have an object replaced by another one
    report = ours(world, arn, began)
    assert report.count("log", valid=True) == len(world.buckets.log_files())
    assert report.exit_code == 0
    assert [trail.deleted_at for trail in _every_trail(world)] == [None]
    world.close()


def test_a_deleted_trail_that_cannot_deliver_leaves_the_hours_to_its_namesake(world: World) -> None:
    arn = world.trail(enable_log_file_validation=True)
    began = world.clock.time()
    world.happen()
    world.buckets.denied.add("logs")
    world.run(120)
    world.trails.delete(ACCOUNT, HOME, "audit", "the-delete")
    world.happen(request_id="the-delete")
    world.buckets.denied.clear()
    world.trail(enable_log_file_validation=True)
    world.buckets.denied.add("logs")
    world.happen()
    world.run(3 * 3600, by=30)
    world.buckets.denied.clear()
    world.run(3600, by=10)
    report = ours(world, arn, began)
    assert report.exit_code == 0
    assert report.count("log", valid=True) == len(world.buckets.log_files()) == 3


def _every_trail(world: World) -> list[Any]:
    with world.database.read() as connection:
        return store.working_trails(connection)


# Time


def test_a_digest_that_came_too_late_for_the_truth_is_made_again_at_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.trail(enable_log_file_validation=True)
    world.run(3600 - 60 * 11 - 20)
    world.happen()
    world.run(2)
    signing, noted = world.digests._signed, []

    def signed(one: Any) -> Any:
        if not noted:
            noted.append(one)
            with world.database.begin() as connection:  # a put from just before the hour is noted only now
                _arrived(connection, world, one.end - 0.001)
        return signing(one)

    monkeypatch.setattr(world.digests, "_signed", signed)
    world.run(60)
    (digest,) = world.buckets.digests()
    assert digest["digestEndTime"] == "2026-01-05T11:00:00Z"
    assert noted


def _arrived(connection: Any, world: World, at: float) -> None:
    cut = plans.Cut(
        trail_id=1,
        account_id=ACCOUNT,
        region=HOME,
        kind="log",
        bucket="logs",
        prefix="",
        key="a-file",
        spool="gone",
        hash="00",
        metadata={},
        records=1,
        oldest="2026-01-05T10:59:59Z",
        newest="2026-01-05T10:59:59Z",
        cut_at=at,
    )
    plans.add(connection, cut)
    (plan,) = [plan for plan in plans.waiting(connection, cut.destination, cut.line, 100) if plan.key == "a-file"]
    plans.delivered(connection, plan, at, plan.trail_id)


@pytest.mark.parametrize("jump", [-DAY, -3600.0, -1.0, 3600.0, DAY])
def test_a_clock_that_jumps_loses_no_file_and_breaks_no_chain(world: World, jump: float) -> None:
    arn = world.trail(enable_log_file_validation=True)
    began = world.clock.time()
    happened = []

    def pass_by(seconds: int) -> None:
        happened.append(world.happen())
        world.run(seconds, by=30)

    pass_by(3700)
    world.clock.at += jump
    pass_by(120)
    world.clock.at -= jump
    pass_by(3700)
    world.clock.at += jump
    pass_by(120)
    pass_by(int(abs(jump)) + 3700)
    happened.append(world.stop())
    world.run(int(abs(jump)) + 200, by=50)
    assert sorted(world.buckets.event_ids()) == sorted(happened)
    world.clock.at = max(world.clock.at, began + 3 * DAY)
    report = ours(world, arn, min(began, began + jump))
    assert report.count("log", valid=True) == len(world.buckets.log_files())
    assert report.exit_code == 0
    digests = world.buckets.digests()
    assert [digest["digestStartTime"] for digest in digests[1:]] == [digest["digestEndTime"] for digest in digests[:-1]]


def test_a_clock_that_leaps_ahead_does_not_cut_the_record_of_the_stop_off(world: World) -> None:
    world.trail()
    kept = world.happen()
    world.trails.stop_logging(ACCOUNT, HOME, "audit", "the-stop")
    world.run(2)
    world.clock.at += 3600
    world.run(2)
    stop = world.happen(request_id="the-stop")
    world.run(100)
    assert sorted(world.buckets.event_ids()) == sorted([kept, stop])


def test_digests_of_many_chains_do_not_ask_for_each_of_them_again_and_again(tmp_path: Path) -> None:
    world = World(tmp_path)
    accounts = [f"{number:012d}" for number in range(60)]
    for account in accounts:
        world.trails.create(account, HOME, "audit", Wanted(s3_bucket_name="logs", enable_log_file_validation=True), {})
        world.trails.start_logging(account, HOME, "audit")
    world.settle()
    asked: list[Any] = []
    looking = world.digests._due
    world.digests._due = lambda *arguments: (asked.append(arguments), looking(*arguments))[1]  # type: ignore[method-assign]
    world.run(3600, by=3600)
    assert len(asked) == len(accounts)
    world.close()
