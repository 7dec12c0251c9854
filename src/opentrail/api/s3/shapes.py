"""Values of the buckets room in the members that botocore names."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from opentrail.api.s3.encrypting import members as members_of_encryption
from opentrail.api.s3.requests import stored_moment
from opentrail.buckets.checksums import Checksum
from opentrail.buckets.values import Lock, StoredObject
from opentrail.identity.policies import canonical_user_id


def moment(seconds: float) -> datetime:
    """Epoch seconds as an aware time."""
    return datetime.fromtimestamp(seconds, UTC)


def owner(account_id: str) -> dict[str, str]:
    """An `Owner`."""
    return {"ID": canonical_user_id(account_id)}


def quoted(etag: str) -> str:
    """An entity tag as S3 shows it."""
    return f'"{etag}"'


def checksum(value: Checksum | None, *, with_type: bool = True) -> dict[str, str]:
    """`Checksum<ALGORITHM>` and `ChecksumType`."""
    if value is None:
        return {}
    members = {f"Checksum{value.algorithm}": value.value}
    if with_type:
        members["ChecksumType"] = value.type
    return members


def lock(value: Lock) -> dict[str, Any]:
    """The members that tell how a version is locked."""
    members: dict[str, Any] = {}
    if value.mode is not None:
        members |= {"ObjectLockMode": value.mode, "ObjectLockRetainUntilDate": moment(value.until)}
    if value.legal_hold:
        members["ObjectLockLegalHoldStatus"] = "ON"
    return members


def tag_set(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """A `TagSet`."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def listed(stored: StoredObject, *, with_owner: bool, encode: bool) -> dict[str, Any]:
    """An entry of `Contents`."""
    members: dict[str, Any] = {
        "Key": encoded(stored.key, encode),
        "LastModified": moment(stored.modified),
        "ETag": quoted(stored.etag),
        "Size": stored.size,
        "StorageClass": stored.attributes.storage_class,
    }
    found = stored.attributes.checksum
    if found is not None:
        members |= {"ChecksumAlgorithm": [found.algorithm], "ChecksumType": found.type}
    if with_owner:
        members["Owner"] = owner(stored.owner)
    return members


def encoded(text: str, encode: bool) -> str:
    """`text`, percent-encoded when the client asked for `encoding-type=url`."""
    return quote(text, safe="/") if encode else text


def object_headers(stored: StoredObject) -> dict[str, Any]:
    """The members of GetObject and HeadObject that do not depend on the request."""
    given = stored.attributes
    members: dict[str, Any] = dict(given.headers)
    if "Expires" in members:
        members["Expires"] = stored_moment(members["Expires"])
    members |= {
        "AcceptRanges": "bytes",
        "LastModified": moment(stored.modified),
        "ETag": quoted(stored.etag),
        **members_of_encryption(given.sse_kms),
        "Metadata": dict(given.metadata),
    }
    if given.storage_class != "STANDARD":
        members["StorageClass"] = given.storage_class
    if stored.tags:
        members["TagCount"] = len(stored.tags)
    return members
