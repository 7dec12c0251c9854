"""What a request says about an object, read and checked: headers, metadata, tags, locks, the source of a copy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, unquote

from opentrail.api.call import Call
from opentrail.buckets.faults import (
    EntityTooLarge,
    InvalidArgument,
    InvalidStorageClass,
    InvalidTag,
    MetadataTooLarge,
    MissingContentLength,
    NotServed,
)
from opentrail.buckets.values import Attributes, Conditions
from opentrail.buckets.versions import check_version_id

MAX_METADATA = 2048
MAX_PUT = 5 << 30
"""Bytes of one PutObject, UploadPart or copy."""
MAX_PARTS = 10_000
_STORED_HEADERS = ("CacheControl", "ContentDisposition", "ContentLanguage", "WebsiteRedirectLocation")
_STORAGE_CLASSES = ("STANDARD", "REDUCED_REDUNDANCY", "STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING", "GLACIER_IR")
_ARCHIVE_CLASSES = ("GLACIER", "DEEP_ARCHIVE", "OUTPOSTS", "SNOW", "EXPRESS_ONEZONE", "FSX_OPENZFS", "FSX_ONTAP")
_GRANTS = ("GrantFullControl", "GrantRead", "GrantReadACP", "GrantWrite", "GrantWriteACP", "AccessControlPolicy")


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """The object that a copy is made from."""

    bucket: str
    key: str
    version_id: str | None = None


def attributes(parameters: Mapping[str, Any]) -> Attributes:
    """What a writer says about an object. Raises `MetadataTooLarge`, `InvalidStorageClass`, `NotServed`."""
    _check_not_served(parameters)
    headers = {name: str(parameters[name]) for name in _STORED_HEADERS if parameters.get(name)}
    headers["ContentType"] = parameters.get("ContentType") or "binary/octet-stream"
    # `aws-chunked` describes the way here, not the object.
    codings = [coding.strip() for coding in (parameters.get("ContentEncoding") or "").split(",")]
    encoding = ",".join(coding for coding in codings if coding and coding.lower() != "aws-chunked")
    if encoding:
        headers["ContentEncoding"] = encoding
    expires = parameters.get("Expires")
    if expires is not None:
        headers["Expires"] = expires.isoformat() if isinstance(expires, datetime) else str(expires)
    metadata = {name.lower(): value for name, value in (parameters.get("Metadata") or {}).items()}
    size = sum(len(name.encode()) + len(value.encode()) for name, value in metadata.items())
    if size > MAX_METADATA:
        raise MetadataTooLarge(Size=size, MaxSizeAllowed=MAX_METADATA)
    return Attributes(headers=headers, metadata=metadata, storage_class=storage_class(parameters))


def storage_class(parameters: Mapping[str, Any]) -> str:
    """The storage class asked for. Raises `InvalidStorageClass`; `NotServed` for those that need a restore before they can be read."""
    name = parameters.get("StorageClass") or "STANDARD"
    if name in _ARCHIVE_CLASSES:
        raise NotServed(f"OpenTrail does not serve the storage class {name} yet.")
    if name not in _STORAGE_CLASSES:
        raise InvalidStorageClass()
    return str(name)


def has_grants(parameters: Mapping[str, Any]) -> bool:
    """Whether the request carries an ACL other than a canned one."""
    return any(parameters.get(name) for name in _GRANTS)


def conditions(parameters: Mapping[str, Any]) -> Conditions:
    """`If-Match` and `If-None-Match` of a write."""
    return Conditions(if_match=parameters.get("IfMatch"), if_none_match=parameters.get("IfNoneMatch"))


def body_length(call: Call) -> int:
    """Bytes of the payload to come. Raises `MissingContentLength`, `EntityTooLarge`."""
    declared = call.request.headers.get("x-amz-decoded-content-length")
    length = int(declared) if declared is not None and declared.isdecimal() else call.parameters.get("ContentLength")
    if length is None:
        raise MissingContentLength()
    if length > MAX_PUT:
        raise EntityTooLarge(ProposedSize=length, MaxSizeAllowed=MAX_PUT)
    return int(length)


def header_tags(text: str | None) -> dict[str, str]:
    """Tags from `x-amz-tagging`, written as a query. Raises `InvalidArgument`, `InvalidTag`."""
    if not text:
        return {}
    try:
        pairs = parse_qsl(text, keep_blank_values=True, strict_parsing=True, errors="strict")
    except ValueError:
        raise InvalidArgument(
            "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters without tag name duplicates.",
            ArgumentName="x-amz-tagging",
            ArgumentValue=text,
        ) from None
    return _tags(pairs, limit=10)


def tag_set(tags: Sequence[Mapping[str, str]] | None, *, limit: int) -> dict[str, str]:
    """Tags from a `TagSet`. Raises `InvalidTag`."""
    return _tags([(tag.get("Key", ""), tag.get("Value", "")) for tag in tags or ()], limit=limit)


def copy_source(text: str) -> Source:
    """The `x-amz-copy-source`: `[/]bucket/key[?versionId=id]`, percent-encoded. Raises `InvalidArgument`, `NotServed`."""
    if text.startswith("arn:"):
        raise NotServed("OpenTrail does not serve access points yet.")
    path, _, query = text.partition("?")
    bucket, slash, key = unquote(path, errors="surrogateescape").removeprefix("/").partition("/")
    if not bucket or not slash or not key:
        raise InvalidArgument(
            "Copy Source must mention the source bucket and key: sourcebucket/sourcekey",
            ArgumentName="x-amz-copy-source",
            ArgumentValue=text,
        )
    version_id = query.removeprefix("versionId=") if query.startswith("versionId=") else None
    check_version_id(version_id)
    return Source(bucket=bucket, key=key, version_id=version_id)


def stored_moment(text: str) -> datetime | str:
    """A stored `Expires`, as a time if it is one."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return text
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def _tags(pairs: Sequence[tuple[str, str]], *, limit: int) -> dict[str, str]:
    if len(pairs) > limit:
        raise InvalidTag(f"Object tags cannot be greater than {limit}" if limit == 10 else f"Tags cannot be greater than {limit}")
    tags: dict[str, str] = {}
    for key, value in pairs:
        if not 1 <= len(key) <= 128:
            raise InvalidTag("The TagKey you have provided is invalid", TagKey=key)
        if len(value) > 256:
            raise InvalidTag("The TagValue you have provided is invalid", TagKey=key, TagValue=value)
        if key.lower().startswith("aws:"):
            raise InvalidTag("System tags cannot be added/updated by requester", TagKey=key)
        if key in tags:
            raise InvalidTag("Cannot provide multiple Tags with the same key", TagKey=key)
        tags[key] = value
    return tags


def _check_not_served(parameters: Mapping[str, Any]) -> None:
    check_encryption(parameters)
    if parameters.get("WriteOffsetBytes") is not None:
        raise NotServed("OpenTrail does not serve appending to objects.")


def check_encryption(parameters: Mapping[str, Any]) -> None:
    """Raises `NotServed` for a key of the customer's."""
    if any(parameters.get(of + name) for of in ("", "CopySource") for name in ("SSECustomerAlgorithm", "SSECustomerKey")):
        raise NotServed("OpenTrail does not serve encryption of objects with keys of the customer (SSE-C); use SSE-KMS or SSE-S3.")
