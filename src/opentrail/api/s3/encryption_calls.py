"""The default encryption of a bucket."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opentrail.api.call import Call, Handler
from opentrail.api.s3.bucket_calls import required
from opentrail.api.s3.encrypting import not_served
from opentrail.api.s3.part import ServicePart
from opentrail.buckets.encryption import SSE_KMS, SSE_S3, Encryption
from opentrail.buckets.faults import InvalidArgument, MalformedXML


class EncryptionCalls(ServicePart):
    """See the module."""

    @property
    def operations(self) -> dict[str, Handler]:
        """Operation → handler."""
        return {
            "GetBucketEncryption": self.get_encryption,
            "PutBucketEncryption": self.put_encryption,
            "DeleteBucketEncryption": self.delete_encryption,
        }

    def get_encryption(self, call: Call) -> Mapping[str, Any]:
        """SSE-S3 unless something else was put: no bucket is without."""
        found = self.buckets.configurations.encryption(self._bucket(call).bucket.name)
        default = {"SSEAlgorithm": found.algorithm} | ({"KMSMasterKeyID": found.key_id} if found.key_id is not None else {})
        rule = {"ApplyServerSideEncryptionByDefault": default, "BucketKeyEnabled": found.bucket_key_enabled}
        return {"ServerSideEncryptionConfiguration": {"Rules": [rule]}}

    def put_encryption(self, call: Call) -> None:
        """Exactly one rule. The key is not looked up: whoever writes an object hears of a wrong one, as on AWS.

        Faults: `MalformedXML`, `InvalidArgument`, `NotServed` for DSSE-KMS.
        """
        bucket = self._bucket(call).bucket.name
        rules = required(call.parameters.get("ServerSideEncryptionConfiguration")).get("Rules") or []
        if len(rules) != 1:
            raise MalformedXML()
        default = rules[0].get("ApplyServerSideEncryptionByDefault") or {}
        algorithm, key_id = default.get("SSEAlgorithm") or SSE_S3, default.get("KMSMasterKeyID") or None
        not_served(algorithm)
        if algorithm not in (SSE_S3, SSE_KMS):
            raise MalformedXML()
        if key_id is not None and algorithm != SSE_KMS:
            raise InvalidArgument("a KMSMasterKeyID is not applicable if the default sse algorithm is not aws:kms or aws:kms:dsse")
        blocked = (rules[0].get("BlockedEncryptionTypes") or {}).get("EncryptionType") or []
        if any(kind not in ("NONE", "SSE-C") for kind in blocked):
            raise MalformedXML()  # SSE-C is refused in any case
        self.buckets.configurations.put_encryption(
            bucket, Encryption(algorithm=algorithm, key_id=key_id, bucket_key_enabled=bool(rules[0].get("BucketKeyEnabled", False)))
        )

    def delete_encryption(self, call: Call) -> None:
        """Back to SSE-S3."""
        self.buckets.configurations.put_encryption(self._bucket(call).bucket.name, None)
