"""One destination's trouble is nobody else's."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor, Future
from pathlib import Path
from typing import Any

import pytest

from opentrail.trails import store
from opentrail.trails.control import Wanted
from opentrail.trails.courier import Courier
from opentrail.trails.patience import LONGEST_PAUSE
from opentrail.trails.plans import Destination
from simulators.trails import ACCOUNT, HOME, World


class Jobs(Executor):
    """Threads whose progress the test decides: a job runs when it is told to."""

    def __init__(self) -> None:
        self.waiting: list[tuple[Future[Any], Destination, Callable[[], Any]]] = []

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        self.waiting.append((future, args[0], lambda: fn(*args, **kwargs)))
        return future

    def run(self, bucket: str) -> None:
        """Let the jobs for `bucket` come to their end; the others hang."""
        for job in list(self.waiting):
            future, destination, call = job
            if destination.bucket == bucket:
                self.waiting.remove(job)
                future.set_result(call())


@pytest.fixture
def jobs() -> Jobs:
    return Jobs()


def test_a_bucket_that_hangs_delays_nobody(tmp_path: Path, jobs: Jobs) -> None:
    world = World(tmp_path)
    world.courier._executor = jobs
    world.trail("good", s3_bucket_name="good")
    world.trail("hanging", s3_bucket_name="hanging")
    happened = []
    for _ in range(3):
        happened.append(world.happen())
        world.run(61)
        jobs.run("good")
        world.run(1)
        assert world.buckets.event_ids("good") == happened
    assert world.buckets.event_ids("hanging") == []
    assert len(jobs.waiting) == 1
    for _ in range(3):
        jobs.run("hanging")
        world.run(1)
    assert world.buckets.event_ids("hanging") == happened
    assert not world.courier.busy
    world.close()


def test_an_old_bucket_that_is_gone_does_not_hold_up_the_new_one(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.trail()
    world.buckets.missing.add("logs")
    lost = world.happen()
    world.run(300, by=20)
    world.trails.update(ACCOUNT, HOME, "audit", Wanted(s3_bucket_name="new"))
    kept = world.happen()
    world.run(61)
    assert world.buckets.event_ids("new") == [kept]
    _, status = world.trails.status(ACCOUNT, HOME, "audit")
    assert status.delivered_at is not None
    world.buckets.missing.clear()
    world.run(400, by=20)
    assert world.buckets.event_ids("logs") == [lost]
    world.close()


def test_trouble_with_our_own_disk_or_database_is_tried_again(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.trail()
    happened = world.happen()
    noted = Courier._delivered
    failures = [OSError("disk full"), RuntimeError("database is locked")]

    def failing(courier: Courier, plan: Any, size: int) -> None:
        if failures:
            raise failures.pop()
        noted(courier, plan, size)

    Courier._delivered = failing  # type: ignore[method-assign]
    try:
        world.run(100)
    finally:
        Courier._delivered = noted  # type: ignore[method-assign]
    assert world.buckets.event_ids() == [happened]
    assert len(world.buckets.puts) == 3
    world.close()


def status(world: World, region: str = HOME) -> Any:
    return world.trails.status(ACCOUNT, region, f"arn:aws:cloudtrail:{HOME}:{ACCOUNT}:trail/audit")[1]


@pytest.mark.parametrize(
    ("trouble", "what", "code"),
    [("denied", "logs", "AccessDenied"), ("missing", "logs", "NoSuchBucket"), ("disabled_keys", "a-key", "KMS.DisabledException")],
)
def test_what_ails_is_told_until_it_is_cured_and_the_backlog_is_delivered_at_once(
    tmp_path: Path, trouble: str, what: str, code: str
) -> None:
    world = World(tmp_path)
    world.trail(enable_log_file_validation=True)
    with world.database.begin() as connection:
        store.change_trail(connection, 1, {"kms_key_id": "a-key"})
    happened = [world.happen()]
    world.run(61)
    delivered_at = status(world).delivered_at
    getattr(world.buckets, trouble).add(what)
    for _ in range(3):
        happened.append(world.happen())
        world.run(400, by=10)
    said = status(world)
    assert (said.delivery_error, said.delivered_at) == (code, delivered_at)
    assert world.clock.time() - said.attempted_at <= 60
    assert world.trails.get(ACCOUNT, HOME, "audit").is_logging
    getattr(world.buckets, trouble).discard(what)
    happened.append(world.happen(source="s3.amazonaws.com", name="PutBucketPolicy"))
    world.run(1)
    assert world.buckets.event_ids() == happened[:-1]
    said = status(world)
    assert (said.delivery_error, said.attempted_at) == (None, said.delivered_at)
    world.run(3600, by=10)
    last = world.buckets.digests()[-1]
    assert len(last["logFiles"]) == 5, "the backlog is covered by the digest of the time of its delivery"
    assert status(world).digest_error is None
    world.close()


def test_an_updated_trail_is_tried_at_once(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.trail()
    world.buckets.denied.add("logs")
    happened = world.happen()
    world.run(300)
    world.buckets.denied.clear()
    world.trails.update(ACCOUNT, HOME, "audit", Wanted(enable_log_file_validation=True))
    world.run(1)
    assert world.buckets.event_ids() == [happened]
    world.close()


def test_what_is_cured_behind_our_back_is_noticed_within_a_minute(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.trail()
    world.buckets.missing.add("logs")
    happened = world.happen()
    world.run(3600, by=5)
    world.buckets.missing.clear()
    world.run(LONGEST_PAUSE)
    assert world.buckets.event_ids() == [happened]
    world.close()


def test_a_cure_that_is_none_makes_no_storm_of_attempts(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.trail()
    world.buckets.denied.add("logs")
    world.happen()
    world.run(120)
    world.buckets.puts.clear()
    for _ in range(50):
        world.happen(source="s3.amazonaws.com", name="PutBucketTagging")
        world.run(0.1, by=0.1)
    assert len(world.buckets.puts) <= 6
    world.close()


@pytest.mark.parametrize("left_out", ["/CloudTrail-Digest/", "/CloudTrail/eu-west-1/"])
def test_a_policy_that_leaves_out_a_folder_holds_up_that_folder_only(tmp_path: Path, left_out: str) -> None:
    world = World(tmp_path)
    world.trail(enable_log_file_validation=True, is_multi_region_trail=True)
    world.buckets.left_out.add(left_out)
    home, away = [], []
    for _ in range(4):
        home.append(world.happen())
        away.append(world.happen(region="eu-west-1"))
        world.run(1000, by=5)
    arrived = set(world.buckets.event_ids())
    if left_out == "/CloudTrail-Digest/":
        assert arrived == {*home, *away}
        assert (status(world).digest_error, status(world).delivery_error) == ("AccessDenied", None)
    else:
        assert arrived == set(home)
        assert (status(world).delivery_error, status(world, "eu-west-1").delivery_error) == (None, "AccessDenied")
        assert status(world, "eu-west-1").digest_error is None
    world.buckets.left_out.clear()
    world.run(61)
    assert set(world.buckets.event_ids()) == {*home, *away}
    world.close()


def test_where_there_is_no_bucket_every_region_says_so(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.trail(is_multi_region_trail=True)
    world.buckets.missing.add("logs")
    world.happen()
    world.happen(region="eu-west-1")
    world.run(61)
    assert [status(world, region).delivery_error for region in (HOME, "eu-west-1", "us-west-2")] == ["NoSuchBucket", "NoSuchBucket", None]
    assert len(world.buckets.puts) <= 2, "one attempt stands for all"
    world.close()


def test_a_time_out_shows_an_attempt_but_no_code(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.trail()
    world.buckets.broken.add("logs")
    world.happen()
    world.run(61)
    said = status(world)
    assert said.attempted_at is not None
    assert (said.delivery_error, said.delivered_at) == (None, None)
    world.close()
