"""The checks that both signature versions share: session token, clock, presigned expiry, doubled headers."""

from __future__ import annotations

import hmac

from opentrail.wire.canonical import octets
from opentrail.wire.http import Request
from opentrail.wire.refusals import ClockSkew, InvalidToken, MalformedAuthentication, RequestExpired
from opentrail.wire.scope import MAX_SKEW

_SINGLE = frozenset({"authorization", "host", "date", "x-amz-date", "x-amz-security-token", "x-amz-content-sha256", "content-length"})


def joined_headers(request: Request) -> dict[str, str]:
    """Every header by name, repeated ones joined by commas in the order received.

    Raises `MalformedAuthentication` when one comes twice that decides who is calling or what is signed.
    """
    headers: dict[str, str] = {}
    for name, value in request.headers:
        if name not in headers:
            headers[name] = value
        elif name in _SINGLE:
            raise MalformedAuthentication(f"Only one '{name}' header is allowed.", both=name == "authorization")
        else:
            headers[name] = f"{headers[name]},{value}"
    return headers


def check_token(given: str | None, expected: str | None) -> None:
    """The session token must be the one of the access key, and be absent when the key has none. Raises `InvalidToken`."""
    if given is None and expected is None:
        return
    if given is None or expected is None or not hmac.compare_digest(octets(given), octets(expected)):
        raise InvalidToken


def check_skew(signed: float, now: float, *, presigned: bool = False) -> None:
    """A time of signing (epoch seconds) must be within 15 minutes of `now`. Raises `ClockSkew`."""
    if abs(now - signed) > MAX_SKEW:
        raise ClockSkew(signed=signed, now=now, presigned=presigned)


def check_expiry(signed: float, expires: float, now: float) -> None:
    """A presigned URL holds from (15 minutes before) `signed` to `expires`, all epoch seconds. Raises `ClockSkew`, `RequestExpired`."""
    if signed - now > MAX_SKEW:
        raise ClockSkew(signed=signed, now=now, presigned=True)
    if now > expires:
        raise RequestExpired(expires=expires, now=now)
