"""The stories of a chain of digests that change what it hangs on: prefix, name, clock. The AWS CLI's own validator passes in each."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from opentrail.trails.control import Wanted
from simulators.proof import awscli, both, ours
from simulators.trails import ACCOUNT, HOME, World

HOUR = 3600


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    made.clock.at = 1_767_607_872.5  # 2026-01-05T10:11:12.5Z
    yield made
    made.close()


def delete(world: World) -> None:
    request_id = f"delete-{world.journal.head()}"
    world.trails.delete(ACCOUNT, HOME, "audit", request_id)
    world.happen(request_id=request_id)


def all_listed(world: World) -> None:
    """Every log file is in exactly one digest."""
    listed = [one["s3Object"] for digest in world.buckets.digests() for one in digest["logFiles"]]
    listed += [
        one["s3Object"]
        for key in world.buckets.keys("logs", "deep/AWSLogs")
        if "/CloudTrail-Digest/" in key
        for one in world.buckets.json("logs", key)["logFiles"]
        if one["s3Object"] not in listed
    ]
    assert sorted(set(listed)) == world.buckets.log_files()


def test_the_chain_goes_on_under_another_prefix_and_names_the_key_under_the_old_one(world: World) -> None:
    began = world.clock.time()
    arn = world.trail(enable_log_file_validation=True)
    world.happen()
    world.run(HOUR, by=60)
    world.trails.update(ACCOUNT, HOME, "audit", Wanted(s3_key_prefix="deep"))
    world.happen()
    world.run(2 * HOUR, by=60)
    old = world.buckets.keys("logs", "/CloudTrail-Digest/")
    older = [key for key in old if key.startswith("AWSLogs/")]
    newer = [key for key in old if key.startswith("deep/AWSLogs/")]
    assert (len(older), len(newer)) == (1, 2)
    assert world.buckets.json("logs", newer[0])["previousDigestS3Object"] == older[0]
    output = both(world, arn, began, prefix="deep")
    assert "3/3 digest files valid" in output
    assert "2/2 log files valid" in output


def test_back_and_forth_between_two_buckets_is_one_chain(world: World) -> None:
    began = world.clock.time()
    arn = world.trail(enable_log_file_validation=True)
    for bucket in ("other", "logs", "other"):
        world.happen()
        world.run(HOUR, by=60)
        world.trails.update(ACCOUNT, HOME, "audit", Wanted(s3_bucket_name=bucket))
    world.happen()
    world.run(HOUR, by=60)
    output = both(world, arn, began, bucket="other")
    assert "4/4 digest files valid" in output
    assert "4/4 log files valid" in output


def test_a_bucket_left_while_stopped_is_found_by_who_asks_the_server(world: World) -> None:
    began = world.clock.time()
    arn = world.trail(enable_log_file_validation=True)
    world.happen()
    world.run(HOUR, by=60)
    world.stop()
    world.run(2 * HOUR, by=60)
    world.trails.update(ACCOUNT, HOME, "audit", Wanted(s3_bucket_name="other"))
    world.trails.start_logging(ACCOUNT, HOME, "audit")
    world.happen()
    world.run(HOUR, by=60)
    assert "1/1 log files valid" in awscli(world, arn, began, bucket="other")[1]
    report = ours(world, arn, began, bucket="other")
    assert (report.exit_code, report.count("log", valid=True)) == (0, 3)


def test_a_trail_made_anew_under_the_same_name_begins_a_chain_of_its_own(world: World) -> None:
    began = world.clock.time()
    arn = world.trail(enable_log_file_validation=True)
    world.happen()
    world.run(HOUR + 600, by=60)
    delete(world)
    world.run(HOUR, by=60)
    assert world.trail(enable_log_file_validation=True) == arn
    world.happen()
    world.run(2 * HOUR, by=60)
    all_listed(world)
    output = both(world, arn, began)
    assert output.count("No log files were delivered by CloudTrail between") == 1
    starts = [digest for digest in world.buckets.digests() if digest["previousDigestS3Object"] is None]
    assert len(starts) == 2


@pytest.mark.parametrize("pause", [0.2, 0.9, 1.5])
def test_trails_made_and_deleted_in_one_breath_make_one_walk(world: World, pause: float) -> None:
    began = world.clock.time()
    arn = ""
    for _ in range(5):
        arn = world.trail(enable_log_file_validation=True)
        world.happen()
        world.run(pause, by=0.1)
        delete(world)
    world.trail(enable_log_file_validation=True)
    world.run(2 * HOUR, by=60)
    all_listed(world)
    assert awscli(world, arn, began)[0] == 0
    report = ours(world, arn, began)
    assert (report.exit_code, report.count("log", valid=True)) == (0, len(world.buckets.log_files()))


def test_a_clock_set_back_makes_no_second_digest_of_an_hour(world: World) -> None:
    began = world.clock.time()
    arn = world.trail(enable_log_file_validation=True)
    world.happen()
    world.run(2 * HOUR, by=60)
    world.clock.at -= 2 * HOUR
    world.happen()
    world.run(3 * HOUR, by=60)
    digests = world.buckets.digests()
    assert all(newer["digestStartTime"] == older["digestEndTime"] for older, newer in pairwise(digests))
    all_listed(world)
    both(world, arn, began)


def test_a_clock_set_back_and_a_trail_made_anew_never_put_two_digests_under_one_key(world: World) -> None:
    began = world.clock.time()
    arn = world.trail(enable_log_file_validation=True)
    world.happen()
    world.run(3 * HOUR, by=60)
    world.clock.at -= 2.5 * HOUR
    delete(world)
    world.trail(enable_log_file_validation=True)
    world.happen()
    world.run(5 * HOUR, by=60)  # the bucket refuses to have an object replaced by another one
    all_listed(world)
    both(world, arn, began)


def test_a_clock_set_ahead_is_an_outage_that_is_made_up_for(world: World) -> None:
    began = world.clock.time()
    arn = world.trail(enable_log_file_validation=True)
    world.happen()
    world.run(HOUR, by=60)
    world.clock.at += 6 * HOUR
    world.happen()
    world.run(HOUR, by=60)
    all_listed(world)
    output = both(world, arn, began)
    assert "backfill digest files valid" in output


def test_validation_switched_off_and_on_leaves_a_gap_that_both_tell(world: World) -> None:
    began = world.clock.time()
    arn = world.trail(enable_log_file_validation=True)
    world.happen()
    world.run(HOUR, by=60)
    world.trails.update(ACCOUNT, HOME, "audit", Wanted(enable_log_file_validation=False))
    world.run(2 * HOUR, by=60)
    world.trails.update(ACCOUNT, HOME, "audit", Wanted(enable_log_file_validation=True))
    world.happen()
    world.run(HOUR, by=60)
    output = both(world, arn, began)
    assert output.count("No log files were delivered by CloudTrail between") == 1
