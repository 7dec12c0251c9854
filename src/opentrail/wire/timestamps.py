"""The three spellings of a time on the wire: `iso8601`, `rfc822` (HTTP dates) and `unixtimestamp` (epoch seconds)."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from opentrail.wire.malformed import Malformed

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MONTH_NUMBER = {name: number for number, name in enumerate(_MONTHS, 1)}
_HTTP_DATE = re.compile(
    r"(?:[A-Za-z]{3}, )?(\d{1,2}) ([A-Z][a-z]{2}) (\d{4}) (\d\d):(\d\d):(\d\d)(\.\d{1,9})? (GMT|UTC|Z|[+-]\d{4})", re.ASCII
)
_ISO_DATE = re.compile(r"\d{4}-\d\d-\d\d(?:[Tt ]\d\d:\d\d(?::\d\d(?:\.\d{1,12})?)?(?:[Zz]|[+-]\d\d:?\d\d)?)?", re.ASCII)
_EPOCH = re.compile(r"[+-]?[0-9]{1,17}(?:\.[0-9]{0,18})?(?:[eE][+-]?[0-9]{1,2})?", re.ASCII)


def from_epoch(seconds: float) -> datetime:
    """Epoch seconds, fractions to the microsecond."""
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        raise Malformed("NUMBER_VALUE can not be converted to a Timestamp") from None


def from_iso(text: str) -> datetime:
    """ISO 8601 with or without fraction and offset; without an offset it is UTC."""
    if _ISO_DATE.fullmatch(text) is None:
        raise Malformed("STRING_VALUE can not be converted to a Timestamp")
    try:
        moment = datetime.fromisoformat(text.upper())
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise Malformed("STRING_VALUE can not be converted to a Timestamp") from None


def from_http_date(text: str) -> datetime:
    """`Tue, 29 Apr 2014 18:30:38 GMT`, also with a fraction or a numeric offset."""
    matched = _HTTP_DATE.fullmatch(text)
    if matched is None or matched[2] not in _MONTH_NUMBER:
        raise Malformed("STRING_VALUE can not be converted to a Timestamp")
    day, month, year, hour, minute, second, fraction, zone = matched.groups()
    offset = UTC
    try:
        if zone[0] in "+-":
            minutes = int(zone[1:3]) * 60 + int(zone[3:5])
            offset = timezone(timedelta(minutes=minutes if zone[0] == "+" else -minutes))
        micros = int((fraction or ".0")[1:7].ljust(6, "0"))
        moment = datetime(int(year), _MONTH_NUMBER[month], int(day), int(hour), int(minute), int(second), micros, offset)
        return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise Malformed("STRING_VALUE can not be converted to a Timestamp") from None


def from_text(text: str, style: str) -> datetime:
    """A time written as text; the `style` that the model names goes first, then whichever of the others fits."""
    if style == "rfc822" and _HTTP_DATE.fullmatch(text) is not None:
        return from_http_date(text)
    if _ISO_DATE.fullmatch(text) is not None:
        return from_iso(text)
    if _EPOCH.fullmatch(text) is not None:
        return from_epoch(float(text))
    return from_http_date(text)


def as_datetime(value: Any) -> datetime:
    """What handlers may give as a time: a datetime (naive means UTC) or epoch seconds. Raises TypeError for anything else."""
    if isinstance(value, datetime):
        if value.tzinfo is UTC:
            return value
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        return datetime.fromtimestamp(value, UTC)
    raise TypeError(f"{value!r} is no time")


def to_epoch(value: Any) -> float:
    """Epoch seconds to the millisecond: a whole number where nothing is lost by it, as AWS's services print them."""
    moment = as_datetime(value)
    if moment.microsecond < 1000:
        return int(moment.replace(microsecond=0).timestamp())
    return round(moment.replace(microsecond=moment.microsecond // 1000 * 1000).timestamp(), 3)


def to_iso(value: Any) -> str:
    """`2013-04-18T05:01:58Z`; milliseconds are printed when there are any."""
    moment = as_datetime(value)
    text = moment.isoformat(timespec="milliseconds" if moment.microsecond >= 1000 else "seconds")
    return text[:-6] + "Z"


def to_iso_millis(value: Any) -> str:
    """`2013-04-18T05:01:58.000Z`: S3 and EC2 always print milliseconds."""
    return as_datetime(value).isoformat(timespec="milliseconds")[:-6] + "Z"


def to_http_date(value: Any) -> str:
    """`Tue, 29 Apr 2014 18:30:38 GMT`, whole seconds, in English whatever the locale."""
    at = as_datetime(value)
    return f"{_DAYS[at.weekday()]}, {at.day:02} {_MONTHS[at.month - 1]} {at.year:04} {at.hour:02}:{at.minute:02}:{at.second:02} GMT"


def text_writer(style: str, *, millis: bool = False) -> Callable[[Any], str]:
    """The writer of a time as text in `style`; `millis` makes ISO 8601 keep its milliseconds when they are zero."""
    if style == "rfc822":
        return to_http_date
    if style == "unixtimestamp":
        return lambda value: str(to_epoch(value))
    return to_iso_millis if millis else to_iso
