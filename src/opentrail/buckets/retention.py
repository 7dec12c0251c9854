"""What a bucket keeps of its objects: its versioning and its Object Lock, and the locks of single versions."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from sqlalchemy import Connection

from opentrail.buckets import store
from opentrail.buckets.configurations import LIFECYCLE, Configurations
from opentrail.buckets.faults import (
    InvalidBucketState,
    InvalidRequest,
    NoSuchBucket,
    ObjectLockConfigurationNotFoundError,
)
from opentrail.buckets.locks import NO_CONFIGURATION, OBJECT_LOCK, DefaultRetention, default_of, with_retention
from opentrail.buckets.objects import found
from opentrail.buckets.trouble import as_faults
from opentrail.buckets.values import ENABLED, Bucket, Lock, StoredObject
from opentrail.clock import Clock
from opentrail.storage.database import Database


class Retention:
    """The versioning and the locks of all buckets. Everything raises `NoSuchBucket` for a bucket that does not exist."""

    def __init__(self, database: Database, configurations: Configurations, clock: Clock) -> None:
        self._database = database
        self._configurations = configurations
        self._clock = clock

    @as_faults
    def put_versioning(self, name: str, status: str, mfa_delete: bool | None) -> None:
        """`Enabled` or `Suspended`; `None` leaves MFA delete as it is. Raises `InvalidBucketState` for a bucket that cannot do without."""
        with self._database.begin() as connection:
            bucket = _bucket(connection, name)
            if bucket.object_lock and status != ENABLED:
                raise InvalidBucketState(
                    "An Object Lock configuration is present on this bucket, so the versioning state cannot be changed."
                )
            mfa = bucket.mfa_delete if mfa_delete is None else mfa_delete
            if mfa and not bucket.mfa_delete and LIFECYCLE in store.configurations(connection, name):
                raise InvalidBucketState("MFA delete cannot be enabled on a bucket that has a lifecycle configuration.")
            store.version_bucket(connection, name, versioning=status, mfa_delete=mfa, object_lock=bucket.object_lock)
        self._configurations.forget(name)

    @as_faults
    def default(self, name: str) -> DefaultRetention | None:
        """The default retention; `None` when Object Lock is on without one. Raises `ObjectLockConfigurationNotFoundError`."""
        with self._database.read() as connection:
            if not _bucket(connection, name).object_lock:
                raise ObjectLockConfigurationNotFoundError(BucketName=name)
            return default_of(store.configurations(connection, name).get(OBJECT_LOCK))

    @as_faults
    def put_default(self, name: str, default: DefaultRetention | None) -> None:
        """Turn Object Lock on, for ever, and set the default retention of what is written from now on. Raises `InvalidBucketState`."""
        with self._database.begin() as connection:
            bucket = _bucket(connection, name)
            if bucket.versioning != ENABLED:
                raise InvalidBucketState("Versioning must be 'Enabled' on the bucket to apply a Object Lock configuration")
            store.version_bucket(connection, name, versioning=ENABLED, mfa_delete=bucket.mfa_delete, object_lock=True)
            store.configure(connection, name, OBJECT_LOCK, None if default is None else msgspec.json.encode(default).decode())
        self._configurations.forget(name)

    @as_faults
    def locked(self, name: str, key: str, version_id: str | None) -> StoredObject:
        """A version in a bucket with Object Lock, for its lock. Raises `InvalidRequest` (no Object Lock), and as `Objects.find`."""
        with self._database.read() as connection:
            return _lockable(connection, name, key, version_id)

    def put_retention(self, name: str, key: str, version_id: str | None, mode: str | None, until: float, *, bypass: bool) -> StoredObject:
        """Set the retention of a version, or take it off (`mode` `None`). Raises `AccessDenied` when the one it has forbids that."""
        now = self._clock.time()
        return self._lock(name, key, version_id, lambda old: with_retention(old, mode, until, now, bypass=bypass))

    def put_legal_hold(self, name: str, key: str, version_id: str | None, *, on: bool) -> StoredObject:
        """Set or lift the legal hold of a version."""
        return self._lock(name, key, version_id, lambda old: Lock(mode=old.mode, until=old.until, legal_hold=on))

    @as_faults
    def _lock(self, name: str, key: str, version_id: str | None, change: Callable[[Lock], Lock]) -> StoredObject:
        with self._database.begin() as connection:
            stored = _lockable(connection, name, key, version_id)
            store.lock_object(connection, stored.sequence, change(stored.lock))
        return stored


def _bucket(connection: Connection, name: str) -> Bucket:
    bucket = store.bucket(connection, name)
    if bucket is None:
        raise NoSuchBucket(BucketName=name)
    return bucket


def _lockable(connection: Connection, name: str, key: str, version_id: str | None) -> StoredObject:
    if not _bucket(connection, name).object_lock:
        raise InvalidRequest(NO_CONFIGURATION)
    return found(connection, name, key, version_id)
