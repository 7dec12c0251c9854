"""Trails stream to log groups: what they take, how it is named, and that each record arrives once, whatever dies or refuses."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from sqlalchemy import Connection, event, select

from opentrail.clock import ManualClock
from opentrail.journal import Entry
from opentrail.journal.positions import Positions
from opentrail.monitoring.logs import LogGroups, store
from opentrail.monitoring.logs.putting import chunk
from opentrail.monitoring.logs.values import Batch
from opentrail.trails import log_waiting, organization_members
from opentrail.trails import store as trails
from opentrail.trails.log_groups import MOST_BYTES, MOST_RECORD, RETRY, SPAN, LogGroupDelivery, batches
from opentrail.wire.faults import Fault
from simulators.log_groups import HERE, LogHouse
from simulators.trails import REGIONS, Crash, Journal

OWNER = HERE[0]
GROUP = f"arn:aws:logs:us-east-1:{OWNER}:log-group:g:*"


class AccessDenied(Fault):
    """The role may not."""


class Groups:
    """The log groups, asked with a role that may be refused."""

    def __init__(self, logs: LogGroups, clock: ManualClock) -> None:
        self.logs = logs
        self.clock = clock
        self.refused: set[str] = set()

    def prepare(
        self, *, log_group_arn: str, role_arn: str, source_arn: str, stream: str, events: Sequence[tuple[int, str]]
    ) -> Callable[[Connection], None]:
        if role_arn in self.refused:
            raise AccessDenied
        name = log_group_arn.split(":")[6]
        group = self.logs.control.group(*HERE, name)
        values = chunk(self.logs.sealing, group, Batch(events=tuple(events)), int(self.clock.time() * 1000))

        def put(connection: Connection) -> None:
            found = store.stream(connection, group.id, stream) or store.add_stream(connection, group.id, stream, 0)
            store.add_chunk(connection, found, values)

        return put


class World:
    """A journal, trails, log groups, and the follower between them; `restart` is what a supervisor does."""

    def __init__(self, folder: Path) -> None:
        self.clock = ManualClock()
        self.house = LogHouse(folder, self.clock)
        for database in (self.house.state, self.house.monitoring):
            event.listen(database.engine, "connect", lambda connection, _: connection.execute("PRAGMA synchronous=OFF"))
        self.journal = Journal()
        self.groups = Groups(self.house.logs, self.clock)
        self.promised: list[int] = []
        self.house.state.create(trails.METADATA)
        self.house.group("g")
        self.restart()

    def restart(self) -> None:
        self.delivery = LogGroupDelivery(
            self.house.state,
            self.house.monitoring,
            self.clock,
            journal=self.journal,
            regions=REGIONS,
            groups=self.groups,
            promise=self.promised.append,
        )

    def trail(self, name: str = "t", *, group: str = GROUP, role: str = "role", everywhere: bool = True) -> int:
        """A trail that logs from now on."""
        head = self.journal.head()
        with self.house.state.begin() as connection:
            key = trails.add_trail(
                connection,
                {
                    "account_id": OWNER,
                    "home_region": "us-east-1",
                    "name": name,
                    "arn": f"arn:aws:cloudtrail:us-east-1:{OWNER}:trail/{name}",
                    "s3_bucket_name": "logs",
                    "include_global_service_events": True,
                    "is_multi_region_trail": everywhere,
                    "log_file_validation_enabled": False,
                    "recursive_logging": True,
                    "is_logging": True,
                    "cloud_watch_logs_log_group_arn": group,
                    "cloud_watch_logs_role_arn": role,
                    "log_group_since": head,
                },
            )
            trails.open_window(connection, key, head)
        return key

    def record(self, name: str, *, region: str = "us-east-1", pad: int = 0, account: str = OWNER, request: str = "r") -> None:
        made = {
            "eventID": name,
            "eventName": "RunInstances",
            "eventSource": "ec2.amazonaws.com",
            "eventTime": "2026-01-05T10:11:12Z",
            "eventCategory": "Management",
            "eventType": "AwsApiCall",
            "readOnly": False,
            "managementEvent": True,
            "awsRegion": region,
            "recipientAccountId": account,
            "requestID": request,
            "userIdentity": {"type": "Root"},
            "pad": "x" * pad,
        }
        self.journal.append(json.dumps(made).encode())

    def work(self) -> None:
        while self.delivery.step():
            pass

    def there(self, group: str = "g") -> list[str]:
        return [json.loads(message)["eventID"] for message in self.house.all(group=group)]

    def status(self, trail_id: int) -> log_waiting.LogStatus:
        with self.house.monitoring.read() as connection:
            return log_waiting.status(connection, trail_id)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.house.close()


def test_a_trail_streams_what_it_takes(world: World) -> None:
    world.record("before")
    key = world.trail()
    world.record("one")
    world.record("elsewhere", region="eu-west-1")
    world.record("stranger", account="999999999999")
    world.record("large", pad=MOST_RECORD)
    world.work()
    assert sorted(world.there()) == ["elsewhere", "one"]
    (stream,) = [stream.name for stream in world.house.logs.control.streams(*HERE, "g")[1] if stream.last_event]
    assert stream == f"{OWNER}_CloudTrail_us-east-1"
    assert world.status(key).delivered_at == world.clock.time()
    assert world.promised[-1] == world.delivery.position == world.journal.head()


def test_a_trail_of_one_region_takes_that_region(world: World) -> None:
    world.trail(everywhere=False)
    world.record("here")
    world.record("elsewhere", region="eu-west-1")
    world.work()
    assert world.there() == ["here"]


def test_a_group_that_refuses_holds_up_nobody_else(world: World) -> None:
    world.house.group("other")
    refused = world.trail("refused", role="bad")
    taken = world.trail("taken", group=GROUP.replace(":g:", ":other:"), role="good")
    world.groups.refused.add("bad")
    for number in range(5):
        world.record(str(number))
        world.work()
    assert sorted(world.there("other")) == list("01234")
    assert world.there() == []
    assert world.delivery.position == world.journal.head()
    assert world.status(refused).error == "AccessDenied: The role may not."
    assert world.status(taken).error is None
    world.restart()
    world.groups.refused.clear()
    world.clock.advance(RETRY)
    world.record("5")
    world.work()
    assert world.there() == list("012345")
    assert world.status(refused).error is None


def test_a_deleted_group_and_its_return(world: World) -> None:
    key = world.trail()
    world.house.logs.control.delete_group(*HERE, "g")
    world.record("waits")
    world.work()
    assert (world.status(key).error or "").startswith("ResourceNotFoundException")
    world.house.group("g")
    world.clock.advance(RETRY)
    world.work()
    assert world.there() == ["waits"]


def test_records_do_not_wait_for_ever(world: World) -> None:
    world.trail(role="bad")
    world.groups.refused.add("bad")
    world.record("old")
    world.work()
    world.clock.advance(log_waiting.PATIENCE + 1)
    world.record("young")
    world.work()
    world.groups.refused.clear()
    world.clock.advance(RETRY)
    world.work()
    assert world.there() == ["young"]


def test_the_oldest_go_when_too_much_waits(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.trail(role="bad")
    world.groups.refused.add("bad")
    for name in ("first", "second", "third"):
        world.record(name)
        world.work()
        world.clock.advance(1)
    with world.house.monitoring.read() as connection:
        sizes = connection.scalars(select(log_waiting.WAITING.c.bytes).order_by(log_waiting.WAITING.c.id)).all()
    assert len(sizes) == 3
    monkeypatch.setattr(log_waiting, "MOST", sum(sizes) - 1)
    world.clock.advance(RETRY)
    world.work()  # it is refused once more, and the bound is looked at
    world.groups.refused.clear()
    world.clock.advance(RETRY)
    world.work()
    assert world.there() == ["second", "third"]


def test_members_of_an_organization_have_streams_of_their_own(world: World) -> None:
    key, member, stranger = world.trail(), "111122223333", "999988887777"
    with world.house.state.begin() as connection:
        trails.change_trail(connection, key, {"organization_id": "o-abcdefghij"})
        trail = trails.trail(connection, key)
        assert trail is not None
        organization_members.begin(connection, trail, "o-abcdefghij", [member], world.journal.head(), world.clock.time())
    world.record("of the owner")
    world.record("of the member", account=member)
    world.record("of a stranger", account=stranger)
    world.work()
    with world.house.state.begin() as connection:
        organization_members.end(connection, [key], world.journal.head(), account_id=member)
    world.record("after the member left", account=member)
    world.work()
    with world.house.monitoring.read() as connection:
        group = store.group(connection, *HERE, "g")
        assert group is not None
        names = [f"{OWNER}_CloudTrail_us-east-1", f"o-abcdefghij_{member}_CloudTrail_us-east-1"]
        assert [store.stream(connection, group.id, name) is not None for name in names] == [True, True]
    assert sorted(world.there()) == ["of the member", "of the owner"]


def test_a_trail_without_its_group_has_nothing_waiting(world: World) -> None:
    key = world.trail(role="bad")
    world.groups.refused.add("bad")
    world.record("given up")
    world.work()
    with world.house.state.begin() as connection:
        trails.change_trail(connection, key, {"cloud_watch_logs_log_group_arn": None})
    world.clock.advance(RETRY)
    world.work()
    with world.house.monitoring.read() as connection:
        assert log_waiting.trail_ids(connection) == set()


def test_windows_that_delivery_has_read_are_kept_for_the_log_group(world: World) -> None:
    key = world.trail()
    world.record("logged")
    world.record("the stop itself", request="stop")
    with world.house.state.begin() as connection:
        trails.close_window(connection, key, 1, "stop", 0.0)
        (window,) = trails.windows(connection)
        trails.forget_windows(connection, [window.id], 2)
        assert trails.windows(connection) == []
        assert trails.has_window(connection, key)
    world.record("after")
    world.work()
    assert sorted(world.there()) == ["logged", "the stop itself"]
    with world.house.state.read() as connection:
        assert not trails.has_window(connection, key)


def test_windows_are_kept_until_the_watch_has_read_them_too(world: World) -> None:
    key = world.trail()
    world.record("logged")
    told = Positions(world.house.state)
    with world.house.state.begin() as connection:
        told.save(connection, trails.WATCH, 0)
        trails.change_trail(connection, key, {"cloud_watch_logs_log_group_arn": None})
        trails.close_window(connection, key, 1, "stop", 0.0)
        (window,) = trails.windows(connection)
        trails.forget_windows(connection, [window.id], 1, watched=0)
        assert trails.windows(connection) == []
        assert trails.windows(connection, read=True) == [window]
    world.record("after")
    world.work()
    with world.house.state.begin() as connection:
        assert trails.windows(connection, read=True) == [window]  # log groups are further, rules are not
        trails.forget_windows(connection, [window.id], 1, watched=1)
        trails.forget_read_windows(connection, 1)
        assert trails.windows(connection, read=True) == []


@pytest.mark.parametrize("dies_at", range(1, 12))
@pytest.mark.parametrize("refused", [False, True])
def test_each_record_arrives_once_wherever_it_dies(world: World, dies_at: int, refused: bool) -> None:
    """The process dies at its n-th statement on the log groups' database, before it and again after the restart."""
    world.trail()
    if refused:
        world.groups.refused.add("role")
    for number in range(3):
        world.record(str(number))
    left = {"statements": dies_at}

    def die(*_: object) -> None:
        left["statements"] -= 1
        if left["statements"] == 0:
            raise Crash

    event.listen(world.house.monitoring.engine, "before_cursor_execute", die)
    for _ in range(2):
        left["statements"] = dies_at
        try:
            world.work()
            world.groups.refused.clear()
            world.clock.advance(RETRY)
            world.work()
        except Crash:
            pass
        left["statements"] = 0
        world.restart()
    event.remove(world.house.monitoring.engine, "before_cursor_execute", die)
    world.groups.refused.clear()
    world.clock.advance(RETRY)
    world.work()
    assert world.there() == ["0", "1", "2"]


def test_batches_are_what_one_put_takes() -> None:
    events = [(number * SPAN // 2, "x" * 300_000) for number in (4, 0, 1, 2, 3)]
    found = list(batches(events))
    assert [event for batch in found for event in batch] == sorted(events)
    for batch in found:
        assert batch[-1][0] - batch[0][0] <= SPAN
        assert sum(len(message) + 26 for _, message in batch) <= MOST_BYTES


def test_much_at_once_goes_to_several_streams(world: World) -> None:
    world.trail()
    for number in range(12):
        world.record(f"{number:02d}", pad=200_000)
    world.work()
    names = {stream.name for stream in world.house.logs.control.streams(*HERE, "g")[1] if stream.last_event}
    first = f"{OWNER}_CloudTrail_us-east-1"
    assert names == {first, f"{first}_2", f"{first}_3"}
    assert sorted(world.there()) == [f"{number:02d}" for number in range(12)]


def test_without_a_log_group_records_are_passed_by_unread_and_the_first_gets_what_comes_then(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.record("before")
    world.work()
    reads: list[int] = []
    read = world.journal.read

    def noted(after: int, limit: int) -> Sequence[Entry]:
        reads.append(after)
        return read(after, limit)

    monkeypatch.setattr(world.journal, "read", noted)
    world.record("unwatched")
    world.work()
    assert reads == [2]
    assert world.delivery.position == 2
    world.trail()
    world.record("one")
    world.work()
    assert world.there() == ["one"]
