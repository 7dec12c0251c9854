"""What can be configured for a bucket and has an effect here: policy, ownership, public access block, tags, default encryption."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from opentrail.buckets import store
from opentrail.buckets.access import NOTHING_BLOCKED, PublicAccessBlock, check_policy, is_public
from opentrail.buckets.encryption import Encryption
from opentrail.buckets.faults import (
    AccessDenied,
    InvalidBucketState,
    NoSuchBucket,
    NoSuchBucketPolicy,
    NoSuchLifecycleConfiguration,
    NoSuchPublicAccessBlockConfiguration,
    NoSuchTagSet,
    OwnershipControlsNotFoundError,
)
from opentrail.buckets.lifecycle import Lifecycle, decode
from opentrail.buckets.locks import OBJECT_LOCK, DefaultRetention, default_of
from opentrail.buckets.trouble import as_faults
from opentrail.buckets.values import Bucket
from opentrail.clock import Clock
from opentrail.storage.database import Database

POLICY = "policy"
TAGS = "tags"
OWNERSHIP = "ownership"
PUBLIC_ACCESS_BLOCK = "public_access_block"
ENCRYPTION = "encryption"
LIFECYCLE = "lifecycle"
REMEMBERED = 1.0
"""Seconds for which `access` may answer from memory: how late another process's change of a policy is seen."""

BUCKET_OWNER_ENFORCED = "BucketOwnerEnforced"
_tags = msgspec.json.Decoder(dict[str, str])
_blocked = msgspec.json.Decoder(PublicAccessBlock)
_encryption = msgspec.json.Decoder(Encryption)


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """What decides who may do what with a bucket, and what its objects get."""

    bucket: Bucket
    policy: str | None
    public: bool
    """Whether the policy lets everyone in."""
    ownership: str
    blocked: PublicAccessBlock
    encryption: Encryption
    """What objects get whose writers do not say."""
    retention: DefaultRetention | None = None
    """What new versions get."""
    lifecycle: Lifecycle | None = None

    def policy_for(self, account_id: str, *, service: bool = False) -> str | None:
        """The policy as it counts for a caller: a public one is for the owner's account and AWS services only while
        `restrict_public_buckets` is on."""
        if self.public and self.blocked.restrict_public_buckets and not service and account_id != self.bucket.account_id:
            return None
        return self.policy


class Configurations:
    """The configurations of all buckets. Everything raises `NoSuchBucket` for a bucket that does not exist."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._remembered: dict[str, tuple[float, Access]] = {}
        self._lock = threading.Lock()

    @as_faults
    def access(self, bucket: str, *, fresh: bool = False) -> Access:
        """Who may do what, and how objects are encrypted by default; up to a second old unless `fresh`."""
        now = self._clock.monotonic()
        known = self._remembered.get(bucket)
        if known is not None and not fresh and now - known[0] < REMEMBERED:
            return known[1]
        with self._database.read() as connection:
            found = store.bucket(connection, bucket)
            values = store.configurations(connection, bucket)
        if found is None:
            self.forget(bucket)
            raise NoSuchBucket(BucketName=bucket)
        policy = values.get(POLICY)
        access = Access(
            bucket=found,
            policy=policy,
            public=policy is not None and is_public(policy),
            ownership=values.get(OWNERSHIP, "ObjectWriter"),
            blocked=_blocked.decode(values[PUBLIC_ACCESS_BLOCK]) if PUBLIC_ACCESS_BLOCK in values else NOTHING_BLOCKED,
            encryption=_encryption.decode(values[ENCRYPTION]) if ENCRYPTION in values else Encryption(),
            retention=default_of(values.get(OBJECT_LOCK)),
            lifecycle=decode(values[LIFECYCLE]) if LIFECYCLE in values else None,
        )
        with self._lock:
            if len(self._remembered) > 10_000:
                self._remembered.clear()
            self._remembered[bucket] = (now, access)
        return access

    def forget(self, bucket: str) -> None:
        """Have the next `access` look again."""
        with self._lock:
            self._remembered.pop(bucket, None)

    def forget_all(self) -> None:
        """Have `access` look again for every bucket."""
        with self._lock:
            self._remembered.clear()

    def policy(self, bucket: str) -> str:
        """The policy's JSON text. Raises `NoSuchBucketPolicy`."""
        text = self.access(bucket, fresh=True).policy
        if text is None:
            raise NoSuchBucketPolicy(BucketName=bucket)
        return text

    def put_policy(self, bucket: str, text: str) -> None:
        """Raises `MalformedPolicy`; `AccessDenied` for a public policy while those are blocked."""
        check_policy(text, bucket)
        if is_public(text) and self.access(bucket, fresh=True).blocked.block_public_policy:
            raise AccessDenied("public policies are prevented by the BlockPublicPolicy setting in S3 Block Public Access.")
        self._set(bucket, POLICY, text)

    def delete_policy(self, bucket: str) -> None:
        """Also when there is none."""
        self._set(bucket, POLICY, None)

    def tags(self, bucket: str) -> dict[str, str]:
        """Raises `NoSuchTagSet` when there are none."""
        text = self._get(bucket, TAGS)
        if text is None:
            raise NoSuchTagSet(BucketName=bucket)
        return _tags.decode(text)

    def put_tags(self, bucket: str, tags: Mapping[str, str]) -> None:
        """Replace all tags; an empty set removes them."""
        self._set(bucket, TAGS, msgspec.json.encode(tags).decode() if tags else None)

    def ownership(self, bucket: str) -> str:
        """`BucketOwnerEnforced` (new buckets), `BucketOwnerPreferred`, `ObjectWriter`. Raises `OwnershipControlsNotFoundError`."""
        text = self._get(bucket, OWNERSHIP)
        if text is None:
            raise OwnershipControlsNotFoundError(BucketName=bucket)
        return text

    def put_ownership(self, bucket: str, ownership: str | None) -> None:
        """`None` removes the controls."""
        self._set(bucket, OWNERSHIP, ownership)

    def public_access_block(self, bucket: str) -> PublicAccessBlock:
        """Raises `NoSuchPublicAccessBlockConfiguration`."""
        text = self._get(bucket, PUBLIC_ACCESS_BLOCK)
        if text is None:
            raise NoSuchPublicAccessBlockConfiguration(BucketName=bucket)
        return _blocked.decode(text)

    def put_public_access_block(self, bucket: str, block: PublicAccessBlock | None) -> None:
        """`None` removes it."""
        self._set(bucket, PUBLIC_ACCESS_BLOCK, None if block is None else msgspec.json.encode(block).decode())

    def encryption(self, bucket: str) -> Encryption:
        """The default encryption: SSE-S3 unless configured otherwise, as for every bucket since 2023."""
        return self.access(bucket, fresh=True).encryption

    def put_encryption(self, bucket: str, encryption: Encryption | None) -> None:
        """`None` goes back to the default."""
        self._set(bucket, ENCRYPTION, None if encryption is None else msgspec.json.encode(encryption).decode())

    def lifecycle(self, bucket: str) -> Lifecycle:
        """Raises `NoSuchLifecycleConfiguration`."""
        found = self.access(bucket, fresh=True).lifecycle
        if found is None:
            raise NoSuchLifecycleConfiguration(BucketName=bucket)
        return found

    @as_faults
    def put_lifecycle(self, bucket: str, lifecycle: Lifecycle | None) -> None:
        """`None` removes it. Raises `InvalidBucketState` for a bucket with MFA delete: rules have no device."""
        with self._database.begin() as connection:
            found = store.bucket(connection, bucket)
            if found is None:
                raise NoSuchBucket(BucketName=bucket)
            if lifecycle is not None and found.mfa_delete:
                raise InvalidBucketState("Lifecycle configurations are not supported on buckets with MFA delete.")
            store.configure(connection, bucket, LIFECYCLE, None if lifecycle is None else msgspec.json.encode(lifecycle).decode())
        self.forget(bucket)

    @as_faults
    def _get(self, bucket: str, kind: str) -> str | None:
        with self._database.read() as connection:
            if store.bucket(connection, bucket) is None:
                raise NoSuchBucket(BucketName=bucket)
            return store.configurations(connection, bucket).get(kind)

    @as_faults
    def _set(self, bucket: str, kind: str, value: str | None) -> None:
        with self._database.begin() as connection:
            if store.bucket(connection, bucket) is None:
                raise NoSuchBucket(BucketName=bucket)
            store.configure(connection, bucket, kind, value)
        self.forget(bucket)


def for_new_bucket(ownership: str | None, tags: Mapping[str, str]) -> dict[str, str]:
    """What a bucket starts with, as on AWS since April 2023: ACLs off, all public access blocked."""
    start = {OWNERSHIP: ownership or BUCKET_OWNER_ENFORCED, PUBLIC_ACCESS_BLOCK: msgspec.json.encode(PublicAccessBlock()).decode()}
    if tags:
        start[TAGS] = msgspec.json.encode(tags).decode()
    return start
