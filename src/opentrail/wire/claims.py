"""A SigV4 signature as a request states it: read from the Authorization header or from a presigned query, complete, but unproven."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from opentrail.wire import canonical
from opentrail.wire.http import Request
from opentrail.wire.refusals import MalformedAuthentication, UnknownAlgorithm
from opentrail.wire.scope import Scope, basic_text, basic_time, http_time

ALGORITHM = "AWS4-HMAC-SHA256"
MAX_EXPIRES = 604_800
"""Longest life of a presigned URL, in seconds."""
QUERY_NAMES = ("X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Signature", "X-Amz-Date", "X-Amz-SignedHeaders", "X-Amz-Expires")
QUERY_EXTRAS = ("X-Amz-Security-Token", "X-Amz-Content-Sha256")

_DATE = re.compile(r"[0-9]{8}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A signature as the request states it, complete but unproven."""

    scope: Scope
    timestamp: str
    at: int
    signed_headers: Sequence[str]
    signature: str
    token: str | None
    expires: int | None = None
    """Seconds after `at`; `None` when signed in the Authorization header."""
    content_sha256: str | None = None
    """From the query of a presigned URL."""


def fields(header: str) -> dict[str, str]:
    """`Credential`, `SignedHeaders` and `Signature` of an Authorization header; empty when it is not made of such pairs."""
    found: dict[str, str] = {}
    for item in header[len(ALGORITHM) :].split(","):
        name, equals, value = item.strip().partition("=")
        if not equals or name in found:
            return {}
        found[name] = value
    return found


def parse_scope(credential: str) -> Scope | None:
    parts = credential.rsplit("/", 4)
    if len(parts) != 5 or not all(parts) or parts[4] != "aws4_request" or not _DATE.fullmatch(parts[1]):
        return None
    return Scope(access_key_id=parts[0], date=parts[1], region=parts[2], signing_name=parts[3])


def header_claim(headers: Mapping[str, str]) -> Claim:
    header = headers["authorization"]
    algorithm = header.split(" ", 1)[0]
    if algorithm != ALGORITHM:
        raise UnknownAlgorithm(f"Unsupported AWS 'algorithm': '{algorithm[:64]}'. Please use {ALGORITHM}.")
    found = fields(header)
    missing = [
        f"Authorization header requires '{name}' parameter." for name in ("Credential", "Signature", "SignedHeaders") if not found.get(name)
    ]
    sent_date = headers.get("x-amz-date", headers.get("date", ""))
    if not sent_date:
        missing.append("Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.")
    if missing:
        raise MalformedAuthentication(" ".join(missing))
    scope = parse_scope(found["Credential"])
    if scope is None:
        raise MalformedAuthentication(
            "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/aws4_request."
        )
    at = basic_time(sent_date) if "x-amz-date" in headers else http_time(sent_date)
    if at is None:
        raise MalformedAuthentication("Date must be in ISO-8601 'basic format', YYYYMMDD'T'HHMMSS'Z'.")
    return Claim(
        scope=scope,
        timestamp=basic_text(at),
        at=at,
        signed_headers=_signed_headers(found["SignedHeaders"]),
        signature=found["Signature"],
        token=headers.get("x-amz-security-token"),
    )


def query_claim(request: Request, headers: Mapping[str, str]) -> Claim:
    given: dict[str, str] = {}
    for name, value in canonical.parameters(request.query):
        if name in QUERY_NAMES or name in QUERY_EXTRAS:
            if name in given:
                raise MalformedAuthentication(f"Only one '{name}' query parameter is allowed.", query=True)
            given[name] = value
    s3 = "/s3/aws4_request" in given.get("X-Amz-Credential", "")
    if not s3:  # services other than S3 give a URL without X-Amz-Expires the life of a header
        given.setdefault("X-Amz-Expires", "900")
    missing = [name for name in QUERY_NAMES if not given.get(name)]
    if missing:
        raise MalformedAuthentication(
            "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, X-Amz-Date, "
            f"X-Amz-SignedHeaders, and X-Amz-Expires parameters. Missing: {', '.join(missing)}.",
            query=True,
        )
    if given["X-Amz-Algorithm"] != ALGORITHM:
        raise UnknownAlgorithm(f'X-Amz-Algorithm only supports "{ALGORITHM}"', query=True)
    scope = parse_scope(given["X-Amz-Credential"])
    if scope is None:
        raise MalformedAuthentication(
            "Error parsing the X-Amz-Credential parameter; the Credential is mal-formed; "
            'expecting "<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request".',
            query=True,
        )
    at = basic_time(given["X-Amz-Date"])
    if at is None:
        raise MalformedAuthentication("X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\"", query=True)
    return Claim(
        scope=scope,
        timestamp=given["X-Amz-Date"],
        at=at,
        signed_headers=_signed_headers(given["X-Amz-SignedHeaders"], query=True),
        signature=given["X-Amz-Signature"],
        token=given.get("X-Amz-Security-Token", headers.get("x-amz-security-token")),
        expires=_expires(given["X-Amz-Expires"]),
        content_sha256=given.get("X-Amz-Content-Sha256"),
    )


def _expires(text: str) -> int:
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdecimal()):
        raise MalformedAuthentication("X-Amz-Expires should be a number", query=True)
    if len(digits) > 18:
        digits = "9" * 18
    seconds = int(digits)
    if text.startswith("-") or seconds == 0:
        raise MalformedAuthentication("X-Amz-Expires must be at least one second", query=True)
    if seconds > MAX_EXPIRES:
        raise MalformedAuthentication(f"X-Amz-Expires must be less than a week (in seconds) that is {MAX_EXPIRES}", query=True)
    return seconds


def _signed_headers(text: str, *, query: bool = False) -> Sequence[str]:
    names = text.lower().split(";")
    if "host" not in names and ":authority" not in names:
        raise MalformedAuthentication("'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.", query=query)
    return names
