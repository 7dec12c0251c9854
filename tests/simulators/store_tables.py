"""Event data stores as the tables see them: stores and stretches that a test changes, keys that it disables, and what a store holds."""

from __future__ import annotations

import calendar
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from opentrail.clock import Clock
from opentrail.lake.event_data_store import ENABLED, EXTENDABLE, EventDataStore, Stretch
from opentrail.lake.families import FAMILIES
from opentrail.lake.neighbours import Snapshot, Source
from opentrail.lake.tables.settings import TableSettings
from opentrail.lake.tables.tables import StoreTables
from opentrail.storage.database import Database
from simulators.event_journal import ACCOUNT, REGION, EventJournal

MANAGEMENT: tuple[dict[str, Any], ...] = ({"Name": "all", "FieldSelectors": [{"Field": "eventCategory", "Equals": ["Management"]}]},)


def of_category(category: str) -> tuple[dict[str, Any], ...]:
    """The selectors that take all of one category."""
    return ({"FieldSelectors": [{"Field": "eventCategory", "Equals": [category]}]},)


def store_id(number: int) -> str:
    """The id of the store with this number."""
    return f"00000000-0000-4000-8000-{number:012d}"


@dataclass
class KnownStores:
    """`Stores`, in memory."""

    known: dict[str, EventDataStore] = field(default_factory=dict)
    ended: list[Stretch] = field(default_factory=list)
    going: dict[str, Stretch] = field(default_factory=dict)
    _told: tuple[Stretch, ...] = ()

    def get(self, store_id: str) -> EventDataStore | None:
        return self.known.get(store_id)

    def all(self) -> Sequence[EventDataStore]:
        return tuple(self.known.values())

    def stretches(self) -> Sequence[Stretch]:
        return self._told

    def make(self, number: int = 1, *, start: int = 0, category: str = "Management", retention: int = 90, **stretch: Any) -> str:
        """A store that takes in from behind `start` on."""
        family = FAMILIES[category]
        rules: dict[str, Any] = {
            "account_id": ACCOUNT,
            "region": REGION,
            "advanced_event_selectors": of_category(category),
            "multi_region_enabled": True,
            **stretch,
        }
        self.known[store_id(number)] = EventDataStore(
            id=store_id(number),
            partition="aws",
            region=rules["region"],
            account_id=rules["account_id"],
            name=f"store-{number}",
            status=ENABLED,
            family=family,
            advanced_event_selectors=rules["advanced_event_selectors"],
            multi_region_enabled=rules["multi_region_enabled"],
            organization_enabled=False,
            retention_period=retention,
            billing_mode=EXTENDABLE,
            termination_protection_enabled=False,
            created_timestamp=0.0,
            updated_timestamp=0.0,
            kms_key_id=rules.get("kms_key_id"),
        )
        self.going[store_id(number)] = Stretch(store_id=store_id(number), start=start, stop=None, family=family, **rules)
        self._change()
        return store_id(number)

    def stop(self, which: str, at: int) -> None:
        """The store takes in nothing behind `at`."""
        self.ended.append(replace(self.going.pop(which), stop=at))
        self._change()

    def turn(self, which: str, at: int, **rules: Any) -> None:
        """From behind `at` on other rules hold."""
        before = self.going[which]
        self.stop(which, at)
        self.going[which] = replace(before, start=at, stop=None, **rules)
        self._change()

    def keep(self, which: str, days: int) -> None:
        """The store has another retention."""
        self.known[which] = replace(self.known[which], retention_period=days)

    def remove(self, which: str) -> None:
        """The store is gone for good."""
        del self.known[which]
        self.going.pop(which, None)
        self.ended = [stretch for stretch in self.ended if stretch.store_id != which]
        self._change()

    def read_to(self, position: int) -> None:
        """Stretches that end there are not told any more."""
        self.ended = [stretch for stretch in self.ended if stretch.stop is not None and stretch.stop > position]
        self._change()

    def _change(self) -> None:
        self._told = (*self.ended, *self.going.values())


@dataclass
class Channels:
    """Channels by ARN: the store that each delivers to, and from behind which position on."""

    by_arn: dict[str, tuple[str, int]]
    forgotten: int = 0

    def now(self) -> Channels:
        return self

    def destinations(self, channel_arn: str, position: int) -> Collection[str]:
        store, start = self.by_arn.get(channel_arn, ("", 0))
        return [store] if store and position > start else []

    def forget(self, position: int) -> None:
        self.forgotten = position


@dataclass
class Keys:
    """`StoreKeys`."""

    disabled: set[str] = field(default_factory=set)

    def check(self, *, kms_key_id: str, account_id: str, region: str, partition: str) -> str:
        return kms_key_id

    def usable(self, key_arn: str) -> bool:
        return key_arn not in self.disabled


def opened_tables(
    folder: Path, journal: EventJournal, stores: KnownStores, clock: Clock, keys: Keys | None = None, **settings: Any
) -> StoreTables:
    """The tables in `folder`, open; `settings` are those of `TableSettings`, and further arguments of `StoreTables`."""
    further = {name: settings.pop(name) for name in ("channels", "context", "removed") if name in settings}
    folder.mkdir(exist_ok=True)
    tables = StoreTables(
        folder / "stores",
        journal,
        clock,
        database=Database.at(folder / "state.db"),
        stores=stores,
        keys=keys or Keys(),
        settings=TableSettings(**settings),
        **further,
    )
    tables.open()
    return tables


def rows(source: Source, columns: Collection[str] = ("eventid", "eventtime", "position")) -> list[dict[str, Any]]:
    """What a query sees of a source, in order of time and position."""
    names = [*dict.fromkeys((*columns, "eventtime", "position"))]
    parts = [pq.read_table(path, columns=names) for path in source.files]
    for path in source.hot:
        with pa.OSFile(str(path)) as file, pa.ipc.open_file(file) as reader:
            parts.append(reader.read_all().select(names))
    if not parts:
        return []
    found = pa.concat_tables(parts).sort_by([("eventtime", "ascending"), ("position", "ascending")]).to_pylist()
    return [row for row in found if calendar.timegm(row["eventtime"].timetuple()) >= source.oldest]


def ids(tables: StoreTables, which: str, at_least: int) -> list[str]:
    """The ids of the events that a query over the store sees, in order of time and position."""
    snapshot: Snapshot = tables.snapshot([which], at_least=at_least, patience=90.0)
    try:
        return [row["eventid"] for row in rows(snapshot.sources[0])]
    finally:
        snapshot.release()


def files_on_disk(folder: Path, which: str) -> set[Path]:
    """Every data file of the store's table."""
    return {path for path in (folder / "stores" / which / "table" / "data").rglob("*") if path.is_file()}
