"""What a bucket, an object, an upload and a part are: frozen values, complete when they exist."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

from opentrail.buckets.checksums import Checksum

VERSIONS = ".versions"
"""Folder of the data of noncurrent versions, beside the folders of the buckets: no bucket can be called so."""
ENABLED = "Enabled"
SUSPENDED = "Suspended"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """A bucket."""

    name: str
    account_id: str
    """The owner."""
    region: str
    created: float
    """Seconds since the epoch, whole."""
    versioning: str | None = None
    """`Enabled`, `Suspended`; `None`: versioning was never on."""
    mfa_delete: bool = False
    """Whether removing a version and changing the versioning take a code of the root user's MFA device."""
    object_lock: bool = False
    """Whether objects can be locked. Once on, neither it nor versioning can be turned off."""


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


class Lock(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What keeps a version from being removed."""

    mode: str | None = None
    """`GOVERNANCE` or `COMPLIANCE`, while there is a retention."""
    until: float = 0.0
    """End of the retention: an absolute time, whatever the clock does meanwhile. Seconds since the epoch."""
    legal_hold: bool = False


NO_LOCK = Lock()


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredObject:
    """One version of an object as committed, or a delete marker."""

    bucket: str
    key: str
    sequence: int
    """Rises with every write of the folder; tells two objects under one key apart."""
    file: str
    """Path of the data below the folder of the bucket, or below its folder of noncurrent versions; empty for a marker."""
    size: int
    etag: str
    """Without quotes."""
    modified: float
    """Seconds since the epoch, whole."""
    owner: str
    """Account id."""
    attributes: Attributes
    tags: Mapping[str, str]
    version: str = ""
    """In byte order of these the versions of a key go from the newest to the oldest."""
    null: bool = True
    """Whether clients know it as version `null`: written while versioning was not on."""
    current: bool = True
    """Whether it is what a request without a version id finds: the latest version, and no marker."""
    marker: bool = False
    superseded: float | None = None
    """When a noncurrent version was followed by another one. Seconds since the epoch, whole."""
    lock: Lock = NO_LOCK

    @property
    def version_id(self) -> str:
        """As clients know it."""
        return "null" if self.null else self.version

    @property
    def place(self) -> tuple[str, str]:
        """Where the data are, as `Files` is asked for them: folder, and path below it."""
        return (self.bucket, self.file) if self.current else (VERSIONS, f"{self.bucket}/{self.file}")


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
    lock: Lock = NO_LOCK


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
    lock: Lock = NO_LOCK
    """Where it has no retention, the bucket's default counts."""
