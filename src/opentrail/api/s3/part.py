"""What the parts of the S3 service have in common."""

from __future__ import annotations

from collections.abc import Sequence

from opentrail.api.call import Call
from opentrail.api.s3.mfa import MfaDelete
from opentrail.buckets import Buckets
from opentrail.buckets.configurations import Access
from opentrail.buckets.encryption import ObjectKeys
from opentrail.buckets.faults import AccessDenied
from opentrail.buckets.names import check_bucket_name
from opentrail.buckets.removals import Doomed
from opentrail.buckets.values import StoredObject


class ServicePart:
    """Some operations over the same buckets."""

    def __init__(self, buckets: Buckets, keys: ObjectKeys, mfa: MfaDelete) -> None:
        self.buckets = buckets
        self.keys = keys
        self.mfa = mfa

    def _bucket(self, call: Call) -> Access:
        """The bucket of a call. Raises `NoSuchBucket`, `InvalidBucketName`; `AccessDenied` when its owner is not the one expected."""
        name = call.parameters["Bucket"]
        check_bucket_name(name)
        access = self.buckets.configurations.access(name)
        expected = call.parameters.get("ExpectedBucketOwner")
        if expected is not None and expected != access.bucket.account_id:
            raise AccessDenied()
        return access

    def _version(self, call: Call, stored: StoredObject) -> dict[str, str]:
        """The `VersionId` of an answer: what was never versioned has none."""
        versioned = self.buckets.configurations.access(stored.bucket).bucket.versioning is not None
        return {"VersionId": stored.version_id} if versioned else {}

    def _check_mfa(self, call: Call, doomed: Sequence[Doomed]) -> None:
        """Removing a version for good takes a code of the root user's MFA device where MFA delete is on. Raises `AccessDenied`."""
        bucket = self.buckets.configurations.access(call.parameters["Bucket"], fresh=True).bucket
        if bucket.mfa_delete and any(one.version_id is not None for one in doomed):
            self.mfa.check(bucket.account_id, call.parameters.get("MFA"))
