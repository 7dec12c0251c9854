"""Object Lock: the default retention of a bucket, retention and legal hold of versions."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from opentrail.api.call import Call, Handler
from opentrail.api.s3 import shapes
from opentrail.api.s3.bucket_calls import required
from opentrail.api.s3.part import ServicePart
from opentrail.buckets.faults import InvalidArgument, InvalidRequest, MalformedXML, NoSuchObjectLockConfiguration, NotServed
from opentrail.buckets.locks import DefaultRetention, check_retention, default_retention
from opentrail.buckets.names import key_bytes
from opentrail.buckets.values import NO_LOCK, Lock
from opentrail.buckets.versions import check_version_id


class LockCalls(ServicePart):
    """See the module."""

    @property
    def operations(self) -> dict[str, Handler]:
        """Operation → handler."""
        return {
            "GetObjectLockConfiguration": self.get_configuration,
            "PutObjectLockConfiguration": self.put_configuration,
            "GetObjectRetention": self.get_retention,
            "PutObjectRetention": self.put_retention,
            "GetObjectLegalHold": self.get_legal_hold,
            "PutObjectLegalHold": self.put_legal_hold,
        }

    def get_configuration(self, call: Call) -> Mapping[str, Any]:
        """Faults: `ObjectLockConfigurationNotFoundError`."""
        default = self.buckets.retention.default(self._bucket(call).bucket.name)
        return {"ObjectLockConfiguration": {"ObjectLockEnabled": "Enabled", **_rule(default)}}

    def put_configuration(self, call: Call) -> None:
        """Faults: `InvalidBucketState` (versions are not kept), `MalformedXML`, `InvalidRetentionPeriod`."""
        given = required(call.parameters.get("ObjectLockConfiguration"))
        if given.get("ObjectLockEnabled") != "Enabled":
            raise MalformedXML()
        rule = given.get("Rule")
        default: DefaultRetention | None = None
        if rule is not None:
            asked = rule.get("DefaultRetention")
            if asked is None:
                raise MalformedXML()
            default = default_retention(asked.get("Mode"), asked.get("Days"), asked.get("Years"))
        self.buckets.retention.put_default(self._bucket(call).bucket.name, default)

    def get_retention(self, call: Call) -> Mapping[str, Any]:
        """Faults: `NoSuchObjectLockConfiguration`, `NoSuchKey`, `NoSuchVersion`, `InvalidRequest` (no Object Lock)."""
        lock = self.buckets.retention.locked(*self._target(call)).lock
        if lock.mode is None:
            raise NoSuchObjectLockConfiguration()
        return {"Retention": {"Mode": lock.mode, "RetainUntilDate": shapes.moment(lock.until)}}

    def put_retention(self, call: Call) -> Mapping[str, Any]:
        """An empty retention takes it off. Faults: `AccessDenied` (what it has forbids that), `InvalidArgument`, `MalformedXML`."""
        target = self._target(call)
        given = call.parameters.get("Retention") or {}
        mode, until = given.get("Mode"), given.get("RetainUntilDate")
        end = 0.0
        if mode is not None or until is not None:
            mode, end = check_retention(mode, until, call.time.timestamp())
        self.buckets.retention.put_retention(*target, mode, end, bypass=bool(call.parameters.get("BypassGovernanceRetention")))
        return {}

    def get_legal_hold(self, call: Call) -> Mapping[str, Any]:
        """Faults: `NoSuchObjectLockConfiguration` for a version that has no lock of any kind, and as GetObjectRetention's."""
        lock = self.buckets.retention.locked(*self._target(call)).lock
        if lock == NO_LOCK:
            raise NoSuchObjectLockConfiguration()
        return {"LegalHold": {"Status": "ON" if lock.legal_hold else "OFF"}}

    def put_legal_hold(self, call: Call) -> Mapping[str, Any]:
        """Faults: `MalformedXML`, and as GetObjectRetention's."""
        target = self._target(call)
        status = required(call.parameters.get("LegalHold")).get("Status")
        if status not in ("ON", "OFF"):
            raise MalformedXML()
        self.buckets.retention.put_legal_hold(*target, on=status == "ON")
        return {}

    def _target(self, call: Call) -> tuple[str, str, str | None]:
        check_version_id(call.parameters.get("VersionId"))
        key_bytes(call.parameters["Key"])
        return self._bucket(call).bucket.name, call.parameters["Key"], call.parameters.get("VersionId")


def asked_lock(call: Call) -> Lock:
    """The lock that the headers of a write ask for. Raises `InvalidArgument`, `InvalidRequest`."""
    given = call.parameters
    mode, until, hold = given.get("ObjectLockMode"), given.get("ObjectLockRetainUntilDate"), given.get("ObjectLockLegalHoldStatus")
    if given.get("ObjectLockEventHold"):
        raise NotServed("OpenTrail does not serve event holds.")
    if hold not in (None, "ON", "OFF"):
        raise InvalidArgument("Legal Hold must be either of 'ON' or 'OFF'", ArgumentName="x-amz-object-lock-legal-hold", ArgumentValue=hold)
    end = 0.0
    if (mode is None) != (until is None):
        raise InvalidArgument(
            "x-amz-object-lock-retain-until-date and x-amz-object-lock-mode must both be supplied",
            ArgumentName="x-amz-object-lock-mode" if mode is None else "x-amz-object-lock-retain-until-date",
        )
    if mode is not None:
        if not isinstance(until, datetime):
            raise InvalidArgument("The retain until date must be a time.", ArgumentName="x-amz-object-lock-retain-until-date")
        mode, end = check_retention(mode, until, call.time.timestamp())
    return Lock(mode=mode, until=end, legal_hold=hold == "ON")


def check_digest(call: Call, *, locks: bool, algorithm: str | None) -> None:
    """A PutObject that `locks` what it writes needs a checksum of its data. Raises `InvalidRequest`."""
    if locks and algorithm is None and not call.parameters.get("ContentMD5"):
        raise InvalidRequest("Content-MD5 OR x-amz-checksum- HTTP header is required for Put Object requests with Object Lock parameters")


def _rule(default: DefaultRetention | None) -> dict[str, Any]:
    if default is None:
        return {}
    period = {"Days": default.days} if default.days else {"Years": default.years}
    return {"Rule": {"DefaultRetention": {"Mode": default.mode, **period}}}
