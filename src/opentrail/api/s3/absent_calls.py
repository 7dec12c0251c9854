"""What a bucket here never has: reading it says so in AWS's words, removing it does nothing, putting it is not served at all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from opentrail.api.call import Call, Handler
from opentrail.api.s3.part import ServicePart
from opentrail.buckets.faults import (
    InvalidObjectState,
    NoSuchCORSConfiguration,
    NoSuchWebsiteConfiguration,
    ReplicationConfigurationNotFoundError,
)
from opentrail.wire.faults import Fault

_MISSING: Mapping[str, type[Fault]] = {
    "GetBucketCors": NoSuchCORSConfiguration,
    "GetBucketWebsite": NoSuchWebsiteConfiguration,
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
    "DeleteBucketCors": {},
    "DeleteBucketWebsite": {},
    "DeleteBucketReplication": {},
}


class AbsentCalls(ServicePart):
    """See the module."""

    @property
    def operations(self) -> dict[str, Handler]:
        """Operation → handler."""
        found: dict[str, Handler] = {name: self._missing(kind) for name, kind in _MISSING.items()}
        found |= {name: self._empty(result) for name, result in _EMPTY.items()}
        found["RestoreObject"] = self.restore
        return found

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
