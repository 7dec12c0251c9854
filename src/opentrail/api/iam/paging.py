"""Markers: how long lists are handed out in pages (`MaxItems`, `Marker`, `IsTruncated`)."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from opentrail.api.call import Call
from opentrail.identity.entities import Page
from opentrail.identity.faults import ValidationError

DEFAULT_ITEMS = 100

T = TypeVar("T")


def limit_of(call: Call) -> int:
    """How many items the caller wants at most."""
    return int(call.parameters.get("MaxItems") or DEFAULT_ITEMS)


def after(call: Call) -> str | None:
    """What the marker of the request stands for: the place after which to go on. Raises `ValidationError` for a marker that is not ours."""
    marker = call.parameters.get("Marker")
    if marker is None:
        return None
    try:
        return base64.b64decode(marker.encode(), altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        raise ValidationError(f"Invalid Marker: {marker}") from None


def answer(member: str, page: Page[T], shape: Callable[[T], Any], place: Callable[[T], str]) -> dict[str, Any]:
    """A page as the result of a List operation; `place` is what `after` will say when the caller comes back."""
    result: dict[str, Any] = {member: [shape(item) for item in page.items], "IsTruncated": page.more}
    if page.more:
        result["Marker"] = base64.urlsafe_b64encode(place(page.items[-1]).encode()).decode()
    return result


def paged(call: Call, member: str, items: Sequence[T], shape: Callable[[T], Any]) -> dict[str, Any]:
    """A page of a list that is short enough to be had whole; the marker is a position in it."""
    text = after(call)
    if text is not None and not text.isdecimal():
        raise ValidationError(f"Invalid Marker: {call.parameters['Marker']}")
    start = int(text) if text is not None else 0
    end = start + limit_of(call)
    page = Page(list(items[start:end]), end < len(items))
    return answer(member, page, shape, lambda _item: str(end))
