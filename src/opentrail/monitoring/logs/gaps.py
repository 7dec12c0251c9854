"""Places between events, and the tokens that name them. Pure.

Events of a group lie in one order: by timestamp, then by arrival (position of the chunk, place in it). A gap is the place before an event
of that order, whether there is one or not, so a page ends in a gap and the next begins there, in either direction, whatever has come in
between.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from typing import Final, NamedTuple

import msgspec

from opentrail.monitoring.faults import InvalidParameterException

VALID: Final = 24 * 3600.0
"""Seconds after which a token expires (API reference, GetLogEvents and FilterLogEvents)."""
_EVENT = re.compile(r"(\d{15})(\d{20})(\d{21})")
_TOKEN = re.compile(r"([fb])/(\d{56})/([0-9a-f]{1,16})")


class Gap(NamedTuple):
    """The place before the event with this timestamp, chunk and number in the chunk."""

    timestamp: int
    position: int = 0
    number: int = 0

    def behind(self) -> Gap:
        """The place behind that event."""
        return self._replace(number=self.number + 1)


START: Final = Gap(0)
END: Final = Gap(10**15 - 1)


def event_id(gap: Gap) -> str:
    """56 digits, like those of AWS; their order is the order of the events."""
    return f"{gap.timestamp:015d}{gap.position:020d}{gap.number:021d}"


def directed_token(gap: Gap, *, forward: bool, now: float) -> str:
    """A token of GetLogEvents."""
    return f"{'f' if forward else 'b'}/{event_id(gap)}/{int(now):x}"


def read_directed(token: str, now: float) -> tuple[Gap, bool]:
    """Gap and whether the token leads forward. Raises `InvalidParameterException`."""
    found = _TOKEN.fullmatch(token)
    if found is None:
        raise InvalidParameterException("The specified nextToken is invalid.")
    _check_age(int(found[3], 16), now)
    return _gap(found[2]), found[1] == "f"


def asked_token(gap: Gap, question: object, now: float) -> str:
    """A token of FilterLogEvents, good for the same `question` only."""
    content = msgspec.msgpack.encode((event_id(gap), int(now), _digest(question)))
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def read_asked(token: str, question: object, now: float) -> Gap:
    """The gap. Raises `InvalidParameterException` for a token that is no token, has expired, or belongs to another question."""
    try:
        content = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        where, issued, digest = msgspec.msgpack.decode(content, type=tuple[str, int, bytes])
    except (msgspec.MsgspecError, binascii.Error, ValueError):
        raise InvalidParameterException("The specified nextToken is invalid.") from None
    if digest != _digest(question) or _EVENT.fullmatch(where) is None:
        raise InvalidParameterException("The specified nextToken is invalid.")
    _check_age(issued, now)
    return _gap(where)


def _gap(digits: str) -> Gap:
    found = _EVENT.fullmatch(digits)
    assert found is not None
    return Gap(int(found[1]), min(int(found[2]), 2**62), min(int(found[3]), 2**62))


def _digest(question: object) -> bytes:
    return hashlib.sha256(msgspec.msgpack.encode(question)).digest()[:12]


def _check_age(issued: int, now: float) -> None:
    if not -VALID <= now - issued <= VALID:
        raise InvalidParameterException("The specified nextToken has expired.")
