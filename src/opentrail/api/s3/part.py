"""What the parts of the S3 service have in common."""

from __future__ import annotations

from opentrail.api.call import Call
from opentrail.buckets import Buckets
from opentrail.buckets.configurations import Access
from opentrail.buckets.encryption import ObjectKeys
from opentrail.buckets.faults import AccessDenied
from opentrail.buckets.names import check_bucket_name


class ServicePart:
    """Some operations over the same buckets."""

    def __init__(self, buckets: Buckets, keys: ObjectKeys) -> None:
        self.buckets = buckets
        self.keys = keys

    def _bucket(self, call: Call) -> Access:
        """The bucket of a call. Raises `NoSuchBucket`, `InvalidBucketName`; `AccessDenied` when its owner is not the one expected."""
        name = call.parameters["Bucket"]
        check_bucket_name(name)
        access = self.buckets.configurations.access(name)
        expected = call.parameters.get("ExpectedBucketOwner")
        if expected is not None and expected != access.bucket.account_id:
            raise AccessDenied()
        return access
