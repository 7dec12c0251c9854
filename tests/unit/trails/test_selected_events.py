"""Data and network activity events in log files, and the records of CloudTrail's own deliveries, which make no file by themselves."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from opentrail.config import TrailsSettings
from opentrail.trails import held
from opentrail.trails.control import Wanted
from simulators.proof import awscli, ours
from simulators.trails import ACCOUNT, HOME, Crash, Deaths, World

OBJECTS = [{"DataResources": [{"Type": "AWS::S3::Object", "Values": ["arn:aws:s3:::data/"]}]}]
EVERY_OBJECT = [{"DataResources": [{"Type": "AWS::S3::Object", "Values": ["arn:aws:s3"]}], "IncludeManagementEvents": False}]
NETWORK = {
    "FieldSelectors": [{"Field": "eventCategory", "Equals": ["NetworkActivity"]}, {"Field": "eventSource", "Equals": ["kms.amazonaws.com"]}]
}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.close()


def select(world: World, *, basic: Any = None, advanced: Any = None, name: str = "audit") -> None:
    world.trails.put_event_selectors(ACCOUNT, HOME, name, basic, advanced)


def put(world: World, arn: str, **more: Any) -> str:
    """A PutObject is recorded."""
    resources = {"resources": [{"type": "AWS::S3::Object", "ARN": arn}]}
    return world.happen(source="s3.amazonaws.com", name="PutObject", category="Data", more={**resources, **more})


def delivery(world: World, key: str = "AWSLogs/x.json.gz") -> str:
    """CloudTrail's own put into the log bucket is recorded."""
    return put(world, f"arn:aws:s3:::logs/{key}", userIdentity={"type": "AWSService", "invokedBy": "cloudtrail.amazonaws.com"})


def test_selected_data_events_are_in_the_files_of_management_events(world: World) -> None:
    world.trail()
    world.trail("other", s3_bucket_name="other")
    select(world, basic=OBJECTS)
    wanted = [put(world, "arn:aws:s3:::data/a"), world.happen(), put(world, "arn:aws:s3:::data/b")]
    put(world, "arn:aws:s3:::elsewhere/a")
    world.run(61)
    assert world.buckets.event_ids() == wanted
    assert len(world.buckets.log_files()) == 1
    assert world.buckets.event_ids("other") == [wanted[1]]


def test_network_activity_has_its_own_folder_and_the_digests_cover_it(world: World) -> None:
    began = world.clock.time()
    arn = world.trail(enable_log_file_validation=True)
    select(world, advanced=[NETWORK, {"FieldSelectors": [{"Field": "eventCategory", "Equals": ["Management"]}]}])
    happened = world.happen(source="kms.amazonaws.com", category="NetworkActivity")
    world.happen(source="sqs.amazonaws.com", category="NetworkActivity")
    beside = world.happen(source="kms.amazonaws.com")
    world.run(61)
    (key,) = world.buckets.keys(part="/CloudTrail-NetworkActivity/")
    assert re.fullmatch(
        r"AWSLogs/111122223333/CloudTrail-NetworkActivity/us-east-1/2026/01/05/"
        r"111122223333_CloudTrail-NetworkActivity_us-east-1_20260105T1012Z_[A-Za-z0-9]{16}\.json\.gz",
        key,
    )
    assert [record["eventID"] for record in world.buckets.json("logs", key)["Records"]] == [happened]
    assert world.buckets.event_ids() == [beside]
    world.run(3600, by=60)
    digests = world.buckets.digests()
    assert {file["s3Object"] for digest in digests for file in digest["logFiles"]} == {key, *world.buckets.log_files()}
    assert (awscli(world, arn, began)[0], ours(world, arn, began).exit_code) == (0, 0)


def test_records_of_deliveries_wait_for_something_else(world: World) -> None:
    world.trail()
    select(world, basic=EVERY_OBJECT)
    first = delivery(world)
    world.run(600, by=30)
    second = delivery(world)
    world.run(61)
    world.restart()
    third = delivery(world)
    world.run(61)
    assert world.buckets.objects == {}
    fourth, real, fifth = delivery(world), put(world, "arn:aws:s3:::data/a"), delivery(world)
    world.run(61)
    assert len(world.buckets.log_files()) == 1
    assert world.buckets.event_ids() == [first, second, third, fourth, real, fifth]
    world.run(600, by=30)
    assert len(world.buckets.log_files()) == 1


def test_a_delivery_never_causes_a_delivery(world: World) -> None:
    world.trail()
    world.trail("other", s3_bucket_name="other")
    for name in ("audit", "other"):
        select(world, basic=EVERY_OBJECT, name=name)
    world.buckets.after_put = lambda: delivery(world, f"{len(world.buckets.puts)}.json.gz") and None
    real = put(world, "arn:aws:s3:::data/a")
    world.run(1200, by=20)
    assert len(world.buckets.puts) == 2
    assert world.buckets.event_ids() == world.buckets.event_ids("other") == [real]


def test_whatever_cloudtrail_does_itself_waits_and_what_it_does_for_others_does_not(world: World) -> None:
    world.trail()
    own = {"type": "AWSService", "invokedBy": "cloudtrail.amazonaws.com"}
    waited = world.happen(source="kms.amazonaws.com", name="GenerateDataKey", read_only=True, more={"userIdentity": own})
    world.run(200, by=20)
    assert world.buckets.objects == {}
    asked = world.happen(source="s3.amazonaws.com", name="GetBucketAcl", more={"userIdentity": {**own, "type": "IAMUser"}})
    world.run(61)
    assert world.buckets.event_ids() == [waited, asked]


def test_without_recursive_logging_deliveries_are_left_out(world: World) -> None:
    world.trail()
    select(world, basic=EVERY_OBJECT)
    world.trails.update(ACCOUNT, HOME, "audit", Wanted(recursive_logging=False))
    delivery(world)
    real = put(world, "arn:aws:s3:::data/a")
    world.run(61)
    assert world.buckets.event_ids() == [real]


def test_a_trail_that_stops_has_nothing_to_wait_for(world: World) -> None:
    world.trail()
    select(world, basic=EVERY_OBJECT)
    waited = delivery(world)
    world.run(61)
    late = delivery(world)
    world.stop()
    world.run(120)
    assert world.buckets.event_ids() == [waited, late]


def test_many_waiting_records_are_delivered_by_themselves(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(held, "MOST", 5)
    world.trail()
    select(world, basic=EVERY_OBJECT)
    waited = []
    for _ in range(3):
        waited += [delivery(world), delivery(world)]
        world.run(61)
    assert world.buckets.event_ids() == waited
    with world.database.read() as connection:
        assert not held.counts(connection)


def story(world: World) -> list[str]:
    """Deliveries and other events by turns; whoever dies is started again. Returns what must be delivered."""
    expected = []
    for turn in range(4):
        expected.append(delivery(world))
        if turn != 1:
            expected.append(put(world, "arn:aws:s3:::data/a"))
        if turn == 3:
            try:
                world.stop()
            except Crash:
                world.restart()
                world.stop()
        left = 7
        while left:
            try:
                world.settle()
                world.clock.advance(1)
                left -= 1
            except Crash:
                world.restart()
    while True:
        try:
            world.run(100, by=5)
            return expected
        except Crash:
            world.restart()


@pytest.mark.parametrize("offset", range(5))
def test_whoever_dies_delivers_each_waiting_record_once(offset: int) -> None:
    total = None
    place = offset
    while total is None or place < total:
        with tempfile.TemporaryDirectory() as folder:
            world = World(Path(folder), settings=TrailsSettings(delivery_interval=5.0))
            try:
                world.trail()
                select(world, basic=EVERY_OBJECT)
                deaths = Deaths(world, after=place)
                expected = story(world)
                assert sorted(world.buckets.event_ids()) == sorted(expected), f"died after {place} instructions"
                total = deaths.passed
            finally:
                world.close()
        place += 15
