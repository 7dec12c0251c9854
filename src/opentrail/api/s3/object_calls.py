"""Objects as wholes: removing them, their tags, their ACL."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
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
from opentrail.buckets.values import StoredObject
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
        """Removing what is not there is no mistake, unless a condition asks for it. Faults: `PreconditionFailed`."""
        bucket, key = self._target(call)
        given = call.parameters
        limits = (given.get("IfMatch"), given.get("IfMatchSize"), given.get("IfMatchLastModifiedTime"))
        if self.buckets.objects.delete(bucket, [key], allowed=lambda stored: _meets(stored, *limits)):
            raise PreconditionFailed(Condition="If-Match")
        return {}

    def delete_objects(self, call: Call) -> Answer:
        """Up to 1,000 keys in one transaction; per key either `Deleted` or an error. Every object removed is an event of its own."""
        found = self._bucket(call).bucket
        bucket = found.name
        request = required(call.parameters.get("Delete"))
        entries = request.get("Objects") or []
        if not 1 <= len(entries) <= MAX_DELETE:
            raise MalformedXML()
        errors: list[dict[str, Any]] = []
        wanted: dict[str, list[Mapping[str, Any]]] = {}
        for entry in entries:
            key = entry.get("Key") or ""
            try:
                key_bytes(key)
                requests.check_version(entry)
                wanted.setdefault(key, []).append(entry)
            except Fault as fault:
                errors.append({"Key": key, "Code": fault.code, "Message": fault.message})

        def allowed(stored: StoredObject) -> bool:
            return all(_meets(stored, entry.get("ETag"), entry.get("Size"), entry.get("LastModifiedTime")) for entry in wanted[stored.key])

        refused = self.buckets.objects.delete(bucket, list(wanted), allowed=allowed)
        failed = PreconditionFailed()
        errors += [{"Key": key, "Code": failed.code, "Message": failed.message} for key in refused]
        result: dict[str, Any] = {}
        if not request.get("Quiet"):
            result["Deleted"] = [{"Key": key} for key in wanted if key not in refused]
        if errors:
            result["Errors"] = errors
        gone = [key for key in wanted if key not in refused]
        events = removed(bucket, gone, owner=found.account_id, region=call.region, time=call.time.timestamp())
        return Answer(result=result, events=events)

    def get_tagging(self, call: Call) -> Mapping[str, Any]:
        """Faults: `NoSuchKey`."""
        return {"TagSet": tag_set(self.buckets.objects.find(*self._target(call)).tags)}

    def put_tagging(self, call: Call) -> Mapping[str, Any]:
        """Faults: `NoSuchKey`, `InvalidTag`."""
        tags = requests.tag_set(required(call.parameters.get("Tagging")).get("TagSet"), limit=10)
        self.buckets.objects.tag(*self._target(call), tags)
        return {}

    def delete_tagging(self, call: Call) -> Mapping[str, Any]:
        """Faults: `NoSuchKey`."""
        self.buckets.objects.tag(*self._target(call), {})
        return {}

    def get_acl(self, call: Call) -> Mapping[str, Any]:
        """The owner's full control: the only grant there is. Faults: `NoSuchKey`."""
        return acl(self.buckets.objects.find(*self._target(call)).owner)

    def put_acl(self, call: Call) -> Mapping[str, Any]:
        """Canned ACLs that say what is so already. Faults: `access.check_canned_acl`, `NoSuchKey`."""
        access = self._bucket(call)
        canned, grants = call.parameters.get("ACL"), requests.has_grants(call.parameters)
        if canned is None and not grants:
            raise InvalidArgument("Missing required header for this request: x-amz-acl", ArgumentName="x-amz-acl")
        self.buckets.objects.find(*self._target(call))
        check_canned_acl(canned, grants=grants, ownership=access.ownership, blocked=access.blocked)
        return {}

    def _target(self, call: Call) -> tuple[str, str]:
        requests.check_version(call.parameters)
        key_bytes(call.parameters["Key"])
        return self._bucket(call).bucket.name, call.parameters["Key"]


def _meets(stored: StoredObject, etag: str | None, size: int | None, modified: datetime | None) -> bool:
    return (
        (etag is None or matches(etag, stored.etag))
        and (size is None or size == stored.size)
        and (modified is None or int(modified.timestamp()) == int(stored.modified))
    )
