"""Which records a store takes in: stretches of the journal that begin and end with the changes of the store."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from opentrail.journal.positions import Positions
from opentrail.lake.families import Family
from opentrail.lake.stores import event_configuration
from opentrail.lake.stores.control import STRETCHES
from opentrail.lake.stores.register import LAKE
from simulators.event_data_stores import DATA, DAY, HOME, KEY_ID, MANAGER, StoreWorld, only


@pytest.fixture
def world(tmp_path: Path) -> Iterator[StoreWorld]:
    made = StoreWorld(tmp_path)
    yield made
    made.close()


def read(world: StoreWorld, position: int) -> None:
    """The lake is done with everything up to `position`."""
    positions = Positions(world.database)
    with world.database.begin() as connection:
        positions.save(connection, LAKE, position)


def test_a_store_takes_in_what_is_written_after_it_was_made(world: StoreWorld) -> None:
    made = world.create(advanced_event_selectors=[DATA], multi_region_enabled=False, kms_key_id=KEY_ID)
    (only_one,) = world.stretches(made)
    assert (only_one.start, only_one.stop) == (100, None)
    assert (only_one.account_id, only_one.region, only_one.family) == (MANAGER, HOME, Family.EVENTS)
    assert (only_one.advanced_event_selectors, only_one.multi_region_enabled) == ((DATA,), False)
    assert (only_one.accounts, only_one.kms_key_id) == (frozenset(), made.kms_key_id)
    assert (only_one.max_event_size, only_one.context_key_selectors) == ("Standard", ())
    assert Positions(world.database).get(STRETCHES) == 100, "the journal goes on above it, whatever a power cut takes"


def test_a_store_that_is_made_stopped_has_none_until_it_starts(world: StoreWorld) -> None:
    made = world.create(start_ingestion=False)
    assert world.stretches(made) == []
    world.write()
    world.stores.start_ingestion(MANAGER, HOME, made.arn)
    assert world.bounds(made) == [(110, None)]


def test_every_change_of_what_is_taken_in_ends_one_and_begins_another(world: StoreWorld) -> None:
    made = world.create()
    changes = [
        lambda: world.update(made, advanced_event_selectors=[DATA]),
        lambda: world.update(made, multi_region_enabled=False),
        lambda: world.update(made, kms_key_id=KEY_ID),
        lambda: event_configuration.put(world.stores, MANAGER, HOME, {"EventDataStore": made.arn, "MaxEventSize": "Large"}),
    ]
    for change in changes:
        world.write()
        change()
    assert world.bounds(made) == [(100, 110), (110, 120), (120, 130), (130, 140), (140, None)]
    selected = [one.advanced_event_selectors == (DATA,) for one in world.stretches(made)]
    assert selected == [False, True, True, True, True]
    assert [one.multi_region_enabled for one in world.stretches(made)] == [True, True, False, False, False]
    assert [one.max_event_size for one in world.stretches(made)] == ["Standard"] * 4 + ["Large"]


def test_other_changes_leave_the_stretch_alone(world: StoreWorld) -> None:
    made = world.create()
    world.write()
    world.update(made, name="renamed", retention_period=7, termination_protection_enabled=False)
    world.update(made, advanced_event_selectors=list(made.advanced_event_selectors), multi_region_enabled=True)
    world.stores.set_federation(made.id, "ENABLED", "role")
    assert world.bounds(made) == [(100, None)]


def test_nothing_is_taken_in_while_stopped_or_pending_deletion(world: StoreWorld) -> None:
    made = world.create()
    for step in (world.stores.stop_ingestion, world.stores.start_ingestion):
        world.write()
        step(MANAGER, HOME, made.arn)
    world.write()
    world.delete(made)
    world.write()
    world.stores.restore(MANAGER, HOME, made.arn)
    assert world.bounds(made) == [(100, 110), (120, 130), (140, None)]


def test_changes_between_two_records_leave_one_stretch(world: StoreWorld) -> None:
    made = world.create()
    world.update(made, advanced_event_selectors=[DATA])
    world.stores.stop_ingestion(MANAGER, HOME, made.arn)
    assert world.bounds(made) == []
    world.stores.start_ingestion(MANAGER, HOME, made.arn)
    assert world.bounds(made) == [(100, None)]


def test_stretches_are_the_same_tuple_until_something_changes(world: StoreWorld) -> None:
    world.create()
    first = world.register.stretches()
    assert world.register.stretches() is first
    world.create("other", advanced_event_selectors=[only("Insight")])
    second = world.register.stretches()
    assert second is not first
    assert [one.family for one in second] == [Family.EVENTS, Family.INSIGHTS]


def test_stretches_that_have_been_read_are_forgotten(world: StoreWorld) -> None:
    made = world.create()
    world.write()
    world.stores.stop_ingestion(MANAGER, HOME, made.arn)
    world.write()
    world.stores.start_ingestion(MANAGER, HOME, made.arn)
    read(world, 109)
    world.keeper.work()
    assert world.bounds(made) == [(100, 110), (120, None)]
    read(world, 110)
    world.keeper.work()
    assert world.bounds(made) == [(120, None)]
    read(world, 10_000)
    world.keeper.work()
    assert world.bounds(made) == [(120, None)], "what goes on stays"


def test_the_last_stretch_of_a_store_outlives_it_until_it_is_read(world: StoreWorld) -> None:
    made = world.create()
    world.write()
    world.delete(made)
    world.clock.advance(7 * DAY)
    world.keeper.work()
    assert (world.register.gone(), world.bounds(made)) == ([made.id], [(100, 110)])
