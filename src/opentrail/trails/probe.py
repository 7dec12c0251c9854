"""Before a setting is kept: may CloudTrail really write into that bucket, publish to that topic, use that key (reference of trails,
§13-§14)?

Asked of the neighbours, which may take their time, so never inside a transaction.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opentrail.trails import names, neighbours
from opentrail.trails.faults import (
    InsufficientS3BucketPolicyException,
    InsufficientSnsTopicPolicyException,
    KmsException,
    S3BucketDoesNotExistException,
)
from opentrail.trails.neighbours import LogBucket, Neighbours
from opentrail.trails.regions import Regions
from opentrail.trails.settings import Wanted
from opentrail.trails.store import Trail
from opentrail.wire.faults import Fault

GREETING = "CloudTrail validation message."
"""What a topic hears when a trail is connected with it (reference of delivery)."""


class Probe:
    """Asks the neighbours. Raises what CreateTrail and UpdateTrail raise for a bucket, topic, key or log group that cannot be used."""

    def __init__(self, regions: Regions, buckets: LogBucket, neighbours: Neighbours) -> None:
        self._regions = regions
        self._buckets = buckets
        self._neighbours = neighbours

    def connections(
        self,
        wanted: Wanted,
        values: Mapping[str, Any],
        *,
        account_id: str,
        region: str,
        arn: str,
        organization_id: str | None = None,
        old: Trail | None = None,
    ) -> dict[str, Any]:
        """The columns of topic, key and log group that `wanted` gives, once all of them and the bucket are found to be usable.

        `values` are the columns that change by the same call; what they leave out is as `old` has it. `organization_id` is that of an
        organization trail.
        """
        bucket = values.get("s3_bucket_name", old and old.s3_bucket_name)
        prefix = values.get("s3_key_prefix", old and old.s3_key_prefix)
        found: dict[str, Any] = {}
        key = None if old is None else old.kms_key_id
        try:
            self._check_bucket(bucket, prefix, account_id, arn, organization_id, None if wanted.kms_key_id == "" else key)
        except InsufficientS3BucketPolicyException:
            if not wanted.kms_key_id:
                raise  # else the policy may demand that key: it is asked again when the key is known
        if wanted.sns_topic_name is not None:
            found["sns_topic_arn"] = self._topic(wanted.sns_topic_name, account_id, region, arn) if wanted.sns_topic_name else None
        if wanted.kms_key_id is not None:
            found["kms_key_id"] = self._key(wanted.kms_key_id, bucket, prefix, account_id, region, arn) if wanted.kms_key_id else None
        elif key is not None and old is not None and bucket != old.s3_bucket_name:
            self._key(key, bucket, prefix, account_id, region, arn)  # a key must be in the Region of the bucket
        if found.get("kms_key_id"):
            self._check_bucket(bucket, prefix, account_id, arn, organization_id, found["kms_key_id"])
        found.update(self._log_group(wanted, account_id, region, arn, old))
        return found

    def _log_group(self, wanted: Wanted, account_id: str, region: str, arn: str, old: Trail | None) -> dict[str, Any]:
        if wanted.log_group_arn is None and wanted.role_arn is None:
            return {}
        group, role = wanted.log_group_arn, wanted.role_arn
        if old is not None:
            group = old.cloud_watch_logs_log_group_arn if group is None else group
            role = old.cloud_watch_logs_role_arn if role is None else role
        neighbours.check_log_group(group, role)
        if not group or not role:
            return {"cloud_watch_logs_log_group_arn": None, "cloud_watch_logs_role_arn": None}
        self._neighbours.log_groups.check(log_group_arn=group, role_arn=role, account_id=account_id, region=region, source_arn=arn)
        return {"cloud_watch_logs_log_group_arn": group, "cloud_watch_logs_role_arn": role}

    def storage(self, trail: Trail) -> None:
        """Whether files of `trail` can still be written: asked when another kind of them begins."""
        self._check_bucket(trail.s3_bucket_name, trail.s3_key_prefix, trail.account_id, trail.arn, trail.organization_id, trail.kms_key_id)
        if trail.kms_key_id is not None:
            self._key(trail.kms_key_id, trail.s3_bucket_name, trail.s3_key_prefix, trail.account_id, trail.home_region, trail.arn)

    def greet(self, topic_arn: str, *, account_id: str, arn: str) -> None:
        """Publish the one plain message that proves the connection. Raises `InsufficientSnsTopicPolicyException`."""
        try:
            self._neighbours.topics.publish(topic_arn=topic_arn, message=GREETING, source_arn=arn, account_id=account_id)
        except Fault as refusal:
            raise InsufficientSnsTopicPolicyException from refusal

    def _topic(self, topic: str, account_id: str, region: str, arn: str) -> str:
        topic_arn = names.topic_arn(topic, self._regions.partition(region), region, account_id)
        try:
            self._neighbours.topics.check(topic_arn=topic_arn, source_arn=arn, account_id=account_id)
        except Fault as refusal:
            raise InsufficientSnsTopicPolicyException from refusal
        return topic_arn

    def _key(self, key_id: str, bucket: str, prefix: str | None, account_id: str, region: str, arn: str) -> str:
        return self._neighbours.keys.check(
            kms_key_id=key_id,
            account_id=account_id,
            region=region,
            partition=self._regions.partition(region),
            bucket=bucket,
            source_arn=arn,
            prefix=prefix,
        )

    def _check_bucket(
        self, bucket: str, prefix: str | None, account_id: str, arn: str, organization_id: str | None, kms_key_id: str | None
    ) -> None:
        try:
            self._buckets.check(
                bucket=bucket,
                prefix=prefix,
                account_id=account_id,
                source_arn=arn,
                organization_id=organization_id,
                kms_key_id=kms_key_id,
            )
        except Fault as refusal:
            if refusal.code == "NoSuchBucket":
                raise S3BucketDoesNotExistException(f"S3 bucket {bucket} does not exist!") from refusal
            if refusal.code in ("AccessDenied", "AllAccessDisabled"):
                raise InsufficientS3BucketPolicyException(f"Incorrect S3 bucket policy is detected for bucket: {bucket}") from refusal
            if refusal.code.startswith("KMS."):
                raise KmsException(refusal.message) from refusal
            raise
