"""Single-Region and multi-Region trails: shadows, Regions that come later, and what a conversion does to files and chains."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from opentrail.clock import iso_seconds
from opentrail.trails import plans
from opentrail.trails.control import Trails, Wanted
from opentrail.trails.regions import Regions, known_regions
from opentrail.wire.faults import Fault
from simulators.trails import ACCOUNT, HOME, REGIONS, World

EVERYWHERE, HERE = Wanted(is_multi_region_trail=True), Wanted(is_multi_region_trail=False)
LATER = Regions({**REGIONS.partitions, "aws": (*REGIONS.partitions["aws"], "mx-north-9")})
"""The Regions that a newer botocore knows."""


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.close()


def events_of(world: World) -> dict[str, list[str]]:
    """Region of the file → event ids in its files."""
    found: dict[str, list[str]] = {}
    for key in world.buckets.log_files():
        region = key.split("/CloudTrail/")[1].split("/")[0]
        found.setdefault(region, []).extend(record["eventID"] for record in world.buckets.json("logs", key)["Records"])
    return found


def open_chains(world: World) -> set[str]:
    with world.database.read() as connection:
        return {state.region for state in plans.open_chains_of(connection)}


def with_regions(world: World, regions: Regions) -> None:
    """Both processes are started again with these Regions."""
    world.regions = regions
    world.trails = Trails(world.database, world.clock, buckets=world.buckets, regions=regions, head=world.journal.head)
    world.restart()


def test_a_trail_that_becomes_multi_region_takes_events_of_every_region_from_then_on(world: World) -> None:
    world.trail("audit", enable_log_file_validation=True)
    world.happen(region="eu-west-1")
    world.run(1)
    world.trails.update(ACCOUNT, HOME, "audit", EVERYWHERE)
    later = world.happen(region="eu-west-1")
    home = world.happen()
    world.run(61)
    assert events_of(world) == {"eu-west-1": [later], HOME: [home]}
    assert open_chains(world) == {"us-east-1", "eu-west-1", "us-west-2"}
    world.run(3600, by=60)
    (digest,) = world.buckets.digests(region="eu-west-1")
    assert (len(digest["logFiles"]), digest["previousDigestS3Object"]) == (1, None)


def test_a_trail_that_becomes_single_region_ends_the_chains_elsewhere(world: World) -> None:
    world.trail("audit", enable_log_file_validation=True, is_multi_region_trail=True)
    early = world.happen(region="eu-west-1")
    world.run(61)
    world.trails.update(ACCOUNT, HOME, "audit", HERE)
    world.happen(region="eu-west-1")
    home = world.happen()
    world.run(120)
    assert events_of(world) == {"eu-west-1": [early], HOME: [home]}
    assert open_chains(world) == {HOME}
    (last,) = world.buckets.digests(region="eu-west-1")
    assert len(last["logFiles"]) == 1
    assert world.trails.describe(ACCOUNT, "eu-west-1", [], include_shadows=True) == []


def test_the_last_digest_elsewhere_waits_for_files_that_are_on_their_way(world: World) -> None:
    world.trail("audit", enable_log_file_validation=True, is_multi_region_trail=True)
    world.happen(region="eu-west-1")
    world.buckets.denied.add("logs")
    world.run(61)
    world.buckets.denied.clear()
    world.trails.update(ACCOUNT, HOME, "audit", HERE)
    world.run(7300, by=60)
    digests = world.buckets.digests(region="eu-west-1")
    assert sum(len(digest["logFiles"]) for digest in digests) == 1
    assert open_chains(world) == {HOME}


def test_there_and_back_again_begins_a_chain_anew(world: World) -> None:
    world.trail("audit", enable_log_file_validation=True, is_multi_region_trail=True)
    world.run(3600, by=60)
    world.trails.update(ACCOUNT, HOME, "audit", HERE)
    world.run(60)
    back = iso_seconds(world.clock.time())
    world.trails.update(ACCOUNT, HOME, "audit", EVERYWHERE)
    event = world.happen(region="eu-west-1")
    world.run(7200, by=60)
    digests = world.buckets.digests(region="eu-west-1")
    begun = [digest["digestStartTime"] for digest in digests if digest["previousDigestS3Object"] is None]
    assert begun == [digests[0]["digestStartTime"], back]
    assert events_of(world)["eu-west-1"] == [event]
    assert sum(len(digest["logFiles"]) for digest in digests) == 1


def test_a_region_that_comes_later_is_covered_by_itself(world: World) -> None:
    arn = world.trail("audit", enable_log_file_validation=True, is_multi_region_trail=True)
    world.run(61)
    assert world.trails.describe(ACCOUNT, "mx-north-9", [], include_shadows=True) == []
    with_regions(world, LATER)
    (shadow,) = world.trails.describe(ACCOUNT, "mx-north-9", [], include_shadows=True)
    assert (shadow.arn, shadow.home_region) == (arn, HOME)
    assert world.trails.status(ACCOUNT, "mx-north-9", arn)[0].is_logging
    with pytest.raises(Fault) as raised:
        world.trails.stop_logging(ACCOUNT, "mx-north-9", arn, "request")
    assert raised.value.code == "InvalidHomeRegionException"
    event = world.happen(region="mx-north-9")
    world.run(61)
    assert events_of(world) == {"mx-north-9": [event]}
    assert "mx-north-9" in open_chains(world)
    world.run(3600, by=60)
    assert [len(digest["logFiles"]) for digest in world.buckets.digests(region="mx-north-9")] == [1]


def test_shadows_count_in_a_region_that_comes_later(world: World) -> None:
    for number in range(5):
        world.trail(f"trail{number}", is_multi_region_trail=True, start=False)
    with_regions(world, LATER)
    with pytest.raises(Fault) as raised:
        world.trails.create(ACCOUNT, "mx-north-9", "local", Wanted(s3_bucket_name="logs"), {})
    assert (raised.value.code, raised.value.message) == (
        "MaximumNumberOfTrailsExceededException",
        f"User: {ACCOUNT} already has 5 trails in mx-north-9",
    )


def test_a_multi_region_trail_is_seen_in_every_region_of_its_partition_and_in_no_other(world: World) -> None:
    every = known_regions()
    with_regions(world, every)
    arn = world.trail("audit", is_multi_region_trail=True)
    for partition, regions in every.partitions.items():
        for region in regions:
            found = world.trails.describe(ACCOUNT, region, [], include_shadows=True)
            assert [trail.arn for trail in found] == ([arn] if partition == "aws" else [])


def test_global_events_reach_a_multi_region_trail_once_and_another_by_its_flag(world: World) -> None:
    everywhere = {"is_multi_region_trail": True}
    world.trail("every", region="eu-west-1", **everywhere)
    world.trail("without", s3_bucket_name="without", include_global_service_events=False)
    world.trail("away", region="us-west-2", s3_bucket_name="away")
    event = world.happen(source="iam.amazonaws.com")
    world.run(61)
    assert events_of(world) == {HOME: [event]}
    assert world.buckets.event_ids("without") == world.buckets.event_ids("away") == []


def test_a_trail_is_what_it_was_after_a_restart(world: World) -> None:
    arn = world.trail("audit", is_multi_region_trail=True, s3_key_prefix="p")
    before = world.trails.get(ACCOUNT, HOME, arn)
    with_regions(world, REGIONS)
    assert world.trails.get(ACCOUNT, "us-west-2", arn) == replace(before)
