"""`MaxResults` and `NextToken`: how long lists are handed out in pages."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from typing import Any, TypeVar

from opentrail.api.call import Call
from opentrail.identity.entities import Page
from opentrail.identity.organizations.faults import InvalidInputException

DEFAULT_RESULTS = 20

T = TypeVar("T")


def window(call: Call) -> dict[str, Any]:
    """From where and how many (`after`, `limit`). Raises `InvalidInputException` for a token that this operation did not give out."""
    limit = int(call.parameters.get("MaxResults") or DEFAULT_RESULTS)
    return {"after": _after(call), "limit": limit}


def _after(call: Call) -> str | None:
    token = call.parameters.get("NextToken")
    if not token:
        return None
    try:
        operation, _, place = base64.b64decode(token.encode(), altchars=b"-_", validate=True).decode().partition(" ")
    except (binascii.Error, ValueError):
        operation = place = ""
    if operation != call.operation or not place:
        raise InvalidInputException(
            "You provided a value for NextToken that is not one from the response to a previous call.", Reason="INVALID_NEXT_TOKEN"
        )
    return place


def answer(call: Call, member: str, page: Page[T], shape: Callable[[T], Any], place: Callable[[T], str]) -> dict[str, Any]:
    """A page as the result of a List operation; `place` is where the next page goes on."""
    result: dict[str, Any] = {member: [shape(item) for item in page.items]}
    if page.more:
        result["NextToken"] = base64.urlsafe_b64encode(f"{call.operation} {place(page.items[-1])}".encode()).decode()
    return result
