"""What requests say: which bus, which page; and how times are told."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

from opentrail.api.call import Call
from opentrail.rules.names import BusName
from opentrail.rules.put_events import bus_named
from opentrail.wire.faults import ValidationException

T = TypeVar("T")

PAGE: Final = 100
"""Items of a page, when the client asks for no fewer."""


def bus_of(call: Call, member: str = "EventBusName") -> BusName:
    """The bus that a call is about. Raises `ValidationException` for one of another Region."""
    found = bus_named(call.parameters.get(member), account_id=call.account_id, region=call.region)
    if found.region != call.region:
        raise ValidationException(f"Parameter {member} is not valid. Reason: The event bus is in {found.region}; call EventBridge there.")
    return found


def limit(call: Call) -> int:
    """Items to read: one more than are shown tells whether there are more."""
    return int(call.parameters.get("Limit") or PAGE) + 1


def after(call: Call) -> str:
    """Items with names above this one are asked for. Raises `ValidationException`."""
    token = call.parameters.get("NextToken")
    if not token:
        return ""
    try:
        return base64.b64decode(token.encode(), altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        raise ValidationException("Parameter NextToken is not valid. Reason: It is not one that this operation has given out.") from None


def page(call: Call, member: str, items: Sequence[T], shape: Callable[[T], Any], name: Callable[[T], str]) -> dict[str, Any]:
    """`items`, `limit` of them at the most, as the result of a List operation."""
    size = limit(call) - 1
    shown = items[:size]
    result: dict[str, Any] = {member: [shape(item) for item in shown]}
    if len(items) > size:
        result["NextToken"] = base64.urlsafe_b64encode(name(shown[-1]).encode()).decode()
    return result


def moment(seconds: float | None) -> datetime | None:
    """Seconds since 1970 as the API tells times; `None` for 0, which is no time."""
    return datetime.fromtimestamp(seconds, UTC) if seconds else None


def without_nothing(members: dict[str, Any]) -> dict[str, Any]:
    """The members that have a value."""
    return {name: value for name, value in members.items() if value is not None}
