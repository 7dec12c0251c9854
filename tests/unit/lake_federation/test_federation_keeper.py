"""What is wanted of federation gets done, follows the table, and survives a catalog that is away and a process that dies."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyiceberg.catalog import load_catalog
from pyiceberg.catalog.sql import SqlCatalog

from opentrail.lake.event_data_store import EventDataStore
from opentrail.lake.federation import catalogs
from opentrail.lake.federation.catalogs import NAMESPACE, OWN, Shown, opened
from opentrail.lake.federation.control import Federations
from opentrail.lake.federation.keeper import FederationKeeper
from simulators.event_data_stores import HOME, MANAGER, StoreWorld
from simulators.rest_catalog import RestCatalogServer

ROLE = f"arn:aws:iam::{MANAGER}:role/lake"
EVENTS = pa.table({"eventid": pa.array(["1", "2"])})


class House:
    """Stores, and Iceberg tables for them that other engines could read."""

    def __init__(self, folder: Path, world: StoreWorld) -> None:
        self.world = world
        self.own = folder / "federation.db"
        self.federations = Federations(world.stores, lambda *_: True)
        self._catalog = SqlCatalog("tables", uri=f"sqlite:///{folder / 'tables.db'}", warehouse=folder.as_uri())
        self._catalog.create_namespace("t")
        self.looks = 0

    def close(self) -> None:
        self._catalog.engine.dispose()
        self.world.close()

    def store(self, name: str) -> EventDataStore:
        made = self.world.create(name)
        self._catalog.create_table(f"t.{made.id}", EVENTS.schema)
        return made

    def commit(self, store: EventDataStore) -> None:
        self._catalog.load_table(f"t.{store.id}").append(EVENTS)

    def location(self, store_id: str) -> Path:
        self.looks += 1
        return Path(self._catalog.load_table(f"t.{store_id}").metadata_location.removeprefix("file://"))

    def keeper(self, configured: str = "") -> FederationKeeper:
        tables: Any = self
        return FederationKeeper(self.world.database, stores=self.world.register, tables=tables, opened=lambda: opened(configured, self.own))

    def enable(self, store: EventDataStore) -> None:
        self.federations.enable(MANAGER, HOME, store.id, ROLE)

    def disable_now(self, store: EventDataStore) -> None:
        self.federations.disable(MANAGER, HOME, store.id)

    def status(self, store: EventDataStore) -> tuple[str | None, str | None]:
        now = self.world.again(store)
        return now.federation_status, now.federation_role_arn


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path, StoreWorld(tmp_path))
    yield made
    made.close()


def seen(uri: str, store: EventDataStore) -> int:
    """How many events another program sees that opens the catalog by its address."""
    catalog = load_catalog(OWN, uri=uri)
    try:
        return catalog.load_table((NAMESPACE, store.id)).scan().to_arrow().num_rows
    finally:
        catalog.close()


def test_our_own_catalog_shows_the_table_and_follows_it(house: House) -> None:
    one, other = house.store("one"), house.store("other")
    keeper, uri = house.keeper(), f"sqlite:///{house.own}"
    keeper.work()
    assert not house.own.exists()
    assert house.looks == 0
    house.enable(one)
    keeper.work()
    assert house.status(one) == ("ENABLED", ROLE)
    assert house.status(other) == (None, None)
    assert seen(uri, one) == 0
    for events in (2, 4):
        house.commit(one)
        keeper.work()
        assert seen(uri, one) == events
    house.disable_now(one)
    assert seen(uri, one) == 4
    keeper.work()
    assert house.status(one) == ("DISABLED", None)
    assert _names(house) == []
    house.enable(one)
    keeper.work()
    assert seen(uri, one) == 4
    keeper.close()


def test_a_process_that_dies_between_catalog_and_database_repeats_its_step(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    one = house.store("one")

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    for wish, wanted, shown in ((house.enable, "ENABLED", [one.id]), (house.disable_now, "DISABLED", [])):
        wish(one)
        first = house.keeper()
        with monkeypatch.context() as dying:
            dying.setattr(FederationKeeper, "_settle", die)
            with pytest.raises(KeyboardInterrupt):
                first.work()
        first.close()
        again = house.keeper()
        again.work()
        again.close()
        assert house.status(one)[0] == wanted
        assert _names(house) == shown


def test_what_nobody_wants_leaves_our_own_catalog(house: House) -> None:
    one, other = house.store("one"), house.store("other")
    house.enable(one)
    with _open(house) as catalog:
        catalog.show(other.id, house.location(other.id).as_uri())
    keeper = house.keeper()
    keeper.work()
    keeper.close()
    assert _names(house) == [one.id]


@pytest.mark.parametrize("overwrites", [True, False])
def test_a_rest_catalog_is_told(house: House, overwrites: bool) -> None:
    one = house.store("one")
    with RestCatalogServer(overwrites=overwrites) as server:
        server.namespaces.add("someone's")
        server.tables["not-ours"] = "file:///elsewhere"
        keeper = house.keeper(server.url)
        house.enable(one)
        keeper.work()
        assert house.status(one) == ("ENABLED", ROLE)
        house.commit(one)
        keeper.work()
        keeper.work()
        assert seen(server.url, one) == 2
        house.disable_now(one)
        keeper.work()
        assert house.status(one) == ("DISABLED", None)
        assert server.tables == {"not-ours": "file:///elsewhere"}
        keeper.close()


def test_a_catalog_that_is_away_is_waited_for(house: House) -> None:
    one = house.store("one")
    with RestCatalogServer() as server:
        keeper = house.keeper(server.url)
        server.away = True
        house.enable(one)
        for _ in range(2):
            with pytest.raises(Exception, match="BadRequest"):
                keeper.work()
        assert house.status(one)[0] == "ENABLING"
        server.away = False
        keeper.work()
        assert house.status(one)[0] == "ENABLED"
        house.commit(one)
        server.away = True
        keeper.work()
        server.away = False
        keeper.work()
        assert seen(server.url, one) == 2
        keeper.close()


def test_an_address_of_no_catalog_is_told(house: House) -> None:
    with pytest.raises(ValueError, match="catalog"):
        catalogs.opened("ftp://example.com", house.own)


def _open(house: House) -> Any:
    return closing(opened("", house.own))


def _names(house: House) -> list[str]:
    with _open(house) as catalog:
        shown: Shown = catalog
        return list(shown.names() or ())
