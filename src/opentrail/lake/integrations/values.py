"""What a source's values are: texts, times in several spellings, addresses. Pure; what is none of the kind gives `None`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from opentrail.clock import iso_seconds
from opentrail.events import activity

_FRACTION: Final = re.compile(r"\.(\d{6})\d+")
_LATEST: Final = 253_402_300_799
"""The last second of the year 9999."""


def text_of(value: Any) -> str | None:
    """A text, a number or a truth value as text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    return value if isinstance(value, str) and value else None


def _seconds(value: Any) -> str | None:
    if isinstance(value, str) and value.isdecimal() and len(value) < 16:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= _LATEST:
        return None
    return iso_seconds(value)


def _milliseconds(value: Any) -> str | None:
    if isinstance(value, str) and value.isdecimal() and len(value) < 16:
        value = int(value)
    return None if isinstance(value, bool) or not isinstance(value, int | float) else _seconds(value / 1000)


def _time(value: Any) -> str | None:
    if not isinstance(value, str):
        return None
    try:
        found = datetime.fromisoformat(_FRACTION.sub(r".\1", value))
    except ValueError:
        return None
    if found.tzinfo is None:
        found = found.replace(tzinfo=UTC)
    try:
        return _seconds(found.timestamp())
    except (OverflowError, ValueError):
        return None


def _address(value: Any) -> str | None:
    return value if isinstance(value, str) and activity.is_address(value) else None


KINDS: Final[Mapping[str, Callable[[Any], str | None]]] = {
    "text": text_of,
    "milliseconds": _milliseconds,
    "seconds": _seconds,
    "time": _time,
    "address": _address,
}
"""`time` is ISO 8601, in UTC where it tells no zone; the others are epoch."""
