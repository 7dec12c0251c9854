"""S3's Signature Version 2: the `AWS AKID:signature` header, and presigned URLs with `AWSAccessKeyId`, `Signature` and `Expires`.

Old, but still what some tools and `boto3`'s default `generate_presigned_url` make. Rules: "Signing and authenticating REST requests"
(S3 user guide). A SigV2 signature covers neither the body nor query parameters that are no sub-resources.
"""

from __future__ import annotations

import hmac
from base64 import b64encode
from collections.abc import Mapping
from urllib.parse import unquote_to_bytes

from opentrail.wire import canonical
from opentrail.wire.checks import check_expiry, check_skew, check_token, joined_headers
from opentrail.wire.http import Request
from opentrail.wire.refusals import MalformedAuthentication, SignatureMismatch
from opentrail.wire.scope import UNSIGNED_PAYLOAD, Scope, Verified, http_time

SUBRESOURCES = frozenset(
    {
        "abac",
        "accelerate",
        "acl",
        "analytics",
        "annotation",
        "attributes",
        "cors",
        "defaultObjectAcl",
        "delete",
        "encryption",
        "intelligent-tiering",
        "inventory",
        "legal-hold",
        "lifecycle",
        "location",
        "logging",
        "metadataAnnotationTable",
        "metadataConfiguration",
        "metadataInventoryTable",
        "metadataJournalTable",
        "metadataTable",
        "metrics",
        "notification",
        "object-lock",
        "ownershipControls",
        "partNumber",
        "policy",
        "policyStatus",
        "publicAccessBlock",
        "renameObject",
        "replication",
        "requestPayment",
        "response-cache-control",
        "response-content-disposition",
        "response-content-encoding",
        "response-content-language",
        "response-content-type",
        "response-expires",
        "restore",
        "retention",
        "select",
        "select-type",
        "session",
        "storageClass",
        "tagging",
        "torrent",
        "uploadId",
        "uploads",
        "versionId",
        "versioning",
        "versions",
        "website",
    }
)
"""Query parameters that are signed: all that choose another operation or version, so that none can be added to a signed URL."""

QUERY_NAMES = ("AWSAccessKeyId", "Signature", "Expires")
_MAX_EXPIRES = 253_402_300_799


def header_scope(header: str) -> Scope | None:
    """Of an `AWS AKID:signature` Authorization header; `None` for any other."""
    if not header.startswith("AWS "):
        return None
    access_key_id, colon, _ = header[4:].strip().partition(":")
    return _scope(access_key_id) if colon and access_key_id else None


def query_scope(request: Request) -> Scope | None:
    """Of a URL presigned with SigV2; `None` for any other, such as the SigV2 of the query services."""
    if "AWSAccessKeyId=" not in request.query or "Signature=" not in request.query:
        return None
    found = dict(canonical.parameters(request.query))
    if not found.get("AWSAccessKeyId") or "Signature" not in found or "SignatureVersion" in found:
        return None
    return _scope(found["AWSAccessKeyId"])


def verify_header(request: Request, *, secret: str, session_token: str | None, now: float, resource: str | None) -> Verified:
    """Check an `AWS AKID:signature` header; arguments as of `sigv4.verify`. Raises a `Refused`."""
    headers = joined_headers(request)
    scope = header_scope(headers["authorization"])
    assert scope is not None
    signature = headers["authorization"].rpartition(":")[2].strip()
    sent_date = headers.get("x-amz-date", headers.get("date"))
    if sent_date is None:
        raise MalformedAuthentication("AWS authentication requires a valid Date or x-amz-date header")
    at = http_time(sent_date)
    if at is None:
        raise MalformedAuthentication("AWS authentication requires a valid Date or x-amz-date header")
    check_skew(at, now)
    check_token(headers.get("x-amz-security-token"), session_token)
    date = "" if "x-amz-date" in headers else sent_date
    _check(_string_to_sign(request, headers, date, resource), secret, signature, scope)
    return Verified(scope=scope, timestamp="", payload=UNSIGNED_PAYLOAD, signature=signature, signing_key=b"", signature_version="SigV2")


def verify_query(request: Request, *, secret: str, session_token: str | None, now: float, resource: str | None) -> Verified:
    """Check a presigned URL; arguments as of `sigv4.verify`. Raises a `Refused`."""
    headers = joined_headers(request)
    given: dict[str, str] = {}
    for name, value in canonical.parameters(request.query):
        lower = name.lower()
        if name in QUERY_NAMES:
            if name in given:
                raise MalformedAuthentication(f"Only one '{name}' query parameter is allowed.", query=True)
            given[name] = value
        elif lower.startswith("x-amz-") or lower in ("content-md5", "content-type"):
            headers.setdefault(lower, value)  # SDKs move what they would send as headers into the URL
    missing = [name for name in QUERY_NAMES if not given.get(name)]
    if missing:
        raise MalformedAuthentication(
            "Query-string authentication requires the Signature, Expires and AWSAccessKeyId parameters", query=True
        )
    expires = given["Expires"]
    if not (expires.isascii() and expires.isdecimal() and len(expires) < 13 and int(expires) <= _MAX_EXPIRES):
        raise MalformedAuthentication(f"Invalid date (should be seconds since epoch): {expires[:64]}", query=True)
    check_expiry(now, int(expires), now)
    check_token(headers.get("x-amz-security-token"), session_token)
    scope = _scope(given["AWSAccessKeyId"])
    _check(_string_to_sign(request, headers, expires, resource), secret, given["Signature"], scope)
    return Verified(
        scope=scope,
        timestamp="",
        payload=UNSIGNED_PAYLOAD,
        signature=given["Signature"],
        signing_key=b"",
        signature_version="SigV2",
        authentication_method="QueryString",
    )


def _scope(access_key_id: str) -> Scope:
    return Scope(access_key_id=access_key_id, date="", region="", signing_name="s3")


def _string_to_sign(request: Request, headers: Mapping[str, str], date: str, resource: str | None) -> str:
    amz = "".join(f"{name}:{headers[name]}\n" for name in sorted(headers) if name.startswith("x-amz-"))
    path = request.path if resource is None else resource
    return (
        f"{request.method}\n{headers.get('content-md5', '')}\n{headers.get('content-type', '')}\n{date}\n"
        f"{amz}{path}{_subresources(request.query)}"
    )


def _subresources(query: str) -> str:
    kept = []
    for pair in query.split("&"):
        sent, equals, value = pair.partition("=")
        name = _unquoted(sent)  # or `ac%6c` would choose another operation without being signed
        if name in SUBRESOURCES:
            kept.append((name, f"{name}={_unquoted(value)}" if equals else name))
    kept.sort(key=lambda item: item[0])
    return "?" + "&".join(text for _, text in kept) if kept else ""


def _unquoted(text: str) -> str:
    return unquote_to_bytes(canonical.octets(text)).decode("latin-1")


def _check(string_to_sign: str, secret: str, signature: str, scope: Scope) -> None:
    expected = b64encode(hmac.digest(secret.encode(), canonical.octets(string_to_sign), "sha1"))
    if not hmac.compare_digest(expected, canonical.octets(signature)):
        raise SignatureMismatch(access_key_id=scope.access_key_id, provided=signature, string_to_sign=string_to_sign)
