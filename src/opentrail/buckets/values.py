"""What a bucket, an object, an upload and a part are: frozen values, complete when they exist."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

from opentrail.buckets.checksums import Checksum


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """A bucket."""

    name: str
    account_id: str
    """The owner."""
    region: str
    created: float
    """Seconds since the epoch, whole."""


class SseKms(msgspec.Struct, frozen=True, kw_only=True):
    """How an object is encrypted under a KMS key (`encryption.py`)."""

    key_arn: str
    data_key: bytes
    """As KMS returned it: ciphertext."""
    context: dict[str, str]
    """The encryption context of the data key."""
    bucket_key_enabled: bool = False


class Attributes(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a writer says about an object, kept with it."""

    headers: dict[str, str] = {}
    """`ContentType`, `CacheControl`, … by botocore's member names; `Expires` in ISO 8601."""
    metadata: dict[str, str] = {}
    """User metadata, names in lower case."""
    storage_class: str = "STANDARD"
    upload_id: str | None = None
    """The multipart upload that made it: completing that upload again finds its result."""
    parts_count: int = 0
    checksum: Checksum | None = None
    sse_kms: SseKms | None = None
    """`None`: SSE-S3, the file is the data."""


class ObjectPart(msgspec.Struct, frozen=True, array_like=True):
    """One part of an object made by a multipart upload."""

    number: int
    size: int
    checksum: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredObject:
    """An object as committed."""

    bucket: str
    key: str
    sequence: int
    """Rises with every write of the folder; tells two objects under one key apart."""
    file: str
    """Path of the data below the folder of the bucket."""
    size: int
    etag: str
    """Without quotes."""
    modified: float
    """Seconds since the epoch, whole."""
    owner: str
    """Account id."""
    attributes: Attributes
    tags: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A multipart upload under way."""

    upload_id: str
    bucket: str
    key: str
    initiated: float
    owner: str
    initiator: str
    """ARN of the caller."""
    attributes: Attributes
    tags: Mapping[str, str]
    checksum_algorithm: str | None
    checksum_type: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A part of an upload under way."""

    number: int
    size: int
    etag: str
    modified: float
    file: str
    """Name of the file in the folder of the upload."""
    checksum: Checksum | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """`If-Match` and `If-None-Match` of a write; entity tags with or without quotes."""

    if_match: str | None = None
    if_none_match: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Writing:
    """Everything about an object to be written except its data."""

    bucket: str
    key: str
    owner: str
    attributes: Attributes = field(default_factory=Attributes)
    tags: Mapping[str, str] = field(default_factory=dict)
    conditions: Conditions = field(default_factory=Conditions)
