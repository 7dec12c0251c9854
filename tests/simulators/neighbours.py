"""Topics and keys as a trail sees them, in memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from opentrail.trails.faults import KmsKeyNotFoundException
from opentrail.wire.faults import Fault

KEY_ID = "1234abcd-12ab-34cd-56ef-1234567890ab"


class NotFound(Fault):
    """Topic does not exist"""


class AuthorizationError(Fault):
    """Not authorized"""


class InsufficientEncryptionPolicyException(Fault):
    """The policy of the bucket or the key does not let CloudTrail in."""


@dataclass
class Topics:
    """The topics in `there` exist; those in `closed` refuse CloudTrail. Remembers what is published."""

    there: set[str] = field(default_factory=set)
    closed: set[str] = field(default_factory=set)
    published: list[tuple[str, str]] = field(default_factory=list)

    def check(self, *, topic_arn: str, source_arn: str, account_id: str) -> None:
        if topic_arn not in self.there:
            raise NotFound
        if topic_arn in self.closed:
            raise AuthorizationError

    def publish(self, *, topic_arn: str, message: str, source_arn: str, account_id: str) -> None:
        self.check(topic_arn=topic_arn, source_arn=source_arn, account_id=account_id)
        self.published.append((topic_arn, message))


@dataclass
class Keys:
    """One key, `KEY_ID`, for buckets that are not in `far`; in `closed` its policy lets nobody use it. Remembers what is asked."""

    closed: bool = False
    far: set[str] = field(default_factory=set)
    asked: list[tuple[str, str]] = field(default_factory=list)
    before: Callable[[], None] = lambda: None

    def check(self, *, kms_key_id: str, account_id: str, region: str, partition: str, bucket: str, source_arn: str, **_: Any) -> str:
        self.before()
        self.asked.append((kms_key_id, bucket))
        if kms_key_id.rpartition("/")[2] not in (KEY_ID, "trails") or bucket in self.far:
            raise KmsKeyNotFoundException
        arn = f"arn:{partition}:kms:{region}:{account_id}:key/{KEY_ID}"
        if self.closed:
            raise InsufficientEncryptionPolicyException(f"Insufficient permissions to access S3 bucket {bucket} or KMS key {arn}.")
        return arn
