"""Objects: writing, finding, reading, removing. The commit of the row is the moment at which anything happens."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence

from sqlalchemy import Connection

from opentrail.buckets import store
from opentrail.buckets.drafts import Draft, Sealed
from opentrail.buckets.encrypted import Decrypter, Encrypter
from opentrail.buckets.faults import AccessDenied, InternalError, NoSuchBucket, NoSuchKey, NotServed, PreconditionFailed
from opentrail.buckets.files import Files, Intent
from opentrail.buckets.trouble import as_faults
from opentrail.buckets.values import ObjectPart, StoredObject, Writing
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
        modified = float(int(self._clock.time()))
        with self._files.claiming():
            placed = self._files.place(sealed, writing.bucket, writing.key)
            new = StoredObject(
                bucket=writing.bucket,
                key=writing.key,
                sequence=0,
                file=placed.file,
                size=sealed.size,
                etag=etag or sealed.md5.hex(),
                modified=modified,
                owner=writing.owner,
                attributes=writing.attributes,
                tags=writing.tags,
            )
            replaced: Intent | None = None
            try:
                with self._database.begin() as connection:
                    if store.bucket(connection, writing.bucket) is None:
                        raise NoSuchBucket(BucketName=writing.bucket)
                    old = store.find_object(connection, writing.bucket, writing.key)
                    _check_conditions(writing, old)
                    if also is not None:
                        also(connection)
                    if old is not None:
                        store.remove_object(connection, old.sequence)
                        replaced = self._files.intend(old.bucket, old.file)
                    store.add_object(connection, new, parts)
            except BaseException:
                self._undo(placed, replaced)
                raise
            self._files.settle(placed)
        if replaced is not None:
            self._files.withdraw(replaced)
        return new

    @as_faults
    def find(self, bucket: str, key: str) -> StoredObject:
        """The object under `key`. Raises `NoSuchBucket`, `NoSuchKey`."""
        stored = store.find_object_now(self._database, bucket, key)
        if stored is not None:
            return stored
        with self._database.read() as connection:  # which of the two is not there
            return _found(connection, bucket, key)

    @as_faults
    def open(self, bucket: str, key: str) -> OpenObject:
        """The object under `key` and its data, which belong together. Raises `NoSuchBucket`, `NoSuchKey`.

        A name may be given to other data after its object is gone; so the row is looked at again once the file is open.
        """
        while True:
            stored = self.find(bucket, key)
            try:
                opened = OpenObject(stored, self._files.open(bucket, stored.file))
            except FileNotFoundError:
                opened = None
            unchanged = store.current_sequence(self._database, bucket, key) == stored.sequence
            if unchanged and opened is not None:
                return opened
            if unchanged:
                raise InternalError(f"The file with the data of this object is missing from the data folder: {bucket}/{stored.file}")
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
    def delete(self, bucket: str, keys: Sequence[str], *, allowed: Callable[[StoredObject], bool] | None = None) -> list[str]:
        """Remove objects in one transaction; the keys for which `allowed` said no. A missing key is as good as removed.

        Raises `NoSuchBucket`.
        """
        refused: list[str] = []
        doomed: list[Intent] = []
        with self._database.begin() as connection:
            if store.bucket(connection, bucket) is None:
                raise NoSuchBucket(BucketName=bucket)
            for key in dict.fromkeys(keys):
                stored = store.find_object(connection, bucket, key)
                if stored is None:
                    continue
                if allowed is not None and not allowed(stored):
                    refused.append(key)
                    continue
                doomed.append(self._files.intend(bucket, stored.file))
                store.remove_object(connection, stored.sequence)
        for intent in doomed:
            self._files.withdraw(intent)
        return refused

    @as_faults
    def tag(self, bucket: str, key: str, tags: Mapping[str, str]) -> StoredObject:
        """Replace the tags of an object. Raises `NoSuchBucket`, `NoSuchKey`."""
        with self._database.begin() as connection:
            stored = _found(connection, bucket, key)
            store.tag_object(connection, stored.sequence, tags)
        return stored

    def _undo(self, placed: Intent, replaced: Intent | None) -> None:
        """After a failed transaction: whichever file no row refers to goes. When even that cannot be told, the next sweep decides."""
        with self._database.read() as connection:
            committed = store.referenced(connection, placed.bucket, placed.file)
        if committed:
            self._files.settle(placed)
            if replaced is not None:
                self._files.withdraw(replaced)
        else:
            self._files.withdraw(placed)
            if replaced is not None:
                self._files.settle(replaced)


def _found(connection: Connection, bucket: str, key: str) -> StoredObject:
    stored = store.find_object(connection, bucket, key)
    if stored is None:
        if store.bucket(connection, bucket) is None:
            raise NoSuchBucket(BucketName=bucket)
        raise NoSuchKey(Key=key)
    return stored


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
