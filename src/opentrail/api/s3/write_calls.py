"""Writing objects: PutObject and CopyObject."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import msgspec

from opentrail.api.call import Call, Handler
from opentrail.api.s3 import encrypting, requests, shapes
from opentrail.api.s3.lifecycle_calls import expiration_member
from opentrail.api.s3.lock_calls import asked_lock, check_digest
from opentrail.api.s3.part import ServicePart
from opentrail.api.s3.read_calls import matches
from opentrail.api.s3.receiving import Expected, receive
from opentrail.buckets import Buckets
from opentrail.buckets.access import check_canned_acl
from opentrail.buckets.checksums import Checksum, known_algorithm
from opentrail.buckets.configurations import BUCKET_OWNER_ENFORCED, Access
from opentrail.buckets.drafts import Draft
from opentrail.buckets.encryption import DataKey, ObjectKeys
from opentrail.buckets.faults import AccessDenied, InternalError, InvalidArgument, InvalidRequest, MethodNotAllowed, PreconditionFailed
from opentrail.buckets.names import key_bytes
from opentrail.buckets.objects import OpenObject
from opentrail.buckets.values import NO_LOCK, StoredObject, Writing

COPY_PIECE = 1 << 20


class WriteCalls(ServicePart):
    """See the module."""

    @property
    def operations(self) -> dict[str, Handler]:
        """Operation → handler."""
        return {"PutObject": self.put_object, "CopyObject": self.copy_object}

    async def put_object(self, call: Call) -> Mapping[str, Any]:
        """Faults: everything that can be wrong with a put; the old object stands then."""
        length = requests.body_length(call)
        expected = Expected(call, length)
        access = await asyncio.to_thread(self._bucket, call)
        writing, key = await asyncio.to_thread(new_object, self.keys, call, access)
        check_digest(call, locks=writing.lock != NO_LOCK or access.retention is not None, algorithm=expected.algorithm)
        encrypter, identity = encrypting.stream(key)

        def begin() -> Draft:
            return self.buckets.objects.draft([expected.algorithm] if expected.algorithm else [], encrypter)

        def finish(draft: Draft) -> StoredObject:
            sealed = draft.seal()
            attributes = msgspec.structs.replace(writing.attributes, checksum=expected.check(sealed))
            return self.buckets.objects.put(sealed, replace(writing, attributes=attributes), etag=identity)

        stored = await receive(call, length, begin, finish)
        return {
            "ETag": shapes.quoted(stored.etag),
            **encrypting.members(stored.attributes.sse_kms),
            **encrypting.echoed(call.parameters),
            **shapes.checksum(stored.attributes.checksum),
            **self._version(call, stored),
            **expiration_member(access, stored),
        }

    def copy_object(self, call: Call) -> Mapping[str, Any]:
        """Faults: as PutObject, and `NoSuchKey`, `PreconditionFailed` for the source."""
        given = call.parameters
        source = requests.copy_source(given["CopySource"])
        access = self._bucket(call)
        writing, key = new_object(self.keys, call, access)
        directive = _directive(given, "MetadataDirective", "x-amz-metadata-directive")
        tagging = _directive(given, "TaggingDirective", "x-amz-tagging-directive")
        opened = open_source(self.buckets, self.keys, call)
        try:
            stored = opened.stored
            if stored.size > requests.MAX_PUT:
                raise InvalidRequest(
                    f"The specified copy source is larger than the maximum allowable size for a copy source: {requests.MAX_PUT}"
                )
            attributes = writing.attributes
            if directive == "COPY":
                changed = "StorageClass" in given or "WebsiteRedirectLocation" in given or "ServerSideEncryption" in given
                same = (source.bucket, source.key, source.version_id) == (writing.bucket, writing.key, None)
                if same and not changed:
                    raise InvalidRequest(
                        "This copy request is illegal because it is trying to copy an object to itself without changing the object's "
                        "metadata, storage class, website redirect location or encryption attributes."
                    )
                attributes = msgspec.structs.replace(
                    attributes, headers=_copied_headers(stored, given), metadata=stored.attributes.metadata
                )
            algorithm = given.get("ChecksumAlgorithm") or (stored.attributes.checksum.algorithm if stored.attributes.checksum else None)
            algorithm = known_algorithm(algorithm) if algorithm else None
            encrypter, identity = encrypting.stream(key)
            draft = self.buckets.objects.draft([algorithm] if algorithm else [], encrypter)
            try:
                copy_data(opened, draft, 0, stored.size)
                sealed = draft.seal()
                checksum = Checksum(algorithm, sealed.checksums[algorithm]) if algorithm else None
                final = replace(writing, attributes=msgspec.structs.replace(attributes, checksum=checksum))
                if tagging == "COPY":
                    final = replace(final, tags=stored.tags)
                made = self.buckets.objects.put(sealed, final, etag=identity)
            finally:
                draft.give_up()
        finally:
            opened.close()
        result = {"ETag": shapes.quoted(made.etag), "LastModified": shapes.moment(made.modified)}
        source_version = self._version(call, stored).get("VersionId")
        return {
            "CopyObjectResult": {**result, **shapes.checksum(checksum)},
            **encrypting.members(made.attributes.sse_kms),
            **encrypting.echoed(given),
            **self._version(call, made),
            **expiration_member(access, made),
            **({"CopySourceVersionId": source_version} if source_version else {}),
        }


def new_object(keys: ObjectKeys, call: Call, access: Access) -> tuple[Writing, DataKey | None]:
    """What a PutObject, CopyObject or CreateMultipartUpload writes, checked, and the key it is encrypted with."""
    given = call.parameters
    key_bytes(given["Key"])
    canned = given.get("ACL")
    check_canned_acl(canned, grants=requests.has_grants(given), ownership=access.ownership, blocked=access.blocked)
    gives_away = canned == "bucket-owner-full-control" and access.ownership == "BucketOwnerPreferred"
    owned_by_bucket = access.ownership == BUCKET_OWNER_ENFORCED or gives_away
    attributes = requests.attributes(given)
    tags, conditions = requests.header_tags(given.get("Tagging")), requests.conditions(given)
    lock = asked_lock(call)
    data_key = encrypting.new_key(keys, call, access)
    writing = Writing(
        bucket=access.bucket.name,
        key=given["Key"],
        owner=access.bucket.account_id if owned_by_bucket else call.account_id,
        attributes=msgspec.structs.replace(attributes, sse_kms=data_key.sse if data_key else None),
        tags=tags,
        conditions=conditions,
        lock=lock,
    )
    return writing, data_key


def open_source(buckets: Buckets, keys: ObjectKeys, call: Call) -> OpenObject:
    """The source of a copy, opened and readable, once its conditions hold. Raises `NoSuchKey`, `PreconditionFailed`, `AccessDenied`, and
    what `ObjectKeys` raises."""
    given = call.parameters
    source = requests.copy_source(given["CopySource"])
    key_bytes(source.key)
    expected = given.get("ExpectedSourceBucketOwner")
    if expected is not None and buckets.configurations.access(source.bucket).bucket.account_id != expected:
        raise AccessDenied()
    try:
        opened = buckets.objects.open(source.bucket, source.key, source.version_id)
    except MethodNotAllowed:
        raise InvalidRequest("The source of a copy request may not specifically refer to a delete marker by version id.") from None
    try:
        _check_source(given, opened.stored)
        encrypting.unlock(keys, call, buckets.configurations.access(source.bucket), opened)
    except BaseException:
        opened.close()
        raise
    return opened


def copy_data(opened: OpenObject, draft: Draft, start: int, end: int) -> None:
    """Copy a stretch of an object into a draft."""
    while start < end:
        piece = opened.read(start, min(COPY_PIECE, end - start))
        if not piece:
            raise InternalError(f"The data of {opened.stored.key!r} end too early.")
        draft.write(piece)
        start += len(piece)


def _check_source(given: Mapping[str, Any], stored: StoredObject) -> None:
    modified = shapes.moment(stored.modified)
    match, none_match = given.get("CopySourceIfMatch"), given.get("CopySourceIfNoneMatch")
    unmodified, since = given.get("CopySourceIfUnmodifiedSince"), given.get("CopySourceIfModifiedSince")
    if match is not None and not matches(match, stored.etag):
        raise PreconditionFailed(Condition="x-amz-copy-source-If-Match")
    if match is None and unmodified is not None and modified > unmodified:
        raise PreconditionFailed(Condition="x-amz-copy-source-If-Unmodified-Since")
    if none_match is not None and matches(none_match, stored.etag):
        raise PreconditionFailed(Condition="x-amz-copy-source-If-None-Match")
    if none_match is None and since is not None and modified <= since:
        raise PreconditionFailed(Condition="x-amz-copy-source-If-Modified-Since")


def _directive(given: Mapping[str, Any], name: str, header: str) -> str:
    directive = given.get(name) or "COPY"
    if directive not in ("COPY", "REPLACE"):
        raise InvalidArgument(f"Unknown {header.removeprefix('x-amz-')}.", ArgumentName=header, ArgumentValue=directive)
    return str(directive)


def _copied_headers(stored: StoredObject, given: Mapping[str, Any]) -> dict[str, str]:
    """The source's headers; the redirect is never copied."""
    headers = {name: value for name, value in stored.attributes.headers.items() if name != "WebsiteRedirectLocation"}
    if given.get("WebsiteRedirectLocation"):
        headers["WebsiteRedirectLocation"] = given["WebsiteRedirectLocation"]
    return headers
