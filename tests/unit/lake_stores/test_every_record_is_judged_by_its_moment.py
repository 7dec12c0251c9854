"""Whatever happens to a store and its organization, in whatever order: each record is taken by what held when it was written."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from opentrail.journal.positions import Positions
from opentrail.lake.event_data_store import ENABLED, EventDataStore
from opentrail.lake.stores.register import LAKE
from opentrail.wire.faults import Fault
from simulators.event_data_stores import DATA, DAY, HOME, MANAGER, StoreWorld, only

Taken = tuple[str, frozenset[str]] | None
"""What of a record is taken: category of the selector, and the accounts beside the owner's."""


def held(world: StoreWorld, made: EventDataStore, members: set[str]) -> Taken:
    """What should hold now, from the store as everybody sees it and the members as the test knows them."""
    now = world.register.get(made.id)
    if now is None or now.status != ENABLED:
        return None
    category = now.advanced_event_selectors[0]["FieldSelectors"][0]["Equals"][0]
    return category, frozenset(members if now.organization_enabled else ())


def taken(world: StoreWorld, made: EventDataStore, position: int) -> Taken:
    """What the stretches say of the record at `position`."""
    found = [one for one in world.stretches(made) if one.start < position and (one.stop is None or position <= one.stop)]
    assert len(found) <= 1, "no record is in two stretches"
    if not found:
        return None
    return found[0].advanced_event_selectors[0]["FieldSelectors"][0]["Equals"][0], found[0].accounts


@pytest.mark.parametrize("seed", range(6))
def test_each_record_is_judged_by_its_moment(tmp_path: Path, seed: int) -> None:
    random, world = Random(seed), StoreWorld(tmp_path)
    world.found()
    members: set[str] = set()
    made = world.create(organization_enabled=random.random() < 0.5)
    expected: dict[int, Taken] = {}
    refusals: set[str] = set()
    read = 0
    positions = Positions(world.database)

    def join() -> None:
        members.add(world.member())

    def leave() -> None:
        if members:
            gone = random.choice(sorted(members))
            members.discard(gone)
            world.organizations.accounts.remove(MANAGER, gone)

    def catch_up() -> None:
        nonlocal read
        read = random.randint(read, world.head)
        with world.database.begin() as connection:
            positions.save(connection, LAKE, read)
        world.keeper.work()

    stores = world.stores
    steps: list[Callable[[], object]] = [
        join,
        leave,
        catch_up,
        lambda: stores.stop_ingestion(MANAGER, HOME, made.arn),
        lambda: stores.start_ingestion(MANAGER, HOME, made.arn),
        lambda: world.delete(made),
        lambda: stores.restore(MANAGER, HOME, made.arn),
        lambda: world.update(made, advanced_event_selectors=[DATA]),
        lambda: world.update(made, advanced_event_selectors=[only("Management")]),
        lambda: world.update(made, organization_enabled=True),
        lambda: world.update(made, organization_enabled=False),
        lambda: world.clock.advance(random.choice([60.0, 2 * DAY])),
    ]
    for _ in range(60):
        for _ in range(random.randint(0, 2)):
            position = world.write(1)
            expected[position] = held(world, made, members)
        try:
            random.choice(steps)()
        except Fault as refused:
            refusals.add(refused.code)
    assert refusals <= {"InactiveEventDataStoreException", "InvalidEventDataStoreStatusException", "EventDataStoreNotFoundException"}
    assert {position: taken(world, made, position) for position in expected if position > read} == {
        position: what for position, what in expected.items() if position > read
    }
    world.close()


def test_of_many_that_make_a_store_of_one_name_one_succeeds(tmp_path: Path) -> None:
    world = StoreWorld(tmp_path)
    told: list[str] = []

    def create() -> None:
        try:
            world.create("same")
            told.append("made")
        except Fault as refused:
            told.append(refused.code)

    threads = [threading.Thread(target=create) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(told) == ["EventDataStoreAlreadyExistsException"] * 5 + ["made"]
    world.close()
