"""Where an import reads: `s3://bucket[/prefix]`, as callers write it (reference of Lake, §5). Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from opentrail.lake.faults import InvalidImportSourceException

_BUCKET: Final = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_ROLE: Final = re.compile(r"arn:aws[a-z-]*:iam::(\d{12}):role/[\w+=,.@/-]{1,576}")
_REGION: Final = re.compile(r"[a-z]{2,4}(?:-[a-z]+)+-\d")
MAX_PREFIX: Final = 1024
FILES: Final = (".json.gz", ".gz")
"""How the names of files end that are imported."""


@dataclass(frozen=True, slots=True)
class Location:
    """A bucket, and the beginning of the keys in it: empty, a folder with its `/`, or one file."""

    bucket: str
    prefix: str


def location(uri: str) -> Location:
    """What `uri` names. Raises `InvalidImportSourceException`."""
    bucket, _, prefix = uri.removeprefix("s3://").partition("/")
    if not uri.startswith("s3://") or not _BUCKET.fullmatch(bucket):
        raise InvalidImportSourceException(f"{uri[:200]!r} is not the S3 URI of a bucket or prefix: write it as s3://BUCKET[/PREFIX/].")
    if len(prefix.encode()) > MAX_PREFIX or "\0" in prefix:
        raise InvalidImportSourceException(f"The prefix of {uri[:100]!r} is longer than {MAX_PREFIX} bytes, or no prefix.")
    return Location(bucket, as_folder(prefix))


def as_folder(prefix: str) -> str:
    """`prefix` as the folder that is meant: `…/CloudTrail` does not mean the folder `CloudTrail-Digest` as well."""
    return prefix if not prefix or prefix.endswith(("/", *FILES)) else prefix + "/"


def role_account(role_arn: str) -> str:
    """The account of the role. Raises `InvalidImportSourceException` for what cannot be the ARN of a role."""
    match = _ROLE.fullmatch(role_arn)
    if match is None:
        raise InvalidImportSourceException(f"{role_arn[:200]!r} is not the ARN of a role: give arn:aws:iam::ACCOUNT:role/NAME.")
    return match[1]


def check_region(region: str) -> None:
    """Raises `InvalidImportSourceException` for what cannot be the name of a Region."""
    if not _REGION.fullmatch(region):
        raise InvalidImportSourceException(f"S3BucketRegion {region[:64]!r} is not the name of a Region.")
