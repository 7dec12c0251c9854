"""Objects: writing, finding, reading, removing. The commit of the row is the moment at which anything happens."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from sqlalchemy import Connection

from opentrail.buckets import store
from opentrail.buckets.drafts import Draft, Sealed
from opentrail.buckets.encrypted import Decrypter, Encrypter
from opentrail.buckets.faults import (
    AccessDenied,
    InternalError,
    MethodNotAllowed,
    NoSuchBucket,
    NoSuchKey,
    NoSuchVersion,
    NotServed,
    PreconditionFailed,
)
from opentrail.buckets.files import Files
from opentrail.buckets.locks import check_removable, lock_of_new
from opentrail.buckets.rearranging import Names, carry_out
from opentrail.buckets.trouble import as_faults
from opentrail.buckets.values import ENABLED, Bucket, ObjectPart, StoredObject, Writing
from opentrail.buckets.version_store import find_version, is_there, newest
from opentrail.buckets.versions import by_addition, new_version
from opentrail.clock import Clock
from opentrail.storage.database import Database


class OpenObject:
    """The data of one object, opened: stays readable when the object is replaced or removed meanwhile. Close it after use."""

    def __init__(self, stored: StoredObject, fd: int) -> None:
        self.stored = stored
        self._fd = fd
        self._decrypter: Decrypter | None = None

    def unlock(self, key: bytes) -> None:
        """Give the data key of an object that is encrypted. Raises `InternalError` when its file is not what was written."""
        self._decrypter = Decrypter(self._read_file, self.stored.size, key, self.stored.etag)
        self._decrypter.check()

    def read(self, start: int, length: int) -> bytes:
        """Up to `length` bytes from `start`; empty behind the end. An encrypted object is unlocked before: else `AccessDenied`.

        Raises `InternalError` when encrypted data are not what was written."""
        if self._decrypter is not None:
            return self._decrypter.read(start, length)
        if self.stored.attributes.sse_kms is not None:
            raise AccessDenied()
        return self._read_file(start, length)

    def _read_file(self, start: int, length: int) -> bytes:
        return os.pread(self._fd, length, start)

    def close(self) -> None:
        """Give the file back."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def __del__(self) -> None:
        self.close()  # a client that goes away leaves its body unread


class Objects:
    """The objects of all buckets."""

    def __init__(self, database: Database, files: Files, clock: Clock) -> None:
        self._database = database
        self._files = files
        self._clock = clock

    @as_faults
    def draft(self, algorithms: Sequence[str] = (), encrypter: Encrypter | None = None) -> Draft:
        """A new draft for data that will be given to `put`."""
        return self._files.draft(algorithms, encrypter)

    @as_faults
    def put(
        self,
        sealed: Sealed,
        writing: Writing,
        *,
        etag: str | None = None,
        parts: Sequence[ObjectPart] = (),
        also: Callable[[Connection], None] | None = None,
    ) -> StoredObject:
        """Make the data of a sealed draft the object under `writing.key`; durable when it returns.

        `etag` replaces the MD5 of the data (multipart, encrypted); `also` runs in the same transaction, after the conditions were met.
        Raises `NoSuchBucket`, `PreconditionFailed`, `NoSuchKey` (If-Match on nothing), `StorageFull`; the old object is untouched then.
        """
        now = self._clock.time()

        def add(connection: Connection, names: Names) -> StoredObject:
            bucket = store.bucket(connection, writing.bucket)
            if bucket is None:
                raise NoSuchBucket(BucketName=writing.bucket)
            latest = next(iter(newest(connection, bucket.name, writing.key, 1)), None)
            _check_conditions(writing, None if latest is None or latest.marker else latest)
            new = StoredObject(
                bucket=bucket.name,
                key=writing.key,
                sequence=0,
                file=placed.file,
                size=sealed.size,
                etag=etag or sealed.md5.hex(),
                modified=float(int(now)),
                owner=writing.owner,
                attributes=writing.attributes,
                tags=writing.tags,
                version=new_version(now, latest),
                null=bucket.versioning != ENABLED,
                lock=lock_of_new(connection, bucket, writing.lock, now),
            )
            if also is not None:
                also(connection)
            make_way(connection, names, bucket, latest, writing.key, now)
            store.add_object(connection, new, parts)
            return new

        with self._files.claiming():
            placed = self._files.place(sealed, writing.bucket, writing.key)
            return carry_out(self._database, self._files, add, placed)

    @as_faults
    def find(self, bucket: str, key: str, version_id: str | None = None) -> StoredObject:
        """The object under `key`, or one version of it.

        Raises `NoSuchBucket`, `NoSuchKey`, `NoSuchVersion`; `MethodNotAllowed` when that version is a delete marker, and `NoSuchKey` when
        the latest one is: both tell about the marker.
        """
        if version_id is None:
            stored = store.find_object_now(self._database, bucket, key)
            if stored is not None:
                return stored
        with self._database.read() as connection:  # what it is that is not there
            return found(connection, bucket, key, version_id)

    @as_faults
    def open(self, bucket: str, key: str, version_id: str | None = None) -> OpenObject:
        """The object under `key`, or one version of it, and its data, which belong together. Raises as `find`.

        A name may be given to other data after its object is gone; so the row is looked at again once the file is open.
        """
        while True:
            stored = self.find(bucket, key, version_id)
            try:
                opened = OpenObject(stored, self._files.open(*stored.place))
            except FileNotFoundError:
                opened = None
            if version_id is None:
                unchanged = store.current_sequence(self._database, bucket, key) == stored.sequence
            else:
                unchanged = is_there(self._database, stored.sequence)
            if unchanged and opened is not None:
                return opened
            if unchanged:
                missing = "/".join(stored.place)
                raise InternalError(f"The file with the data of this object is missing from the data folder: {missing}")
            if opened is not None:
                opened.close()

    @as_faults
    def parts(self, stored: StoredObject) -> list[ObjectPart]:
        """The parts that the object was made of."""
        if not stored.attributes.parts_count:
            return []
        with self._database.read() as connection:
            return store.object_parts(connection, stored.sequence)

    @as_faults
    def tag(self, bucket: str, key: str, tags: Mapping[str, str], version_id: str | None = None) -> StoredObject:
        """Replace the tags of an object or a version. Raises as `find`."""
        with self._database.begin() as connection:
            stored = found(connection, bucket, key, version_id)
            store.tag_object(connection, stored.sequence, tags)
        return stored


def found(connection: Connection, bucket: str, key: str, version_id: str | None) -> StoredObject:
    """The object under `key`, or one version of it. Raises as `Objects.find`."""
    if version_id is None:
        stored = next(iter(newest(connection, bucket, key, 1)), None)
    else:
        stored = find_version(connection, bucket, key, version_id)
    if stored is not None and not stored.marker:
        return stored
    if stored is None and store.bucket(connection, bucket) is None:
        raise NoSuchBucket(BucketName=bucket)
    if stored is not None:
        raise NoSuchKey.of_marker(key, stored.version_id) if version_id is None else MethodNotAllowed.of_marker(stored.version_id)
    if version_id is None:
        raise NoSuchKey(Key=key)
    raise NoSuchVersion(Key=key, VersionId=version_id)


def make_way(connection: Connection, names: Names, bucket: Bucket, latest: StoredObject | None, key: str, now: float) -> None:
    """Let a new latest version of `key` come: what it replaces goes, what it follows becomes noncurrent. Raises `AccessDenied`."""
    null = None if bucket.versioning == ENABLED or latest is None else find_version(connection, bucket.name, key, "null")
    change = by_addition(bucket.versioning, latest, null)
    if change.remove is not None:
        check_removable(change.remove, now, bypass=False)
        remove(connection, names, change.remove)
    if change.retire is not None:
        move(connection, names, change.retire, current=False, superseded=float(int(now)))


def remove(connection: Connection, names: Names, stored: StoredObject) -> None:
    """A version and its data are gone."""
    names.gone(stored)
    store.remove_object(connection, stored.sequence)


def move(connection: Connection, names: Names, stored: StoredObject, *, current: bool, superseded: float | None = None) -> None:
    """A version becomes the latest or stops being it; a marker that is the latest is no object all the same."""
    parts = store.object_parts(connection, stored.sequence)
    file = names.moved(stored, current=current)
    store.remove_object(connection, stored.sequence)
    moved = replace(stored, file=file, current=current and not stored.marker, superseded=superseded)
    store.add_object(connection, moved, parts)


def _check_conditions(writing: Writing, old: StoredObject | None) -> None:
    match, none_match = writing.conditions.if_match, writing.conditions.if_none_match
    if none_match is not None:
        if none_match.strip('"') != "*":
            raise NotServed("A header you provided implies functionality that is not implemented", Header="If-None-Match")
        if old is not None:
            raise PreconditionFailed(Condition="If-None-Match")
    if match is not None:
        if old is None:
            raise NoSuchKey(Key=writing.key)
        if match.strip('"') not in ("*", old.etag):
            raise PreconditionFailed(Condition="If-Match")
