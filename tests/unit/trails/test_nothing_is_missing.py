"""Our validator proves that no digest is missing: at the end, at the beginning, in the middle, before a pause. With the server's word every
single removal and every alteration is found; from the files alone it is told what cannot be known."""

from __future__ import annotations

import gzip
import hashlib
import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from opentrail.config import TrailsSettings
from opentrail.trails import stretch
from opentrail.trails.completeness import uncovered
from opentrail.trails.control import Wanted
from opentrail.trails.findings import MissingDigests, NoLastDigest
from opentrail.trails.signature import string_to_sign
from opentrail.trails.stretch import Known, Stretch
from simulators.proof import awscli, ours
from simulators.trails import ACCOUNT, HOME, Object, World

HOUR = 3600
BEGAN = 1_767_607_872.5


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    made.clock.at = BEGAN
    yield made
    made.close()


def logged(world: World, hours: int = 3) -> str:
    arn = world.trail(enable_log_file_validation=True)
    for _ in range(hours):
        world.happen()
        world.run(HOUR, by=60)
    return arn


def stopped(world: World) -> None:
    world.stop()
    world.run(2 * HOUR, by=60)


def told(world: World, arn: str, **more: object) -> list[str]:
    return [str(one).partition("\t")[2] for one in ours(world, arn, BEGAN, **more).findings if "Digest files" in str(one)]


@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_digest_removed_anywhere_is_found(world: World, number: int) -> None:
    arn = logged(world)
    key = world.buckets.digests()[number]["digestS3Object"]
    del world.buckets.objects["logs", key]
    report = ours(world, arn, BEGAN)
    assert report.exit_code == 1
    assert f"Digest file\ts3://logs/{key}\tINVALID: not found" in [str(one) for one in report.findings]
    assert [one for one in report.findings if isinstance(one, MissingDigests)]
    assert report.as_json()["missingDigests"] != []


def test_all_digests_removed_is_found(world: World) -> None:
    arn = logged(world)
    for key in world.buckets.keys("logs", "/CloudTrail-Digest/"):
        del world.buckets.objects["logs", key]
    assert awscli(world, arn, BEGAN)[0] == 0
    assert ours(world, arn, BEGAN).exit_code == 1
    assert told(world, arn) == ["INVALID: missing between 2026-01-05T10:11:12Z and 2026-01-05T13:00:00Z"]


def test_the_last_digest_before_a_pause_removed_is_found(world: World) -> None:
    arn = logged(world)
    stopped(world)
    last = world.buckets.digests()[-1]["digestS3Object"]
    world.trails.start_logging(ACCOUNT, HOME, "audit")
    world.happen()
    world.run(HOUR, by=60)
    assert ours(world, arn, BEGAN).exit_code == 0
    del world.buckets.objects["logs", last]
    assert awscli(world, arn, BEGAN)[0] == 0
    assert ours(world, arn, BEGAN).exit_code == 1
    assert told(world, arn, alone=True) == [
        "warning: some may be missing after 2026-01-05T13:00:00Z: there is no last digest of a trail that was stopped"
    ]


def test_a_deleted_trail_is_proved_too(world: World) -> None:
    arn = logged(world)
    world.trails.delete(ACCOUNT, HOME, "audit", "the-delete")
    world.happen(request_id="the-delete")
    world.run(2 * HOUR, by=60)
    assert ours(world, arn, BEGAN).exit_code == 0
    del world.buckets.objects["logs", world.buckets.digests()[-1]["digestS3Object"]]
    assert ours(world, arn, BEGAN).exit_code == 1


def test_the_newest_digests_of_a_past_time_are_missed_though_the_chain_went_on(world: World) -> None:
    arn = logged(world, hours=6)
    end = BEGAN + 2 * HOUR
    for digest in world.buckets.digests()[2:4]:
        del world.buckets.objects["logs", digest["digestS3Object"]]
    assert awscli(world, arn, BEGAN, end=end)[0] == 0
    assert ours(world, arn, BEGAN, end=end).exit_code == 1


def test_a_chain_that_was_cut_and_signed_anew_is_found(world: World) -> None:
    """Somebody who holds the key makes the newest digest a starting one, and removes all before it."""
    arn = logged(world)
    *others, newest = world.buckets.digests()
    names = [name for name in newest if name.startswith("previous")]
    text = json.dumps({**newest, **dict.fromkeys(names), "digestStartTime": others[0]["digestStartTime"]}, separators=(",", ":")).encode()
    message = string_to_sign(newest["digestEndTime"], "logs", newest["digestS3Object"], hashlib.sha256(text).hexdigest(), None)
    metadata = {"signature": world.keys.current(HOME).sign(message).hex(), "signature-algorithm": "SHA256withRSA"}
    world.buckets.objects["logs", newest["digestS3Object"]] = Object(gzip.compress(text), metadata, BEGAN)
    for digest in others:
        del world.buckets.objects["logs", digest["digestS3Object"]]
    assert awscli(world, arn, BEGAN)[0] == 0
    report = ours(world, arn, BEGAN)
    assert report.exit_code == 1
    assert "INVALID: is not the digest file that was delivered" in str(report.findings[0])


def test_a_hole_that_no_backfill_digest_fills_is_found_from_the_files_alone(world: World) -> None:
    arn = logged(world, hours=1)
    world.clock.advance(5 * HOUR)
    world.restart()
    world.run(HOUR, by=60)
    assert ours(world, arn, BEGAN, alone=True).exit_code == 0
    for digest in [one for one in world.buckets.digests() if "_backfill" in one["digestS3Object"]][1:]:
        del world.buckets.objects["logs", digest["digestS3Object"]]
    assert awscli(world, arn, BEGAN)[0] == 0
    assert ours(world, arn, BEGAN, alone=True).exit_code == 1


def test_what_was_stopped_properly_raises_no_suspicion_from_the_files_alone(world: World) -> None:
    arn = logged(world)
    world.clock.at = float(int(world.clock.at // HOUR) * HOUR + HOUR - 0.5)
    stopped(world)  # just before the hour: the last digest waits a second
    assert not world.buckets.digests()[-1]["digestEndTime"].endswith("00:00Z")
    assert told(world, arn, alone=True) == []
    del world.buckets.objects["logs", world.buckets.digests()[-1]["digestS3Object"]]
    (suspicion,) = (one for one in ours(world, arn, BEGAN, alone=True).findings if isinstance(one, NoLastDigest))
    report = ours(world, arn, BEGAN, alone=True)
    assert (report.exit_code, report.as_json()["noLastDigest"]) == (0, ["2026-01-05T13:00:00Z"])
    assert suspicion.end == 1_767_618_000


ACTIONS = st.lists(
    st.one_of(
        st.tuples(st.just("event"), st.just("")),
        st.tuples(st.just("time"), st.sampled_from(["30", "1200", "3600", "9000"])),
        st.tuples(st.just("stop"), st.just("")),
        st.tuples(st.just("start"), st.just("")),
        st.tuples(st.just("validation"), st.sampled_from(["on", "off"])),
        st.tuples(st.just("down"), st.sampled_from(["600", "5000", "15000"])),
        st.tuples(st.just("refusing"), st.sampled_from(["yes", "no"])),
        st.tuples(st.just("bucket"), st.sampled_from(["logs", "other"])),
        st.tuples(st.just("prefix"), st.sampled_from(["deep", ""])),
        st.tuples(st.just("anew"), st.just("")),
        st.tuples(st.just("clock"), st.sampled_from(["-5000", "9000"])),
    ),
    min_size=4,
    max_size=14,
)


@contextmanager
def reachable(world: World) -> Iterator[None]:
    """For the control plane, which looks at the bucket."""
    refusing, world.buckets.missing = world.buckets.missing, set()
    yield
    world.buckets.missing = refusing


def act(world: World, action: str, value: str) -> None:
    """One thing that happens to the trail."""
    match action:
        case "time":
            world.run(float(value), by=120)
        case "stop":
            world.stop()
        case "start":
            world.trails.start_logging(ACCOUNT, HOME, "audit")
        case "down":
            world.clock.advance(float(value))
            world.restart()
        case "refusing":
            (world.buckets.missing.update if value == "yes" else world.buckets.missing.difference_update)({"logs", "other"})
        case "clock":
            world.clock.at += float(value)
        case "validation":
            world.trails.update(ACCOUNT, HOME, "audit", Wanted(enable_log_file_validation=value == "on"))
        case "bucket":
            world.trails.update(ACCOUNT, HOME, "audit", Wanted(s3_bucket_name=value))
        case "prefix":
            world.trails.update(ACCOUNT, HOME, "audit", Wanted(s3_key_prefix=value))
        case "anew":
            request_id = f"delete-{world.journal.head()}"
            trail = world.trails.get(ACCOUNT, HOME, "audit")
            world.trails.delete(ACCOUNT, HOME, "audit", request_id)
            world.happen(request_id=request_id)
            world.trail(enable_log_file_validation=True, s3_bucket_name=trail.s3_bucket_name, s3_key_prefix=trail.s3_key_prefix)


def lived(world: World, actions: list[tuple[str, str]]) -> tuple[str, str, str | None]:
    """Lives a history through to its quiet end; ARN, bucket and prefix of the trail."""
    arn = world.trail(enable_log_file_validation=True)
    for action, value in actions:
        world.happen()
        if action in ("validation", "bucket", "prefix", "anew"):
            with reachable(world):
                act(world, action, value)
        else:
            act(world, action, value)
        world.settle()
    world.buckets.missing.clear()
    world.run(5 * HOUR, by=300)
    trail = world.trails.get(ACCOUNT, HOME, "audit")
    return arn, trail.s3_bucket_name, trail.s3_key_prefix


@given(actions=ACTIONS, seed=st.integers(0, 1 << 30))
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_history_is_valid_until_anything_is_touched(actions: list[tuple[str, str]], seed: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder), settings=TrailsSettings(delivery_interval=60.0))
        world.clock.at = BEGAN
        try:
            arn, bucket, prefix = lived(world, actions)
            began = BEGAN - 10_000 * sum(action == "clock" for action, _ in actions)
            status, output = awscli(world, arn, began, bucket=bucket, prefix=prefix)
            report = ours(world, arn, began, bucket=bucket, prefix=prefix)
            assert (status, report.exit_code) == (0, 0), (output, [str(one) for one in report.findings])
            alone = ours(world, arn, began, bucket=bucket, prefix=prefix, alone=True)
            assert alone.exit_code == 0, [str(one) for one in alone.findings]
            objects = world.buckets.objects
            digests = [place for place in objects if "/CloudTrail-Digest/" in place[1]]
            listed = [(one["s3Bucket"], one["s3Object"]) for place in digests for one in world.buckets.json(*place)["logFiles"]]
            assert len(listed) == len(set(listed))
            touched = [*digests, *listed]
            for place in Random(seed).sample(sorted(touched), min(8, len(touched))):
                whole = objects.pop(place)
                found = ours(world, arn, began, bucket=bucket, prefix=prefix)
                assert found.exit_code == 1, ("removed", place, [str(one) for one in found.findings])
                text = bytearray(gzip.decompress(whole.body))
                text[seed % len(text)] ^= 1
                objects[place] = replace(whole, body=gzip.compress(bytes(text)))
                found = ours(world, arn, began, bucket=bucket, prefix=prefix)
                assert found.exit_code == 1, ("altered", place, [str(one) for one in found.findings])
                objects[place] = whole
        finally:
            world.close()


SPANS = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), max_size=8)


@given(wanted=SPANS, covered=SPANS)
def test_what_is_uncovered_is_what_a_set_of_seconds_says(wanted: list[tuple[int, int]], covered: list[tuple[int, int]]) -> None:
    seconds = {at for start, end in wanted for at in range(start, end)} - {at for start, end in covered for at in range(start, end)}
    found = uncovered(wanted, covered)
    assert {at for start, end in found for at in range(start, end)} == seconds
    assert all(end < start for (_, end), (start, _) in pairwise(found))


@given(
    st.lists(st.tuples(st.integers(0, 1 << 33), st.integers(0, 1 << 33), st.booleans()), max_size=80),
    st.integers(0, 1 << 33),
)
def test_what_is_known_goes_through_a_header(rows: list[tuple[int, int, bool]], since: int) -> None:
    known = Known(
        since=since,
        stretches=tuple(Stretch(began, until, is_open, "logs", "a/key", f"{began:064x}") for began, until, is_open in rows),
        regions=("us-east-1",),
    )
    header = stretch.encoded(known)
    assert header.isascii()
    found = stretch.decoded(header)
    assert found is not None
    assert len(found.stretches) == min(len(rows), stretch.MOST)
    for one, told_ in zip(reversed(known.stretches), reversed(found.stretches), strict=False):
        assert (one.began, one.until, one.key) == (told_.began, told_.until, told_.key)
        assert str(one.signature).startswith(str(told_.signature))


@pytest.mark.parametrize("text", ["", "no", "eJw=", "eJyrVkrOz0nNK0lVslJQKk8sUbBS0lFQKs5ILEpVsFKqBQCl0Am1"])
def test_what_is_no_answer_tells_nothing(text: str) -> None:
    assert stretch.decoded(text) is None


@pytest.mark.parametrize("text", ["", "x", "1/2/3", "111122223333/-1/3", "111122223333/1/2/3", "1111222233334/1/2"])
def test_what_is_no_question_asks_for_nothing(text: str) -> None:
    assert stretch.asked(text) is None
    assert stretch.asked(stretch.asking(ACCOUNT, -5, 7)) == (ACCOUNT, 0, 7)
