"""The next-page token: where a listing stopped, bound to the question it belongs to.

A token holds the last event's key and the journal position at which the listing began, so that later pages are of the same set however
many events arrive in between. It gives no access to anything: account and Region come from the caller, never from the token. Its seal
covers every member of the request; made with a secret, nobody else can make one. Pure.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import struct
from dataclasses import dataclass
from typing import Final

VERSION: Final = 1
_PLACE: Final = struct.Struct(">Bqqq")
_SEAL: Final = 16
"""Bytes of the seal."""


class BadToken(ValueError):
    """The token was not made for this question."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a listing stopped."""

    time: int
    """Event time of the last event shown, epoch seconds."""
    position: int
    """Its journal position."""
    up_to: int
    """Journal position of the newest event that the listing may show."""


def seal(place: Place, question: bytes, secret: bytes) -> str:
    """The token for `place` in the listing that answers `question` (any bytes that stand for all of the request but the token)."""
    body = _PLACE.pack(VERSION, place.time, place.position, place.up_to)
    return base64.b64encode(body + _mac(body, question, secret)).decode()


def unseal(token: str, question: bytes, secret: bytes) -> Place:
    """The place in `token`. Raises `BadToken` when it was not sealed for `question` with `secret`."""
    try:
        raw = base64.b64decode(token, validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadToken("not base64") from error
    body, mac = raw[: _PLACE.size], raw[_PLACE.size :]
    if len(mac) != _SEAL or not hmac.compare_digest(mac, _mac(body, question, secret)):
        raise BadToken("the seal does not fit")
    version, time, position, up_to = _PLACE.unpack(body)
    if version != VERSION:
        raise BadToken("made by another version")
    return Place(time, position, up_to)


def _mac(body: bytes, question: bytes, secret: bytes) -> bytes:
    return hmac.digest(secret, body + hashlib.sha256(question).digest(), "sha256")[:_SEAL]
