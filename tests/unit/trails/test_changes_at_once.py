"""Two changes of trails at once have one order, and what is kept was checked together."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from opentrail.trails import control as control_of_trails
from opentrail.trails.control import Trails, Wanted
from opentrail.trails.neighbours import Neighbours
from opentrail.wire.faults import Fault
from simulators.neighbours import KEY_ID, Keys
from simulators.trails import ACCOUNT, HOME, REGIONS, Buckets, World


class Watched(Buckets):
    """Buckets that remember what was checked; `meanwhile` happens once during the next check."""

    def __init__(self, world: World) -> None:
        super().__init__(world.clock)
        self.checked: list[tuple[str, str | None]] = []
        self.meanwhile: Callable[[], object] | None = None
        self.always: Callable[[], object] | None = None

    def check(self, *, bucket: str, prefix: str | None, account_id: str, source_arn: str, **_: Any) -> None:
        self.checked.append((bucket, prefix))
        happening, self.meanwhile = self.meanwhile, None
        for call in (happening, self.always):
            if call is not None:
                call()
        super().check(bucket=bucket, prefix=prefix, account_id=account_id, source_arn=source_arn)


class Busy:
    """A trail `audit`, and buckets and keys during whose checks other things happen."""

    def __init__(self, folder: Path) -> None:
        self.world = World(folder)
        self.buckets = Watched(self.world)
        self.keys = Keys()
        self.trails = Trails(
            self.world.database,
            self.world.clock,
            buckets=self.buckets,
            regions=REGIONS,
            head=self.world.journal.head,
            neighbours=Neighbours(keys=self.keys),
        )
        self.create("audit")

    def create(self, name: str, **settings: Any) -> object:
        return self.trails.create(ACCOUNT, HOME, name, Wanted(**{"s3_bucket_name": "logs", **settings}), {})

    def update(self, **settings: Any) -> object:
        return self.trails.update(ACCOUNT, HOME, "audit", Wanted(**settings))

    def code_of(self, call: Callable[..., object], *arguments: object, **members: object) -> str:
        with pytest.raises(Fault) as raised:
            call(*arguments, **members)
        return raised.value.code


@pytest.fixture
def busy(tmp_path: Path) -> Iterator[Busy]:
    made = Busy(tmp_path)
    yield made
    made.world.close()


def test_a_bucket_and_a_prefix_that_are_set_at_once_are_checked_together(busy: Busy) -> None:
    busy.buckets.meanwhile = lambda: busy.update(s3_key_prefix="p")
    busy.update(s3_bucket_name="other")
    trail = busy.trails.get(ACCOUNT, HOME, "audit")
    assert (trail.s3_bucket_name, trail.s3_key_prefix) == ("other", "p")
    assert busy.buckets.checked[-1] == ("other", "p")


def test_what_does_not_go_together_is_refused_to_the_later_one(busy: Busy) -> None:
    busy.keys.far.add("distant")
    busy.buckets.meanwhile = lambda: busy.update(s3_bucket_name="distant")
    assert busy.code_of(busy.update, kms_key_id=KEY_ID) == "KmsKeyNotFoundException"
    trail = busy.trails.get(ACCOUNT, HOME, "audit")
    assert (trail.s3_bucket_name, trail.kms_key_id) == ("distant", None)
    busy.buckets.meanwhile = lambda: busy.update(is_multi_region_trail=True)
    assert busy.code_of(busy.update, include_global_service_events=False) == "InvalidParameterCombinationException"


def test_a_trail_that_keeps_changing_is_a_conflict(busy: Busy) -> None:
    def change() -> None:
        with busy.world.database.begin() as connection:
            trail = busy.trails.finding.find(connection, ACCOUNT, HOME, "audit")
            control_of_trails.store.change_trail(connection, trail.id, {"started_at": (trail.started_at or 0.0) + 1})

    busy.buckets.always = change
    assert busy.code_of(busy.update, s3_key_prefix="p") == "ConflictException"
    assert len(busy.buckets.checked) == 1 + control_of_trails.TRIES
    selector = [{"InsightType": "ApiCallRateInsight"}]
    assert busy.code_of(busy.trails.put_insight_selectors, ACCOUNT, HOME, "audit", selector) == "ConflictException"
    busy.buckets.always = None
    assert busy.trails.get(ACCOUNT, HOME, "audit").s3_key_prefix is None


def test_of_two_trails_of_one_name_one_is_created(busy: Busy) -> None:
    busy.buckets.meanwhile = lambda: busy.create("twin", s3_key_prefix="first")
    assert busy.code_of(busy.create, "twin", s3_key_prefix="second") == "TrailAlreadyExistsException"
    assert busy.trails.get(ACCOUNT, HOME, "twin").s3_key_prefix == "first"


def test_the_fifth_place_is_given_once(busy: Busy) -> None:
    for number in range(3):
        busy.create(f"more{number}")
    busy.buckets.meanwhile = lambda: busy.create("fifth")
    assert busy.code_of(busy.create, "sixth") == "MaximumNumberOfTrailsExceededException"


def test_a_trail_deleted_while_it_is_updated_is_gone(busy: Busy) -> None:
    busy.buckets.meanwhile = lambda: busy.trails.delete(ACCOUNT, HOME, "audit", "request")
    assert busy.code_of(busy.update, s3_bucket_name="other") == "TrailNotFoundException"
    assert busy.trails.list(ACCOUNT) == []


def test_a_trail_made_anew_while_it_is_updated_is_checked_as_it_is_now(busy: Busy) -> None:
    def again() -> None:
        busy.trails.delete(ACCOUNT, HOME, "audit", "request")
        busy.create("audit", s3_key_prefix="new")

    busy.buckets.meanwhile = again
    busy.update(s3_bucket_name="other")
    assert busy.buckets.checked[-1] == ("other", "new")


def test_many_threads_leave_one_of_the_settings_whole(busy: Busy) -> None:
    """Each thread sets bucket and prefix together; whatever the order, a pair stays a pair."""
    barrier = threading.Barrier(6)

    def work(number: int) -> int:
        barrier.wait()
        done = 0
        for _ in range(4):
            try:
                busy.update(s3_bucket_name=f"bucket-{number}", s3_key_prefix=f"prefix-{number}", is_multi_region_trail=bool(number % 2))
                done += 1
            except Fault as fault:
                assert fault.code == "ConflictException"  # noqa: PT017 - the only one allowed
        return done

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(work, range(6))) >= 6
    trail = busy.trails.get(ACCOUNT, HOME, "audit")
    number = trail.s3_bucket_name.removeprefix("bucket-")
    assert (trail.s3_key_prefix, trail.is_multi_region_trail) == (f"prefix-{number}", bool(int(number) % 2))
