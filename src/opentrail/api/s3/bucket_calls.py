"""Buckets themselves: create, delete, head, list, location."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opentrail.api.call import Answer, Call, Handler
from opentrail.api.s3 import requests, shapes
from opentrail.api.s3.part import ServicePart
from opentrail.buckets.access import PublicAccessBlock, check_canned_acl
from opentrail.buckets.configurations import BUCKET_OWNER_ENFORCED
from opentrail.buckets.faults import (
    AccessControlListNotSupported,
    InvalidArgument,
    InvalidBucketAclWithObjectOwnership,
    MalformedXML,
    NotServed,
)
from opentrail.buckets.listing import Position
from opentrail.buckets.names import bucket_region

MAX_BUCKETS = 10_000
OWNERSHIPS = ("BucketOwnerEnforced", "BucketOwnerPreferred", "ObjectWriter")


class BucketCalls(ServicePart):
    """See the module."""

    @property
    def operations(self) -> dict[str, Handler]:
        """Operation → handler."""
        return {
            "CreateBucket": self.create_bucket,
            "DeleteBucket": self.delete_bucket,
            "HeadBucket": self.head_bucket,
            "ListBuckets": self.list_buckets,
            "GetBucketLocation": self.get_bucket_location,
        }

    def create_bucket(self, call: Call) -> Mapping[str, Any]:
        """Faults: `buckets.Buckets.create`, `names.bucket_region`."""
        name = call.parameters["Bucket"]
        configuration = call.parameters.get("CreateBucketConfiguration") or {}
        if configuration.get("Location") or configuration.get("Bucket"):
            raise NotServed("OpenTrail does not serve directory buckets.")
        if call.parameters.get("BucketNamespace") not in (None, "global"):
            raise NotServed("OpenTrail does not serve account-regional bucket names.")
        ownership = call.parameters.get("ObjectOwnership")
        if ownership is not None and ownership not in OWNERSHIPS:
            raise InvalidArgument(ArgumentName="x-amz-object-ownership", ArgumentValue=ownership)
        ownership = ownership or BUCKET_OWNER_ENFORCED
        canned, grants = call.parameters.get("ACL"), requests.has_grants(call.parameters)
        try:
            check_canned_acl(canned, grants=grants, ownership=ownership, blocked=PublicAccessBlock(), for_bucket=True)
        except AccessControlListNotSupported:
            raise InvalidBucketAclWithObjectOwnership() from None
        region = bucket_region(call.region, configuration.get("LocationConstraint"))
        tags = requests.tag_set(configuration.get("Tags"), limit=50)
        lock = bool(call.parameters.get("ObjectLockEnabledForBucket"))
        self.buckets.create(name, account_id=call.account_id, region=region, ownership=ownership, tags=tags, object_lock=lock)
        return {"Location": f"/{name}" if call.region == "us-east-1" else f"http://{name}.s3.amazonaws.com/"}

    def delete_bucket(self, call: Call) -> None:
        """Faults: `NoSuchBucket`, `BucketNotEmpty`."""
        self.buckets.delete(self._bucket(call).bucket.name)

    def head_bucket(self, call: Call) -> Mapping[str, Any]:
        """Faults: `NoSuchBucket`."""
        return {"BucketRegion": self._bucket(call).bucket.region, "AccessPointAlias": False}

    def list_buckets(self, call: Call) -> Mapping[str, Any]:
        """The caller's own buckets by name."""
        given = call.parameters
        limit = given.get("MaxBuckets")
        if limit is not None and not 1 <= limit <= MAX_BUCKETS:
            raise InvalidArgument(
                f"Argument max-buckets must be an integer between 1 and {MAX_BUCKETS}", ArgumentName="max-buckets", ArgumentValue=limit
            )
        token = given.get("ContinuationToken")
        after = Position.of_token(token).text if token else ""
        size = limit or MAX_BUCKETS
        prefix, region = given.get("Prefix") or "", given.get("BucketRegion")
        found = self.buckets.of_account(call.account_id, prefix=prefix, after=after, region=region, limit=size + 1)
        # The Region is only shown to those who use one of the newer parameters.
        newer = any(given.get(name) is not None for name in ("MaxBuckets", "ContinuationToken", "Prefix", "BucketRegion"))
        entries = [
            {"Name": bucket.name, "CreationDate": shapes.moment(bucket.created)} | ({"BucketRegion": bucket.region} if newer else {})
            for bucket in found[:size]
        ]
        result: dict[str, Any] = {"Buckets": entries, "Owner": shapes.owner(call.account_id)}
        if given.get("Prefix"):
            result["Prefix"] = prefix
        if len(found) > size:
            result["ContinuationToken"] = Position(found[size - 1].name).token()
        return result

    def get_bucket_location(self, call: Call) -> Mapping[str, Any] | Answer:
        """Empty for us-east-1, as ever."""
        region = self._bucket(call).bucket.region
        return {} if region == "us-east-1" else {"LocationConstraint": region}


def required(value: Any) -> Any:
    """`value`. Raises `MalformedXML` when a body without it came."""
    if value is None:
        raise MalformedXML()
    return value
