"""What a bucket here never has: reading it says so in AWS's words, removing it does nothing, putting it is not served at all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from opentrail.api.call import Call, Handler
from opentrail.api.s3.part import ServicePart
from opentrail.buckets.faults import (
    InvalidBucketState,
    InvalidObjectState,
    InvalidRequest,
    NoSuchCORSConfiguration,
    NoSuchLifecycleConfiguration,
    NoSuchWebsiteConfiguration,
    ObjectLockConfigurationNotFoundError,
    ReplicationConfigurationNotFoundError,
)
from opentrail.wire.faults import Fault

_MISSING: Mapping[str, type[Fault]] = {
    "GetBucketLifecycle": NoSuchLifecycleConfiguration,
    "GetBucketLifecycleConfiguration": NoSuchLifecycleConfiguration,
    "GetBucketCors": NoSuchCORSConfiguration,
    "GetBucketWebsite": NoSuchWebsiteConfiguration,
    "GetObjectLockConfiguration": ObjectLockConfigurationNotFoundError,
    "GetBucketReplication": ReplicationConfigurationNotFoundError,
}
_EMPTY: Mapping[str, Mapping[str, Any]] = {
    "GetBucketLogging": {},
    "GetBucketNotification": {},
    "GetBucketNotificationConfiguration": {},
    "GetBucketAccelerateConfiguration": {},
    "GetBucketRequestPayment": {"Payer": "BucketOwner"},
    "ListBucketAnalyticsConfigurations": {"IsTruncated": False},
    "ListBucketIntelligentTieringConfigurations": {"IsTruncated": False},
    "ListBucketInventoryConfigurations": {"IsTruncated": False},
    "ListBucketMetricsConfigurations": {"IsTruncated": False},
    "DeleteBucketLifecycle": {},
    "DeleteBucketCors": {},
    "DeleteBucketWebsite": {},
    "DeleteBucketReplication": {},
}
_NO_LOCK = ("GetObjectRetention", "PutObjectRetention", "GetObjectLegalHold", "PutObjectLegalHold")


class AbsentCalls(ServicePart):
    """See the module."""

    @property
    def operations(self) -> dict[str, Handler]:
        """Operation → handler."""
        found: dict[str, Handler] = {name: self._missing(kind) for name, kind in _MISSING.items()}
        found |= {name: self._empty(result) for name, result in _EMPTY.items()}
        found |= dict.fromkeys(_NO_LOCK, self.without_lock)
        found["PutObjectLockConfiguration"] = self.put_lock_configuration
        found["RestoreObject"] = self.restore
        return found

    def without_lock(self, call: Call) -> None:
        """Retention and legal hold need a bucket with Object Lock."""
        self._bucket(call)
        raise InvalidRequest("Bucket is missing Object Lock Configuration")

    def put_lock_configuration(self, call: Call) -> None:
        """Object Lock needs versions."""
        self._bucket(call)
        raise InvalidBucketState("Versioning must be 'Enabled' on the bucket to apply a Object Lock configuration")

    def restore(self, call: Call) -> None:
        """Nothing is archived."""
        self._bucket(call)
        stored = self.buckets.objects.find(call.parameters["Bucket"], call.parameters["Key"])
        raise InvalidObjectState(
            "Restore is not allowed for the object's current storage class", StorageClass=stored.attributes.storage_class
        )

    def _missing(self, kind: type[Fault]) -> Callable[[Call], None]:
        def handler(call: Call) -> None:
            raise kind(BucketName=self._bucket(call).bucket.name)

        return handler

    def _empty(self, result: Mapping[str, Any]) -> Callable[[Call], Mapping[str, Any]]:
        def handler(call: Call) -> Mapping[str, Any]:
            self._bucket(call)
            return result

        return handler
