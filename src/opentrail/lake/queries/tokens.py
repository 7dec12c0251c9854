"""Next-page tokens: where a listing stopped, sealed together with the question that it belongs to. Pure.

A token gives no access to anything: who asks, and for what, comes from the request each time.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from typing import Final

from opentrail.lake.faults import InvalidNextTokenException

_SEAL: Final = 16
"""Bytes of the seal."""


def seal(place: str, question: str, secret: bytes) -> str:
    """The token for `place` in the listing that answers `question`."""
    body = place.encode()
    return base64.urlsafe_b64encode(_mac(body, question, secret) + body).decode()


def unseal(token: str, question: str, secret: bytes) -> str:
    """The place in `token`. Raises `InvalidNextTokenException` when it was not sealed for `question` with `secret`."""
    try:
        raw = base64.urlsafe_b64decode(token.encode())
    except (binascii.Error, ValueError):
        raise InvalidNextTokenException from None
    mac, body = raw[:_SEAL], raw[_SEAL:]
    if not hmac.compare_digest(mac, _mac(body, question, secret)):
        raise InvalidNextTokenException
    return body.decode()


def _mac(body: bytes, question: str, secret: bytes) -> bytes:
    return hmac.digest(secret, b"query" + hashlib.sha256(question.encode()).digest() + body, "sha256")[:_SEAL]
