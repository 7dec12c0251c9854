"""Buckets over a folder of their own, and a few words to write and read objects with."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path

import pytest

from opentrail.buckets import Buckets
from opentrail.buckets.removals import Doomed, Removed
from opentrail.buckets.values import NO_LOCK, Attributes, Conditions, Lock, StoredObject, Writing
from opentrail.clock import ManualClock
from opentrail.kms import KeyManagement
from opentrail.storage.database import Database
from simulators.object_keys import key_management

ACCOUNT = "111122223333"


class Simulated:
    """One process's buckets over a data folder."""

    def __init__(self, folder: Path, **options: int) -> None:
        self.folder = folder
        self.clock = ManualClock()
        self.database = Database.at(folder / "state.db")
        self.buckets = Buckets(self.database, folder / "buckets", self.clock, **options)

    @cached_property
    def kms(self) -> KeyManagement:
        return key_management(self.database, self.folder / "keys", self.clock, account_id=ACCOUNT)

    def close(self) -> None:
        self.buckets.close()
        self.database.close()

    def bucket(self, name: str = "example-logs") -> None:
        self.buckets.create(name, account_id=ACCOUNT, region="us-east-1")

    def put(
        self,
        key: str,
        data: bytes,
        *,
        bucket: str = "example-logs",
        conditions: Conditions | None = None,
        attributes: Attributes | None = None,
        lock: Lock = NO_LOCK,
    ) -> StoredObject:
        draft = self.buckets.objects.draft()
        try:
            draft.write(data)
            writing = Writing(
                bucket=bucket,
                key=key,
                owner=ACCOUNT,
                conditions=conditions or Conditions(),
                attributes=attributes or Attributes(),
                lock=lock,
            )
            return self.buckets.objects.put(draft.seal(), writing)
        finally:
            draft.give_up()

    def delete(self, keys: Sequence[str], bucket: str = "example-logs") -> None:
        outcomes = self.buckets.removals.delete(bucket, [Doomed(key=key) for key in keys])
        assert [outcome.refused for outcome in outcomes] == [None] * len(keys)

    def delete_version(self, key: str, version_id: str, *, bypass: bool = False, bucket: str = "example-logs") -> Removed:
        [outcome] = self.buckets.removals.delete(bucket, [Doomed(key=key, version_id=version_id, bypass=bypass)])
        return outcome

    def versions(self, bucket: str = "example-logs") -> Sequence[StoredObject]:
        return self.buckets.versions(bucket, prefix="", delimiter="", after=None, after_version=None, limit=1000).entries

    def get(self, key: str, bucket: str = "example-logs", version_id: str | None = None) -> bytes:
        opened = self.buckets.objects.open(bucket, key, version_id)
        try:
            return opened.read(0, opened.stored.size + 1)
        finally:
            opened.close()

    def files(self) -> set[str]:
        """Every file below the folder that is not part of the session's own book-keeping."""
        root = self.folder / "buckets"
        found = {str(path.relative_to(root)) for path in root.rglob("*") if path.is_symlink() or path.is_file()}
        return {path for path in found if not path.startswith(".staging/") or path.endswith((".part", ".intent"))}


@pytest.fixture
def simulated(tmp_path: Path) -> Iterator[Simulated]:
    process = Simulated(tmp_path)
    process.bucket()
    yield process
    process.close()


@pytest.fixture
def process() -> type[Simulated]:
    """For tests with several processes, or with a process that dies."""
    return Simulated
