"""Versioning: its state, and the list of versions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opentrail.api.call import Call, Handler
from opentrail.api.s3 import shapes
from opentrail.api.s3.bucket_calls import required
from opentrail.api.s3.list_calls import limit_of, wants_encoding
from opentrail.api.s3.part import ServicePart
from opentrail.buckets.faults import IllegalVersioningConfigurationException, InvalidArgument, MalformedXML
from opentrail.buckets.listing import Position
from opentrail.buckets.values import ENABLED, SUSPENDED, StoredObject
from opentrail.buckets.versions import check_version_id


class VersionCalls(ServicePart):
    """See the module."""

    @property
    def operations(self) -> dict[str, Handler]:
        """Operation → handler."""
        return {
            "GetBucketVersioning": self.get_versioning,
            "PutBucketVersioning": self.put_versioning,
            "ListObjectVersions": self.list_object_versions,
        }

    def get_versioning(self, call: Call) -> Mapping[str, Any]:
        """Empty: versioning was never on. `MFADelete` is told while it is on."""
        name = self._bucket(call).bucket.name
        bucket = self.buckets.configurations.access(name, fresh=True).bucket
        if bucket.versioning is None:
            return {}
        return {"Status": bucket.versioning} | ({"MFADelete": "Enabled"} if bucket.mfa_delete else {})

    def put_versioning(self, call: Call) -> None:
        """Faults: `InvalidBucketState` (Object Lock), `AccessDenied` (MFA delete without a code of the root user's device)."""
        name = self._bucket(call).bucket.name
        given = required(call.parameters.get("VersioningConfiguration"))
        status, mfa = given.get("Status"), given.get("MFADelete")
        if status is None:
            raise IllegalVersioningConfigurationException()
        if status not in (ENABLED, SUSPENDED) or mfa not in (None, "Enabled", "Disabled"):
            raise MalformedXML()
        bucket = self.buckets.configurations.access(name, fresh=True).bucket
        if bucket.mfa_delete or mfa == "Enabled":
            self.mfa.check(bucket.account_id, call.parameters.get("MFA"))
        self.buckets.retention.put_versioning(name, status, None if mfa is None else mfa == "Enabled")

    def list_object_versions(self, call: Call) -> Mapping[str, Any]:
        """By key, then from the newest version to the oldest; delete markers among them."""
        given = call.parameters
        marker, version = given.get("KeyMarker") or "", given.get("VersionIdMarker")
        if version is not None and not marker:
            raise InvalidArgument("A version-id marker cannot be specified without a key marker.", ArgumentName="version-id-marker")
        check_version_id(version or None, "version-id-marker")
        page = self.buckets.versions(
            self._bucket(call).bucket.name,
            prefix=given.get("Prefix") or "",
            delimiter=given.get("Delimiter") or "",
            after=Position(marker) if marker else None,
            after_version=version or None,
            limit=limit_of(call, "MaxKeys", "max-keys"),
        )
        encode = wants_encoding(call)
        result: dict[str, Any] = {
            "IsTruncated": page.next is not None,
            "Name": given["Bucket"],
            "Prefix": shapes.encoded(given.get("Prefix") or "", encode),
            "KeyMarker": shapes.encoded(marker, encode),
            "VersionIdMarker": version or "",
            "MaxKeys": limit_of(call, "MaxKeys", "max-keys"),
            "Versions": [_version(stored, encode) for stored in page.entries if not stored.marker],
            "DeleteMarkers": [_marker(stored, encode) for stored in page.entries if stored.marker],
            "CommonPrefixes": [{"Prefix": shapes.encoded(prefix, encode)} for prefix in page.prefixes],
        }
        if given.get("Delimiter"):
            result["Delimiter"] = shapes.encoded(given["Delimiter"], encode)
        if encode:
            result["EncodingType"] = "url"
        if page.next is not None:
            result["NextKeyMarker"] = shapes.encoded(page.next.text, encode)
            if not page.next.whole_prefix:
                result["NextVersionIdMarker"] = page.entries[-1].version_id
        return result


def _version(stored: StoredObject, encode: bool) -> dict[str, Any]:
    return {
        **shapes.listed(stored, with_owner=True, encode=encode),
        "VersionId": stored.version_id,
        "IsLatest": stored.superseded is None,
    }


def _marker(stored: StoredObject, encode: bool) -> dict[str, Any]:
    return {
        "Owner": shapes.owner(stored.owner),
        "Key": shapes.encoded(stored.key, encode),
        "VersionId": stored.version_id,
        "IsLatest": stored.superseded is None,
        "LastModified": shapes.moment(stored.modified),
    }
