"""One destination's trouble is nobody else's."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor, Future
from pathlib import Path
from typing import Any

import pytest

from opentrail.trails.control import Wanted
from opentrail.trails.courier import Courier
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
