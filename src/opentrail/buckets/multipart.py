"""Multipart uploads: parts are files of their own until the upload is completed into one object."""

from __future__ import annotations

import hashlib
import itertools
import os
import secrets
from base64 import b64decode
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection

from opentrail.buckets import store
from opentrail.buckets.checksums import FULL_OBJECT, Checksum, of_parts
from opentrail.buckets.drafts import Draft, Sealed
from opentrail.buckets.encrypted import Decrypter
from opentrail.buckets.encryption import DataKey
from opentrail.buckets.faults import (
    BadDigest,
    EntityTooLarge,
    EntityTooSmall,
    InvalidPart,
    InvalidPartOrder,
    InvalidRequest,
    MalformedXML,
    NoSuchBucket,
    NoSuchUpload,
)
from opentrail.buckets.files import Files
from opentrail.buckets.listing import Page, Position, page
from opentrail.buckets.objects import Objects
from opentrail.buckets.trouble import as_faults
from opentrail.buckets.values import Attributes, Conditions, ObjectPart, Part, StoredObject, Upload, Writing
from opentrail.clock import Clock
from opentrail.storage.database import Database
from opentrail.wire.faults import Fault

MIN_PART = 5 << 20
"""Bytes; the last part may be smaller."""
MAX_OBJECT = 50 << 40
MAX_PARTS = 10_000
PIECE = 1 << 20
"""Bytes of an encrypted part that are held at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedPart:
    """One part in the list of a CompleteMultipartUpload."""

    number: int
    etag: str
    checksum: Checksum | None = None


class Uploads:
    """The multipart uploads of all buckets."""

    def __init__(self, database: Database, files: Files, objects: Objects, clock: Clock, *, min_part: int = MIN_PART) -> None:
        self._database = database
        self._files = files
        self._objects = objects
        self._clock = clock
        self._min_part = min_part

    @as_faults
    def create(self, writing: Writing, *, initiator: str, checksum_algorithm: str | None, checksum_type: str | None) -> Upload:
        """Begin an upload. Raises `NoSuchBucket`."""
        now = self._clock.time()
        new = Upload(
            upload_id=f"{int(now * 1_000_000):014x}{secrets.token_hex(20)}",  # in order of time: uploads of one key are listed so
            bucket=writing.bucket,
            key=writing.key,
            initiated=float(int(now)),
            owner=writing.owner,
            initiator=initiator,
            attributes=writing.attributes,
            tags=writing.tags,
            checksum_algorithm=checksum_algorithm,
            checksum_type=checksum_type,
            lock=writing.lock,
        )
        with self._database.begin() as connection:
            if store.bucket(connection, writing.bucket) is None:
                raise NoSuchBucket(BucketName=writing.bucket)
            store.add_upload(connection, new)
        return new

    @as_faults
    def find(self, bucket: str, key: str, upload_id: str) -> Upload:
        """The upload under way. Raises `NoSuchUpload`, `NoSuchBucket`."""
        with self._database.read() as connection:
            return _under_way(connection, bucket, key, upload_id)

    @as_faults
    def put_part(self, upload: Upload, number: int, sealed: Sealed, checksum: Checksum | None, *, etag: str | None = None) -> Part:
        """Make the data of a sealed draft part `number`, in place of an earlier one. Durable when it returns. Raises `NoSuchUpload`.

        `etag` replaces the MD5 of the data (encrypted)."""
        name = self._files.place_part(sealed, upload.upload_id, number)
        part = Part(
            number=number,
            size=sealed.size,
            etag=etag or sealed.md5.hex(),
            modified=float(int(self._clock.time())),
            file=name,
            checksum=checksum,
        )
        try:
            with self._database.begin() as connection:
                _under_way(connection, upload.bucket, upload.key, upload.upload_id)
                replaced = store.add_part(connection, upload.upload_id, part)
        except Fault:
            self._files.remove_upload(upload.upload_id)  # it is over: whoever ended it may have missed this part
            raise
        if replaced is not None:
            self._files.remove_part(upload.upload_id, replaced)
        return part

    @as_faults
    def complete(
        self,
        bucket: str,
        key: str,
        upload_id: str,
        named: Sequence[NamedPart],
        *,
        conditions: Conditions,
        claimed: Checksum | None = None,
        checksum_type: str | None = None,
        size: int | None = None,
        unlock: Callable[[Upload], DataKey | None] = lambda upload: None,
    ) -> StoredObject:
        """Make one object of the parts. Completing again what is completed gives the same answer. `unlock` gives the key of an upload that
        is encrypted, or raises a fault.

        Raises `NoSuchUpload`, `InvalidPart`, `InvalidPartOrder`, `EntityTooSmall`, `BadDigest`, `PreconditionFailed`, ….
        """
        if not named:
            raise MalformedXML()
        if any(later.number <= earlier.number for earlier, later in itertools.pairwise(named)):
            raise InvalidPartOrder(UploadId=upload_id)
        with self._database.read() as connection:
            try:
                upload = _under_way(connection, bucket, key, upload_id)
            except NoSuchUpload:
                done = store.find_object(connection, bucket, key)
                if done is not None and done.attributes.upload_id == upload_id:
                    return done
                raise
            kept = {part.number: part for part in store.parts_of(connection, upload_id)}
        parts = [_matching(kept.get(name.number), name, upload_id) for name in named]
        self._check_sizes(parts, size)
        checksum = _checksum(upload, parts, claimed, checksum_type)
        data_key = unlock(upload)
        tag = hashlib.md5(b"".join(bytes.fromhex(part.etag) for part in parts), usedforsecurity=False).hexdigest()
        encrypter = None
        if data_key is not None:
            encrypter, tag = data_key.encrypter()
        draft = self._files.draft((), encrypter)
        try:
            for part in parts:
                file = self._files.part(upload_id, part.file)
                try:
                    if data_key is None:
                        draft.append_file(file, part.size)
                    else:
                        _append_encrypted(draft, file, part, data_key)
                except FileNotFoundError:  # replaced, or the upload ended, while its parts were put together
                    raise InvalidPart(UploadId=upload_id, PartNumber=part.number, ETag=part.etag) from None

            def end(connection: Connection) -> None:
                now = {part.number: part.file for part in store.parts_of(connection, upload_id)}
                if any(now.get(part.number) != part.file for part in parts) or not store.remove_upload(connection, upload_id):
                    raise InvalidPart(UploadId=upload_id)

            stored = self._objects.put(
                draft.seal(),
                Writing(
                    bucket=bucket,
                    key=key,
                    owner=upload.owner,
                    attributes=_completed(upload, len(parts), checksum),
                    tags=upload.tags,
                    conditions=conditions,
                    lock=upload.lock,
                ),
                etag=f"{tag}-{len(parts)}",
                parts=[ObjectPart(part.number, part.size, part.checksum.value if part.checksum else None) for part in parts],
                also=end,
            )
        finally:
            draft.give_up()
        self._files.remove_upload(upload_id)
        return stored

    @as_faults
    def abort(self, bucket: str, key: str, upload_id: str) -> None:
        """End an upload and remove its parts. Raises `NoSuchUpload`."""
        with self._database.begin() as connection:
            _under_way(connection, bucket, key, upload_id)
            store.remove_upload(connection, upload_id)
        self._files.remove_upload(upload_id)

    @as_faults
    def parts(self, bucket: str, key: str, upload_id: str, *, after: int, limit: int) -> tuple[Upload, list[Part]]:
        """The upload, and up to `limit` of its parts behind number `after`."""
        with self._database.read() as connection:
            upload = _under_way(connection, bucket, key, upload_id)
            return upload, store.parts_of(connection, upload_id, after=after, limit=limit)

    @as_faults
    def list(self, bucket: str, *, prefix: str, delimiter: str, after: Position | None, after_id: str | None, limit: int) -> Page[Upload]:
        """The uploads under way, by key and then by age, behind the upload `after_id` of the key `after`. Raises `NoSuchBucket`."""
        with self._database.read() as connection:
            if store.bucket(connection, bucket) is None:
                raise NoSuchBucket(BucketName=bucket)

            def scan(start: bytes, inclusive: bool, last: Upload | None, end: bytes | None, count: int) -> Sequence[Upload]:
                behind_id = after_id if last is None else last.upload_id
                return store.uploads_from(connection, bucket, start=start, inclusive=inclusive, after_id=behind_id, end=end, limit=count)

            return page(scan, prefix=prefix, delimiter=delimiter, after=after, limit=limit)

    def _check_sizes(self, parts: Sequence[Part], size: int | None) -> None:
        for part in parts[:-1]:
            if part.size < self._min_part:
                raise EntityTooSmall(ETag=part.etag, MinSizeAllowed=self._min_part, ProposedSize=part.size, PartNumber=part.number)
        total = sum(part.size for part in parts)
        if total > MAX_OBJECT:
            raise EntityTooLarge(ProposedSize=total, MaxSizeAllowed=MAX_OBJECT)
        if size is not None and size != total:
            raise InvalidRequest(f"The provided 'x-amz-mp-object-size' header value {size} does not match what was computed: {total}")


def _under_way(connection: Connection, bucket: str, key: str, upload_id: str) -> Upload:
    found = store.upload(connection, upload_id)
    if found is None or found.bucket != bucket or found.key != key:
        if store.bucket(connection, bucket) is None:
            raise NoSuchBucket(BucketName=bucket)
        raise NoSuchUpload(UploadId=upload_id)
    return found


def _matching(part: Part | None, named: NamedPart, upload_id: str) -> Part:
    claimed = named.checksum
    wrong = part is not None and claimed is not None and part.checksum is not None and claimed != part.checksum
    if part is None or part.etag != named.etag.strip('"') or wrong:
        raise InvalidPart(UploadId=upload_id, PartNumber=named.number, ETag=named.etag.strip('"'))
    return part


def _checksum(upload: Upload, parts: Sequence[Part], claimed: Checksum | None, claimed_type: str | None) -> Checksum | None:
    """The checksum of the whole object, compared with what the client claims."""
    algorithm, kind = upload.checksum_algorithm, upload.checksum_type or FULL_OBJECT
    if algorithm is None:
        if claimed is not None:
            raise InvalidRequest("The upload was created without a checksum algorithm. The complete request must not include a checksum.")
        return None
    if claimed_type is not None and claimed_type != kind:
        raise InvalidRequest(
            f"The upload was created using the {kind} checksum mode. The complete request must use the same checksum mode."
        )
    total = of_parts(algorithm, kind, [(part.checksum.value if part.checksum else "", part.size) for part in parts])
    if claimed is not None:
        if claimed.algorithm != algorithm:
            raise InvalidRequest(f"Checksum Type mismatch occurred, expected checksum Type: {algorithm.lower()}")
        if b64decode(claimed.value.partition("-")[0]) != b64decode(total.value.partition("-")[0]):
            raise BadDigest(f"The {algorithm} you specified did not match the calculated checksum.")
    return total


def _completed(upload: Upload, count: int, checksum: Checksum | None) -> Attributes:
    given = upload.attributes
    return Attributes(
        headers=given.headers,
        metadata=given.metadata,
        storage_class=given.storage_class,
        upload_id=upload.upload_id,
        parts_count=count,
        checksum=checksum,
        sse_kms=given.sse_kms,
    )


def _append_encrypted(draft: Draft, file: Path, part: Part, key: DataKey) -> None:
    """Append a part, from its own stream to that of the object."""
    fd = os.open(file, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        decrypter = Decrypter(lambda start, length: os.pread(fd, length, start), part.size, key.plaintext, part.etag)
        decrypter.check()
        for start in range(0, part.size, PIECE):
            draft.write(decrypter.read(start, PIECE))
    finally:
        os.close(fd)
