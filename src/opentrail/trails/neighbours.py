"""Settings of a trail that need services which OpenTrail does not serve yet: topics, keys, log groups, organizations. Pure.

Nothing of the kind can exist, so naming one is answered as CloudTrail answers for one that does not exist (reference of trails, §13).
The empty string clears a setting and is always fine.
"""

from __future__ import annotations

from opentrail.trails import names
from opentrail.trails.faults import (
    InsufficientSnsTopicPolicyException,
    InvalidCloudWatchLogsLogGroupArnException,
    InvalidCloudWatchLogsRoleArnException,
    KmsKeyNotFoundException,
    OrganizationsNotInUseException,
)


def check(
    *,
    sns_topic_name: str | None = None,
    kms_key_id: str | None = None,
    log_group_arn: str | None = None,
    role_arn: str | None = None,
    is_organization_trail: bool | None = None,
) -> None:
    """Raises the fault of the first setting that names something."""
    if sns_topic_name:
        names.check_topic(sns_topic_name)
        raise InsufficientSnsTopicPolicyException
    if kms_key_id:
        names.check_kms_key_id(kms_key_id)
        raise KmsKeyNotFoundException(f"The KMS key {kms_key_id} does not exist, or is not in the Region of the bucket.")
    if log_group_arn and not role_arn:
        raise InvalidCloudWatchLogsRoleArnException
    if log_group_arn or role_arn:
        raise InvalidCloudWatchLogsLogGroupArnException
    if is_organization_trail:
        raise OrganizationsNotInUseException
