"""Which records reach which bucket, in which files."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from opentrail.config import TrailsSettings
from opentrail.trails.control import Wanted
from simulators.trails import ACCOUNT, HOME, World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.close()


def test_a_file_is_cut_after_the_interval_and_holds_the_very_bytes(world: World) -> None:
    world.trail()
    world.happen(more={"odd": "ünï\u2028code", "spaced": [1, 2.50]})
    world.happen()
    world.run(59)
    assert world.buckets.log_files() == []
    world.run(2)
    (key,) = world.buckets.log_files()
    assert re.fullmatch(
        r"AWSLogs/111122223333/CloudTrail/us-east-1/2026/01/05/111122223333_CloudTrail_us-east-1_20260105T1012Z_[A-Za-z0-9]{16}\.json\.gz",
        key,
    )

    body = world.buckets.objects["logs", key].body
    assert gzip.decompress(body) == b'{"Records":[' + b",".join(entry.record for entry in world.journal.entries) + b"]}"
    assert body[4:8] == b"\0\0\0\0"


def test_the_prefix_comes_first(world: World) -> None:
    world.trail(s3_key_prefix="a/b")
    world.happen()
    world.run(61)
    assert world.buckets.log_files()[0].startswith("a/b/AWSLogs/111122223333/CloudTrail/us-east-1/")


def test_nothing_happened_means_no_file(world: World) -> None:
    world.trail()
    world.run(600, by=30)
    assert world.buckets.objects == {}


def test_start_and_stop_are_exact(world: World) -> None:
    world.happen()
    world.trail()
    inside = [world.happen(), world.happen()]
    stop = world.stop()
    world.happen()
    world.trails.start_logging(ACCOUNT, HOME, "audit")
    inside.append(world.happen())
    world.run(61)
    assert sorted(world.buckets.event_ids()) == sorted([*inside, stop])


def test_the_record_of_the_stop_may_come_late(world: World) -> None:
    world.trail()
    kept = world.happen()
    world.trails.stop_logging(ACCOUNT, HOME, "audit", "the-stop")
    world.happen()
    world.run(30)
    world.happen()
    stop = world.happen(request_id="the-stop")
    world.happen()
    world.run(200)
    assert sorted(world.buckets.event_ids()) == sorted([kept, stop])


def test_a_deleted_trail_delivers_what_it_had_and_its_name_is_free(world: World) -> None:
    world.trail()
    first = world.happen()
    world.trails.delete(ACCOUNT, HOME, "audit", "the-delete")
    deletion = world.happen(request_id="the-delete")
    world.trail(s3_bucket_name="other")
    second = world.happen()
    world.run(100)
    assert world.buckets.event_ids("logs") == [first, deletion]
    assert world.buckets.event_ids("other") == [second]
    assert [trail.s3_bucket_name for trail in world.trails.list(ACCOUNT)] == ["other"]


def test_a_single_region_trail_takes_its_own_region_and_a_multi_region_trail_every_one(world: World) -> None:
    world.trail("single")
    world.trail("multi", s3_bucket_name="multi", is_multi_region_trail=True)
    here, there = world.happen(), world.happen(region="eu-west-1")
    new = world.happen(region="mx-central-1")
    world.happen(account="999999999999")
    world.run(61)
    assert world.buckets.event_ids("logs") == [here]
    assert sorted(world.buckets.event_ids("multi")) == sorted([here, there, new])
    assert len(world.buckets.log_files("multi")) == 3


@pytest.mark.parametrize(
    ("source", "more", "is_global"),
    [
        ("iam.amazonaws.com", {}, True),
        ("cloudfront.amazonaws.com", {}, True),
        ("sts.amazonaws.com", {"additionalEventData": {"RequestDetails": {"endpointType": "global"}}}, True),
        ("sts.amazonaws.com", {"additionalEventData": {"RequestDetails": {"endpointType": "regional"}}}, False),
        ("sts.amazonaws.com", {"additionalEventData": None}, False),
        ("sts.amazonaws.com", {"additionalEventData": "odd"}, False),
        ("ec2.amazonaws.com", {}, False),
    ],
)
def test_global_service_events_can_be_left_out(world: World, source: str, more: dict[str, object], is_global: bool) -> None:
    world.trail("all", s3_bucket_name="all")
    world.trail("local", s3_bucket_name="local", include_global_service_events=False)
    happened = world.happen(source=source, more=more)
    world.run(61)
    assert world.buckets.event_ids("all") == [happened]
    assert world.buckets.event_ids("local") == ([] if is_global else [happened])


SELECTORS = [
    ({"ReadWriteType": "All"}, {"read", "write", "kms"}),
    ({"ReadWriteType": "ReadOnly"}, {"read"}),
    ({"ReadWriteType": "WriteOnly"}, {"write", "kms"}),
    ({"ExcludeManagementEventSources": ["kms.amazonaws.com"]}, {"read", "write"}),
    ({"IncludeManagementEvents": False, "DataResources": [{"Type": "AWS::S3::Object", "Values": []}]}, set()),
]


@pytest.mark.parametrize(("selector", "wanted"), SELECTORS)
def test_basic_selectors_are_honoured(world: World, selector: dict[str, object], wanted: set[str]) -> None:
    world.trail()
    world.trails.put_event_selectors(ACCOUNT, HOME, "audit", [selector], None)
    ids = {"read": world.happen(read_only=True), "write": world.happen(), "kms": world.happen(source="kms.amazonaws.com")}
    world.happen(category="Data")
    world.run(61)
    assert set(world.buckets.event_ids()) == {ids[name] for name in wanted}


@pytest.mark.parametrize(
    ("fields", "wanted"),
    [
        ([], {"read", "write", "kms"}),
        ([{"Field": "readOnly", "Equals": ["true"]}], {"read"}),
        ([{"Field": "eventSource", "NotEquals": ["kms.amazonaws.com"]}, {"Field": "readOnly", "Equals": ["false"]}], {"write"}),
    ],
)
def test_advanced_selectors_are_honoured(world: World, fields: list[dict[str, object]], wanted: set[str]) -> None:
    world.trail()
    selector = {"FieldSelectors": [{"Field": "eventCategory", "Equals": ["Management"]}, *fields]}
    world.trails.put_event_selectors(ACCOUNT, HOME, "audit", None, [selector])
    ids = {"read": world.happen(read_only=True), "write": world.happen(), "kms": world.happen(source="kms.amazonaws.com")}
    world.run(61)
    assert set(world.buckets.event_ids()) == {ids[name] for name in wanted}


def test_a_large_file_is_cut_early_and_still_holds_each_event_once(tmp_path: Path) -> None:
    world = World(tmp_path, settings=TrailsSettings(max_file_bytes=2048))
    world.trail()
    happened = [world.happen(more={"salt": world.random.randbytes(400).hex()}) for _ in range(600)]
    world.run(0)
    early = len(world.buckets.log_files())
    world.run(61)
    assert early >= 2
    assert sorted(world.buckets.event_ids()) == sorted(happened)
    world.close()


def test_what_is_no_record_is_passed_over(world: World) -> None:
    world.trail()
    world.journal.append(b"{")
    world.journal.append(b"[]")
    world.journal.append('{"recipientAccountId":"\udcff'.encode("utf-8", "surrogateescape"))
    happened = world.happen()
    world.run(61)
    assert world.buckets.event_ids() == [happened]


def test_a_failing_bucket_delays_nobody_and_the_status_says_so(world: World) -> None:
    world.trail("good", s3_bucket_name="good")
    world.trail("bad", s3_bucket_name="bad")
    world.buckets.missing.add("bad")
    happened = world.happen()
    world.run(65)
    assert world.buckets.event_ids("good") == [happened]
    trail, status = world.trails.status(ACCOUNT, HOME, "bad")
    assert trail.is_logging
    assert (status.delivery_error, status.delivered_at) == ("NoSuchBucket", None)
    assert status.attempted_at is not None
    world.buckets.missing.clear()
    world.run(400)
    _, status = world.trails.status(ACCOUNT, HOME, "bad")
    assert world.buckets.event_ids("bad") == [happened]
    assert status.delivery_error is None
    assert status.delivered_at == status.attempted_at


def test_attempts_are_further_and_further_apart(world: World) -> None:
    world.trail()
    world.buckets.denied.add("logs")
    world.happen()
    world.run(60)
    world.buckets.puts.clear()
    world.run(3600, by=1)
    assert 60 <= len(world.buckets.puts) <= 70


def test_a_time_out_shows_an_attempt_but_no_error(world: World) -> None:
    world.trail()
    world.buckets.broken.add("logs")
    world.happen()
    world.run(61)
    _, status = world.trails.status(ACCOUNT, HOME, "audit")
    assert status.attempted_at is not None
    assert (status.delivery_error, status.delivered_at) == (None, None)


def test_a_file_is_given_up_after_the_retry_limit(tmp_path: Path) -> None:
    world = World(tmp_path, settings=TrailsSettings(retry_limit=1000.0))
    world.trail()
    world.buckets.denied.add("logs")
    world.happen()
    world.run(900, by=10)
    assert list((tmp_path / "spool").iterdir())
    world.run(700, by=10)
    assert not list((tmp_path / "spool").iterdir())
    world.buckets.denied.clear()
    kept = world.happen()
    world.run(400, by=10)
    assert world.buckets.event_ids() == [kept]
    world.close()


def test_after_a_change_of_bucket_new_files_go_to_the_new_one(world: World) -> None:
    world.trail()
    first = world.happen()
    world.run(61)
    world.trails.update(ACCOUNT, HOME, "audit", Wanted(s3_bucket_name="other", s3_key_prefix="new"))
    second = world.happen()
    world.run(61)
    assert (world.buckets.event_ids("logs"), world.buckets.event_ids("other")) == ([first], [second])
    assert world.buckets.log_files("other")[0].startswith("new/AWSLogs/")


def test_a_spool_file_nobody_planned_is_swept(world: World, tmp_path: Path) -> None:
    (tmp_path / "spool" / "left-over").write_bytes(b"x")
    world.restart()
    assert not list((tmp_path / "spool").iterdir())


def test_a_plan_whose_bytes_are_gone_does_not_hold_up_the_rest(world: World, tmp_path: Path) -> None:
    world.trail()
    world.buckets.denied.add("logs")
    world.happen()
    world.run(61)
    for file in (tmp_path / "spool").iterdir():
        file.unlink()
    world.buckets.denied.clear()
    kept = world.happen()
    world.run(100)
    assert world.buckets.event_ids() == [kept]
