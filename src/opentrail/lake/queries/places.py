"""Where the results of a query are delivered: S3 URIs, keys, and the file that vouches for the others (reference of Lake, §6.3). Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from opentrail.clock import iso_seconds
from opentrail.lake.faults import InvalidParameterException, InvalidS3BucketNameException, InvalidS3PrefixException

LONGEST_URI: Final = 1024
LONGEST_PREFIX: Final = 200
SIGN_FILE: Final = "result_sign.json"

_URI: Final = re.compile(r"s3://([^/]*)(?:/(.*))?", re.DOTALL)
_LABEL: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?")
_ADDRESS: Final = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}")
_PREFIX: Final = re.compile(r"[A-Za-z0-9!_.*'()/&$@=;:+ ,?-]+")


def bucket_and_prefix(uri: str) -> tuple[str, str | None]:
    """`s3://bucket[/prefix]`, taken apart.

    Raises `InvalidParameterException`, `InvalidS3BucketNameException`, `InvalidS3PrefixException`.
    """
    match = _URI.fullmatch(uri)
    if match is None or len(uri) > LONGEST_URI:
        raise InvalidParameterException(f"DeliveryS3Uri is s3://BUCKET or s3://BUCKET/PREFIX, of at most {LONGEST_URI} characters.")
    bucket, prefix = match[1], (match[2] or "").strip("/")
    labels = bucket.split(".")
    if not 3 <= len(bucket) <= 63 or _ADDRESS.fullmatch(bucket) or not all(_LABEL.fullmatch(label) for label in labels):
        raise InvalidS3BucketNameException(
            f"{bucket[:100]!r} is no name of a bucket: 3 to 63 lower-case letters, digits, dots and hyphens."
        )
    if prefix and (len(prefix) > LONGEST_PREFIX or not _PREFIX.fullmatch(prefix)):
        raise InvalidS3PrefixException(f"A prefix has at most {LONGEST_PREFIX} characters, of those that are safe in the keys of objects.")
    return bucket, prefix or None


def folder(prefix: str | None, account_id: str, query_id: str, created: float) -> str:
    """Below which key the files of a query lie; `created` is when it was asked for, epoch seconds."""
    day = datetime.fromtimestamp(created, UTC)
    return f"{prefix + '/' if prefix else ''}AWSLogs/{account_id}/CloudTrail-Lake/Query/{day:%Y/%m/%d}/{query_id}/"


def part_name(number: int) -> str:
    """The name of the part with this number, from 1."""
    return f"result_{number}.csv.gz"


def to_sign(hashes: Sequence[str]) -> bytes:
    """What is signed: the hashes in the order of the files, a space between two."""
    return " ".join(hashes).encode()


def sign_document(*, region: str, hashes: Sequence[str], completed: float, signature: bytes, fingerprint: str) -> bytes:
    """The content of `result_sign.json`; `hashes` are the hex SHA-256 of the parts, `completed` is epoch seconds."""
    return json.dumps(
        {
            "version": "1.0",
            "region": region,
            "files": [{"fileHashValue": value, "fileName": part_name(number)} for number, value in enumerate(hashes, 1)],
            "hashAlgorithm": "SHA-256",
            "signatureAlgorithm": "SHA256withRSA",
            "queryCompleteTime": iso_seconds(completed),
            "hashSignature": signature.hex(),
            "publicKeyFingerprint": fingerprint,
        },
        separators=(",", ":"),
    ).encode()
