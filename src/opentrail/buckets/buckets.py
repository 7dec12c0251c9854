"""S3 of our own: buckets, and the doors to their objects, uploads and configurations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from opentrail.buckets import store
from opentrail.buckets.configurations import Configurations, for_new_bucket
from opentrail.buckets.expiry import Expiry
from opentrail.buckets.faults import BucketAlreadyExists, BucketAlreadyOwnedByYou, BucketNotEmpty, NoSuchBucket
from opentrail.buckets.files import Files
from opentrail.buckets.listing import Page, Position, page
from opentrail.buckets.multipart import MIN_PART, Uploads
from opentrail.buckets.names import check_bucket_name
from opentrail.buckets.objects import Objects
from opentrail.buckets.removals import Removals
from opentrail.buckets.retention import Retention
from opentrail.buckets.trouble import as_faults
from opentrail.buckets.values import ENABLED, Bucket, StoredObject
from opentrail.buckets.version_store import find_version, scan_versions
from opentrail.clock import Clock
from opentrail.storage.database import Database


class Buckets:
    """All buckets of one data folder: data below `folder`, everything else in `database`.

    Several processes may each have one over the same folder. What dead ones left behind is removed when this one is made.
    `min_part` (bytes) is a bound that tests make smaller.
    """

    def __init__(self, database: Database, folder: Path, clock: Clock, *, min_part: int = MIN_PART) -> None:
        database.create(store.TABLES)
        self._database = database
        self._clock = clock
        self._files = Files(folder)
        self.objects = Objects(database, self._files, clock)
        self.removals = Removals(database, self._files, clock)
        self.uploads = Uploads(database, self._files, self.objects, clock, min_part=min_part)
        self.configurations = Configurations(database, clock)
        self.expiry = Expiry(database, self._files, self.uploads, clock)
        self.retention = Retention(database, self.configurations, clock)
        self.sweep()

    def close(self) -> None:
        """End this process's session with the folder."""
        self._files.close()

    def sweep(self) -> int:
        """Remove what dead processes left behind; how many files that were."""

        def referenced(bucket: str, file: str) -> bool:
            with self._database.read() as connection:
                return store.referenced(connection, bucket, file)

        def under_way() -> Sequence[str]:
            with self._database.read() as connection:
                return store.upload_ids(connection)

        return self._files.sweep(referenced, under_way)

    @as_faults
    def create(
        self,
        name: str,
        *,
        account_id: str,
        region: str,
        ownership: str | None = None,
        tags: Mapping[str, str] | None = None,
        object_lock: bool = False,
    ) -> Bucket:
        """Create a bucket; in us-east-1 creating one's own bucket again is fine and changes nothing.

        Raises `InvalidBucketName`, `BucketAlreadyExists`, `BucketAlreadyOwnedByYou`.
        """
        check_bucket_name(name)
        new = Bucket(
            name=name,
            account_id=account_id,
            region=region,
            created=float(int(self._clock.time())),
            versioning=ENABLED if object_lock else None,  # Object Lock needs versions
            object_lock=object_lock,
        )
        with self._database.begin() as connection:
            old = store.bucket(connection, name)
            if old is None:
                store.add_bucket(connection, new)
                for kind, value in for_new_bucket(ownership, tags or {}).items():
                    store.configure(connection, name, kind, value)
        self.configurations.forget(name)
        if old is None:
            return new
        if old.account_id != account_id:
            raise BucketAlreadyExists(BucketName=name)
        if old.region != "us-east-1" or region != "us-east-1":
            raise BucketAlreadyOwnedByYou(BucketName=name)
        return old

    @as_faults
    def find(self, name: str) -> Bucket:
        """Raises `NoSuchBucket`."""
        with self._database.read() as connection:
            found = store.bucket(connection, name)
        if found is None:
            raise NoSuchBucket(BucketName=name)
        return found

    @as_faults
    def delete(self, name: str) -> None:
        """Delete a bucket without objects; uploads under way end. Raises `NoSuchBucket`, `BucketNotEmpty`."""
        with self._database.begin() as connection:
            found = store.bucket(connection, name)
            if found is None:
                raise NoSuchBucket(BucketName=name)
            if store.holds_objects(connection, name):
                versioned = "The bucket you tried to delete is not empty. You must delete all versions in the bucket."
                raise BucketNotEmpty(None if found.versioning is None else versioned, BucketName=name)
            uploads = store.remove_bucket(connection, name)
        self.configurations.forget(name)
        for upload_id in uploads:
            self._files.remove_upload(upload_id)
        self._files.remove_bucket(name)

    def removed(self) -> None:
        """The rows of all buckets have been removed: remove the data and what is remembered."""
        self._files.remove_everything()
        self.configurations.forget_all()

    @as_faults
    def of_account(self, account_id: str, *, prefix: str = "", after: str = "", region: str | None = None, limit: int) -> list[Bucket]:
        """Up to `limit` buckets of an account in order of their names, behind the name `after`."""
        with self._database.read() as connection:
            return store.buckets_of(connection, account_id, prefix=prefix, after=after, region=region, limit=limit)

    @as_faults
    def list(
        self, bucket: str, *, prefix: str = "", delimiter: str = "", after: Position | None = None, limit: int = 1000
    ) -> Page[StoredObject]:
        """One page of the objects of a bucket. Raises `NoSuchBucket`."""
        with self._database.read() as connection:
            if store.bucket(connection, bucket) is None:
                raise NoSuchBucket(BucketName=bucket)

            def scan(start: bytes, inclusive: bool, _last: StoredObject | None, end: bytes | None, count: int) -> Sequence[StoredObject]:
                return store.scan(connection, bucket, start=start, inclusive=inclusive, end=end, limit=count)

            return page(scan, prefix=prefix, delimiter=delimiter, after=after, limit=limit)

    @as_faults
    def versions(
        self, bucket: str, *, prefix: str, delimiter: str, after: Position | None, after_version: str | None, limit: int
    ) -> Page[StoredObject]:
        """One page of the versions of a bucket by key, newest first, behind the version `after_version` of the key `after`; if that version
        is gone and its id tells nothing, the key is listed from its newest version on: better one twice than one left out.

        Raises `NoSuchBucket`.
        """
        with self._database.read() as connection:
            if store.bucket(connection, bucket) is None:
                raise NoSuchBucket(BucketName=bucket)
            behind = after_version
            if after is not None and after_version == "null":
                null = find_version(connection, bucket, after.text, "null")
                behind = "" if null is None else null.version

            def scan(start: bytes, inclusive: bool, last: StoredObject | None, end: bytes | None, count: int) -> Sequence[StoredObject]:
                version = behind if last is None else last.version
                return scan_versions(connection, bucket, start=start, inclusive=inclusive, after=version, end=end, limit=count)

            return page(scan, prefix=prefix, delimiter=delimiter, after=after, limit=limit)
