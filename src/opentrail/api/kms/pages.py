"""Lists in pages: `Limit`, `Marker`, `NextMarker`, `Truncated`. A marker is the name of the last item of the page before."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from opentrail.api.call import Call
from opentrail.kms.faults import InvalidMarkerException

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Asked:
    """Which page is asked for."""

    after: str
    """Items with names above this one; `""` for the first page."""
    limit: int

    @property
    def read(self) -> int:
        """Items to read: one more than are shown tells whether there are more."""
        return self.limit + 1


def asked(call: Call, *, default: int, most: int) -> Asked:
    """What `call` asks for; more than `most` items are not handed out at once. Raises `InvalidMarkerException`."""
    marker = call.parameters.get("Marker")
    return Asked("" if marker is None else _read(marker), min(call.parameters.get("Limit") or default, most))


def answer(member: str, items: Sequence[T], page: Asked, shape: Callable[[T], Any], name: Callable[[T], str]) -> dict[str, Any]:
    """`items`, which were read for `page`, as the result of a List operation."""
    shown, more = items[: page.limit], len(items) > page.limit
    result: dict[str, Any] = {member: [shape(item) for item in shown], "Truncated": more}
    if more:
        result["NextMarker"] = base64.urlsafe_b64encode(name(shown[-1]).encode()).decode()
    return result


def whole(member: str, items: Sequence[T], page: Asked, shape: Callable[[T], Any], name: Callable[[T], str]) -> dict[str, Any]:
    """The page of a list that is short enough to be had whole, in the order of its names."""
    return answer(member, [item for item in items if name(item) > page.after], page, shape, name)


def _read(marker: str) -> str:
    try:
        return base64.b64decode(marker.encode(), altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        raise InvalidMarkerException from None
