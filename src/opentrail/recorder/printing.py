"""How CloudTrail prints instants and XML text."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import orjson

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_WHOLE = re.compile(r"-?(?:0|[1-9]\d{0,18})")
_FRACTION = re.compile(r"-?(?:0|[1-9]\d{0,14})\.\d{1,15}")


def instant(value: Any) -> datetime | None:
    """`value` as an aware UTC datetime: a datetime (naive ones are UTC) or epoch seconds; `None` for anything else."""
    if isinstance(value, datetime):
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    if isinstance(value, int | float) and not isinstance(value, bool):
        try:
            return datetime.fromtimestamp(value, UTC)
        except (ValueError, OverflowError, OSError):
            return None
    return None


def us_style(value: Any) -> Any:
    """`Jul 10, 2023, 12:19:33 PM`: how most services print instants; what is no instant stays as it is."""
    at = instant(value)
    if at is None:
        return value
    half = "PM" if at.hour >= 12 else "AM"
    return f"{_MONTHS[at.month - 1]} {at.day}, {at.year}, {at.hour % 12 or 12}:{at.minute:02}:{at.second:02} {half}"


def iso_style(value: Any) -> Any:
    """`2023-07-10T12:27:13.431264Z`: services whose wire format is ISO 8601 in JSON."""
    at = instant(value)
    return value if at is None else at.replace(tzinfo=None).isoformat() + "Z"


def epoch_style(value: Any) -> Any:
    """`1.688560107857E9`, the way of Java's doubles: services that print the wire's JSON."""
    at = instant(value)
    if at is None:
        return value
    seconds = at.timestamp()
    if seconds.is_integer():
        return int(seconds)
    digits = f"{abs(seconds):.6f}".rstrip("0")
    whole, _, fraction = digits.partition(".")
    if len(whole) < 8:
        return seconds
    return orjson.Fragment(f"{'-' if seconds < 0 else ''}{whole[0]}.{whole[1:]}{fraction}E{len(whole) - 1}")


def milliseconds(value: Any) -> Any:
    """`1688991025000`: EC2."""
    at = instant(value)
    return value if at is None else round(at.timestamp() * 1000)


def xml_instant(value: Any) -> Any:
    """`2023-07-10T11:55:14.000Z`: instants inside XML."""
    at = instant(value)
    return value if at is None else at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03}Z"


def from_xml(text: Any) -> Any:
    """A value as it comes out of XML turned into JSON: text that looks like a truth value or a number becomes one."""
    if not isinstance(text, str):
        return text
    if text == "true":
        return True
    if text == "false":
        return False
    if text[:1].isdigit() or text[:1] == "-":
        if _WHOLE.fullmatch(text) and -(1 << 63) <= int(text) < 1 << 63:
            return int(text)
        if _FRACTION.fullmatch(text) and repr(float(text)) == text:
            return float(text)
    return text


Writer = Callable[[Any], Any]
"""Turns a parsed value into the value to print."""
