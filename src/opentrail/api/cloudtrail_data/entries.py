"""One entry of `PutAuditEvents`: taken or refused. Pure."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final
from uuid import UUID

import msgspec

from opentrail.events import activity
from opentrail.events.activity import Problem

_EVENTS: Final = UUID("6f7065e1-7261-4c2d-8a65-76656e747300")
"""The namespace of our event ids; must never change, or events sent again would get other ids."""

_FREE: Final = ~(0xF << 76 | 3 << 62)
"""The bits of a UUID that do not say by which rules it was made …"""
_VERSION_5: Final = 5 << 76 | 2 << 62
"""… and those that say it."""

_parsed = msgspec.json.Decoder().decode


class Entry(msgspec.Struct, frozen=True, gc=False):
    """An event that can be recorded. A hundred are made for each request."""

    id: str
    """The client's, within this request."""
    event_id: str
    """Ours: the same for the same content in the same channel."""
    number: int
    """The same as a number."""
    event_time: str
    data: Mapping[str, Any]
    uid: int
    """Of the source's own event: the same for the same channel and `UID`."""


def event_id_of(channel_arn: str, raw: bytes) -> str:
    """The id of the event with this content in this channel: UUID 5, at a fifth of the time of `uuid5`."""
    return _spelled(_number(_named(channel_arn), raw))


def _number(named: bytes, raw: bytes) -> int:
    digest = hashlib.sha1(named + hashlib.sha256(raw).hexdigest().encode(), usedforsecurity=False).digest()
    return int.from_bytes(digest[:16], "big") & _FREE | _VERSION_5


def _spelled(number: int) -> str:
    text = f"{number:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


@lru_cache(maxsize=1024)
def _named(channel_arn: str) -> bytes:
    """What the name of every event of a channel begins with."""
    return _EVENTS.bytes + f"{channel_arn}\n".encode()


def octets(entry: Mapping[str, Any]) -> bytes:
    """The content of an entry as it was sent."""
    text: str = entry["eventData"]
    return text.encode("utf-8", "surrogatepass")


def read(entry: Mapping[str, Any], *, channel_arn: str, account_id: str, identity: bytes | None = None) -> Entry | Problem:
    """`entry` as botocore spells it (`id`, `eventData`, `eventDataChecksum`), or why it is refused; `account_id` owns the channel.
    `identity` is what the event is known by when it comes again: its content, where nothing else is given."""
    raw = octets(entry)
    checksum = entry.get("eventDataChecksum")
    if checksum is not None and not _matches(raw, checksum):
        return Problem("InvalidChecksum", "eventDataChecksum is not the base64 of the SHA-256 of eventData.")
    if len(raw) > activity.MAX_EVENT:
        return Problem("FieldTooLong", f"eventData has {len(raw)} bytes; at most {activity.MAX_EVENT} are taken.")
    try:
        data = _parsed(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return Problem("InvalidData", "eventData is not valid JSON.")
    event_time = None
    if len(raw) <= activity.SMALL and raw.count(b"{") + (raw.count(b"[") if b"[" in raw else 0) <= activity.DEEPEST:
        event_time = activity.surely_fits(data)
    if event_time is None:
        wrong = activity.problem(data)
        if wrong is not None:
            return wrong
        event_time = activity.normal_time(data["eventTime"])
        assert event_time is not None  # `problem` has looked
    if data["recipientAccountId"] != account_id:
        return Problem("InvalidRecipient", "recipientAccountId is not the account that owns the channel.")
    if activity.is_of_aws(data["eventSource"]):
        return Problem("InvalidEventSource", "eventSource names an AWS service; a channel takes events from outside AWS.")
    number = _number(_named(channel_arn), raw if identity is None else identity)
    return Entry(entry["id"], _spelled(number), number, event_time, data, activity.deed(channel_arn, data["UID"]))


def _matches(raw: bytes, checksum: str) -> bool:
    try:
        given = base64.b64decode(checksum, validate=True)
    except (binascii.Error, ValueError):
        return False
    return hmac.compare_digest(given, hashlib.sha256(raw).digest())
