"""Times and zones as Trino reads and writes them, for functions that engines lack. Pure."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Final
from zoneinfo import ZoneInfo

_OFFSET: Final = re.compile(r"([+-])(\d{2}):?(\d{2})")
_ISO: Final = re.compile(
    r"(\d{4})(?:-(\d\d)(?:-(\d\d))?)?(?:T(?:(\d\d)(?::(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?)?)?(Z|[+-]\d\d(?::?\d\d)?)?)?", re.IGNORECASE
)
MYSQL: Final = {
    "a": "%a",
    "b": "%b",
    "d": "%d",
    "e": "%-d",
    "f": "%f",
    "H": "%H",
    "h": "%I",
    "I": "%I",
    "i": "%M",
    "j": "%j",
    "k": "%-H",
    "l": "%-I",
    "M": "%B",
    "m": "%m",
    "c": "%-m",
    "p": "%p",
    "r": "%I:%M:%S %p",
    "S": "%S",
    "s": "%S",
    "T": "%H:%M:%S",
    "v": "%V",
    "W": "%A",
    "Y": "%Y",
    "y": "%y",
    "%": "%%",
}
"""A letter of MySQL's time formats (`date_format`, `date_parse`) → that of C's strftime."""

_WEEKDAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS: Final = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)


def zone(name: str) -> str:
    """A zone's name as Trino prints it. Raises `ValueError` for what is no zone."""
    if name.upper() in ("UTC", "Z", "GMT", "+00:00", "-00:00", "ETC/UTC"):
        return "UTC"
    match = _OFFSET.fullmatch(name)
    if match is not None and int(match[2]) <= 14:
        return f"{match[1]}{match[2]}:{match[3]}"
    _info(name)
    return name


def _info(name: str) -> ZoneInfo:
    try:
        if re.fullmatch(r"[A-Za-z][\w+-]*(/[\w+-]+)*", name):
            return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        pass
    raise ValueError(f"'{name}' is not a valid time zone")


def _tz(name: str) -> ZoneInfo | timezone:
    match = _OFFSET.fullmatch(name)
    if match is None:
        return _info(name)
    minutes = int(match[2]) * 60 + int(match[3])
    return timezone(timedelta(minutes=minutes if match[1] == "+" else -minutes))


def instant(clock: datetime, name: str) -> datetime:
    """The UTC time at which a clock in the zone shows `clock`."""
    return clock.replace(tzinfo=_tz(zone(name))).astimezone(UTC).replace(tzinfo=None)


def clock(at: datetime, name: str) -> datetime:
    """What a clock in the zone shows at `at` (UTC)."""
    return at.replace(tzinfo=UTC).astimezone(_tz(name)).replace(tzinfo=None)


def offset(at: datetime, name: str) -> int:
    """Seconds that the zone is ahead of UTC at `at` (UTC)."""
    return int((clock(at, name) - at).total_seconds())


def iso_instant(text: str) -> datetime:
    """The UTC time that an ISO 8601 text names; UTC where it has no offset. Raises `ValueError`."""
    match = _ISO.fullmatch(text)
    if match is None:
        raise ValueError(f'Invalid format: "{text}"')
    year, month, day = int(match[1]), int(match[2] or 1), int(match[3] or 1)
    microsecond = int((match[7] or "0")[:6].ljust(6, "0"))
    at = datetime(year, month, day, int(match[4] or 0), int(match[5] or 0), int(match[6] or 0), microsecond // 1000 * 1000)
    return instant(at, iso_zone(text))


def iso_zone(text: str) -> str:
    """The zone of an ISO 8601 text."""
    match = _ISO.fullmatch(text)
    found = (match[8] if match is not None else None) or "Z"
    return zone(found if len(found) != 3 else found + ":00")


def iso_date(text: str) -> date:
    """`2020-05-11`, `2020-132`, or the Monday-based week date `2020-W20-1`. Raises `ValueError`."""
    match = re.fullmatch(r"(\d{4})-?W(\d\d)(?:-?(\d))?", text)
    if match is not None:
        return date.fromisocalendar(int(match[1]), int(match[2]), int(match[3] or 1))
    match = re.fullmatch(r"(\d{4})-(\d{3})", text)
    if match is not None:
        return date(int(match[1]), 1, 1) + timedelta(days=int(match[2]) - 1)
    return date.fromisoformat(text)


def parse_zoned(text: str) -> tuple[datetime, str]:
    """`2020-01-01 10:00:00 Europe/Paris` → UTC time and zone. Raises `ValueError`."""
    match = re.fullmatch(r"\s*(\d{4})-(\d\d?)-(\d\d?)(?:[ T](\d\d?):(\d\d?)(?::(\d\d?)(?:\.(\d{1,6}))?)?)?\s*(\S+)?\s*", text)
    if match is None:
        raise ValueError(f"Value cannot be cast to timestamp: {text}")
    numbers = [int(part or 0) for part in match.groups()[:6]]
    name = zone(match[8] or "UTC")
    at = datetime(numbers[0], numbers[1], numbers[2], numbers[3], numbers[4], numbers[5], int((match[7] or "0").ljust(6, "0")))
    return instant(at, name), name


def joda(at: datetime, name: str, pattern: str) -> str:
    """`at` by a pattern of Joda-Time, as `format_datetime` takes it. Raises `ValueError` for letters that mean nothing."""
    return "".join(_piece(at, name, piece) for piece in _pieces(pattern))


def _pieces(pattern: str) -> list[str]:
    return [match[0] for match in re.finditer(r"'(?:[^']|'')*'|([A-Za-z])\1*|[^A-Za-z']+", pattern)]


def _piece(at: datetime, name: str, piece: str) -> str:
    letter, width = piece[0], len(piece)
    if letter == "'":
        return "'" if piece == "''" else piece[1:-1].replace("''", "'")
    if not letter.isalpha():
        return piece
    match letter:
        case "y" | "Y":
            return f"{at.year % 100:02d}" if width == 2 else str(at.year).zfill(width)
        case "x":
            return str(at.isocalendar().year).zfill(width)
        case "M":
            month = _MONTHS[at.month - 1]
            return month if width > 3 else month[:3] if width == 3 else str(at.month).zfill(width)
        case "E":
            day = _WEEKDAYS[at.weekday()]
            return day if width > 3 else day[:3]
        case "a":
            return "AM" if at.hour < 12 else "PM"
        case "S":
            return f"{at.microsecond:06d}".ljust(width, "0")[:width]
        case "Z":
            seconds = offset(instant(at, name), name)
            sign, minutes = "-" if seconds < 0 else "+", abs(seconds) // 60
            return name if width > 2 else f"{sign}{minutes // 60:02d}{':' if width == 2 else ''}{minutes % 60:02d}"
        case "z":
            return name if width > 3 else at.replace(tzinfo=_tz(name)).tzname() or name
    numbers = {
        "d": at.day,
        "D": at.timetuple().tm_yday,
        "H": at.hour,
        "h": at.hour % 12 or 12,
        "K": at.hour % 12,
        "k": at.hour or 24,
        "m": at.minute,
        "s": at.second,
        "e": at.isoweekday(),
        "w": at.isocalendar().week,
    }
    if letter not in numbers:
        raise ValueError(f"Illegal pattern component: {piece}")
    return str(numbers[letter]).zfill(width)


def joda_parse(text: str, pattern: str) -> datetime:
    """The UTC time of `text` by a pattern of Joda-Time. Raises `ValueError`."""
    names: list[str] = []
    written = ""
    for piece in _pieces(pattern):
        letter, width = piece[0], len(piece)
        if letter == "'":
            written += re.escape("'" if piece == "''" else piece[1:-1])
        elif not letter.isalpha():
            written += re.escape(piece)
        elif letter in "yYMdHhms":
            names.append(letter)
            text_month = letter == "M" and width >= 3
            written += r"([A-Za-z]+)" if text_month else r"(\d{4})" if letter in "yY" and width != 2 else r"(\d{1,2})"
        elif letter in "SaZz":
            names.append(letter)
            written += {"S": r"(\d{1,9})", "a": r"([AaPp][Mm])", "Z": r"(Z|[+-]\d\d:?\d\d|[A-Za-z/_]+)", "z": r"([A-Za-z/_]+)"}[letter]
        else:
            raise ValueError(f"Illegal pattern component: {piece}")
    match = re.fullmatch(written, text)
    if match is None:
        raise ValueError(f'Invalid format: "{text}"')
    found = dict(zip(names, match.groups(), strict=True))
    year = int(found.get("y") or found.get("Y") or 1970)
    month_text = found.get("M", "1")
    month = int(month_text) if month_text.isdigit() else [name[:3].lower() for name in _MONTHS].index(month_text[:3].lower()) + 1
    hour = int(found.get("H") or int(found.get("h") or 0) % 12 + (12 if (found.get("a") or "am").lower() == "pm" else 0))
    fraction = int((found.get("S") or "0").ljust(6, "0")[:6])
    at = datetime(year, month, int(found.get("d") or 1), hour, int(found.get("m") or 0), int(found.get("s") or 0), fraction)
    return instant(at, found.get("Z") or found.get("z") or "UTC")
