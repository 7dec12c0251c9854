"""What could not be digested in its time is made up for by backfill digests: nothing is left out, nothing is in two digests, and the AWS
CLI's own validator agrees."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opentrail.config import TrailsSettings
from opentrail.trails import periods
from opentrail.trails.control import Wanted
from simulators.proof import awscli, both, ours
from simulators.trails import ACCOUNT, HOME, AccessDenied, Crash, Deaths, World

HOUR = 3600


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    made.clock.at = 1_767_607_872.5  # 2026-01-05T10:11:12.5Z
    yield made
    made.close()


def refuse(world: World, part: str) -> Callable[[], None]:
    """The buckets refuse every key with `part` in it; returns the cure."""
    put = world.buckets.put

    def refusing(**given: Any) -> None:
        if part in given["key"]:
            raise AccessDenied
        put(**given)

    world.buckets.put = refusing  # type: ignore[method-assign]

    def cure() -> None:
        world.buckets.put = put  # type: ignore[method-assign]

    return cure


def down(world: World, hours: float) -> None:
    """Nobody is running for so long."""
    world.clock.advance(hours * HOUR)
    world.restart()


def kinds(world: World, bucket: str = "logs") -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The regular and the backfill digests, oldest first."""
    made = world.buckets.digests(bucket)
    backfill = [digest for digest in made if digest["digestS3Object"].endswith("_backfill.json.gz")]
    return [digest for digest in made if digest not in backfill], backfill


def listed_once(world: World, *buckets: str) -> None:
    """Every log file is in exactly one digest."""
    listed = [one["s3Object"] for of in buckets for digest in world.buckets.digests(of) for one in digest["logFiles"]]
    assert sorted(listed) == sorted(key for of in buckets for key in world.buckets.log_files(of))


def test_hours_of_downtime_are_made_up_for(world: World) -> None:
    began = world.clock.time()
    arn = world.trail(enable_log_file_validation=True)
    world.happen()
    world.run(HOUR + 1800, by=60)
    world.happen()
    world.run(120, by=60)
    down(world, 5)  # from 11:43 to 16:43
    world.happen()
    world.run(HOUR, by=60)
    regular, backfill = kinds(world)
    assert [(one["digestStartTime"][11:16], one["digestEndTime"][11:16]) for one in backfill] == [
        ("11:00", "12:00"),
        ("12:00", "13:00"),
        ("13:00", "14:00"),
        ("14:00", "15:00"),
    ]
    assert [(one["digestStartTime"][11:16], one["digestEndTime"][11:16]) for one in regular] == [
        ("10:11", "11:00"),
        ("15:00", "16:00"),
        ("16:00", "17:00"),
    ]
    assert [len(one["logFiles"]) for one in backfill] == [1, 0, 0, 0]
    assert backfill[0]["previousDigestS3Object"] is None
    for chain in (regular, backfill):
        for older, newer in pairwise(chain):
            assert newer["previousDigestS3Object"] == older["digestS3Object"]
    metadata = world.buckets.objects["logs", backfill[0]["digestS3Object"]].metadata
    assert metadata["backfill-generation-timestamp"] == "2026-01-05T16:43:12.500Z"
    assert set(metadata) == {"signature", "signature-algorithm", "backfill-generation-timestamp"}
    listed_once(world, "logs")
    output = both(world, arn, began)
    assert "4/4 backfill digest files valid" in output
    assert "No log files were delivered" not in output
    assert ours(world, arn, began, alone=True).exit_code == 0


def test_every_part_of_the_outage_can_be_asked_for(world: World) -> None:
    arn = world.trail(enable_log_file_validation=True)
    world.happen()
    world.run(HOUR, by=60)
    middle = world.clock.time()
    down(world, 7)
    world.run(2 * HOUR, by=60)
    for since in range(7):
        for until in range(since, 8):
            start, end = middle + since * HOUR + 7, middle + until * HOUR + 9
            assert awscli(world, arn, start, end=end)[0] == 0
            report = ours(world, arn, start, end=end)
            assert report.exit_code == 0, [str(one) for one in report.findings]


def test_a_second_outage_goes_on_with_the_backfill_chain_of_the_first(world: World) -> None:
    began = world.clock.time()
    arn = world.trail(enable_log_file_validation=True)
    for _ in range(2):
        world.happen()
        world.run(HOUR + 600, by=60)
        down(world, 4)
    world.trails.stop_logging(ACCOUNT, HOME, "audit", "the-stop")
    world.happen(request_id="the-stop")
    world.run(HOUR, by=60)
    world.trails.start_logging(ACCOUNT, HOME, "audit")
    world.run(600, by=60)
    down(world, 3)
    world.run(HOUR, by=60)
    _, backfill = kinds(world)
    assert len(backfill) >= 7
    assert all(newer["previousDigestS3Object"] == older["digestS3Object"] for older, newer in pairwise(backfill))
    listed_once(world, "logs")
    output = both(world, arn, began)
    assert "(backfill) No log files" not in output


def test_a_bucket_that_refuses_for_hours_waits_with_one_digest(world: World) -> None:
    began = world.clock.time()
    arn = world.trail(enable_log_file_validation=True)
    world.happen()
    world.run(HOUR, by=60)
    world.buckets.denied.add("logs")
    world.happen()
    world.run(30 * HOUR, by=300)
    assert len(list(world.courier._spool.folder.iterdir())) == 2
    report = ours(world, arn, began)
    assert report.exit_code == 0, [str(one) for one in report.findings]  # what the bucket has is valid and whole
    assert ours(world, arn, began, expected_until=int(world.clock.time())).exit_code == 1  # but nothing is proved since
    world.buckets.denied.clear()
    world.run(HOUR, by=60)
    regular, backfill = kinds(world)
    assert (len(regular), len(backfill)) == (4, 28)
    listed_once(world, "logs")
    both(world, arn, began)


def test_log_files_that_arrive_while_digests_are_refused_are_made_up_for(world: World) -> None:
    began = world.clock.time()
    arn = world.trail(enable_log_file_validation=True)
    cure = refuse(world, "/CloudTrail-Digest/")
    for _ in range(6):
        world.happen()
        world.run(HOUR, by=300)
    assert world.buckets.digests() == []
    cure()
    world.run(HOUR, by=60)
    regular, backfill = kinds(world)
    assert (len(regular), len(backfill)) == (3, 4)
    assert len(world.buckets.log_files()) == 6
    listed_once(world, "logs")
    both(world, arn, began)


def test_an_outage_over_a_change_of_keys_is_signed_with_the_key_of_the_day(tmp_path: Path) -> None:
    world = World(tmp_path, settings=TrailsSettings(delivery_interval=3600.0, digest_interval=6 * 3600.0))
    began = world.clock.time()
    arn = world.trail(enable_log_file_validation=True)
    world.happen()
    world.run(28 * 86400, by=3000)
    middle = world.clock.time()
    down(world, 6 * 24)
    world.run(86400, by=3600)
    regular, backfill = kinds(world)
    assert len(backfill) >= 20
    fingerprints = {one["digestPublicKeyFingerprint"] for one in regular}
    assert len(fingerprints) == 2
    assert {one["digestPublicKeyFingerprint"] for one in backfill} == {regular[-1]["digestPublicKeyFingerprint"]}
    both(world, arn, began)
    assert awscli(world, arn, middle, end=middle + 86400)[0] == 0  # the new key is not among those of that time
    assert ours(world, arn, middle, end=middle + 86400).exit_code == 0
    world.close()


def test_a_trail_stopped_during_an_outage_is_made_up_for_and_has_its_last_digest(world: World) -> None:
    began = world.clock.time()
    arn = world.trail(enable_log_file_validation=True)
    world.happen()
    world.run(HOUR, by=60)
    world.stop()
    down(world, 5)
    world.run(120, by=1)
    regular, backfill = kinds(world)
    assert (len(regular), len(backfill)) == (2, 4)
    assert not regular[-1]["digestEndTime"].endswith(":00:00Z")
    world.run(3 * HOUR, by=60)
    assert len(world.buckets.digests()) == 6
    listed_once(world, "logs")
    both(world, arn, began)


def test_a_trail_made_anew_during_an_outage_never_uses_a_key_of_its_namesake(world: World) -> None:
    began = world.clock.time()
    arn = world.trail(enable_log_file_validation=True)
    world.happen()
    world.run(HOUR, by=60)
    world.trails.delete(ACCOUNT, HOME, "audit", "the-delete")
    world.happen(request_id="the-delete")
    world.trail(enable_log_file_validation=True)
    world.happen()
    down(world, 6)
    world.run(2 * HOUR, by=60)
    listed_once(world, "logs")
    assert awscli(world, arn, began)[0] == 0
    report = ours(world, arn, began)
    assert report.exit_code == 0, [str(one) for one in report.findings]
    assert report.count("log", valid=True) == len(world.buckets.log_files())


def test_backfill_digests_of_a_bucket_that_was_left_are_found_all_the_same(world: World) -> None:
    began = world.clock.time()
    arn = world.trail(enable_log_file_validation=True)
    world.happen()
    world.run(HOUR, by=60)
    down(world, 4)
    world.run(HOUR, by=60)
    world.trails.update(ACCOUNT, HOME, "audit", Wanted(s3_bucket_name="other", s3_key_prefix="deep"))
    world.happen()
    world.run(2 * HOUR, by=60)
    _, backfill = kinds(world)
    report = ours(world, arn, began, bucket="other", prefix="deep")
    assert report.exit_code == 0, [str(one) for one in report.findings]
    assert report.count("digest", valid=True, backfill=True) == len(backfill) > 0
    assert report.count("log", valid=True) == 2
    del world.buckets.objects["logs", backfill[1]["digestS3Object"]]
    assert ours(world, arn, began, bucket="other", prefix="deep").exit_code == 1


def test_a_clock_that_jumps_a_year_costs_a_month_of_digests(world: World) -> None:
    began = world.clock.time()
    arn = world.trail(enable_log_file_validation=True)
    world.happen()
    world.run(HOUR, by=60)
    world.clock.at += 365 * 86400
    world.run(120, by=1)
    _, backfill = kinds(world)
    assert 31 * 24 <= len(backfill) <= 31 * 24 + 2
    report = ours(world, arn, began)
    assert report.exit_code == 0, [str(one) for one in report.findings][-3:]
    assert ours(world, arn, began, end=began + 86400).exit_code == 0  # the long one is stamped far behind the range


def test_crashes_while_making_up_leave_no_trace(tmp_path: Path) -> None:
    """At every fifth instruction of an outage's end: the same digests, put again."""

    def story(folder: Path, after: int | None) -> tuple[World, Deaths, str, float]:
        folder.mkdir()
        world = World(folder)
        world.clock.at = 1_767_607_872.5
        began = world.clock.time()
        arn = world.trail(enable_log_file_validation=True)
        world.happen()
        world.run(HOUR, by=600)
        world.happen()
        down(world, 5)
        deaths = Deaths(world, after=after)
        for _ in range(100):
            try:
                world.run(1)
            except Crash:
                world.restart()
        deaths.after = None
        world.run(HOUR, by=60)
        return world, deaths, arn, began

    world, deaths, _, _ = story(tmp_path / "whole", None)
    expected = [(one["digestStartTime"], one["digestEndTime"], len(one["logFiles"])) for one in world.buckets.digests()]
    world.close()
    assert deaths.passed > 60
    for number in range(0, min(deaths.passed, 120), 5):
        world, _, arn, began = story(tmp_path / str(number), number)
        assert [(one["digestStartTime"], one["digestEndTime"], len(one["logFiles"])) for one in world.buckets.digests()] == expected
        assert not list(world.courier._spool.folder.iterdir())
        assert ours(world, arn, began).exit_code == 0
        world.close()


@given(
    start=st.integers(1_700_000_000, 1_700_100_000),
    late=st.floats(0, 50 * 86400, allow_nan=False),
    interval=st.sampled_from([1.0, 2.0, 2.5, 7.0, 30.0, 60.0, 900.0, 3600.0, 5000.0, 86400.0]),
    ends=st.booleans(),
)
def test_periods_follow_each_other_without_a_gap(start: int, late: float, interval: float, ends: bool) -> None:
    now = start + late
    found = periods.due(start, now, interval, last_end=int(now) if ends else None)
    assert all(period.start < period.end <= now for period in found)
    assert all(newer.start == older.end for older, newer in pairwise(found))
    assert [period.is_backfill for period in found] == sorted((period.is_backfill for period in found), reverse=True)
    assert sum(not period.is_backfill for period in found) <= 1
    if found:
        assert found[0].start == start
        assert found[-1].end == (int(now) if ends else periods.boundary(now, interval))
    for period in found[1:]:
        assert period.end - period.start <= max(3600, interval) + 1 or not period.is_backfill
        assert period.is_backfill == (now - period.end >= 3600 and not (ends and period.end == int(now)))
    assert len(found) <= 31 * 24 + 4
