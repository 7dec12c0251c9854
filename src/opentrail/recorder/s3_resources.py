"""`resources` of S3's calls: object and bucket (`spec/records.md` §8), and their kin of directory buckets, Outposts, access points."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from opentrail.recorder.observation import Observation

Entry = dict[str, str]

_UNLISTED = frozenset({"CreateBucket", "ListBuckets", "ListDirectoryBuckets", "WriteGetObjectResponse"})
"""Operations without a bucket, and the one whose bucket is no resource yet (seen)."""
_OF_A_PREFIX = frozenset(
    {"CreateSession", "DeleteObjects", "HeadBucket", "ListMultipartUploads", "ListObjects", "ListObjectsV2", "ListObjectVersions"}
)
"""Operations about the objects below a prefix, which is empty where they take none (documented)."""


def finder(operation: str) -> Callable[[Observation], list[Entry]]:
    """How to find the resources of the operation's calls."""
    if operation == "WriteGetObjectResponse":
        return lambda observation: [{"type": "AWS::S3ObjectLambda::AccessPoint"}]
    if operation in _UNLISTED:
        return lambda observation: []
    return _found


def _found(observation: Observation) -> list[Entry]:
    parameters = observation.parameters or {}
    bucket = parameters.get("Bucket")
    if not isinstance(bucket, str) or not bucket:
        return []
    owner = observation.bucket_owner_id if observation.bucket_owner_id is not None else observation.account_id
    if bucket.startswith("arn:"):
        return _of_arn(bucket, parameters)
    if bucket.endswith(("--x-s3", "--xa-s3")):
        arn = f"arn:aws:s3express:{observation.region}:{owner}:bucket/{bucket}"
        return [
            {"type": "AWS::S3Express::Object", "ARNPrefix": f"{arn}/"},
            {"accountId": owner, "type": "AWS::S3Express::DirectoryBucket", "ARN": arn},
        ]
    arn = f"arn:aws:s3:::{bucket}"
    entries: list[Entry] = []
    key = parameters.get("Key")
    if isinstance(key, str):
        entries.append({"type": "AWS::S3::Object", "ARN": f"{arn}/{key}"})
    elif observation.operation in _OF_A_PREFIX:
        entries.append({"type": "AWS::S3::Object", "ARNPrefix": f"{arn}/{parameters.get('Prefix') or ''}"})
    entries.append({"accountId": owner, "type": "AWS::S3::Bucket", "ARN": arn})
    return entries


def _of_arn(arn: str, parameters: Any) -> list[Entry]:
    """A bucket given by an ARN: an access point, or a bucket on an Outpost."""
    parts = arn.split(":", 5)
    if len(parts) < 6:
        return []
    service, account, key = parts[2], parts[4], parameters.get("Key")
    entries: list[Entry] = []
    if service == "s3-outposts":
        if isinstance(key, str):
            entries.append({"accountId": account, "type": "AWS::S3Outposts::Object", "ARN": f"{arn}/{key}"})
        entries.append({"accountId": account, "type": "AWS::S3Outposts::Bucket", "ARN": arn})
    elif "accesspoint" in parts[5]:
        if isinstance(key, str):
            entries.append({"type": "AWS::S3::Object", "ARN": f"{arn}/object/{key}"})
        kind = "AWS::S3ObjectLambda::AccessPoint" if service == "s3-object-lambda" else "AWS::S3::AccessPoint"
        entries.append({"accountId": account, "type": kind, "ARN": arn})
    return entries
