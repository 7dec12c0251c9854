"""The chore that applies lifecycle rules, in bounded steps.

Each bucket is gone through once after every midnight UTC (nothing becomes due in between), and when its rules have changed. What is found
is judged again, by the rules and locks as they are, in the transaction that removes it: so it is safe in any process, beside any writer,
and may die at any instruction; the next start goes through everything anew. It runs beside the followers, where it delays no answer.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from sqlalchemy import Connection

from opentrail.buckets import store
from opentrail.buckets.configurations import LIFECYCLE
from opentrail.buckets.faults import AccessDenied, InternalError, NoSuchBucket, NoSuchUpload
from opentrail.buckets.files import Files
from opentrail.buckets.lifecycle import DAY, Deed, Surroundings, decode, deed, is_given_up
from opentrail.buckets.locks import check_removable
from opentrail.buckets.multipart import Uploads
from opentrail.buckets.objects import remove
from opentrail.buckets.rearranging import Names, carry_out
from opentrail.buckets.removals import Doomed, add_marker, remove_version
from opentrail.buckets.values import Bucket, StoredObject
from opentrail.buckets.version_store import alone, by_sequence, newer_noncurrent, scan_versions
from opentrail.clock import Clock
from opentrail.storage.database import Database

log = logging.getLogger("opentrail.buckets")

AT_ONCE = 200
"""Versions that are looked at in one step."""


@dataclass(slots=True)
class _Pass:
    """One way through a bucket; what was removed meanwhile is not missed, what was added is for the next one."""

    rules: str
    day: int
    key: bytes = b""
    version: str | None = None
    begun: bool = False


class Expiry:
    """Applies the lifecycle rules of all buckets. One thread."""

    def __init__(self, database: Database, files: Files, uploads: Uploads, clock: Clock) -> None:
        self._database = database
        self._uploads = uploads
        self._files = files
        self._clock = clock
        self._done: dict[str, tuple[str, int]] = {}
        """Bucket → rules and day for which all of it was gone through."""
        self._passes: dict[str, _Pass] = {}

    def step(self) -> bool:
        """A bounded piece of work; whether there is more to do at once."""
        now = self._clock.time()
        day = int(now // DAY)
        with self._database.read() as connection:
            configured = store.configured(connection, LIFECYCLE)
        self._forget_all_but(configured)
        for bucket, text in configured.items():
            if self._done.get(bucket) == (text, day):
                continue
            begun = self._passes.get(bucket)
            if begun is None or (begun.rules, begun.day) != (text, day):
                begun = self._passes[bucket] = _Pass(rules=text, day=day)
            if self._go_on(bucket, begun, now):
                self._done[bucket] = (text, day)
                del self._passes[bucket]
            return True
        return False

    def _go_on(self, bucket: str, begun: _Pass, now: float) -> bool:
        """The next stretch of a pass; whether it was the last."""
        rules = decode(begun.rules).rules
        if not begun.begun:
            self._abort_uploads(bucket, begun.rules, now)
            begun.begun = True
        with self._database.read() as connection:
            inclusive = begun.version is None
            found = scan_versions(connection, bucket, start=begun.key, inclusive=inclusive, after=begun.version, end=None, limit=AT_ONCE)
            ripe = [stored for stored in found if deed(rules, stored, _around(connection, stored), now) is not None]
        if ripe:
            self._apply(bucket, begun.rules, ripe, now)
        if found:
            begun.key, begun.version = found[-1].key.encode(), found[-1].version
        return len(found) < AT_ONCE

    def _apply(self, bucket: str, rules: str, ripe: list[StoredObject], now: float) -> None:
        """What is due of the versions `ripe`."""

        def work(connection: Connection, names: Names) -> None:
            found = store.bucket(connection, bucket)
            if found is None or store.configurations(connection, bucket).get(LIFECYCLE) != rules:
                return  # another pass begins with what is said now
            for one in ripe:
                stored = by_sequence(connection, one.sequence)
                if stored is not None:
                    _do(connection, names, found, stored, deed(decoded, stored, _around(connection, stored), now), now)

        decoded = decode(rules).rules
        try:
            with self._files.claiming():
                carry_out(self._database, self._files, work)
        except InternalError as error:  # data that a foreign hand has removed keep no others from going
            if len(ripe) == 1:
                log.warning("a version in bucket %s cannot expire: %s", bucket, error.message)
            else:
                for one in ripe:
                    self._apply(bucket, rules, [one], now)

    def _abort_uploads(self, bucket: str, rules: str, now: float) -> None:
        decoded = decode(rules).rules
        after, after_id = b"", None
        while True:
            with self._database.read() as connection:
                found = store.uploads_from(
                    connection, bucket, start=after, after_id=after_id, end=None, inclusive=after_id is None, limit=AT_ONCE
                )
            for upload in found:
                if is_given_up(decoded, upload, now):
                    try:
                        self._uploads.abort(bucket, upload.key, upload.upload_id)
                    except (NoSuchUpload, NoSuchBucket):
                        continue  # its client was faster
            if len(found) < AT_ONCE:
                return
            after, after_id = found[-1].key.encode(), found[-1].upload_id

    def _forget_all_but(self, configured: Mapping[str, str]) -> None:
        for known in (self._done, self._passes):
            for bucket in [name for name in known if name not in configured]:
                del known[bucket]


def _do(connection: Connection, names: Names, bucket: Bucket, stored: StoredObject, what: Deed | str | None, now: float) -> None:
    with suppress(AccessDenied):  # locked
        match what:
            case Deed.EXPIRE if bucket.versioning is not None:
                add_marker(connection, names, bucket, Doomed(key=stored.key), now)
            case Deed.EXPIRE:
                check_removable(stored, now, bypass=False)
                remove(connection, names, stored)
            case Deed.REMOVE:
                remove_version(connection, names, bucket.name, Doomed(key=stored.key, version_id=stored.version_id), now)
            case str(storage_class):
                store.class_object(connection, stored.sequence, stored.attributes, storage_class)


def _around(connection: Connection, stored: StoredObject) -> Surroundings:
    return Surroundings(newer=lambda: newer_noncurrent(connection, stored), alone=lambda: alone(connection, stored))
