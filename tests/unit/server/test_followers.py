"""The followers process from the inside: trouble in one place stops nothing else, and is told."""

from __future__ import annotations

import asyncio
import json
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from opentrail.buckets import Buckets, ServiceWriter
from opentrail.clock import SystemClock, iso_seconds
from opentrail.config import JournalSettings, LakeSettings, Settings, TrailsSettings
from opentrail.errors import JournalFull
from opentrail.events.service_event import ServiceEvent
from opentrail.history import Lookup
from opentrail.journal import Journal
from opentrail.journal.positions import Positions
from opentrail.server import followers
from opentrail.server.folder import DataFolder
from opentrail.server.followers import Followers
from opentrail.server.roles import LAKE, WATCH, Orders
from opentrail.storage.database import Database
from opentrail.storage.outbox import Outbox
from opentrail.trails.control import Trails, Wanted
from opentrail.trails.regions import known_regions
from opentrail.wire.faults import ServiceUnavailable
from simulators.object_keys import object_keys

ACCOUNT = "111122223333"
HOME = "us-east-1"
OFTEN = LakeSettings(commit_interval=0.5)
SETTINGS = Settings(trails=TrailsSettings(delivery_interval=0.1), lake=OFTEN, journal=JournalSettings(min_free=0))


class Scene:
    """A data folder with a trail that logs, the front's side of the journal, and the followers' object, not running yet."""

    def __init__(self, root: Path, settings: Settings = SETTINGS) -> None:
        self.folder = DataFolder(root)
        self.folder.prepare()
        self.clock = SystemClock()
        self.database = Database.at(self.folder.state)
        self.journal = Journal.open(self.folder.journal, settings=settings.journal, clock=self.clock)
        self.buckets = Buckets(self.database, self.folder.buckets, self.clock)
        self.orders = Orders(data_dir=root, link=str(root / "link"), settings=settings)
        self.followers = Followers(self.orders, self.clock)
        positions = Positions(self.database)
        with self.database.begin() as connection:  # lake and watch, processes of their own, are done with whatever may come
            positions.save(connection, LAKE, 1 << 40)
            positions.save(connection, WATCH, 1 << 40)
        self.head = 0

    def trail(self) -> None:
        """A trail, and a bucket that takes its files."""
        self.buckets.create("logs", account_id=ACCOUNT, region=HOME)
        arn = f"arn:aws:cloudtrail:{HOME}:{ACCOUNT}:trail/audit"
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": "cloudtrail.amazonaws.com"},
            "Resource": ["arn:aws:s3:::logs", "arn:aws:s3:::logs/*"],
        }
        policy = {"Version": "2012-10-17", "Statement": [{**statement, "Action": ["s3:GetBucketAcl", "s3:PutObject"]}]}
        self.buckets.configurations.put_policy("logs", json.dumps(policy))
        writer = ServiceWriter(self.buckets, self.clock, keys=object_keys(self.database, self.folder.keys, self.clock, account_id=ACCOUNT))
        trails = Trails(self.database, self.clock, buckets=writer, regions=known_regions(), head=lambda: self.journal.head)
        assert trails.create(ACCOUNT, HOME, "audit", Wanted(s3_bucket_name="logs"), {}).arn == arn
        trails.start_logging(ACCOUNT, HOME, "audit")

    def happen(self, count: int = 1, padding: int = 0) -> None:
        records = [
            json.dumps(
                {
                    "eventTime": iso_seconds(self.clock.time()),
                    "eventSource": "ec2.amazonaws.com",
                    "eventName": "StartInstances",
                    "awsRegion": HOME,
                    "eventID": f"event-{self.head + number}",
                    "eventCategory": "Management",
                    "recipientAccountId": ACCOUNT,
                    "padding": secrets.token_hex(padding),
                }
            ).encode()
            for number in range(count)
        ]
        self.head = asyncio.run(self.journal.append(records))

    def log_files(self) -> int:
        return len(list((self.folder.buckets / "logs").rglob("*.json.gz"))) if (self.folder.buckets / "logs").exists() else 0

    @contextmanager
    def running(self) -> Iterator[Callable[[str, Any], Any]]:
        """The follower threads; gives what asks them."""
        loops = self.followers._threads()
        for loop in loops:
            loop.start()
        try:
            yield lambda name, payload: asyncio.run(self.followers._answer(name, payload))
        finally:
            self.followers._stop.set()
            for loop in loops:
                loop.join()

    def close(self) -> None:
        if self.followers._store_is_open.is_set():
            self.followers._store.close()
        self.followers._couriers.shutdown()
        self.followers._buckets.close()
        self.followers._database.close()
        self.journal.close()
        self.buckets.close()
        self.database.close()


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    monkeypatch.setattr(followers, "TROUBLE", 0.05)
    monkeypatch.setattr(followers, "TRIM_INTERVAL", 0.1)
    made = Scene(tmp_path / "data")
    yield made
    made.close()


def eventually(truth: Callable[[], bool]) -> None:
    """Wait for what happens in another thread."""
    for _ in range(9000):
        if truth():
            return
        time.sleep(0.01)
    raise AssertionError("it never came true")


def lookup(**more: Any) -> dict[str, Any]:
    return {"lookup": Lookup(account_id=ACCOUNT, region=HOME).as_dict(), "at_least": 0, **more}


def test_an_event_store_that_cannot_be_opened_stops_no_delivery_and_says_why(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    scene.trail()
    scene.happen()
    scene.folder.lake.mkdir(exist_ok=True)
    (scene.folder.lake / "catalog.db").write_bytes(b"this is no database" * 1000)
    monkeypatch.setattr(followers, "OPENING", 0.0)
    with scene.running() as ask:
        eventually(lambda: scene.log_files() == 1)
        eventually(lambda: bool(scene.followers._ails("eventstore")))
        for question in ("lookup", "status"):
            with pytest.raises(ServiceUnavailable, match=r"cannot be opened: .*not a database"):
                ask(question, lookup())
        assert scene.followers._reader.first() == 1, "what the event store has not seen is kept"
        (scene.folder.lake / "catalog.db").unlink()
        eventually(lambda: ask_quietly(ask) == 1)


def ask_quietly(ask: Callable[[str, Any], Any]) -> int:
    try:
        return len(ask("lookup", lookup())["Events"])
    except ServiceUnavailable:
        return -1


def test_the_status_counts_what_waits_and_who_holds_the_journal(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    scene.trail()
    scene.buckets.configurations.delete_policy("logs")
    scene.happen(3)
    with scene.running() as ask:
        eventually(lambda: scene.followers._store_is_open.is_set())
        eventually(lambda: ask("status", None)["counts"]["files_waiting"] == 1)
        eventually(lambda: ask("status", None)["counts"]["records_held_by_eventstore"] == 0)
        assert ask("status", None)["counts"]["records_held_by_trails"] == 0

        def stuck(*_: object) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(scene.followers._store._cold, "write", stuck)
        scene.happen(5)
        eventually(lambda: "No space left" in ask("status", None)["trouble"].get("eventstore", ""))
        eventually(lambda: ask("status", None)["counts"]["records_held_by_trails"] == 0)
        counts = ask("status", None)["counts"]
        assert counts["records_held_by_eventstore"] == 5
        assert len(ask("lookup", lookup(at_least=scene.head))["Events"]) == 8, "what cannot be committed is found all the same"


def test_a_full_journal_names_the_follower_that_holds_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(followers, "TROUBLE", 0.05)
    monkeypatch.setattr(followers, "TRIM_INTERVAL", 0.1)
    scene = Scene(tmp_path / "data", Settings(journal=JournalSettings(max_bytes=1 << 20, min_free=0), lake=OFTEN))

    def stuck(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with scene.running():
        eventually(lambda: scene.followers._store_is_open.is_set())
        monkeypatch.setattr(scene.followers._store._cold, "write", stuck)

        def refused() -> str:
            try:
                scene.journal.check()
                scene.happen(20, padding=2000)
                with scene.followers._database.begin() as connection:  # the trails are done
                    scene.followers._positions.save(connection, "trails", scene.head)
            except JournalFull as full:
                return str(full)
            return ""

        eventually(lambda: "for the follower eventstore (OSError: [Errno 28] No space left on device)" in refused())
    scene.close()


def test_what_the_front_may_have_recorded_is_kept_in_the_journal(scene: Scene) -> None:
    outbox = Outbox(scene.database)
    event = ServiceEvent(event_source="kms.amazonaws.com", event_name="RotateKey", account_id=ACCOUNT, region=HOME, time=1.0)
    with scene.database.begin() as connection:
        outbox.put(connection, event)
    scene.happen(2)
    outbox.trying([event.event_id], scene.head)
    with scene.running() as ask:
        eventually(lambda: scene.followers._store_is_open.is_set())
        for _ in range(3):
            scene.happen()  # a batch of its own, which could be trimmed
        eventually(lambda: ask("status", None)["counts"]["records_held_by_eventstore"] == 0)
        eventually(lambda: scene.followers._reader.first() == 3)
        assert ask("status", None)["counts"]["records_held_by_announcing"] == 3
        outbox.done([event.event_id])
        eventually(lambda: scene.followers._reader.first() == 6)


def test_status_is_told_while_every_question_waits(scene: Scene) -> None:
    with scene.running() as ask:
        eventually(lambda: scene.followers._store_is_open.is_set())
        release = threading.Event()
        for _ in range(followers.ASKERS * 2):
            scene.followers._askers.submit(release.wait)
        try:
            assert ask("status", None)["counts"]["files_waiting"] == 0
        finally:
            release.set()


def test_a_position_that_somebody_relies_on_is_noted_for_the_journal(scene: Scene) -> None:
    scene.happen(4)
    scene.trail()
    positions = Positions(scene.database)
    assert positions.get("trail-windows") == 4
    with scene.running():
        scene.happen(3)
        eventually(lambda: scene.followers._store_is_open.is_set() and scene.followers._store.durable_position == 7)
        assert positions.get("eventstore") == 7
