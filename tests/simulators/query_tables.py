"""Event data stores and their tables for queries: `Stores` and `Tables` over files that the test writes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.ipc

from opentrail.lake.event_data_store import ENABLED, EventDataStore, Stretch
from opentrail.lake.families import Family
from opentrail.lake.neighbours import Snapshot, Source
from opentrail.lake.queries.child import _type
from opentrail.lake.schema import COLUMNS
from opentrail.wire.faults import Fault, ServiceUnavailable

STORE = "1b2c3d4e-f852-4e8f-8bd1-bcf6c0123456"
OTHER = "aaaaaaaa-0000-4000-8000-bbbbbbbbbbbb"
ACCOUNT = "123456789012"
REGION = "us-east-1"


def store(store_id: str = STORE, **settings: Any) -> EventDataStore:
    """An enabled store of the default account."""
    values: dict[str, Any] = {
        "id": store_id,
        "partition": "aws",
        "region": REGION,
        "account_id": ACCOUNT,
        "name": f"store-{store_id[:4]}",
        "status": ENABLED,
        "family": Family.EVENTS,
        "advanced_event_selectors": (),
        "multi_region_enabled": True,
        "organization_enabled": False,
        "retention_period": 366,
        "billing_mode": "EXTENDABLE_RETENTION_PRICING",
        "termination_protection_enabled": False,
        "created_timestamp": 0.0,
        "updated_timestamp": 0.0,
    }
    return EventDataStore(**{**values, **settings})


class LakeTables:
    """Both Protocols. `release` is counted, `refuse` and `is_late` make trouble."""

    def __init__(self, folder: Path, *stores: EventDataStore) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.stores = {one.id: one for one in stores or (store(),)}
        self._files: dict[str, list[Path]] = {}
        self._hot: dict[str, list[Path]] = {}
        self._rows: dict[str, int] = {}
        self.oldest = 0
        self.refusal: Fault | None = None
        self.is_late = False
        self.open_snapshots = 0
        self.at_least: list[int] = []

    def fill(
        self, rows: int, *, store_id: str = STORE, start: str = "2026-01-01", hot: bool = False, group: int = 2000, **more: str
    ) -> None:
        """Add events, a second apart from `start` on; `more` are columns as SQL over the number `i`."""
        given = {
            "eventid": "'event-' || i",
            "eventtime": f"TIMESTAMP '{start}' + to_seconds(i)",
            "eventname": "'Name' || (i % 5)",
            "eventjson": "'{\"n\":' || i || '}' || repeat('x', 100)",
            **more,
        }
        columns = ", ".join(
            f'CAST({given.get(column.name, "NULL")} AS {_type(column.type)}) AS "{column.name}"' for column in COLUMNS[Family.EVENTS]
        )
        sql = f"SELECT {columns}, i AS position FROM range({rows}) t(i)"
        with duckdb.connect(":memory:") as connection:
            name = f"{store_id[:8]}-{len(self._files.get(store_id, ())) + len(self._hot.get(store_id, ()))}"
            if hot:
                path = self._folder / f"{name}.arrow"
                table = connection.sql(sql).to_arrow_table()
                with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, table.schema) as writer:
                    writer.write_table(table)
                self._hot.setdefault(store_id, []).append(path)
            else:
                path = self._folder / f"{name}.parquet"
                connection.execute(f"COPY ({sql}) TO '{path}' (FORMAT parquet, ROW_GROUP_SIZE {group})")
                self._files.setdefault(store_id, []).append(path)
        self._rows[store_id] = self._rows.get(store_id, 0) + rows

    def size(self) -> int:
        """Bytes of every Parquet file."""
        return sum(path.stat().st_size for paths in self._files.values() for path in paths)

    def get(self, store_id: str) -> EventDataStore | None:
        return self.stores.get(store_id)

    def all(self) -> Sequence[EventDataStore]:
        return list(self.stores.values())

    def stretches(self) -> Sequence[Stretch]:
        return ()

    def snapshot(self, store_ids: Sequence[str], *, at_least: int, patience: float) -> Snapshot:
        self.at_least.append(at_least)
        if self.refusal is not None:
            raise self.refusal
        if self.is_late:
            raise ServiceUnavailable("not yet")
        self.open_snapshots += 1
        sources = tuple(
            Source(
                store_id=store_id,
                family=self.stores[store_id].family,
                files=tuple(self._files.get(store_id, ())),
                hot=tuple(self._hot.get(store_id, ())),
                oldest=self.oldest,
                events=self._rows.get(store_id, 0),
            )
            for store_id in store_ids
        )
        return Snapshot(sources=sources, release=self._release)

    def _release(self) -> None:
        self.open_snapshots -= 1

    def draft(self, store_id: str) -> Path:
        raise NotImplementedError

    def append(self, store_id: str, files: Sequence[Path], *, token: str) -> None:
        raise NotImplementedError

    def has(self, store_id: str, token: str) -> bool:
        raise NotImplementedError

    def location(self, store_id: str) -> Path:
        raise NotImplementedError


class ResultBuckets:
    """A `ResultBucket` that keeps what is put; `refusals` are raised for keys that end so."""

    def __init__(self) -> None:
        self.objects: dict[tuple[str, str], bytes] = {}
        self.refusals: dict[str, Fault] = {}
        self.puts: list[str] = []

    def check(self, **asked: Any) -> None:
        if "check" in self.refusals:
            raise self.refusals["check"]

    def put(self, *, bucket: str, key: str, body: bytes, **rest: Any) -> None:
        self.puts.append(key)
        for end, refused in self.refusals.items():
            if key.endswith(end):
                raise refused
        self.objects[bucket, key] = body

    def named(self, end: str) -> bytes:
        """The one object whose key ends so."""
        (found,) = (body for (_, key), body in self.objects.items() if key.endswith(end))
        return found

    def document(self) -> Any:
        """What vouches for the rest."""
        return json.loads(self.named("result_sign.json"))
