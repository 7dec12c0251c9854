"""Reading objects: GetObject, HeadObject, GetObjectAttributes."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from opentrail.api.call import Answer, Call, Handler
from opentrail.api.s3 import encrypting, requests, shapes
from opentrail.api.s3.lifecycle_calls import expiration_member
from opentrail.api.s3.part import ServicePart
from opentrail.buckets.faults import InvalidArgument, InvalidPartNumber, InvalidRange, InvalidRequest, PreconditionFailed
from opentrail.buckets.names import key_bytes
from opentrail.buckets.objects import OpenObject
from opentrail.buckets.values import ObjectPart, StoredObject
from opentrail.buckets.versions import check_version_id

PIECE = 512 << 10
"""Bytes that are read, and sent, at once."""
_RANGE = re.compile(r"bytes=(\d*)-(\d*)")
_OVERRIDES = {
    "ResponseCacheControl": "CacheControl",
    "ResponseContentDisposition": "ContentDisposition",
    "ResponseContentEncoding": "ContentEncoding",
    "ResponseContentLanguage": "ContentLanguage",
    "ResponseContentType": "ContentType",
    "ResponseExpires": "Expires",
}
_ATTRIBUTES = ("ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize")


class Body:
    """The bytes `start … end-1` of an open object, in pieces; the disk is read in worker threads."""

    def __init__(self, opened: OpenObject, start: int, end: int) -> None:
        self._opened = opened
        self._at = start
        self._end = end

    def __aiter__(self) -> Body:
        return self

    async def __anext__(self) -> bytes:
        if self._at >= self._end:
            self._opened.close()
            raise StopAsyncIteration
        piece = await asyncio.to_thread(self._opened.read, self._at, min(PIECE, self._end - self._at))
        if not piece:  # the file was cut by a foreign hand: break off rather than send fewer bytes than announced as if they were all
            self._opened.close()
            raise OSError(f"The data of {self._opened.stored.key!r} end too early.")
        self._at += len(piece)
        return piece

    async def aclose(self) -> None:
        """Give the file back before the end."""
        self._at = self._end
        self._opened.close()


class ReadCalls(ServicePart):
    """See the module."""

    @property
    def operations(self) -> dict[str, Handler]:
        """Operation → handler."""
        return {"GetObject": self.get_object, "HeadObject": self.head_object, "GetObjectAttributes": self.get_object_attributes}

    def get_object(self, call: Call) -> Answer:
        """Faults: `NoSuchKey`, `PreconditionFailed`, `InvalidRange`, `InvalidPartNumber`."""
        key_bytes(call.parameters["Key"])
        self._check(call)
        opened = self.buckets.objects.open(call.parameters["Bucket"], call.parameters["Key"], call.parameters.get("VersionId"))
        try:
            answer, start, end = self._answer(call, opened.stored)
            if answer.status != 304:
                encrypting.unlock(self.keys, call, self._bucket(call), opened)
        except BaseException:
            opened.close()
            raise
        if answer.status == 304:
            start = end = 0
        body: bytes | Body | None = _at_once(opened, start, end)
        if body is None:
            body = Body(opened, start, end)
        else:
            opened.close()
        return Answer(result={**answer.result, "Body": body}, status=answer.status)

    def head_object(self, call: Call) -> Answer:
        """Faults: as GetObject."""
        key_bytes(call.parameters["Key"])
        self._check(call)
        stored = self._stored(call)
        answer = self._answer(call, stored)[0]
        if "ChecksumType" in answer.result:
            self._must_decrypt(call, stored)
        return answer

    def get_object_attributes(self, call: Call) -> Mapping[str, Any]:
        """The attributes asked for; parts only for objects with a checksum, as on AWS."""
        self._check(call)
        wanted = call.parameters.get("ObjectAttributes") or []
        if not wanted or any(name not in _ATTRIBUTES for name in wanted):
            raise InvalidArgument("Invalid attribute name specified.", ArgumentName="x-amz-object-attributes")
        stored = self._stored(call)
        found = stored.attributes.checksum
        result: dict[str, Any] = {"LastModified": shapes.moment(stored.modified), **self._version(call, stored)}
        if "ETag" in wanted:
            result["ETag"] = stored.etag
        if found is not None and ("Checksum" in wanted or "ObjectParts" in wanted):
            self._must_decrypt(call, stored)
        if "Checksum" in wanted and found is not None:
            members = shapes.checksum(found)
            result["Checksum"] = {name: value.partition("-")[0] if found.type == "COMPOSITE" else value for name, value in members.items()}
        if "ObjectParts" in wanted and stored.attributes.parts_count:
            result["ObjectParts"] = self._parts(call, stored)
        if "StorageClass" in wanted:
            result["StorageClass"] = stored.attributes.storage_class
        if "ObjectSize" in wanted:
            result["ObjectSize"] = stored.size
        return result

    def _must_decrypt(self, call: Call, stored: StoredObject) -> None:
        """The checksums of an encrypted object are told to those who may read it."""
        encrypting.key_of(self.keys, call, self._bucket(call), stored.attributes.sse_kms)

    def _stored(self, call: Call) -> StoredObject:
        return self.buckets.objects.find(call.parameters["Bucket"], call.parameters["Key"], call.parameters.get("VersionId"))

    def _parts(self, call: Call, stored: StoredObject) -> dict[str, Any]:
        after = call.parameters.get("PartNumberMarker") or 0
        limit = min(max(call.parameters.get("MaxParts", 1000), 0), 1000)
        result: dict[str, Any] = {"TotalPartsCount": stored.attributes.parts_count}
        found = stored.attributes.checksum
        if found is None:
            return result
        behind = [part for part in self.buckets.objects.parts(stored) if part.number > after]
        shown = behind[:limit]
        result |= {
            "PartNumberMarker": after,
            "NextPartNumberMarker": shown[-1].number if shown else after,
            "MaxParts": limit,
            "IsTruncated": len(behind) > limit,
            "Parts": [{"PartNumber": part.number, "Size": part.size, f"Checksum{found.algorithm}": part.checksum} for part in shown],
        }
        return result

    def _check(self, call: Call) -> None:
        self._bucket(call)
        check_version_id(call.parameters.get("VersionId"))
        requests.check_encryption({"SSECustomerAlgorithm": call.parameters.get("SSECustomerAlgorithm")})

    def _answer(self, call: Call, stored: StoredObject) -> tuple[Answer, int, int]:
        """Everything but the body, and which bytes the body has."""
        given = call.parameters
        if not_modified(given, stored):
            known = {
                name: value
                for name, value in shapes.object_headers(stored).items()
                if name in ("ETag", "LastModified", "CacheControl", "Expires")
            }
            return Answer(result=known, status=304), 0, 0
        members = {**shapes.object_headers(stored), **shapes.lock(stored.lock), **self._version(call, stored)}
        members |= expiration_member(self._bucket(call), stored)
        number, asked = given.get("PartNumber"), given.get("Range")
        if number is not None and asked is not None:
            raise InvalidRequest("Cannot specify both Range header and partNumber query parameter")
        span = part_range(self.buckets.objects.parts(stored), stored, number) if number is not None else byte_range(asked, stored.size)
        start, end = span or (0, stored.size)
        members["ContentLength"] = end - start
        if number is not None and stored.attributes.parts_count:
            members["PartsCount"] = stored.attributes.parts_count
        if span is not None:
            members["ContentRange"] = f"bytes {start}-{end - 1}/{stored.size}"
        whole = start == 0 and end == stored.size
        if given.get("ChecksumMode") == "ENABLED" and whole:
            members |= shapes.checksum(stored.attributes.checksum)
        for parameter, member in _OVERRIDES.items():
            if given.get(parameter) is not None:
                members[member] = given[parameter]
        return Answer(result=members, status=206 if span is not None else None), start, end


def _at_once(opened: OpenObject, start: int, end: int) -> bytes | None:
    """The bytes `start … end-1` where they are but one piece: handlers run in a thread already. `None` for more, and for what cannot be
    read whole, which must break off as a longer answer would."""
    if end - start > PIECE:
        return None
    try:
        found = opened.read(start, end - start)
    except OSError:
        return None
    return found if len(found) == end - start else None


def not_modified(given: Mapping[str, Any], stored: StoredObject) -> bool:
    """The conditions of a read, in the order of RFC 9110 §13.2.2. Raises `PreconditionFailed`."""
    modified = shapes.moment(stored.modified)
    if given.get("IfMatch") is not None:
        if not matches(given["IfMatch"], stored.etag):
            raise PreconditionFailed(Condition="If-Match")
    elif _later(modified, given.get("IfUnmodifiedSince")):
        raise PreconditionFailed(Condition="If-Unmodified-Since")
    if given.get("IfNoneMatch") is not None:
        return matches(given["IfNoneMatch"], stored.etag)
    since = given.get("IfModifiedSince")
    return since is not None and not _later(modified, since)


def matches(header: str, etag: str) -> bool:
    """Whether an `If-Match` or `If-None-Match` header names the entity tag."""
    return any(tag.strip().removeprefix("W/").strip('"') in ("*", etag) for tag in header.split(","))


def byte_range(header: str | None, size: int) -> tuple[int, int] | None:
    """Start and end (exclusive) of what a `Range` header asks for; `None`: everything, also for what is no single byte range.

    Raises `InvalidRange` when nothing of it exists.
    """
    found = _RANGE.fullmatch(header.strip().replace(" ", "")) if header else None
    if found is None or found.groups() == ("", ""):
        return None
    first, last = found.groups()
    if first == "":
        start, end = max(size - int(last), 0), size
    else:
        start, end = int(first), min(int(last) + 1, size) if last else size
        if last and int(last) < int(first):
            return None
    if start >= size or start >= end:
        raise InvalidRange(RangeRequested=header, ActualObjectSize=size)
    return start, end


def part_range(parts: list[ObjectPart], stored: StoredObject, number: int) -> tuple[int, int] | None:
    """Start and end (exclusive) of part `number`; an object that was put at once is its own part 1. Raises `InvalidPartNumber`."""
    if not 1 <= number <= requests.MAX_PARTS:
        raise InvalidArgument(
            "Part number must be an integer between 1 and 10000, inclusive", ArgumentName="partNumber", ArgumentValue=number
        )
    if not parts:
        if number > 1:
            raise InvalidPartNumber(ActualPartCount=1, PartNumberRequested=number)
        return (0, stored.size) if stored.size else None
    start = 0
    # The n-th part of the object, whatever numbers its writer used.
    if number > len(parts):
        raise InvalidPartNumber(ActualPartCount=len(parts), PartNumberRequested=number)
    start = sum(part.size for part in parts[: number - 1])
    size = parts[number - 1].size
    return (start, start + size) if size else None


def _later(modified: datetime, limit: datetime | None) -> bool:
    return limit is not None and modified > limit
