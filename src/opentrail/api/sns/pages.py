"""Lists in pages of a hundred: `NextToken` is the name of the last item of the page before."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

from opentrail.api.call import Call
from opentrail.messaging.topics.faults import invalid

T = TypeVar("T")

PAGE: Final = 100
READ: Final = PAGE + 1
"""Items to read: one more than are shown tells whether there are more."""


def after(call: Call) -> str:
    """Items with names above this one are asked for. Raises `InvalidParameter`."""
    token = call.parameters.get("NextToken")
    if not token:
        return ""
    try:
        return base64.b64decode(token.encode(), altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        raise invalid("NextToken Reason: it is not one that this operation has given out") from None


def answer(member: str, items: Sequence[T], shape: Callable[[T], Any], name: Callable[[T], str]) -> dict[str, Any]:
    """`items`, `READ` of them at the most, as the result of a List operation."""
    shown = items[:PAGE]
    result: dict[str, Any] = {member: [shape(item) for item in shown]}
    if len(items) > PAGE:
        result["NextToken"] = base64.urlsafe_b64encode(name(shown[-1]).encode()).decode()
    return result
