"""Data events and network activity events are recorded when a store that ingests selects them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from opentrail.events.categories import DATA as DATA_EVENTS
from opentrail.lake.stores.selection import FRESHNESS, StoreSelection
from opentrail.server.selections import Selections
from simulators.event_data_stores import DATA, HOME, MANAGER, StoreWorld

S3, PUT = "s3.amazonaws.com", "PutObject"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[StoreWorld]:
    made = StoreWorld(tmp_path)
    yield made
    made.close()


def record(**other: Any) -> bytes:
    made = {
        "eventCategory": "Data",
        "eventSource": S3,
        "eventName": PUT,
        "readOnly": False,
        "awsRegion": HOME,
        "resources": [{"type": "AWS::S3::Object", "ARN": "arn:aws:s3:::bucket/key"}],
        **other,
    }
    return json.dumps(made).encode()


def test_a_store_asks_for_what_it_selects_while_it_ingests(world: StoreWorld) -> None:
    selection = StoreSelection(world.register, world.clock)
    assert not selection.may(DATA_EVENTS, S3, PUT)
    assert not selection.takes(MANAGER, record())
    made = world.create(advanced_event_selectors=[DATA], multi_region_enabled=False)
    assert not selection.may(DATA_EVENTS, S3, PUT), "not told yet"
    selection.changed()
    assert selection.may(DATA_EVENTS, S3, PUT)
    assert selection.may_in(MANAGER, DATA_EVENTS, S3, PUT)
    assert not selection.may_in("999988887777", DATA_EVENTS, S3, PUT)
    assert not selection.may(DATA_EVENTS, "sqs.amazonaws.com", "SendMessage")
    assert selection.takes(MANAGER, record())
    assert not selection.takes(MANAGER, record(awsRegion="eu-west-1"))
    assert not selection.takes(MANAGER, record(eventCategory="Management"))
    assert not selection.takes("999988887777", record())
    assert not selection.takes(MANAGER, b"no record")
    world.stores.stop_ingestion(MANAGER, HOME, made.arn)
    selection.changed()
    assert not selection.may(DATA_EVENTS, S3, PUT)


def test_a_change_by_another_process_is_seen_soon(world: StoreWorld) -> None:
    selection = StoreSelection(world.register, world.clock)
    world.create(advanced_event_selectors=[DATA])
    world.clock.advance(FRESHNESS)
    assert selection.takes(MANAGER, record(awsRegion="eu-west-1"))


def test_an_organization_store_asks_for_the_members_events(world: StoreWorld) -> None:
    world.found()
    member = world.member()
    world.create(advanced_event_selectors=[DATA], organization_enabled=True)
    selection = StoreSelection(world.register, world.clock)
    assert selection.takes(member, record())
    assert selection.may_in(member, DATA_EVENTS, S3, PUT)
    world.organizations.accounts.remove(MANAGER, member)
    world.clock.advance(FRESHNESS)
    assert not selection.takes(member, record())


def test_stores_of_management_events_ask_for_nothing(world: StoreWorld) -> None:
    world.create()
    selection = StoreSelection(world.register, world.clock)
    assert not selection.may(DATA_EVENTS, S3, PUT)
    assert not selection.takes(MANAGER, record())


def test_somebody_is_enough(world: StoreWorld) -> None:
    nobody = StoreSelection(world.register, world.clock)
    world.create(advanced_event_selectors=[DATA])
    somebody = StoreSelection(world.register, world.clock)
    for both in (Selections(nobody, somebody), Selections(somebody, nobody)):
        assert both.may(DATA_EVENTS, S3, PUT)
        assert both.may_in(MANAGER, DATA_EVENTS, S3, PUT)
        assert both.takes(MANAGER, record())
    assert not Selections(nobody).takes(MANAGER, record())
