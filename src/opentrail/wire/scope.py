"""What a signature says of itself, and what is known once it has been checked: frozen values shared by both signature versions."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Literal

UNSIGNED_PAYLOAD = "UNSIGNED-PAYLOAD"
STREAMING_SIGNED = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
STREAMING_SIGNED_TRAILER = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
STREAMING_UNSIGNED_TRAILER = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
STREAMING = frozenset({STREAMING_SIGNED, STREAMING_SIGNED_TRAILER, STREAMING_UNSIGNED_TRAILER})
"""Values of `x-amz-content-sha256` whose body is framed as `aws-chunked`."""

MAX_SKEW = 900
"""Seconds that a signature's time may be away from ours, either way."""

_END_OF_TIME = 253_402_300_800 - 86400  # the last day of the year 9999
_BASIC = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})T([0-9]{2})([0-9]{2})([0-9]{2})Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Whose key signed, and for what: the credential scope. Nothing in it is trustworthy before `sigv4.verify` has passed."""

    access_key_id: str
    date: str
    """`YYYYMMDD`; `""` for S3's SigV2."""
    region: str
    """`""` for S3's SigV2, which signs for no Region."""
    signing_name: str
    """Service as spelled in the scope: `monitoring` for CloudWatch."""

    @property
    def text(self) -> str:
        """The scope as it is signed: `20260105/us-east-1/iam/aws4_request`."""
        return f"{self.date}/{self.region}/{self.signing_name}/aws4_request"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """A signature that holds, and what the reader of the body needs to go on checking."""

    scope: Scope
    timestamp: str
    """`YYYYMMDDTHHMMSSZ` as signed; `""` for SigV2."""
    payload: str
    """What was signed for the body: its SHA-256 in lower-case hex, or one of the constants above."""
    signature: str
    """Seed of the chunk signatures."""
    signing_key: bytes
    """Key of the chunk signatures; `b""` for SigV2. Secret."""
    signature_version: Literal["SigV4", "SigV2"] = "SigV4"
    authentication_method: Literal["AuthHeader", "QueryString"] = "AuthHeader"
    """Both as CloudTrail spells them in `additionalEventData` of S3 events."""

    def __repr__(self) -> str:
        return f"Verified(scope={self.scope!r}, timestamp={self.timestamp!r}, payload={self.payload!r})"


def basic_time(text: str) -> int | None:
    """Seconds since the epoch of `YYYYMMDDTHHMMSSZ`; `None` when it is no such time."""
    match = _BASIC.fullmatch(text)
    if match is None:
        return None
    year, month, day, hour, minute, second = map(int, match.groups())
    try:
        at = int(datetime(year, month, day, hour, minute, second, tzinfo=UTC).timestamp())
    except ValueError:
        return None
    return at if at >= 0 else None


def basic_text(at: float) -> str:
    """`at` (epoch seconds) as `YYYYMMDDTHHMMSSZ`."""
    return datetime.fromtimestamp(int(at), UTC).strftime("%Y%m%dT%H%M%SZ")


def http_time(text: str) -> int | None:
    """Seconds since the epoch of a `Date` header, in the form of RFC 7231 or in ISO 8601's basic form; `None` when it is neither."""
    at = basic_time(text)
    if at is not None:
        return at
    try:
        when = parsedate_to_datetime(text)
        at = int((when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp())
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return at if 0 <= at < _END_OF_TIME else None
