"""Events from outside AWS (`eventCategory` `ActivityAuditLog`): the `eventData` that an application sends, as a table, and its check.

The one home of the schema's limits: the door refuses by them, and a client cuts by them before it sends. Source: "CloudTrail Lake
integrations event schema" of the user guide (`spec/lake.md` §3.1). Pure, and of the standard library only, so that it can be used inside
other people's programs.
"""

from __future__ import annotations

import calendar
import hashlib
import ipaddress
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from operator import itemgetter
from typing import Any, Final, Literal

CATEGORY: Final = "ActivityAuditLog"
TYPE: Final = "ActivityLog"

DEFAULT_CHANNEL: Final = "00000000-0000-4000-8000-000000000001"
"""Id of the channel that each account has in each Region without having made one."""

MAX_EVENTS: Final = 100
"""Events of one PutAuditEvents."""
MAX_REQUEST: Final = 1 << 20
"""Bytes of the body of one PutAuditEvents."""
MAX_EVENT: Final = 256 << 10
"""Bytes of one `eventData`."""
DEEPEST: Final = 50
"""Levels of objects and arrays within an `eventData`; deeper ones could not be written down again."""
ID: Final = re.compile(r"[-_A-Za-z0-9]{1,128}")
"""What identifies an event within its request, and in the answer."""

Kind = Literal["text", "object", "time", "address"]


@dataclass(frozen=True, slots=True)
class Field:
    """One field of `eventData`: its dotted name, what it holds, its limit (characters of a text, bytes of an object's JSON)."""

    name: str
    kind: Kind
    limit: int = 0
    required: bool = False


FIELDS: Final = (
    Field("version", "text", 256, True),
    Field("userIdentity", "object", 0, True),
    Field("userIdentity.type", "text", 128, True),
    Field("userIdentity.principalId", "text", 1024, True),
    Field("userIdentity.details", "object"),
    Field("userAgent", "text", 1024),
    Field("eventSource", "text", 1024, True),
    Field("eventName", "text", 1024, True),
    Field("eventTime", "time", 0, True),
    Field("UID", "text", 1024, True),
    Field("requestParameters", "object", 100 * 1024),
    Field("responseElements", "object", 100 * 1024),
    Field("errorCode", "text", 256),
    Field("errorMessage", "text", 256),
    Field("sourceIPAddress", "address"),
    Field("recipientAccountId", "text", 0, True),
    Field("additionalEventData", "object", 28 * 1024),
)

LIMITS: Final[Mapping[str, int]] = {field.name: field.limit for field in FIELDS if field.limit}
"""Limit by field, for those that have one."""

_TIME = re.compile(r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)", re.ASCII)
_REST = re.compile(r"(?:\.\d{1,9})?Z?", re.ASCII)


_OF_AWS = re.compile(r"[a-z0-9-]+\.amazonaws\.com(?:\.cn)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Problem:
    """Why an event is not taken: PutAuditEvents' code for it, and what to change."""

    code: str
    message: str


def problem(data: Any) -> Problem | None:
    """The first thing that is wrong with `data`, a parsed `eventData`; `None` when it fits the schema.

    Fields that the schema does not know are let through: readers ignore them, and nothing that was said is lost.
    """
    if not isinstance(data, dict):
        return Problem("InvalidData", "eventData must be the JSON text of one object.")
    return next(_problems(data), None)


_needed: Final = itemgetter("version", "userIdentity", "eventSource", "eventName", "eventTime", "UID", "recipientAccountId")
_VERSION, _SOURCE, _NAME, _UID = (LIMITS[name] for name in ("version", "eventSource", "eventName", "UID"))
_AGENT, _CODE, _MESSAGE = (LIMITS[name] for name in ("userAgent", "errorCode", "errorMessage"))
_TYPE, _PRINCIPAL = LIMITS["userIdentity.type"], LIMITS["userIdentity.principalId"]
SMALL: Final = 4 << 10
"""Bytes of an `eventData` in which no object can be too large, however its numbers are written."""


def surely_fits(data: Any) -> str | None:
    """The `normal_time` of an `eventData` of at most `SMALL` bytes with at most `DEEPEST` objects and arrays, when `problem` would find
    nothing wrong with it.

    `None` says nothing: ask `problem`. A tenth of its time, for the many events that are small and well.
    """
    if type(data) is not dict:
        return None
    try:
        version, who, source, name, time, uid, account = _needed(data)
        kind, principal = who["type"], who["principalId"]
    except (KeyError, TypeError):
        return None
    if not (
        type(who) is dict
        and type(version) is type(source) is type(name) is type(time) is type(uid) is type(account) is type(kind) is type(principal) is str
        and 0 < len(version) <= _VERSION
        and 0 < len(source) <= _SOURCE
        and 0 < len(name) <= _NAME
        and 0 < len(uid) <= _UID
        and 0 < len(kind) <= _TYPE
        and 0 < len(principal) <= _PRINCIPAL
        and account
    ):
        return None
    get = data.get
    agent, code, message, address = get("userAgent"), get("errorCode"), get("errorMessage"), get("sourceIPAddress")
    asked, answered, more, details = get("requestParameters"), get("responseElements"), get("additionalEventData"), who.get("details")
    if (
        (agent is None or (type(agent) is str and len(agent) <= _AGENT))
        and (code is None or (type(code) is str and len(code) <= _CODE))
        and (message is None or (type(message) is str and len(message) <= _MESSAGE))
        and (address is None or (type(address) is str and is_address(address)))
        and (asked is None or type(asked) is dict)
        and (answered is None or type(answered) is dict)
        and (more is None or type(more) is dict)
        and (details is None or type(details) is dict)
    ):
        return normal_time(time)
    return None


def normal_time(text: str) -> str | None:
    """`eventTime` as records print it (`2026-01-05T10:11:12Z`); `None` when it is no time of that form since 1970, in UTC."""
    rest = text[19:]
    return _second(text[:19]) if rest == "Z" or _REST.fullmatch(rest) is not None else None


@lru_cache(maxsize=4096)
def _second(text: str) -> str | None:
    """`normal_time` of a time without a fraction: many events have the same."""
    match = _TIME.fullmatch(text)
    if match is None:
        return None
    year, month, day, hour, minute, second = map(int, match.groups())
    if not (year >= 1970 and 1 <= month <= 12 and 1 <= day <= calendar.monthrange(year, month)[1]):
        return None
    if hour > 23 or minute > 59 or second > 59:
        return None
    return text + "Z"


def _problems(data: Mapping[str, Any]) -> Iterator[Problem]:
    for field in FIELDS:
        value: Any = data
        for part in field.name.split("."):
            value = value.get(part) if isinstance(value, dict) else None
        if value is None:
            if field.required:
                yield Problem("FieldNotFound", f"The required field {field.name} is missing.")
            continue
        found = _unfit(field, value)
        if found is not None:
            yield found
    if too_deep(data, DEEPEST):
        yield Problem("InvalidData", f"eventData is nested deeper than {DEEPEST} levels.")


def _unfit(field: Field, value: Any) -> Problem | None:
    if field.kind == "object":
        if not isinstance(value, dict):
            return Problem("InvalidData", f"{field.name} must be a JSON object.")
        return _too_long(field, size(value)) if field.limit else None
    if not isinstance(value, str):
        return Problem("InvalidData", f"{field.name} must be a string.")
    if field.required and not value:
        return Problem("FieldNotFound", f"The required field {field.name} is empty.")
    if field.kind == "time" and normal_time(value) is None:
        return Problem("InvalidData", f"{field.name} must be a UTC time of the form yyyy-MM-DDTHH:mm:ss.")
    if field.kind == "address" and not is_address(value):
        return Problem("InvalidData", f"{field.name} must be an IPv4 or IPv6 address.")
    return _too_long(field, len(value)) if field.limit else None


def _too_long(field: Field, length: int) -> Problem | None:
    if length <= field.limit:
        return None
    unit = "bytes" if field.kind == "object" else "characters"
    return Problem("FieldTooLong", f"{field.name} has {length} {unit}; at most {field.limit} are taken.")


@lru_cache(maxsize=4096)
def is_of_aws(source: str) -> bool:
    """Whether `source` is the name of an AWS service (`s3.amazonaws.com`), which an event from outside AWS cannot come from."""
    return _OF_AWS.fullmatch(source) is not None


def deed(channel_arn: str, uid: str) -> int:
    """A number of 128 bits for what the source calls `uid`, in one channel: events that tell of the same deed have the same."""
    begun = _deeds(channel_arn).copy()
    begun.update(uid.encode("utf-8", "surrogatepass"))
    return int.from_bytes(begun.digest(), "big")


@lru_cache(maxsize=1024)
def _deeds(channel_arn: str) -> hashlib.blake2b:
    """The digest of what every deed of a channel begins with."""
    return hashlib.blake2b(f"{channel_arn}\n".encode("utf-8", "surrogatepass"), digest_size=16)


def size(value: Any) -> int:
    """Bytes of `value` as compact JSON."""
    return len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace"))


@lru_cache(maxsize=4096)
def is_address(text: str) -> bool:
    """Whether `text` is an IPv4 or IPv6 address."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def too_deep(value: Any, left: int) -> bool:
    """Whether `value` has more than `left` levels of objects and arrays."""
    if not isinstance(value, dict | list):
        return False
    if left == 0:
        return True
    return any(too_deep(item, left - 1) for item in (value.values() if isinstance(value, dict) else value))
