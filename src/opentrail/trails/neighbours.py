"""What a trail needs of other services: buckets, topics, keys, log groups. `server/` gives what serves them; a service that is not there
has nothing of the kind, so naming one is answered as CloudTrail answers for one that does not exist (reference of trails, §13). The empty
string clears a setting and is always fine.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from opentrail.trails.faults import (
    InsufficientSnsTopicPolicyException,
    InvalidCloudWatchLogsLogGroupArnException,
    InvalidCloudWatchLogsRoleArnException,
    KmsKeyNotFoundException,
)
from opentrail.trails.log_waiting import LogStatus
from opentrail.trails.organizations import NoOrganizations, Organizations


class LogBucket(Protocol):
    """The buckets, as CloudTrail's service principal sees them. Faults: `NoSuchBucket`, `AccessDenied`, or the upstream's own."""

    def check(
        self,
        *,
        bucket: str,
        prefix: str | None,
        account_id: str,
        source_arn: str,
        organization_id: str | None = None,
        kms_key_id: str | None = None,
    ) -> None:
        """Whether log files of `account_id`, or of all accounts of an organization, could be written: raises the fault if not."""

    def put(
        self,
        *,
        bucket: str,
        key: str,
        body: bytes,
        metadata: Mapping[str, str],
        source_arn: str,
        account_id: str,
        kms_key_id: str | None = None,
    ) -> None:
        """Write one object, durably, encrypted under the key with the ARN `kms_key_id` if there is one; writing the same key and bytes
        again changes nothing."""


class Topics(Protocol):
    """The topics, as CloudTrail's service principal sees them. Faults: `NotFound`, `AuthorizationError`, KMS's for an encrypted topic."""

    def check(self, *, topic_arn: str, source_arn: str, account_id: str) -> None:
        """Whether the trail `source_arn` of `account_id` may publish: raises the fault if not."""

    def publish(self, *, topic_arn: str, message: str, source_arn: str, account_id: str) -> None:
        """Have a message delivered to all who subscribe, durably."""


class Keys(Protocol):
    """The KMS keys, as CloudTrail's service principal sees them."""

    def check(
        self, *, kms_key_id: str, account_id: str, region: str, partition: str, bucket: str, source_arn: str, prefix: str | None = None
    ) -> str:
        """The ARN of a key that log files below `prefix` in `bucket` can be encrypted with; `kms_key_id` is a key ID, key ARN, alias name
        or alias ARN.

        Raises `InvalidKmsKeyIdException`, `KmsKeyNotFoundException`, `InsufficientEncryptionPolicyException`, `KmsException`.
        """


class LogGroups(Protocol):
    """The log groups, as CloudTrail sees them with the role of a trail."""

    def check(self, *, log_group_arn: str, role_arn: str, account_id: str, region: str, source_arn: str) -> None:
        """Whether the trail `source_arn`, at home in `region` of `account_id`, can stream into the group; makes its first stream.

        Raises `InvalidCloudWatchLogsLogGroupArnException`, `InvalidCloudWatchLogsRoleArnException`,
        `CloudWatchLogsDeliveryUnavailableException`.
        """

    def status(self, trail_id: int) -> LogStatus:
        """What became last of the records of a trail."""


class NoTopics:
    """No topic exists."""

    def check(self, *, topic_arn: str, source_arn: str, account_id: str) -> None:
        raise InsufficientSnsTopicPolicyException

    def publish(self, *, topic_arn: str, message: str, source_arn: str, account_id: str) -> None:
        raise InsufficientSnsTopicPolicyException


class NoKeys:
    """No key exists."""

    def check(
        self, *, kms_key_id: str, account_id: str, region: str, partition: str, bucket: str, source_arn: str, prefix: str | None = None
    ) -> str:
        raise KmsKeyNotFoundException(f"The KMS key {kms_key_id} does not exist, or is not in the Region of the bucket.")


class NoLogGroups:
    """No log group exists."""

    def check(self, *, log_group_arn: str, role_arn: str, account_id: str, region: str, source_arn: str) -> None:
        raise InvalidCloudWatchLogsLogGroupArnException

    def status(self, trail_id: int) -> LogStatus:
        return LogStatus()


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbours:
    """The services that a trail can be connected with."""

    topics: Topics = field(default_factory=NoTopics)
    keys: Keys = field(default_factory=NoKeys)
    organizations: Organizations = field(default_factory=NoOrganizations)
    log_groups: LogGroups = field(default_factory=NoLogGroups)


def check_log_group(log_group_arn: str | None, role_arn: str | None) -> None:
    """Raises the fault that tells that one of the two is missing."""
    if log_group_arn and not role_arn:
        raise InvalidCloudWatchLogsRoleArnException
    if role_arn and not log_group_arn:
        raise InvalidCloudWatchLogsLogGroupArnException("You must specify a log group as well as a role ARN.")
