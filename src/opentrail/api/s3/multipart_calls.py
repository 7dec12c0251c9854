"""Multipart uploads."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from typing import Any

from opentrail.api.call import Call, Handler
from opentrail.api.s3 import encrypting, requests, shapes
from opentrail.api.s3.lifecycle_calls import abort_members, expiration_member
from opentrail.api.s3.list_calls import limit_of, wants_encoding
from opentrail.api.s3.part import ServicePart
from opentrail.api.s3.receiving import Expected, receive
from opentrail.api.s3.write_calls import copy_data, new_object, open_source
from opentrail.buckets.checksums import Checksum, check_type, claimed, default_type, known_algorithm
from opentrail.buckets.drafts import Draft
from opentrail.buckets.encryption import DataKey
from opentrail.buckets.faults import InvalidArgument, InvalidRequest, MalformedXML
from opentrail.buckets.listing import Position
from opentrail.buckets.multipart import NamedPart
from opentrail.buckets.values import Part, Upload

_COPY_RANGE = re.compile(r"bytes=(\d+)-(\d+)")


class MultipartCalls(ServicePart):
    """See the module."""

    @property
    def operations(self) -> dict[str, Handler]:
        """Operation → handler."""
        return {
            "CreateMultipartUpload": self.create,
            "UploadPart": self.upload_part,
            "UploadPartCopy": self.upload_part_copy,
            "CompleteMultipartUpload": self.complete,
            "AbortMultipartUpload": self.abort,
            "ListParts": self.list_parts,
            "ListMultipartUploads": self.list_uploads,
        }

    def create(self, call: Call) -> Mapping[str, Any]:
        """Faults: as PutObject's for everything but the data."""
        given = call.parameters
        algorithm, kind = given.get("ChecksumAlgorithm"), given.get("ChecksumType")
        if algorithm is not None:
            algorithm = known_algorithm(algorithm)
            kind = kind or default_type(algorithm)
            check_type(algorithm, kind)
        elif kind is not None:
            raise InvalidRequest("The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header.")
        access = self._bucket(call)
        writing, _ = new_object(self.keys, call, access)
        upload = self.buckets.uploads.create(writing, initiator=call.caller.arn, checksum_algorithm=algorithm, checksum_type=kind)
        return {
            "Bucket": upload.bucket,
            "Key": upload.key,
            "UploadId": upload.upload_id,
            **encrypting.members(upload.attributes.sse_kms),
            **encrypting.echoed(given),
            **_checksum_members(upload),
            **abort_members(access, upload.key, upload.initiated),
        }

    async def upload_part(self, call: Call) -> Mapping[str, Any]:
        """Faults: `NoSuchUpload`, and what can be wrong with a body."""
        number = _part_number(call)
        length = requests.body_length(call)
        upload, key = await asyncio.to_thread(self._upload, call)
        expected = Expected(call, length, own=upload.checksum_algorithm)
        encrypter, identity = encrypting.stream(key)

        def begin() -> Draft:
            return self.buckets.objects.draft([expected.algorithm] if expected.algorithm else [], encrypter)

        def finish(draft: Draft) -> Part:
            sealed = draft.seal()
            return self.buckets.uploads.put_part(upload, number, sealed, expected.check(sealed), etag=identity)

        part = await receive(call, length, begin, finish)
        return {
            "ETag": shapes.quoted(part.etag),
            **encrypting.members(upload.attributes.sse_kms),
            **shapes.checksum(part.checksum, with_type=False),
        }

    def upload_part_copy(self, call: Call) -> Mapping[str, Any]:
        """Faults: `NoSuchUpload`, `NoSuchKey` and `PreconditionFailed` for the source, `InvalidArgument` for its range."""
        number = _part_number(call)
        upload, key = self._upload(call)
        algorithm = upload.checksum_algorithm
        encrypter, identity = encrypting.stream(key)
        opened = open_source(self.buckets, self.keys, call)
        try:
            start, end = _copy_range(call.parameters.get("CopySourceRange"), opened.stored.size)
            if end - start > requests.MAX_PUT:
                raise InvalidRequest(
                    f"The specified copy source is larger than the maximum allowable size for a copy source: {requests.MAX_PUT}"
                )
            draft = self.buckets.objects.draft([algorithm] if algorithm else [], encrypter)
            try:
                copy_data(opened, draft, start, end)
                sealed = draft.seal()
                checksum = Checksum(algorithm, sealed.checksums[algorithm]) if algorithm else None
                part = self.buckets.uploads.put_part(upload, number, sealed, checksum, etag=identity)
            finally:
                draft.give_up()
        finally:
            opened.close()
        members = {"ETag": shapes.quoted(part.etag), "LastModified": shapes.moment(part.modified)}
        result = {**members, **shapes.checksum(part.checksum, with_type=False)}
        source_version = self._version(call, opened.stored).get("VersionId")
        return {
            "CopyPartResult": result,
            **encrypting.members(upload.attributes.sse_kms),
            **({"CopySourceVersionId": source_version} if source_version else {}),
        }

    def complete(self, call: Call) -> Mapping[str, Any]:
        """Faults: `InvalidPart`, `InvalidPartOrder`, `EntityTooSmall`, `NoSuchUpload`, `PreconditionFailed`, `BadDigest`."""
        given = call.parameters
        access = self._bucket(call)
        bucket = access.bucket
        entries = (given.get("MultipartUpload") or {}).get("Parts") or []
        if any(entry.get("PartNumber") is None or entry.get("ETag") is None for entry in entries) or len(entries) > requests.MAX_PARTS:
            raise MalformedXML()
        named = [NamedPart(number=entry["PartNumber"], etag=entry["ETag"], checksum=claimed(entry)) for entry in entries]
        stored = self.buckets.uploads.complete(
            bucket.name,
            given["Key"],
            given["UploadId"],
            named,
            conditions=requests.conditions(given),
            claimed=claimed(given),
            checksum_type=given.get("ChecksumType"),
            size=given.get("MpuObjectSize"),
            unlock=lambda upload: encrypting.key_of(self.keys, call, access, upload.attributes.sse_kms),
        )
        return {
            "Location": f"http://{call.request.headers.get('host') or 's3.amazonaws.com'}/{bucket.name}/{shapes.encoded(stored.key, True)}",
            "Bucket": bucket.name,
            "Key": stored.key,
            "ETag": shapes.quoted(stored.etag),
            **encrypting.members(stored.attributes.sse_kms),
            **shapes.checksum(stored.attributes.checksum),
            **self._version(call, stored),
            **expiration_member(access, stored),
        }

    def abort(self, call: Call) -> Mapping[str, Any]:
        """Faults: `NoSuchUpload`."""
        self.buckets.uploads.abort(self._bucket(call).bucket.name, call.parameters["Key"], call.parameters["UploadId"])
        return {}

    def list_parts(self, call: Call) -> Mapping[str, Any]:
        """Faults: `NoSuchUpload`."""
        given = call.parameters
        limit = limit_of(call, "MaxParts", "max-parts")
        after = given.get("PartNumberMarker") or 0
        upload, parts = self.buckets.uploads.parts(
            self._bucket(call).bucket.name, given["Key"], given["UploadId"], after=after, limit=limit + 1
        )
        shown = parts[:limit]
        return {
            "Bucket": upload.bucket,
            "Key": upload.key,
            "UploadId": upload.upload_id,
            "PartNumberMarker": after,
            "NextPartNumberMarker": shown[-1].number if shown else after,
            "MaxParts": limit,
            "IsTruncated": len(parts) > limit,
            "Parts": [_part(part) for part in shown],
            "Initiator": {"ID": upload.initiator},
            "Owner": shapes.owner(upload.owner),
            "StorageClass": upload.attributes.storage_class,
            **_checksum_members(upload),
            **abort_members(self._bucket(call), upload.key, upload.initiated),
        }

    def list_uploads(self, call: Call) -> Mapping[str, Any]:
        """By key, then by age."""
        given = call.parameters
        limit = limit_of(call, "MaxUploads", "max-uploads")
        encode = wants_encoding(call)
        marker, id_marker = given.get("KeyMarker") or "", given.get("UploadIdMarker") or None
        page = self.buckets.uploads.list(
            self._bucket(call).bucket.name,
            prefix=given.get("Prefix") or "",
            delimiter=given.get("Delimiter") or "",
            after=Position(marker) if marker else None,
            after_id=id_marker if marker else None,  # without a key marker the id marker does not count
            limit=limit,
        )
        result: dict[str, Any] = {
            "Bucket": given["Bucket"],
            "KeyMarker": shapes.encoded(marker, encode),
            "UploadIdMarker": id_marker or "",
            "Prefix": shapes.encoded(given.get("Prefix") or "", encode),
            "MaxUploads": limit,
            "IsTruncated": page.next is not None,
            "Uploads": [_upload(upload, encode) for upload in page.entries],
            "CommonPrefixes": [{"Prefix": shapes.encoded(prefix, encode)} for prefix in page.prefixes],
        }
        if given.get("Delimiter"):
            result["Delimiter"] = shapes.encoded(given["Delimiter"], encode)
        if encode:
            result["EncodingType"] = "url"
        if page.next is not None:
            result["NextKeyMarker"] = shapes.encoded(page.next.text, encode)
            if not page.next.whole_prefix:
                result["NextUploadIdMarker"] = page.entries[-1].upload_id
        return result

    def _upload(self, call: Call) -> tuple[Upload, DataKey | None]:
        """The upload of a call, and the key that its parts are encrypted with: whoever adds one must be allowed to decrypt."""
        requests.check_encryption(call.parameters)
        access = self._bucket(call)
        upload = self.buckets.uploads.find(access.bucket.name, call.parameters["Key"], call.parameters["UploadId"])
        return upload, encrypting.key_of(self.keys, call, access, upload.attributes.sse_kms)


def _part_number(call: Call) -> int:
    number = call.parameters["PartNumber"]
    if not 1 <= number <= requests.MAX_PARTS:
        raise InvalidArgument(
            "Part number must be an integer between 1 and 10000, inclusive", ArgumentName="partNumber", ArgumentValue=number
        )
    return int(number)


def _copy_range(header: str | None, size: int) -> tuple[int, int]:
    if header is None:
        return 0, size
    found = _COPY_RANGE.fullmatch(header)
    if found is None or int(found[1]) > int(found[2]):
        raise InvalidArgument(
            "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the zero-based offsets of "
            "the first and last bytes to copy",
            ArgumentName="x-amz-copy-source-range",
            ArgumentValue=header,
        )
    if int(found[2]) >= size:
        raise InvalidArgument(
            f"Range specified is not valid for source object of size: {size}", ArgumentName="x-amz-copy-source-range", ArgumentValue=header
        )
    return int(found[1]), int(found[2]) + 1


def _checksum_members(upload: Upload) -> dict[str, str]:
    if upload.checksum_algorithm is None:
        return {}
    return {"ChecksumAlgorithm": upload.checksum_algorithm, "ChecksumType": upload.checksum_type or ""}


def _part(part: Part) -> dict[str, Any]:
    return {
        "PartNumber": part.number,
        "LastModified": shapes.moment(part.modified),
        "ETag": shapes.quoted(part.etag),
        "Size": part.size,
        **shapes.checksum(part.checksum, with_type=False),
    }


def _upload(upload: Upload, encode: bool) -> dict[str, Any]:
    return {
        "UploadId": upload.upload_id,
        "Key": shapes.encoded(upload.key, encode),
        "Initiated": shapes.moment(upload.initiated),
        "StorageClass": upload.attributes.storage_class,
        "Owner": shapes.owner(upload.owner),
        "Initiator": {"ID": upload.initiator},
        **_checksum_members(upload),
    }
