"""Objects as wholes: removing them, their tags, their ACL."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import Any

from opentrail.api.call import Answer, Call, Handler
from opentrail.api.s3 import requests
from opentrail.api.s3.bucket_calls import required
from opentrail.api.s3.configuration_calls import acl
from opentrail.api.s3.part import ServicePart
from opentrail.api.s3.read_calls import matches
from opentrail.api.s3.removed import removed
from opentrail.api.s3.shapes import tag_set
from opentrail.buckets.access import check_canned_acl
from opentrail.buckets.faults import InvalidArgument, MalformedXML, PreconditionFailed
from opentrail.buckets.names import key_bytes
from opentrail.buckets.removals import Doomed, Removed
from opentrail.buckets.values import StoredObject
from opentrail.buckets.versions import check_version_id
from opentrail.wire.faults import Fault

MAX_DELETE = 1000


class ObjectCalls(ServicePart):
    """See the module."""

    @property
    def operations(self) -> dict[str, Handler]:
        """Operation → handler."""
        return {
            "DeleteObject": self.delete_object,
            "DeleteObjects": self.delete_objects,
            "GetObjectTagging": self.get_tagging,
            "PutObjectTagging": self.put_tagging,
            "DeleteObjectTagging": self.delete_tagging,
            "GetObjectAcl": self.get_acl,
            "PutObjectAcl": self.put_acl,
        }

    def delete_object(self, call: Call) -> Mapping[str, Any]:
        """Removing what is not there is no mistake, unless a condition asks for it. Faults: `PreconditionFailed`, `AccessDenied`."""
        bucket, key, version_id = self._target(call)
        given = call.parameters
        limits = (given.get("IfMatch"), given.get("IfMatchSize"), given.get("IfMatchLastModifiedTime"))
        bypass = bool(given.get("BypassGovernanceRetention"))
        doomed = Doomed(key=key, version_id=version_id, bypass=bypass, check=lambda stored: _must_meet(stored, *limits))
        self._check_mfa(call, [doomed])
        [outcome] = self.buckets.removals.delete(bucket, [doomed])
        if outcome.refused is not None:
            raise outcome.refused
        if not outcome.versioned:
            return {}
        result: dict[str, Any] = {"VersionId": version_id or (outcome.marker.version_id if outcome.marker else "null")}
        if outcome.marker is not None:
            result["DeleteMarker"] = True
        return result

    def delete_objects(self, call: Call) -> Answer:
        """Up to 1,000 keys or versions; for each either `Deleted` or an error. Every object removed is an event of its own."""
        found = self._bucket(call).bucket
        bucket = found.name
        request = required(call.parameters.get("Delete"))
        entries = request.get("Objects") or []
        if not 1 <= len(entries) <= MAX_DELETE:
            raise MalformedXML()
        errors: list[dict[str, Any]] = []
        wanted: list[Doomed] = []
        bypass = bool(call.parameters.get("BypassGovernanceRetention"))
        for entry in entries:
            try:
                key_bytes(entry.get("Key") or "")
                check_version_id(entry.get("VersionId"))
            except Fault as fault:
                errors.append(_error(entry.get("Key") or "", entry.get("VersionId"), fault))
                continue
            limits = (entry.get("ETag"), entry.get("Size"), entry.get("LastModifiedTime"))
            check = partial(_must_meet, etag=limits[0], size=limits[1], modified=limits[2])
            wanted.append(Doomed(key=entry["Key"], version_id=entry.get("VersionId"), bypass=bypass, check=check))
        self._check_mfa(call, wanted)
        outcomes = self.buckets.removals.delete(bucket, wanted)
        done = [outcome for outcome in outcomes if outcome.refused is None]
        errors += [_error(one.doomed.key, one.doomed.version_id, one.refused) for one in outcomes if one.refused is not None]
        result: dict[str, Any] = {}
        if not request.get("Quiet"):
            result["Deleted"] = [_deleted(outcome) for outcome in done]
        if errors:
            result["Errors"] = errors
        gone = dict.fromkeys(outcome.doomed.key for outcome in done)
        events = removed(bucket, gone, owner=found.account_id, region=call.region, time=call.time.timestamp())
        return Answer(result=result, events=events)

    def get_tagging(self, call: Call) -> Mapping[str, Any]:
        """Faults: `NoSuchKey`, `NoSuchVersion`."""
        bucket, key, version_id = self._target(call)
        stored = self.buckets.objects.find(bucket, key, version_id)
        return {"TagSet": tag_set(stored.tags), **self._version(call, stored)}

    def put_tagging(self, call: Call) -> Mapping[str, Any]:
        """Faults: `NoSuchKey`, `NoSuchVersion`, `InvalidTag`."""
        tags = requests.tag_set(required(call.parameters.get("Tagging")).get("TagSet"), limit=10)
        return self._tag(call, tags)

    def delete_tagging(self, call: Call) -> Mapping[str, Any]:
        """Faults: `NoSuchKey`, `NoSuchVersion`."""
        return self._tag(call, {})

    def get_acl(self, call: Call) -> Mapping[str, Any]:
        """The owner's full control: the only grant there is. Faults: `NoSuchKey`, `NoSuchVersion`."""
        return acl(self.buckets.objects.find(*self._target(call)).owner)

    def put_acl(self, call: Call) -> Mapping[str, Any]:
        """Canned ACLs that say what is so already. Faults: `access.check_canned_acl`, `NoSuchKey`, `NoSuchVersion`."""
        access = self._bucket(call)
        canned, grants = call.parameters.get("ACL"), requests.has_grants(call.parameters)
        if canned is None and not grants:
            raise InvalidArgument("Missing required header for this request: x-amz-acl", ArgumentName="x-amz-acl")
        self.buckets.objects.find(*self._target(call))
        check_canned_acl(canned, grants=grants, ownership=access.ownership, blocked=access.blocked)
        return {}

    def _tag(self, call: Call, tags: Mapping[str, str]) -> Mapping[str, Any]:
        bucket, key, version_id = self._target(call)
        return self._version(call, self.buckets.objects.tag(bucket, key, tags, version_id))

    def _target(self, call: Call) -> tuple[str, str, str | None]:
        check_version_id(call.parameters.get("VersionId"))
        key_bytes(call.parameters["Key"])
        return self._bucket(call).bucket.name, call.parameters["Key"], call.parameters.get("VersionId")


def _must_meet(stored: StoredObject, etag: str | None, size: int | None, modified: datetime | None) -> None:
    """Raises `PreconditionFailed`."""
    if not (
        (etag is None or matches(etag, stored.etag))
        and (size is None or size == stored.size)
        and (modified is None or int(modified.timestamp()) == int(stored.modified))
    ):
        raise PreconditionFailed(Condition="If-Match")


def _deleted(outcome: Removed) -> dict[str, Any]:
    entry: dict[str, Any] = {"Key": outcome.doomed.key}
    if outcome.doomed.version_id is not None and outcome.versioned:
        entry["VersionId"] = outcome.doomed.version_id
    if outcome.marker is not None:
        entry |= {"DeleteMarker": True, "DeleteMarkerVersionId": outcome.marker.version_id}
    return entry


def _error(key: str, version_id: str | None, fault: Fault) -> dict[str, Any]:
    version = {} if version_id is None else {"VersionId": version_id}
    return {"Key": key, **version, "Code": fault.code, "Message": fault.message}
