"""What a bucket may be called, how long a key may be, where a bucket may lie. Pure rules of the S3 user guide."""

from __future__ import annotations

import re

from opentrail.buckets.faults import (
    IllegalLocationConstraintException,
    InvalidArgument,
    InvalidBucketName,
    InvalidLocationConstraint,
    InvalidURI,
    KeyTooLongError,
)

MAX_KEY_BYTES = 1024
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_ADDRESS = re.compile(r"\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}")
_REGION = re.compile(r"[a-z]{2,4}(-[a-z]+)+-\d")
_RESERVED_STARTS = ("xn--", "sthree-", "amzn-s3-demo-")
_RESERVED_ENDS = ("-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3")


def valid_bucket_name(name: str) -> bool:
    """The naming rules of general purpose buckets: 3-63 of `a-z 0-9 . -`, no address, no reserved start or end."""
    return (
        _BUCKET.fullmatch(name) is not None
        and ".." not in name
        and _ADDRESS.fullmatch(name) is None
        and not name.startswith(_RESERVED_STARTS)
        and not name.endswith(_RESERVED_ENDS)
    )


def check_bucket_name(name: str) -> None:
    """Raise `InvalidBucketName` unless a bucket can be created with this name."""
    if not valid_bucket_name(name):
        raise InvalidBucketName(BucketName=name)


def key_bytes(key: str) -> bytes:
    """The key as it is stored and ordered: UTF-8.

    Raises `KeyTooLongError` above 1,024 bytes, `InvalidArgument` for an empty key, `InvalidURI` for text that is not UTF-8.
    """
    if not key:
        raise InvalidArgument("The key must not be empty.", ArgumentName="key", ArgumentValue="")
    try:
        raw = key.encode()
    except UnicodeEncodeError:
        raise InvalidURI() from None
    if len(raw) > MAX_KEY_BYTES:
        raise KeyTooLongError(Size=len(raw), MaxSizeAllowed=MAX_KEY_BYTES)
    return raw


def bucket_region(endpoint_region: str, constraint: str | None) -> str:
    """The Region of a bucket that is created at the endpoint of `endpoint_region` with this `LocationConstraint`.

    Only the us-east-1 endpoint makes buckets elsewhere. Raises `InvalidLocationConstraint`, `IllegalLocationConstraintException`.
    """
    if constraint == "EU":
        constraint = "eu-west-1"
    if endpoint_region == "us-east-1":
        if constraint is None:
            return "us-east-1"
        if constraint == "us-east-1" or not _REGION.fullmatch(constraint):
            raise InvalidLocationConstraint(LocationConstraint=constraint)
        return constraint
    if constraint is None:
        raise IllegalLocationConstraintException()
    if constraint != endpoint_region:
        raise IllegalLocationConstraintException(
            f"The {constraint} location constraint is incompatible for the region specific endpoint this request was sent to."
        )
    return constraint


def bucket_arn(bucket: str) -> str:
    """`arn:aws:s3:::<bucket>`."""
    return f"arn:aws:s3:::{bucket}"


def object_arn(bucket: str, key: str) -> str:
    """`arn:aws:s3:::<bucket>/<key>`."""
    return f"arn:aws:s3:::{bucket}/{key}"
