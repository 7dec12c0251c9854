"""AWS Signature Version 4: reading the credential scope, checking a signature, making one.

Pure: the secret, the session token and the time are passed in. What does not hold raises a `refusals.Refused`; the caller turns it into
the words of the service. S3's older SigV2 comes in through the same `scope_of` and `verify`.

    scope = scope_of(request)                   # whose key? nothing is proven yet
    verified = verify(request, secret=..., session_token=..., now=clock.time())

Rules: "AWS Signature Version 4 for API requests" (IAM user guide), "Authenticating Requests" (S3 API reference).
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache
from hashlib import sha256
from itertools import product

from opentrail.wire import canonical, sigv2
from opentrail.wire.checks import check_expiry, check_skew, check_token, joined_headers
from opentrail.wire.claims import ALGORITHM, QUERY_EXTRAS, QUERY_NAMES, Claim, fields, header_claim, parse_scope, query_claim
from opentrail.wire.http import Headers, Request
from opentrail.wire.refusals import (
    ContentMismatch,
    InvalidContentHash,
    MalformedAuthentication,
    MissingAuthentication,
    SignatureMismatch,
    UnsignedHeaders,
    WrongScope,
)
from opentrail.wire.scope import STREAMING, UNSIGNED_PAYLOAD, Scope, Verified, basic_text

__all__ = ["Scope", "Verified", "declared_payload", "scope_of", "sign", "signing_key", "verify"]

_HEX_DIGEST = re.compile(r"[0-9a-f]{64}")
_FREE = frozenset({"x-amz-content-sha256", "x-amz-date", "x-amz-security-token"})
"""`x-amz-` headers that may stay out of SignedHeaders: each takes part in the signature, or is compared, by itself."""
_AUTHENTICATION_HEADERS = frozenset({"authorization", "date", "x-amz-date", "x-amz-security-token", "x-amz-content-sha256"})
_SIGN_TOO = frozenset({"host", "content-type", "content-md5"})


def scope_of(request: Request) -> Scope | None:
    """Whom the request says it comes from, by its Authorization header or presigned query; `None` when it does not say, or not readably.

    S3's SigV2 has neither date nor Region: `Scope(date="", region="", signing_name="s3")`.
    """
    header = request.headers.get("authorization")
    if header is not None:
        return parse_scope(fields(header).get("Credential", "")) if header.startswith(ALGORITHM) else sigv2.header_scope(header)
    if "X-Amz-Credential=" in request.query:
        return parse_scope(next((value for name, value in canonical.parameters(request.query) if name == "X-Amz-Credential"), ""))
    return sigv2.query_scope(request)


def declared_payload(request: Request) -> str | None:
    """The `x-amz-content-sha256` header: with it a signature can be checked before the body has arrived."""
    return request.headers.get("x-amz-content-sha256")


def verify(
    request: Request,
    *,
    secret: str,
    session_token: str | None,
    now: float,
    streamed: bool = False,
    signing_names: Collection[str] | None = None,
    resource: str | None = None,
) -> Verified:
    """Check that the holder of `secret` signed this request, which must be the one that arrived, with its own Host and path.

    `session_token` is the one that belongs to the access key; `now` in seconds since the epoch. With `streamed` the body is not in
    `request.body` and `chunked.decoder` checks it as it arrives; it is signed by its `declared_payload`, or is empty.
    `signing_names`: the services that the signature may be for. `resource`: the path in path style, for SigV2 in virtual-host style.
    Raises a `Refused` for whatever is wrong, and nothing else whatever a client sends.
    """
    header = request.headers.get("authorization") or None
    presigned = "X-Amz-Signature=" in request.query or "X-Amz-Algorithm=" in request.query
    if presigned or "AWSAccessKeyId=" in request.query:
        old_query = sigv2.query_scope(request) is not None
        if (header is not None) + presigned + old_query > 1:
            raise MalformedAuthentication(
                "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string parameter or the "
                "Authorization header should be specified",
                both=True,
            )
        if old_query:
            _check_service("s3", signing_names)
            return sigv2.verify_query(request, secret=secret, session_token=session_token, now=now, resource=resource)
    if header is None and not presigned:
        raise MissingAuthentication
    if header is not None and sigv2.header_scope(header) is not None:
        _check_service("s3", signing_names)
        return sigv2.verify_header(request, secret=secret, session_token=session_token, now=now, resource=resource)

    headers = joined_headers(request)
    claim = header_claim(headers) if header is not None else query_claim(request, headers)
    scope = claim.scope
    _check_service(scope.signing_name, signing_names, query=header is None)
    if scope.date != claim.timestamp[:8]:
        raise WrongScope(
            f'Invalid credential date "{scope.date}". This date is not the same as X-Amz-Date: "{claim.timestamp[:8]}".',
            query=header is None,
        )
    if claim.expires is None:
        check_skew(claim.at, now)
    else:
        check_expiry(claim.at, claim.at + claim.expires, now)
    check_token(claim.token, session_token)
    _check_signed_headers(claim, headers)
    payload = _payload(request, claim, headers, streamed)
    key = signing_key(secret, scope.date, scope.region, scope.signing_name)
    _check_signature(request, claim, headers, payload, key)
    if not streamed and payload != UNSIGNED_PAYLOAD and payload not in STREAMING:
        computed = sha256(request.body).hexdigest()
        if computed != payload:
            raise ContentMismatch(declared=payload, computed=computed)
    return Verified(
        scope=scope,
        timestamp=claim.timestamp,
        payload=payload,
        signature=claim.signature,
        signing_key=key,
        authentication_method="AuthHeader" if header is not None else "QueryString",
    )


def sign(
    request: Request,
    *,
    access_key_id: str,
    secret_access_key: str,
    session_token: str | None = None,
    region: str,
    signing_name: str,
    now: float,
    payload: str | None = None,
) -> Request:
    """The request with a signature of these credentials in its headers, in place of whatever signature it carried.

    `payload` is what is signed for the body: its SHA-256 in hex or `UNSIGNED-PAYLOAD`; computed from `request.body` when not given.
    The query, and S3 paths, come back in canonical form, so that there is only one way to read them. There must be a Host header.
    """
    timestamp = basic_text(now)
    payload = payload or sha256(request.body).hexdigest()
    kept = [(name, value) for name, value in request.headers if name not in _AUTHENTICATION_HEADERS]
    kept.append(("x-amz-date", timestamp))
    if session_token is not None:
        kept.append(("x-amz-security-token", session_token))
    if signing_name in canonical.S3_SIGNING_NAMES or payload == UNSIGNED_PAYLOAD:
        kept.append(("x-amz-content-sha256", payload))
    path = canonical.paths(request.path, signing_name)[0]
    query = canonical.queries(_unsigned_query(request.query))[0]
    scope = Scope(access_key_id=access_key_id, date=timestamp[:8], region=region, signing_name=signing_name)
    headers = joined_headers(Request(method=request.method, path=path, headers=Headers(kept)))
    names = sorted(name for name in headers if name.startswith("x-amz-") or name in _SIGN_TOO)
    text = _string_to_sign(timestamp, scope, _canonical_request(request.method, path, query, headers, names, payload))
    signature = hmac.digest(signing_key(secret_access_key, scope.date, region, signing_name), canonical.octets(text), "sha256").hex()
    kept.append(
        ("authorization", f"{ALGORITHM} Credential={access_key_id}/{scope.text}, SignedHeaders={';'.join(names)}, Signature={signature}")
    )
    return Request(
        method=request.method,
        path=path if signing_name in canonical.S3_SIGNING_NAMES else request.path,
        query=query,
        headers=Headers(kept),
        body=request.body,
    )


@lru_cache(maxsize=4096)
def signing_key(secret: str, date: str, region: str, signing_name: str) -> bytes:
    """The key that signs for one day, Region and service."""
    key = f"AWS4{secret}".encode()
    for part in (date, region, signing_name, "aws4_request"):
        key = hmac.digest(key, canonical.octets(part), "sha256")
    return key


def _string_to_sign(timestamp: str, scope: Scope, canonical_request: str) -> str:
    return f"{ALGORITHM}\n{timestamp}\n{scope.text}\n{sha256(canonical.octets(canonical_request)).hexdigest()}"


def _canonical_request(method: str, path: str, query: str, headers: Mapping[str, str], names: Sequence[str], payload: str) -> str:
    lines = "".join([f"{name}:{canonical.header_value(headers.get(name, ''))}\n" for name in names])
    return f"{method}\n{path}\n{query}\n{lines}\n{';'.join(names)}\n{payload}"


def _check_service(signing_name: str, allowed: Collection[str] | None, *, query: bool = False) -> None:
    if allowed is not None and signing_name not in allowed:
        expected = " or ".join(f"'{name}'" for name in sorted(allowed))
        raise WrongScope(f"Credential should be scoped to correct service: {expected}.", query=query)


def _check_signed_headers(claim: Claim, headers: Mapping[str, str]) -> None:
    """Everything that AWS itself reads from `x-amz-` headers must be signed, or anyone on the way could change the call."""
    unsigned = [name for name in headers if name.startswith("x-amz-") and name not in claim.signed_headers and name not in _FREE]
    if unsigned:
        raise UnsignedHeaders(tuple(sorted(unsigned)))


def _payload(request: Request, claim: Claim, headers: Mapping[str, str], streamed: bool) -> str:
    """What was signed for the body."""
    declared = headers.get("x-amz-content-sha256")
    if claim.expires is not None and "x-amz-content-sha256" not in claim.signed_headers:
        declared = claim.content_sha256
        if declared is None and claim.scope.signing_name in canonical.S3_SIGNING_NAMES:
            return UNSIGNED_PAYLOAD
    if declared is None:
        if claim.scope.signing_name == "s3":
            raise InvalidContentHash(None)
        return sha256(b"" if streamed else request.body).hexdigest()
    if declared == UNSIGNED_PAYLOAD or declared in STREAMING:
        return declared
    if not _HEX_DIGEST.fullmatch(declared):
        raise InvalidContentHash(declared)
    return declared


def _check_signature(request: Request, claim: Claim, headers: Mapping[str, str], payload: str, key: bytes) -> None:
    signing_name = claim.scope.signing_name
    given = canonical.octets(claim.signature)
    text = ""
    forms = product(
        canonical.paths(request.path, signing_name),
        canonical.queries(request.query, leave_out="X-Amz-Signature" if claim.expires is not None else None),
    )
    for path, query in forms:
        made = _string_to_sign(
            claim.timestamp, claim.scope, _canonical_request(request.method, path, query, headers, claim.signed_headers, payload)
        )
        if hmac.compare_digest(hmac.digest(key, canonical.octets(made), "sha256").hex().encode(), given):
            return
        text = text or made
    raise SignatureMismatch(access_key_id=claim.scope.access_key_id, provided=claim.signature, string_to_sign=text)


def _unsigned_query(query: str) -> str:
    """`query` without the parameters of a presigned URL."""
    if "X-Amz-" not in query and "AWSAccessKeyId=" not in query:
        return query
    drop = {*QUERY_NAMES, *QUERY_EXTRAS, *((*sigv2.QUERY_NAMES, "x-amz-security-token") if "AWSAccessKeyId=" in query else ())}
    return "&".join(pair for pair in query.split("&") if pair.partition("=")[0] not in drop)
