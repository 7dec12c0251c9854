"""`POST /moto-api/reset`: what goes, what stays, and who may have the door at all."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import inspect, text

from opentrail import config
from opentrail.api.arrival import Arrival
from opentrail.api.s3 import S3
from opentrail.buckets import Buckets
from opentrail.clock import ManualClock
from opentrail.errors import SettingError
from opentrail.kms import KeyManagement
from opentrail.server import reset_door
from opentrail.server.folder import DataFolder
from opentrail.server.reset_door import COUNTERS, KEPT, ResetDoor
from opentrail.server.supervisor import Supervisor
from opentrail.storage.outbox import Outbox
from opentrail.trails import tags
from opentrail.trails.control import Trails, Wanted
from simulators.front_door import ACCOUNT, FrontDoor
from simulators.object_keys import object_keys
from simulators.trails import ACCOUNT as OWNER
from simulators.trails import HOME, REGIONS, World
from simulators.trails import Buckets as LogBuckets


class House:
    """A front with something of everything in it, and the door."""

    def __init__(self, folder: Path) -> None:
        def services(door: FrontDoor) -> list[Any]:
            self.buckets = Buckets(door.database, folder / "buckets", door.clock)
            keys = object_keys(door.database, folder / "keys", door.clock, account_id=ACCOUNT)
            return [S3(self.buckets, keys)]

        self.folder = folder
        self.door = door = FrontDoor(folder, services=services)
        self.kms = KeyManagement(door.database, folder / "keys", door.clock, outbox=Outbox(door.database), identities=door.identities)
        self.trails = Trails(
            door.database,
            door.clock,
            buckets=LogBuckets(door.clock),
            regions=REGIONS,
            head=lambda: 7,
            changed=door.selection.changed,
        )
        self.reset_door = ResetDoor(
            [door.database], self.buckets.removed, partial(door.identities.ensure_root, ACCOUNT), door.selection.changed
        )

    def fill(self) -> None:
        identities = self.door.identities
        identities.users.create(ACCOUNT, "alice")
        identities.access_keys.create(ACCOUNT, "alice")
        assert self.door.ask(self.door.signed("s3", "PUT", "/work")).status == 200
        assert self.door.ask(self.door.signed("s3", "PUT", "/work/a/b", body=b"abc")).status == 200
        trail = self.trails.create(ACCOUNT, HOME, "audit", Wanted(s3_bucket_name="logs"), {"k": "v"})
        self.trails.start_logging(ACCOUNT, HOME, "audit")
        assert tags.tags_of(self.trails, ACCOUNT, trail.arn) == {"k": "v"}

    def rows(self) -> dict[str, int]:
        """Table → number of rows, of those that are not empty."""
        with self.door.database.read() as connection:
            names = inspect(connection).get_table_names()
            counts = {name: connection.execute(text(f'SELECT count(*) FROM "{name}"')).scalar_one() for name in names}
        return {name: count for name, count in counts.items() if count}

    def close(self) -> None:
        self.door.close()
        self.buckets.close()


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path)
    yield made
    made.close()


def test_what_clients_have_made_is_gone_and_the_rest_is_as_at_the_first_start(house: House) -> None:
    first = house.rows()
    house.fill()
    old = house.door.root
    house.reset_door.reset()
    left = {name: count for name, count in house.rows().items() if name not in KEPT and not name.endswith(COUNTERS)}
    assert left == {name: count for name, count in first.items() if name not in KEPT and not name.endswith(COUNTERS)}
    assert house.trails.list(ACCOUNT) == []
    assert [entry.name for entry in (house.folder / "buckets").iterdir() if not entry.name.startswith(".")] == []
    assert house.door.identities.credential(old.access_key_id) is None
    house.door.root = house.door.identities.ensure_root(ACCOUNT)
    written = json.loads((house.folder / "keys" / "root.json").read_text())
    assert written["access_key_id"] == house.door.root.access_key_id
    assert house.door.ask(house.door.signed("s3", "GET", "/work")).status == 404
    house.fill()  # everything can be made again


def test_whoever_looks_for_changes_sees_one(house: House) -> None:
    house.fill()

    def counters() -> dict[str, int]:
        with house.door.database.read() as connection:
            names = [name for name in inspect(connection).get_table_names() if name.endswith(COUNTERS)]
            columns = {"trail_changes": "count"}
            asked = {name: text(f"SELECT {columns.get(name, 'value')} FROM {name}") for name in names}
            return {name: connection.execute(question).scalar_one() for name, question in asked.items()}

    before = counters()
    house.reset_door.reset()
    after = counters()
    assert {"trail_changes", "identity_generation", "kms_generation"} <= set(before)
    assert all(after[name] > count for name, count in before.items())
    with house.door.database.read() as connection:
        assert connection.execute(text("SELECT position FROM followers WHERE name = 'trail-windows'")).scalar_one() == 7


def test_the_door_takes_posts(house: House) -> None:
    async def ask(method: str) -> int:
        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": b"", "more_body": False}

        scope = {"type": "http", "method": method, "path": reset_door.PATH, "raw_path": b"", "query_string": b"", "headers": []}
        arrival = Arrival.from_asgi({**scope, "client": ("127.0.0.1", 1), "scheme": "http"}, receive, house.door.clock, frozenset(), None)
        return (await house.reset_door.by_path()["/moto-api/reset"](arrival)).status

    house.fill()
    assert asyncio.run(ask("GET")) == 405
    assert len(house.trails.list(ACCOUNT)) == 1
    assert asyncio.run(ask("POST")) == 200
    assert house.trails.list(ACCOUNT) == []


@pytest.mark.parametrize("listen", [["0.0.0.0:0"], ["127.0.0.1:0", "192.0.2.1:0"], ["[::]:0"]])
def test_only_on_loopback(tmp_path: Path, listen: list[str]) -> None:
    settings = replace(config.Settings(), testing=config.TestingSettings(reset_door=True))
    supervisor = Supervisor(folder=DataFolder(tmp_path / "data"), listen=listen, settings=settings, clock=ManualClock())
    with pytest.raises(SettingError, match=r"testing\.reset_door=true is for tests on a loopback address only"):
        supervisor.run()
    assert not (tmp_path / "data").exists()


def test_delivery_goes_on_when_trails_vanish(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.trail("audit", enable_log_file_validation=True)
    world.happen()
    world.run(1)  # read, not cut
    with world.database.begin() as connection:
        reset_door.empty(connection)
    world.run(61)
    assert world.buckets.puts == []
    world.trail("audit", enable_log_file_validation=True)
    event = world.happen()
    world.run(61)
    assert world.buckets.event_ids() == [event]
    assert world.trails.get(OWNER, HOME, "audit").is_logging
    world.close()
