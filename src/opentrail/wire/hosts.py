"""What a Host header tells: the bucket of a virtual-hosted S3 request."""

from __future__ import annotations

import re
from collections.abc import Collection

_NOT_BUCKETS = ("s3-control", "s3-outposts", "s3-object-lambda", "s3-accesspoint", "s3-website")
_BUCKET = re.compile(r"[a-z0-9][a-z0-9._-]{0,254}", re.ASCII)


def host_name(host: str) -> str:
    """The name in a Host header, lower case, without its port."""
    name, colon, port = host.rpartition(":")
    return (name if colon and port.isdigit() else host).lower()


def bucket_of(host: str, own: Collection[str]) -> str | None:
    """The bucket named by a Host header, or None for path style.

    `bucket.s3.<anything>` and `bucket.s3-<region>.<anything>` name one, and so does `bucket.<own>` for each of the names this server goes
    by.
    """
    name = host_name(host)
    labels = name.split(".")
    bucket = None
    for index in range(1, len(labels)):
        label = labels[index]
        if label == "s3" or (label.startswith(("s3-", "s3express-")) and not label.startswith(_NOT_BUCKETS)):
            bucket = ".".join(labels[:index])
            break
    else:
        if labels[0] != "s3":
            bucket = next((name[: -len(suffix) - 1] for suffix in own if name.endswith("." + suffix)), None)
    return bucket if bucket and bucket != "s3" and _BUCKET.fullmatch(bucket) else None
