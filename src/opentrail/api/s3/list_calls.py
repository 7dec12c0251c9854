"""Lists of objects: ListObjects, ListObjectsV2."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opentrail.api.call import Call, Handler
from opentrail.api.s3 import shapes
from opentrail.api.s3.part import ServicePart
from opentrail.buckets.faults import InvalidArgument
from opentrail.buckets.listing import Page, Position
from opentrail.buckets.values import StoredObject

MAX_KEYS = 1000


class ListCalls(ServicePart):
    """See the module."""

    @property
    def operations(self) -> dict[str, Handler]:
        """Operation → handler."""
        return {"ListObjects": self.list_objects, "ListObjectsV2": self.list_objects_v2}

    def list_objects(self, call: Call) -> Mapping[str, Any]:
        """Version 1: goes on from a key, `Marker`."""
        marker = call.parameters.get("Marker") or ""
        page = self._page(call, Position(marker) if marker else None)
        encode = wants_encoding(call)
        result = self._members(call, page, with_owner=True) | {"Marker": shapes.encoded(marker, encode)}
        if page.next is not None and call.parameters.get("Delimiter"):
            result["NextMarker"] = shapes.encoded(page.next.text, encode)
        return result

    def list_objects_v2(self, call: Call) -> Mapping[str, Any]:
        """Version 2: goes on from an opaque token; `StartAfter` counts for the first page only."""
        given = call.parameters
        token, start_after = given.get("ContinuationToken"), given.get("StartAfter") or ""
        if token == "":
            raise InvalidArgument("The continuation token provided is incorrect", ArgumentName="continuation-token")
        after = Position.of_token(token) if token is not None else Position(start_after) if start_after else None
        page = self._page(call, after)
        result = self._members(call, page, with_owner=bool(given.get("FetchOwner"))) | {"KeyCount": page.count}
        if token is not None:
            result["ContinuationToken"] = token
        if start_after:
            result["StartAfter"] = shapes.encoded(start_after, wants_encoding(call))
        if page.next is not None:
            result["NextContinuationToken"] = page.next.token()
        return result

    def _page(self, call: Call, after: Position | None) -> Page[StoredObject]:
        given = call.parameters
        return self.buckets.list(
            self._bucket(call).bucket.name,
            prefix=given.get("Prefix") or "",
            delimiter=given.get("Delimiter") or "",
            after=after,
            limit=limit_of(call, "MaxKeys", "max-keys"),
        )

    def _members(self, call: Call, page: Page[StoredObject], *, with_owner: bool) -> dict[str, Any]:
        given = call.parameters
        encode = wants_encoding(call)
        result: dict[str, Any] = {
            "IsTruncated": page.next is not None,
            "Name": given["Bucket"],
            "Prefix": shapes.encoded(given.get("Prefix") or "", encode),
            "MaxKeys": limit_of(call, "MaxKeys", "max-keys"),
            "Contents": [shapes.listed(stored, with_owner=with_owner, encode=encode) for stored in page.entries],
            "CommonPrefixes": [{"Prefix": shapes.encoded(prefix, encode)} for prefix in page.prefixes],
        }
        if given.get("Delimiter"):
            result["Delimiter"] = shapes.encoded(given["Delimiter"], encode)
        if encode:
            result["EncodingType"] = "url"
        return result


def wants_encoding(call: Call) -> bool:
    """Whether keys are to be percent-encoded in the answer. Raises `InvalidArgument`."""
    encoding = call.parameters.get("EncodingType")
    if encoding not in (None, "url"):
        raise InvalidArgument("Invalid Encoding Method specified in Request", ArgumentName="encoding-type", ArgumentValue=encoding)
    return encoding is not None


def limit_of(call: Call, member: str, argument: str) -> int:
    """How many entries a page may have: as asked, at most 1,000. Raises `InvalidArgument`."""
    limit = call.parameters.get(member)
    if limit is None:
        return MAX_KEYS
    if not 0 <= limit <= 2**31 - 1:
        raise InvalidArgument(
            f"Argument {argument} must be an integer between 0 and 2147483647", ArgumentName=argument, ArgumentValue=limit
        )
    return min(int(limit), MAX_KEYS)
