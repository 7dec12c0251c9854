"""The topic of a trail hears of every log file in the bucket, at least once, and its trouble is no trouble of the files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from opentrail.trails.control import Wanted
from simulators.trails import ACCOUNT, HOME, World


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def status(world: World, region: str = HOME):  # type: ignore[no-untyped-def]
    return world.trails.status(ACCOUNT, region, f"arn:aws:cloudtrail:{HOME}:{ACCOUNT}:trail/audit")[1]


def test_each_delivery_is_told_of_after_the_put(world: World) -> None:
    world.trail(sns_topic_name="told")
    world.happen()
    world.run(61)
    (key,) = world.buckets.log_files()
    assert world.topics.messages == [("told", json.dumps({"s3Bucket": "logs", "s3ObjectKey": [key]}, separators=(",", ":")))]
    said = status(world)
    assert said.notified_at == said.notification_attempted_at == world.clock.time() - 1
    assert said.notification_error is None
    world.happen()
    world.run(61)
    assert sorted(world.topics.told()) == world.buckets.log_files()
    assert len(world.topics.messages) == 2


def test_files_of_every_region_are_told_of_in_one_topic_and_each_region_shows_it(world: World) -> None:
    world.trail(sns_topic_name="told", is_multi_region_trail=True)
    world.happen()
    world.happen(region="eu-west-1")
    world.run(61)
    assert sorted(world.topics.told()) == world.buckets.log_files()
    assert status(world, "eu-west-1").notified_at == status(world).notified_at is not None
    assert status(world, "us-west-2").notified_at is None


def test_digests_are_not_told_of(world: World) -> None:
    world.trail(sns_topic_name="told", enable_log_file_validation=True)
    world.happen()
    world.run(3700, by=60)
    assert world.buckets.digests()
    assert world.topics.told() == world.buckets.log_files()


def test_nobody_is_told_where_there_is_no_topic(world: World) -> None:
    world.trail()
    world.happen()
    world.run(61)
    assert world.topics.messages == []
    assert status(world).notification_attempted_at is None


@pytest.mark.parametrize(("trouble", "code"), [("denied", "AuthorizationError"), ("missing", "NotFound"), ("broken", None)])
def test_a_topic_that_refuses_shows_in_the_status_and_holds_no_file_up(world: World, trouble: str, code: str | None) -> None:
    world.trail(sns_topic_name="told")
    getattr(world.topics, trouble).add("told")
    world.happen()
    world.run(61)
    (first,) = world.buckets.log_files()
    said = status(world)
    assert (said.notification_error, said.notified_at) == (code, None)
    assert said.notification_attempted_at is not None
    assert said.delivery_error is None
    world.happen()
    world.run(61)
    assert len(world.buckets.log_files()) == 2
    getattr(world.topics, trouble).clear()
    world.run(61)
    assert sorted(world.topics.told()) == world.buckets.log_files()
    assert world.topics.told()[0] == first
    assert len(world.topics.messages) == 1, "files that wait together share a message"
    said = status(world)
    assert said.notification_error is None
    assert said.notified_at is not None


def test_what_changes_through_opentrail_is_tried_at_once(world: World) -> None:
    world.trail(sns_topic_name="told")
    world.topics.denied.add("told")
    world.happen()
    world.run(200)
    world.topics.denied.clear()
    world.happen(source="sns.amazonaws.com", name="SetTopicAttributes")
    world.run(1)
    assert world.topics.told() == world.buckets.log_files()


def test_a_notice_goes_to_the_topic_that_the_trail_has_when_it_is_published(world: World) -> None:
    world.trail(sns_topic_name="told")
    world.topics.denied.add("told")
    world.happen()
    world.run(61)
    world.trails.update(ACCOUNT, HOME, "audit", Wanted(sns_topic_name="other"))
    world.run(1)
    assert world.topics.told("other") == world.buckets.log_files()
    assert world.topics.told("told") == []


def test_a_topic_that_is_taken_away_leaves_nobody_to_tell(world: World) -> None:
    world.trail(sns_topic_name="told")
    world.topics.denied.add("told")
    world.happen()
    world.run(61)
    world.trails.update(ACCOUNT, HOME, "audit", Wanted(sns_topic_name=""))
    world.run(1)
    world.topics.denied.clear()
    world.trails.update(ACCOUNT, HOME, "audit", Wanted(sns_topic_name="told"))
    world.run(120)
    assert world.topics.messages == []


def test_a_deleted_trail_tells_of_its_last_file(world: World) -> None:
    world.trail(sns_topic_name="told")
    world.topics.denied.add("told")
    world.happen()
    world.trails.delete(ACCOUNT, HOME, "audit", "request-of-deletion")
    world.run(300, by=10)
    assert len(world.buckets.log_files()) == 1
    world.topics.denied.clear()
    world.restart()
    world.run(1)
    assert world.topics.told() == world.buckets.log_files()


def test_what_the_topic_refuses_for_thirty_days_is_given_up(world: World) -> None:
    world.trail(sns_topic_name="told")
    world.topics.denied.add("told")
    world.happen()
    world.run(30 * 86400 + 2 * 3600, by=3600)
    world.topics.denied.clear()
    world.run(200)
    assert world.topics.messages == []
    assert status(world).notification_error == "AuthorizationError"
