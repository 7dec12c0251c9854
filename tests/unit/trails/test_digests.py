"""Digest files: when they are made, what they say, and that the AWS CLI's own validator agrees."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from gzip import decompress
from itertools import pairwise
from pathlib import Path

import pytest

from opentrail.config import TrailsSettings
from opentrail.journal.positions import Positions
from opentrail.trails import store
from opentrail.trails.control import Wanted
from simulators.proof import awscli, both, ours
from simulators.trails import ACCOUNT, HOME, World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    made.clock.at = 1_767_607_872.5  # 2026-01-05T10:11:12.5Z
    yield made
    made.close()


def test_the_first_digest_is_a_starting_digest_of_all_that_was_delivered(world: World) -> None:
    began = world.clock.time()
    arn = world.trail(enable_log_file_validation=True)
    world.happen()
    world.run(70)
    world.happen()
    world.run(3600, by=20)
    (digest,) = world.buckets.digests()
    assert list(digest) == [
        "awsAccountId",
        "digestStartTime",
        "digestEndTime",
        "digestS3Bucket",
        "digestS3Object",
        "digestPublicKeyFingerprint",
        "digestSignatureAlgorithm",
        "newestEventTime",
        "oldestEventTime",
        "previousDigestS3Bucket",
        "previousDigestS3Object",
        "previousDigestHashValue",
        "previousDigestHashAlgorithm",
        "previousDigestSignature",
        "logFiles",
    ]
    assert (digest["digestStartTime"], digest["digestEndTime"]) == ("2026-01-05T10:11:12Z", "2026-01-05T11:00:00Z")
    key = digest["digestS3Object"]
    assert key == (
        "AWSLogs/111122223333/CloudTrail-Digest/us-east-1/2026/01/05/"
        "111122223333_CloudTrail-Digest_us-east-1_audit_us-east-1_20260105T110000Z.json.gz"
    )
    assert [digest[name] for name in digest if name.startswith("previous")] == [None] * 5
    assert [one["s3Object"] for one in digest["logFiles"]] == world.buckets.log_files()
    for one in digest["logFiles"]:
        assert one["hashValue"] == hashlib.sha256(decompress(world.buckets.objects["logs", one["s3Object"]].body)).hexdigest()
    assert (digest["oldestEventTime"], digest["newestEventTime"]) == ("2026-01-05T10:11:12Z", "2026-01-05T10:12:22Z")
    metadata = world.buckets.objects["logs", key].metadata
    assert set(metadata) == {"signature", "signature-algorithm"}
    assert re.fullmatch(r"[0-9a-f]{512}", metadata["signature"])
    assert "2/2 log files valid" in both(world, arn, began)


def test_idle_hours_have_digests_too_and_the_chain_holds(world: World) -> None:
    began = world.clock.time()
    arn = world.trail(enable_log_file_validation=True)
    world.happen()
    world.run(5 * 3600, by=60)
    digests = world.buckets.digests()
    assert [digest["digestEndTime"][11:13] for digest in digests] == ["11", "12", "13", "14", "15"]
    for older, newer in pairwise(digests):
        assert newer["digestStartTime"] == older["digestEndTime"]
        assert newer["previousDigestS3Object"] == older["digestS3Object"]
        found = world.buckets.objects["logs", older["digestS3Object"]]
        assert newer["previousDigestHashValue"] == hashlib.sha256(decompress(found.body)).hexdigest()
        assert newer["previousDigestSignature"] == found.metadata["signature"]
    assert digests[1]["logFiles"] == []
    assert (digests[1]["newestEventTime"], digests[1]["oldestEventTime"]) == (None, None)
    assert "5/5 digest files valid" in both(world, arn, began)


def test_a_multi_region_trail_has_a_chain_in_every_region(world: World) -> None:
    began = world.clock.time()
    arn = world.trail(enable_log_file_validation=True, is_multi_region_trail=True, s3_key_prefix="deep/down")
    world.happen(region="eu-west-1")
    world.run(2 * 3600, by=60)
    for region in ("us-east-1", "eu-west-1", "us-west-2"):
        assert len(world.buckets.digests(region=region)) == 2
        status, output = awscli(world, arn, began, region=region, prefix="deep/down")
        assert status == 0
        assert "2/2 digest files valid" in output
        assert ours(world, arn, began, region=region, prefix="deep/down").count("digest", valid=True) == 2


def test_stopping_ends_the_chain_with_a_last_digest_and_starting_begins_another(world: World) -> None:
    began = world.clock.time()
    arn = world.trail(enable_log_file_validation=True)
    world.happen()
    world.run(100)
    world.stop()
    world.run(100)
    (last,) = world.buckets.digests()
    assert len(last["logFiles"]) == 2
    world.run(3 * 3600, by=60)
    assert len(world.buckets.digests()) == 1
    world.trails.start_logging(ACCOUNT, HOME, "audit")
    world.happen()
    world.run(3600, by=60)
    first, second = world.buckets.digests()
    assert second["previousDigestS3Object"] is None
    assert second["digestStartTime"] > first["digestEndTime"]
    output = both(world, arn, began)
    assert "No log files were delivered by CloudTrail between" in output


def test_a_deleted_trail_is_forgotten_after_its_last_digests(world: World) -> None:
    began = world.clock.time()
    arn = world.trail(enable_log_file_validation=True, is_multi_region_trail=True)
    world.happen()
    world.trails.delete(ACCOUNT, HOME, "audit", "the-delete")
    world.happen(request_id="the-delete")
    world.run(10)
    assert [len(digest["logFiles"]) for digest in world.buckets.digests()] == [1]
    assert len(world.buckets.keys("logs", "/CloudTrail-Digest/")) == 3
    assert "1/1 log files valid" in both(world, arn, began)
    with world.database.read() as connection:
        for table in ("trails", "trail_windows", "trail_plans", "trail_chains", "trail_status"):
            assert connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar() == 0


def test_files_from_before_validation_and_after_it_are_in_no_digest(world: World) -> None:
    began = world.clock.time()
    arn = world.trail()
    world.happen()
    world.run(61)
    world.trails.update(ACCOUNT, HOME, "audit", Wanted(enable_log_file_validation=True))
    world.happen()
    world.run(61)
    world.trails.update(ACCOUNT, HOME, "audit", Wanted(enable_log_file_validation=False))
    world.run(5)
    world.happen()
    world.run(2 * 3600, by=60)
    (digest,) = world.buckets.digests()
    assert [one["s3Object"] for one in digest["logFiles"]] == [world.buckets.log_files()[1]]
    assert awscli(world, arn, began)[0] == 0


def test_an_hour_of_downtime_is_in_the_digest_of_the_hour(world: World) -> None:
    began = world.clock.time()
    arn = world.trail(enable_log_file_validation=True)
    world.run(3600, by=60)
    world.happen()
    world.clock.advance(3000)
    world.run(3600, by=60)
    digests = world.buckets.digests()
    assert len(digests) == 3
    assert all(newer["digestStartTime"] == older["digestEndTime"] for older, newer in pairwise(digests))
    both(world, arn, began)


def test_a_file_that_arrives_late_is_in_the_digest_of_the_hour_it_arrived(world: World) -> None:
    began = world.clock.time()
    arn = world.trail(enable_log_file_validation=True)
    world.buckets.missing.add("logs")
    world.happen()
    world.run(3 * 3600, by=30)
    assert world.buckets.objects == {}
    _, status = world.trails.status(ACCOUNT, HOME, "audit")
    assert status.delivery_error == "NoSuchBucket"
    world.buckets.missing.clear()
    world.run(3600, by=30)
    digests = world.buckets.digests()
    assert [(len(digest["logFiles"]), digest["digestS3Object"][-24:-8]) for digest in digests] == [
        (0, "20260105T110000Z"),
        (0, "120000Z_backfill"),
        (0, "20260105T130000Z"),
        (1, "20260105T140000Z"),
    ]
    _, status = world.trails.status(ACCOUNT, HOME, "audit")
    assert (status.delivery_error, status.digest_error) == (None, None)
    assert status.digest_delivered_at is not None
    both(world, arn, began)


def test_the_chain_goes_on_in_another_bucket(world: World) -> None:
    began = world.clock.time()
    arn = world.trail(enable_log_file_validation=True)
    world.happen()
    world.run(3600, by=60)
    world.trails.update(ACCOUNT, HOME, "audit", Wanted(s3_bucket_name="other"))
    world.run(3600, by=60)
    (first,), (second,) = world.buckets.digests("logs"), world.buckets.digests("other")
    assert (second["previousDigestS3Bucket"], second["previousDigestS3Object"]) == ("logs", first["digestS3Object"])
    status, output = awscli(world, arn, began, bucket="other")
    report = ours(world, arn, began, bucket="other")
    assert (status, report.exit_code) == (0, 0), output
    assert (report.count("digest", valid=True), report.count("log", valid=True)) == (2, 1)


def test_keys_change_every_month_and_old_digests_stay_valid(tmp_path: Path) -> None:
    world = World(tmp_path, settings=TrailsSettings(digest_interval=86400.0, delivery_interval=3600.0))
    began = world.clock.time()
    arn = world.trail(enable_log_file_validation=True)
    world.happen()
    world.run(40 * 86400, by=3600)
    fingerprints = {digest["digestPublicKeyFingerprint"] for digest in world.buckets.digests()}
    assert len(fingerprints) == 2
    assert len(world.buckets.digests()) == 40
    both(world, arn, began)
    world.close()


@pytest.mark.parametrize("interval", [1.0, 2.5, 7.0])
def test_short_intervals_never_give_two_digests_one_key(tmp_path: Path, interval: float) -> None:
    world = World(tmp_path, settings=TrailsSettings(digest_interval=interval, delivery_interval=0.5))
    began = world.clock.time()
    arn = world.trail(enable_log_file_validation=True)
    for _ in range(10):
        world.happen()
        world.run(1.3, by=0.3)
    both(world, arn, began)
    world.close()


def test_switching_off_and_on_at_once_leaves_nothing_uncovered(world: World) -> None:
    began = world.clock.time()
    arn = world.trail(enable_log_file_validation=True)
    for _ in range(4):
        world.happen()
        world.stop()
        world.trails.start_logging(ACCOUNT, HOME, "audit")
    world.happen()
    world.run(3700, by=20)
    listed = [one["s3Object"] for digest in world.buckets.digests() for one in digest["logFiles"]]
    assert sorted(listed) == world.buckets.log_files()
    both(world, arn, began)


def test_a_region_nobody_has_heard_of_has_its_chain_too(world: World) -> None:
    began = world.clock.time()
    arn = world.trail(enable_log_file_validation=True, is_multi_region_trail=True)
    world.happen(region="moon-1")
    world.run(2 * 3600, by=60)
    assert [len(digest["logFiles"]) for digest in world.buckets.digests(region="moon-1")] == [1, 0]
    assert "1/1 log files valid" in both(world, arn, began, region="moon-1")


def test_a_trail_made_single_region_ends_the_other_chains_and_can_begin_them_again(world: World) -> None:
    began = world.clock.time()
    arn = world.trail(enable_log_file_validation=True, is_multi_region_trail=True)
    world.happen(region="eu-west-1")
    world.run(100)
    world.trails.update(ACCOUNT, HOME, "audit", Wanted(is_multi_region_trail=False))
    world.run(2 * 3600, by=60)
    assert len(world.buckets.digests(region="eu-west-1")) == 1
    world.trails.update(ACCOUNT, HOME, "audit", Wanted(is_multi_region_trail=True))
    world.run(3600, by=60)
    first, second = world.buckets.digests(region="eu-west-1")
    assert second["previousDigestS3Object"] is None
    assert second["digestStartTime"] > first["digestEndTime"]
    assert "No log files were delivered" in both(world, arn, began, region="eu-west-1")
    assert len(world.buckets.digests()) == 3
    assert "3/3 digest files valid" in both(world, arn, began)


@pytest.mark.parametrize("ending", ["stop", "delete"])
def test_the_last_digest_waits_for_delivery_and_not_for_the_watch(world: World, ending: str) -> None:
    """Windows of trails that have ended are kept while the watch is down: event rules have not read them yet."""
    positions = Positions(world.database)
    with world.database.begin() as connection:
        positions.save(connection, store.WATCH, 0)
    world.trail(enable_log_file_validation=True)
    world.happen()
    world.run(70)
    if ending == "stop":
        world.stop()
    else:
        world.trails.delete(ACCOUNT, HOME, "audit", "deleted")
    world.run(400, by=10)
    (last,) = world.buckets.digests()
    assert [one["s3Object"] for one in last["logFiles"]] == world.buckets.log_files()
    with world.database.read() as connection:
        assert [window.start for window in store.windows(connection, read=True)] == [0]
        assert [trail.name for trail in store.working_trails(connection)] == ["audit"]  # its windows hang on it
    with world.database.begin() as connection:
        store.forget_read_windows(connection, world.journal.head())
    world.run(10)
    assert len(world.buckets.digests()) == 1
    with world.database.read() as connection:
        assert [trail.name for trail in store.working_trails(connection)] == (["audit"] if ending == "stop" else [])
