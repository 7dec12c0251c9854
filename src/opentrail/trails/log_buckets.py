"""Which door leads into a log bucket: a directory that the settings name, or else the S3 that is in use."""

from __future__ import annotations

from collections.abc import Mapping

from opentrail.trails.directory_buckets import DirectoryBuckets
from opentrail.trails.neighbours import LogBucket


class LogBuckets:
    """Every bucket, by the door it has."""

    def __init__(self, directories: DirectoryBuckets, s3: LogBucket) -> None:
        self._directories = directories
        self._s3 = s3

    def _door(self, bucket: str) -> LogBucket:
        return self._directories if bucket in self._directories else self._s3

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
        """As `LogBucket.check`."""
        self._door(bucket).check(
            bucket=bucket,
            prefix=prefix,
            account_id=account_id,
            source_arn=source_arn,
            organization_id=organization_id,
            kms_key_id=kms_key_id,
        )

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
        """As `LogBucket.put`."""
        self._door(bucket).put(
            bucket=bucket, key=key, body=body, metadata=metadata, source_arn=source_arn, account_id=account_id, kms_key_id=kms_key_id
        )
