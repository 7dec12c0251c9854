"""What an application says happened, and its `eventData`."""

from __future__ import annotations

import json
import math
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

from opentrail.clock import iso_seconds
from opentrail.events import activity

_LEVELS: Final = activity.DEEPEST - 5
_SMALLEST: Final = min(activity.LIMITS[name] for name in ("requestParameters", "responseElements", "additionalEventData"))
_ENCODE: Final = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=str).encode


@dataclass(frozen=True, slots=True, kw_only=True)
class Who:
    """Who did it."""

    principal_id: str
    """What identifies them in your application: a login name, a number, an e-mail address."""
    type: str = "User"
    """What they are: `User`, `Service`, `Anonymous`, … (any word of yours)."""
    details: Mapping[str, Any] = field(default_factory=dict)
    """More about them; must hold nothing secret."""


ANONYMOUS: Final = Who(principal_id="anonymous", type="Anonymous")


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEvent:
    """One event. Texts that are too long are cut, objects that are too large replaced by a note (`opentrail.events.activity`)."""

    name: str
    """What was done: `GET /orders/{id}`, `RefundOrder`."""
    who: Who
    resource: str | None = None
    """What it was done to: `/orders/17`. Recorded as `requestParameters.resource`."""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    """With which parameters: `requestParameters`."""
    response: Mapping[str, Any] = field(default_factory=dict)
    """What came of it: `responseElements`."""
    error_code: str | None = None
    """Why it failed; `None`: it did not."""
    error_message: str | None = None
    additional: Mapping[str, Any] = field(default_factory=dict)
    """Anything else: `additionalEventData`."""
    source_ip: str | None = None
    """Left out when it is no address."""
    user_agent: str | None = None
    time: float | None = None
    """When, epoch seconds; now, when not given."""
    source: str | None = None
    """Another `eventSource` than the client's."""
    uid: str = field(default_factory=lambda: str(uuid.uuid4()))
    """Its own id. The same event sent twice must have the same one: then it is recorded once."""


@dataclass(frozen=True, slots=True)
class Written:
    """An event on its way: its id and its `eventData` in JSON, but for `recipientAccountId`, which the sender finds out."""

    id: str
    text: bytes

    def complete(self, account_id: str) -> str:
        """The whole `eventData`; the same each time."""
        return f'{self.text[:-1].decode()},"recipientAccountId":{json.dumps(account_id)}}}'


def written(event: AuditEvent, *, source: str, version: str, now: float) -> Written:
    """`event` as it is sent. Raises `ValueError` for a `uid` that is none (1 to 128 letters, digits, hyphens, underscores)."""
    if not activity.ID.fullmatch(event.uid):
        raise ValueError(f"{event.uid!r} is no id of an event: use 1 to 128 letters, digits, hyphens and underscores.")
    who: dict[str, Any] = {
        "type": _cut("userIdentity.type", event.who.type) or "User",
        "principalId": _cut("userIdentity.principalId", event.who.principal_id) or ANONYMOUS.principal_id,
    }
    if event.who.details:
        who["details"] = event.who.details
    data: dict[str, Any] = {
        "version": _cut("version", version) or "1",
        "userIdentity": who,
        "eventSource": _cut("eventSource", event.source or source) or "unknown",
        "eventName": _cut("eventName", event.name) or "Unknown",
        "eventTime": _second(int(now if event.time is None else event.time)),
        "UID": event.uid,
    }
    if event.user_agent:
        data["userAgent"] = _cut("userAgent", event.user_agent)
    parameters: Mapping[str, Any] = event.parameters
    if event.resource is not None:
        parameters = {"resource": event.resource, **parameters}
    objects = {"requestParameters": parameters, "responseElements": event.response, "additionalEventData": event.additional}
    data |= {name: value for name, value in objects.items() if value}
    for name, text in (("errorCode", event.error_code), ("errorMessage", event.error_message)):
        if text:
            data[name] = _cut(name, text)
    if event.source_ip and activity.is_address(event.source_ip):
        data["sourceIPAddress"] = event.source_ip
    return Written(event.uid, _fitted(data))


@lru_cache(maxsize=64)
def _second(at: int) -> str:
    return iso_seconds(at)


def _cut(name: str, text: str) -> str:
    return text[: activity.LIMITS[name]]


def _fitted(data: dict[str, Any]) -> bytes:
    text = _json(data)
    if len(text) <= _SMALLEST:  # then no part can be too large
        return text
    for name in ("requestParameters", "responseElements", "additionalEventData"):
        if name in data and (size := len(_json(data[name]))) > activity.LIMITS[name]:
            data[name] = _omitted(name, size)
    text = _json(data)
    # The account is still to come, and quotes are escaped on the way: stay well below.
    if len(text) > activity.MAX_EVENT - 256 and "details" in data["userIdentity"]:
        data["userIdentity"]["details"] = _omitted("details", len(_json(data["userIdentity"]["details"])))
        text = _json(data)
    return text


def _omitted(name: str, size: int) -> dict[str, Any]:
    return {"reason": f"{name} too large", "omitted": True, "originalSize": size}


def _json(value: Any) -> bytes:
    try:
        return _ENCODE(value).encode()
    except (ValueError, TypeError, RecursionError):
        return _ENCODE(_plain(value, _LEVELS)).encode()


def _plain(value: Any, left: int) -> Any:
    """`value` rebuilt of what JSON can say; whatever else there is becomes text or nothing."""
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {_text(key): _plain(item, left - 1) for key, item in value.items()} if left else None
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item, left - 1) for item in value] if left else None
    return _text(value)


def _text(value: Any) -> str:
    return str(value).encode("utf-8", "replace").decode()
