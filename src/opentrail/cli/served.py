"""Evidence asked of a running OpenTrail through its API, as the AWS CLI does it."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote_plus

from opentrail.cli.calls import Caller, Refused
from opentrail.cli.evidence import TrailFacts
from opentrail.cli.reach import connect
from opentrail.server.folder import DataFolder
from opentrail.trails import stretch
from opentrail.trails.stretch import Known
from opentrail.trails.validate import MissingBucket, Source
from opentrail.trails.validation import Fetched, Listed
from opentrail.wire import xmltree

CONNECTIONS = 8
"""Objects that are asked for at the same time."""
_ABSENT = ("NoSuchKey", "NoSuchBucket")
_METADATA = "x-amz-meta-"


class ServedEvidence:
    """See the module."""

    def __init__(self, data_dir: Path, endpoint_url: str | None, region: str) -> None:
        """`region` is the trail's home Region. Raises `NotSetUp`, `CallFailed`."""
        self._caller = Caller(connect(data_dir, endpoint_url, region))
        self._region = region
        told = DataFolder(data_dir).read_address().get("digest_interval")
        self.digest_interval = float(told) if told else None
        self.source: Source = _ServedSource(self._caller)

    def workers(self, bucket: str, log_folder: str) -> int:
        """As many as there are connections."""
        return CONNECTIONS

    def trail(self, arn: str) -> TrailFacts | None:
        listed = self._caller.cloudtrail("DescribeTrails", {}, self._region)["trailList"]
        found = next((one for one in listed if one["TrailARN"] == arn), None)
        if found is None:
            return None
        status = self._caller.cloudtrail("GetTrailStatus", {"Name": arn}, self._region)
        of_all = found.get("IsOrganizationTrail") and self._caller.organizations("DescribeOrganization", {})["Organization"]["Id"]
        return TrailFacts(
            bucket=found["S3BucketName"],
            prefix=found.get("S3KeyPrefix"),
            home_region=found["HomeRegion"],
            is_multi_region=found["IsMultiRegionTrail"],
            organization_id=of_all or None,
            logs_since=status.get("StartLoggingTime") if status["IsLogging"] and found["LogFileValidationEnabled"] else None,
        )

    def member_since(self, arn: str, account_id: str) -> float | None:
        try:
            found = self._caller.organizations("DescribeAccount", {"AccountId": account_id})["Account"]
        except Refused:  # it has left, or the caller may not ask
            return None
        return float(found["JoinedTimestamp"])

    def known(self, arn: str, account_id: str, region: str, start: int, end: int) -> Known | None:
        asking = {stretch.HEADER: stretch.asking(account_id, start, end)}
        try:
            _, told = self._caller.cloudtrail_told("GetTrailStatus", {"Name": arn}, region, asking)
        except Refused:
            return None  # a trail that is gone, or whose status is not for us to see
        found = stretch.decoded(told.get(stretch.HEADER, ""))
        return found if found is not None and found.regions else None

    def public_keys(self, region: str) -> Callable[[int, int], Mapping[str, bytes]]:
        def between(start: int, end: int) -> Mapping[str, bytes]:
            keys: dict[str, bytes] = {}
            parameters: dict[str, Any] = {"StartTime": start, "EndTime": end}
            while True:
                listed = self._caller.cloudtrail("ListPublicKeys", parameters, region)
                keys |= {key["Fingerprint"]: b64decode(key["Value"]) for key in listed["PublicKeyList"]}
                if not listed.get("NextToken"):
                    return keys
                parameters = {**parameters, "NextToken": listed["NextToken"]}

        return between

    def folders(self, bucket: str, prefix: str) -> tuple[str, ...]:
        return tuple(
            _text(one, "Prefix")[len(prefix) : -1]
            for page in _pages(self._caller, bucket, {"prefix": prefix, "delimiter": "/"})
            for one in page.children.get("CommonPrefixes", ())
        )

    def close(self) -> None:
        self._caller.close()


class _ServedSource:
    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def list(self, bucket: str, prefix: str, after: str) -> Iterator[Listed]:
        for page in _pages(self._caller, bucket, {"prefix": prefix, "start-after": after}):
            for one in page.children.get("Contents", ()):
                modified = one.first("LastModified")
                at = datetime.fromisoformat(modified.text).timestamp() if modified is not None else 0.0
                yield Listed(_text(one, "Key"), at)

    def get(self, bucket: str, key: str) -> Fetched | None:
        try:
            found = self._caller.s3("GetObject", f"/{bucket}/{key}")
        except Refused as refused:
            if refused.code in _ABSENT:
                return None
            raise
        metadata = {name[len(_METADATA) :]: value for name, value in found.headers.items() if name.startswith(_METADATA)}
        return Fetched(found.body, metadata)


def _pages(caller: Caller, bucket: str, query: Mapping[str, str]) -> Iterator[xmltree.Element]:
    asked = {"list-type": "2", "encoding-type": "url", **query}
    while True:
        try:
            page = xmltree.read(caller.s3("ListObjectsV2", f"/{bucket}", asked).body)
        except Refused as refused:
            if refused.code == "NoSuchBucket":
                raise MissingBucket(str(refused)) from refused
            raise
        yield page
        token = page.first("NextContinuationToken")
        if token is None:
            return
        asked["continuation-token"] = token.text


def _text(element: xmltree.Element, name: str) -> str:
    """A key or prefix, which a listing gives percent-encoded."""
    found = element.first(name)
    return unquote_plus(found.text) if found is not None else ""
