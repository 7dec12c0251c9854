"""The KMS key of a trail: found, and tried out as CloudTrail does when a trail is made or changed (reference of trails, §2, §13, §14).

The key is named by its id, its ARN, an alias name or an alias ARN. A bare id or alias name is looked up in the account and Region of the
trail; a key elsewhere is named by its ARN. It must be in the Region of the bucket, for S3 encrypts with it there. Then CloudTrail does what
it will do for each file: DescribeKey and GenerateDataKey with the encryption context of a log file, and with an S3 Bucket Key also Decrypt.
"""

from __future__ import annotations

from typing import Protocol

from opentrail.identity.principals import service_principal
from opentrail.kms import ServiceCaller, ServiceKeys
from opentrail.kms.faults import AccessDeniedException, InvalidArnException, NotFoundException
from opentrail.trails import names
from opentrail.trails.facts import CLOUDTRAIL
from opentrail.trails.faults import (
    InsufficientEncryptionPolicyException,
    InvalidKmsKeyIdException,
    KmsException,
    KmsKeyNotFoundException,
    S3BucketDoesNotExistException,
)
from opentrail.wire.faults import Fault

TRAIL_ARN = "aws:cloudtrail:arn"
OBJECT_ARN = "aws:s3:arn"


class KeyedBuckets(Protocol):
    """The buckets, as far as KMS keys are concerned: `buckets.ServiceWriter`."""

    def encryption_of(self, bucket: str) -> tuple[str, bool]:
        """Region of the bucket, and whether S3 Bucket Keys are on. Raises `NoSuchBucket`."""


class TrailKeys:
    """See the module. Blocking and thread-safe."""

    def __init__(self, keys: ServiceKeys, buckets: KeyedBuckets) -> None:
        self._keys = keys
        self._buckets = buckets

    def check(
        self, *, kms_key_id: str, account_id: str, region: str, partition: str, bucket: str, source_arn: str, prefix: str | None = None
    ) -> str:
        """The ARN of the key, once it has been tried for files of the trail `source_arn` below `prefix` in `bucket`.

        Raises `InvalidKmsKeyIdException`, `S3BucketDoesNotExistException`, `KmsKeyNotFoundException`,
        `InsufficientEncryptionPolicyException`, and `KmsException` for a key that is switched off, about to be deleted or not symmetric.
        """
        names.check_kms_key_id(kms_key_id)
        try:
            bucket_region, bucket_key = self._buckets.encryption_of(bucket)
        except Fault as fault:
            if fault.code != "NoSuchBucket":
                raise
            raise S3BucketDoesNotExistException(f"S3 bucket {bucket} does not exist!") from None
        self._check_region(kms_key_id, region, bucket, bucket_region)
        bucket_arn = f"arn:{partition}:s3:::{bucket}"
        folder = f"{prefix}/AWSLogs" if prefix else "AWSLogs"
        context = {TRAIL_ARN: source_arn, OBJECT_ARN: bucket_arn if bucket_key else f"{bucket_arn}/{folder}/{account_id}/CloudTrail"}
        caller = ServiceCaller(principal=service_principal(CLOUDTRAIL), account_id=account_id, region=bucket_region, source_arn=source_arn)
        try:
            arn = self._keys.describe(caller, kms_key_id).arn
            made = self._keys.generate_data_key(caller, arn, context)
            if bucket_key:
                self._keys.decrypt(caller, made.ciphertext, context)
        except InvalidArnException as fault:
            raise InvalidKmsKeyIdException(fault.message) from None
        except NotFoundException:
            raise _not_found(kms_key_id, f"is not there in {bucket_region}, the Region of the bucket {bucket}") from None
        except AccessDeniedException:
            own = names.kms_account(kms_key_id) in (None, account_id)  # what is behind a stranger's alias is not told
            named = (self._keys.meant(account_id, bucket_region, kms_key_id) if own else None) or kms_key_id
            message = f"Insufficient permissions to access S3 bucket {bucket} or KMS key {named}."
            raise InsufficientEncryptionPolicyException(message) from None
        except Fault as fault:
            raise KmsException(fault.message) from None
        return arn

    @staticmethod
    def _check_region(kms_key_id: str, region: str, bucket: str, bucket_region: str) -> None:
        by_arn = kms_key_id.startswith("arn:")
        named_in = kms_key_id.split(":")[3] if by_arn else region
        if named_in != bucket_region:
            way = "" if by_arn else ": name it by its ARN"
            where = f"but must be in {bucket_region}, the Region of the bucket {bucket}"
            raise _not_found(kms_key_id, f"is looked for in {named_in}, {where}{way}")


def _not_found(kms_key_id: str, why: str) -> KmsKeyNotFoundException:
    return KmsKeyNotFoundException(f"The KMS key {kms_key_id} {why}.")
