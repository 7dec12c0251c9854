"""Removing objects and versions. Without a version id a versioned bucket only adds a delete marker; with one, the version is gone for good,
unless it is locked."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from opentrail.buckets import store
from opentrail.buckets.faults import NoSuchBucket
from opentrail.buckets.files import Files
from opentrail.buckets.locks import check_removable
from opentrail.buckets.objects import make_way, move, remove
from opentrail.buckets.rearranging import Names, carry_out
from opentrail.buckets.trouble import as_faults
from opentrail.buckets.values import ENABLED, Attributes, Bucket, StoredObject
from opentrail.buckets.version_store import find_version, newest
from opentrail.buckets.versions import by_removal, new_version
from opentrail.clock import Clock
from opentrail.storage.database import Database
from opentrail.wire.faults import Fault

AT_ONCE = 200
"""Keys of one transaction; how long others wait for it."""
NO_DATA = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Doomed:
    """What is to be removed."""

    key: str
    version_id: str | None = None
    bypass: bool = False
    """Whether a retention in governance mode does not hold here: the caller may bypass it, and said so."""
    check: Callable[[StoredObject], None] | None = None
    """Called with what would be removed or hidden, in the transaction that does it; raises a fault when that must not be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Removed:
    """What became of it."""

    doomed: Doomed
    refused: Fault | None = None
    marker: StoredObject | None = None
    """The delete marker that was added, or removed."""
    versioned: bool = False
    """Whether versions of the bucket have ids."""


class Removals:
    """Removes objects and versions of all buckets."""

    def __init__(self, database: Database, files: Files, clock: Clock) -> None:
        self._database = database
        self._files = files
        self._clock = clock

    @as_faults
    def delete(self, bucket: str, wanted: Sequence[Doomed]) -> list[Removed]:
        """Remove what is `wanted`, each as one step, many in one transaction. What is not there is as good as removed.

        The outcomes are in the order of `wanted`. Raises `NoSuchBucket`.
        """
        outcomes: dict[int, Removed] = {}
        for batch in _batches(wanted):

            def work(connection: Connection, names: Names, batch: Sequence[int] = batch) -> dict[int, Removed]:
                found = store.bucket(connection, bucket)
                if found is None:
                    raise NoSuchBucket(BucketName=bucket)
                return {number: self._one(connection, names, found, wanted[number]) for number in batch}

            with self._files.claiming():
                outcomes |= carry_out(self._database, self._files, work)
        return [outcomes[number] for number in range(len(wanted))]

    def _one(self, connection: Connection, names: Names, bucket: Bucket, doomed: Doomed) -> Removed:
        now = self._clock.time()
        versioned = bucket.versioning is not None
        try:
            if doomed.version_id is not None:
                marker = remove_version(connection, names, bucket.name, doomed, now)
            elif versioned:
                marker = add_marker(connection, names, bucket, doomed, now)
            else:
                marker = None
                stored = store.find_object(connection, bucket.name, doomed.key)
                if stored is not None:
                    _check(doomed, stored)
                    remove(connection, names, stored)
        except Fault as refused:
            return Removed(doomed=doomed, refused=refused, versioned=versioned)
        return Removed(doomed=doomed, marker=marker, versioned=versioned)


def remove_version(connection: Connection, names: Names, bucket: str, doomed: Doomed, now: float) -> StoredObject | None:
    """Remove a version for good; the one before it is the latest then. If it was a marker, that marker. Raises `AccessDenied` (locked)."""
    assert doomed.version_id is not None
    stored = find_version(connection, bucket, doomed.key, doomed.version_id)
    if stored is None:
        return None
    _check(doomed, stored)
    check_removable(stored, now, bypass=doomed.bypass)
    latest, following = [*newest(connection, bucket, doomed.key, 2), None, None][:2]
    change = by_removal(stored, latest, following)
    remove(connection, names, stored)
    if change.revive is not None:
        move(connection, names, change.revive, current=True)
    return stored if stored.marker else None


def add_marker(connection: Connection, names: Names, bucket: Bucket, doomed: Doomed, now: float) -> StoredObject:
    """Hide the object under a key behind a delete marker, which is the latest version then."""
    latest = next(iter(newest(connection, bucket.name, doomed.key, 1)), None)
    if latest is not None and not latest.marker:
        _check(doomed, latest)
    marker = StoredObject(
        bucket=bucket.name,
        key=doomed.key,
        sequence=0,
        file=NO_DATA,
        size=0,
        etag="",
        modified=float(int(now)),
        owner=bucket.account_id,
        attributes=Attributes(),
        tags={},
        version=new_version(now, latest),
        null=bucket.versioning != ENABLED,
        current=False,
        marker=True,
    )
    make_way(connection, names, bucket, latest, doomed.key, now)
    store.add_object(connection, marker)
    return marker


def _check(doomed: Doomed, stored: StoredObject) -> None:
    if doomed.check is not None:
        doomed.check(stored)


def _batches(wanted: Sequence[Doomed]) -> Iterator[list[int]]:
    """The numbers of what is wanted, so that no batch has two of one key: the second one meets what the first one left."""
    left = list(range(len(wanted)))
    while left:
        batch: list[int] = []
        later: list[int] = []
        keys: set[str] = set()
        for number in left:
            key = wanted[number].key
            if key in keys or len(batch) == AT_ONCE:
                later.append(number)
            else:
                batch.append(number)
            keys.add(key)
        yield batch
        left = later
