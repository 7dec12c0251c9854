"""The S3 service as the endpoint sees it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from opentrail.api.call import Call, Handler, Need
from opentrail.api.s3.absent_calls import AbsentCalls
from opentrail.api.s3.bucket_calls import BucketCalls
from opentrail.api.s3.configuration_calls import ConfigurationCalls
from opentrail.api.s3.encryption_calls import EncryptionCalls
from opentrail.api.s3.lifecycle_calls import LifecycleCalls
from opentrail.api.s3.list_calls import ListCalls
from opentrail.api.s3.lock_calls import LockCalls
from opentrail.api.s3.mfa import Devices, MfaDelete
from opentrail.api.s3.multipart_calls import MultipartCalls
from opentrail.api.s3.needs import Needs
from opentrail.api.s3.object_calls import ObjectCalls
from opentrail.api.s3.policy_templates import PolicyTemplates, is_reading
from opentrail.api.s3.read_calls import ReadCalls
from opentrail.api.s3.version_calls import VersionCalls
from opentrail.api.s3.write_calls import WriteCalls
from opentrail.buckets import Buckets
from opentrail.buckets.encryption import ObjectKeys

_PARTS = (
    BucketCalls,
    ConfigurationCalls,
    EncryptionCalls,
    VersionCalls,
    LockCalls,
    LifecycleCalls,
    AbsentCalls,
    WriteCalls,
    ReadCalls,
    ObjectCalls,
    ListCalls,
    MultipartCalls,
)


class S3:
    """Operations of S3 over our own buckets. What is not among them answers `NotImplemented`."""

    name = "s3"

    def __init__(self, buckets: Buckets, keys: ObjectKeys, devices: Devices | None = None) -> None:
        """`keys` are those of objects that are encrypted under KMS keys; `devices` the MFA devices of root users, for buckets with MFA
        delete."""
        self._needs = Needs(buckets, keys.meant)
        self._templates = PolicyTemplates()
        mfa = MfaDelete(devices)
        handlers = {name: handler for part in _PARTS for name, handler in part(buckets, keys, mfa).operations.items()}
        self.operations: Mapping[str, Handler] = self._templates.over(handlers)

    def needs(self, call: Call) -> Sequence[Need]:
        """What the caller must be allowed (`needs.Needs.of`)."""
        return self._templates.needs(call) if is_reading(call) else self._needs.of(call)
