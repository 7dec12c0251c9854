"""Neighbours of imports, simulated: stores by id, tables that are folders of Parquet files, sources in memory, delivered log files."""

from __future__ import annotations

import gzip
import json
import shutil
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from opentrail.lake.event_data_store import ENABLED, EventDataStore, Stretch
from opentrail.lake.families import Family
from opentrail.lake.faults import EventDataStoreNotFoundException
from opentrail.lake.imports import worker
from opentrail.lake.imports.conversion import Done, Task, done_as_dict, done_of, task_as_dict, task_of
from opentrail.lake.imports.source import ImportSource
from opentrail.lake.imports.values import Import
from opentrail.lake.neighbours import Snapshot
from opentrail.wire.faults import Fault, fault

ACCOUNT = "111122223333"
REGION = "us-east-1"
STORE = "0b0f8a3e-5d3d-4c5e-9a35-0d4f0b4a6c11"


def event_data_store(store_id: str = STORE, **changed: Any) -> EventDataStore:
    """An ordinary store of CloudTrail events."""
    made = EventDataStore(
        id=store_id,
        partition="aws",
        region=REGION,
        account_id=ACCOUNT,
        name="logs",
        status=ENABLED,
        family=Family.EVENTS,
        advanced_event_selectors=(),
        multi_region_enabled=True,
        organization_enabled=False,
        retention_period=2557,
        billing_mode="EXTENDABLE_RETENTION_PRICING",
        termination_protection_enabled=False,
        created_timestamp=1.0,
        updated_timestamp=1.0,
    )
    return replace(made, **changed)


class KnownStores:
    """Stores as they are put in."""

    def __init__(self, *stores: EventDataStore) -> None:
        self.by_id = {one.id: one for one in stores}

    def get(self, store_id: str) -> EventDataStore | None:
        return self.by_id.get(store_id)

    def all(self) -> Sequence[EventDataStore]:
        return list(self.by_id.values())

    def stretches(self) -> Sequence[Stretch]:
        return ()


class FolderTables:
    """A folder for each table; a token is a file beside."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.refusing: Fault | None = None
        self.appended: list[tuple[str, int]] = []

    def snapshot(self, store_ids: Sequence[str], *, at_least: int, patience: float) -> Snapshot:
        raise NotImplementedError

    def draft(self, store_id: str) -> Path:
        drafts = self.folder / store_id / "drafts"
        drafts.mkdir(parents=True, exist_ok=True)
        return drafts / f"{uuid.uuid4()}.parquet"

    def append(self, store_id: str, files: Sequence[Path], *, token: str) -> None:
        if self.refusing is not None:
            raise self.refusing
        done = self.folder / store_id / "data" / token
        if done.exists():
            return
        partial = done.with_suffix(".partial")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        for file in files:
            shutil.copy(file, partial / file.name)
        partial.rename(done)
        self.appended.append((token, len(files)))
        for file in files:
            file.unlink()

    def has(self, store_id: str, token: str) -> bool:
        if not (self.folder / store_id).exists():
            raise EventDataStoreNotFoundException
        return (self.folder / store_id / "data" / token).exists()

    def location(self, store_id: str) -> Path:
        raise NotImplementedError

    def rows(self, store_id: str = STORE) -> list[dict[str, Any]]:
        """Every row, in no order."""
        found = (self.folder / store_id / "data").glob("*/*.parquet")
        return [row for file in found for row in pq.read_table(file, partitioning=None).to_pylist()]

    def event_ids(self, store_id: str = STORE) -> list[str]:
        """The events, sorted."""
        return sorted(row["eventid"] for row in self.rows(store_id))

    def drafts(self) -> list[Path]:
        """What was written and given to nobody."""
        return list(self.folder.glob("*/drafts/*"))


class InProcess:
    """Converts like a worker, in the caller's own process; the way there and back is gone as well."""

    def __init__(self) -> None:
        self.converted = 0

    def convert(self, task: Task) -> Done:
        self.converted += len(task.files)
        return done_of(done_as_dict(worker.work(task_of(task_as_dict(task)))))

    def rest(self) -> None: ...


class MemorySource:
    """Files by key. What `refusing` has for a key is raised instead of reading or listing it."""

    def __init__(self, files: Mapping[str, bytes] | None = None) -> None:
        self.files = dict(files or {})
        self.refusing: dict[str, Fault] = {}
        self.read_keys: list[str] = []

    def list(self, prefix: str, after: str = "") -> Iterator[str]:
        if prefix in self.refusing:
            raise self.refusing[prefix]
        return iter(sorted(key for key in self.files if key.startswith(prefix) and key > after))

    def folders(self, prefix: str) -> Iterator[str]:
        rest = {key[len(prefix) :] for key in self.files if key.startswith(prefix)}
        return iter(sorted({one.partition("/")[0] for one in rest if "/" in one}))

    def read(self, key: str) -> bytes:
        self.read_keys.append(key)
        if key in self.refusing:
            raise self.refusing[key]
        if key not in self.files:
            raise fault("NoSuchKey", "The specified key does not exist.", status=404)
        return self.files[key]


class MemorySources:
    """One source for every import; `refusal` is raised by its check."""

    def __init__(self, source: MemorySource) -> None:
        self.source = source
        self.refusal: Fault | None = None

    def check(self, **_: object) -> None:
        if self.refusal is not None:
            raise self.refusal

    def open(self, of: Import) -> ImportSource:
        self.check()
        return self.source


def event(event_id: str, time: str = "2026-01-05T10:11:12Z", **more: object) -> dict[str, object]:
    """A management event."""
    return {
        "eventVersion": "1.11",
        "userIdentity": {"type": "IAMUser", "accountId": ACCOUNT, "userName": "anna"},
        "eventTime": time,
        "eventSource": "iam.amazonaws.com",
        "eventName": "ListUsers",
        "awsRegion": REGION,
        "sourceIPAddress": "192.0.2.1",
        "requestID": event_id,
        "eventID": event_id,
        "readOnly": True,
        "eventCategory": "Management",
        "recipientAccountId": ACCOUNT,
        **more,
    }


def log_file(*records: object) -> bytes:
    """A delivered file."""
    return gzip.compress(json.dumps({"Records": list(records)}).encode(), mtime=0)


def log_key(number: int, *, account: str = ACCOUNT, region: str = REGION, day: str = "2026/01/05", folder: str = "CloudTrail") -> str:
    """The key of a delivered file."""
    date = day.replace("/", "")
    name = f"{account}_{folder}_{region}_{date}T{10 + number // 60:02}{number % 60:02}Z_{number:016}.json.gz"
    return f"AWSLogs/{account}/{folder}/{region}/{day}/{name}"
