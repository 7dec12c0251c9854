"""Functions of Trino that engines lack, in Python: texts, numbers, URLs. Pure; arguments are never `None`.

What Trino refuses at run time raises `ValueError` with Trino's words.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
import zlib
from datetime import timedelta
from urllib.parse import parse_qsl, quote_plus, unquote_plus, urlsplit

LARGEST = 1_000_000
"""Characters that lpad, rpad and the like may make."""


def fail(message: str) -> str:
    """Raise `message`."""
    raise ValueError(message)


def java_number(text: str) -> str:
    """A floating-point number, written by an engine, as Java writes it: `1.0E7`."""
    plain = text.lower()
    if "inf" in plain:
        return "-Infinity" if plain.startswith("-") else "Infinity"
    if "nan" in plain:
        return "NaN"
    sign, plain = ("-", plain[1:]) if plain.startswith("-") else ("", plain.lstrip("+"))
    mantissa, _, exponent = plain.partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits = whole + fraction
    point = len(whole) + int(exponent or 0)
    stripped = digits.lstrip("0")
    point -= len(digits) - len(stripped)
    stripped = stripped.rstrip("0")
    if not stripped:
        return sign + "0.0"
    if -3 < point <= 7:
        if point <= 0:
            return f"{sign}0.{'0' * -point}{stripped}"
        return f"{sign}{stripped[:point].ljust(point, '0')}.{stripped[point:] or '0'}"
    return f"{sign}{stripped[0]}.{stripped[1:] or '0'}E{point - 1}"


def seconds_text(interval: timedelta) -> str:
    """`2 03:04:05.006`"""
    total = round(interval / timedelta(milliseconds=1))
    sign, total = ("-" if total < 0 else ""), abs(total)
    seconds, milliseconds = divmod(total, 1000)
    return f"{sign}{seconds // 86400} {seconds // 3600 % 24:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}.{milliseconds:03d}"


def binary_text(value: bytes) -> str:
    """`68 65 6c`"""
    return value.hex(" ")


def whole(text: str, kind: str) -> str:
    """`text`, which must be a whole number."""
    if not re.fullmatch(r"[+-]?\d+", text):
        raise ValueError(f"Cannot cast '{text}' to {kind.upper()}")
    return text


def padded(text: str, size: int, fill: str, left: bool) -> str:
    if not 0 <= size <= LARGEST:
        raise ValueError(f"Target length must be in the range [0..{LARGEST}]")
    if not fill:
        raise ValueError("Padding string must not be empty")
    if len(text) >= size:
        return text[:size]
    more = (fill * ((size - len(text)) // len(fill) + 1))[: size - len(text)]
    return more + text if left else text + more


def strpos(text: str, part: str, instance: int) -> int:
    """Where the nth `part` begins, from 1; from the end when `instance` is negative; 0 when there is none."""
    if instance == 0:
        raise ValueError("'instance' must be a positive or negative number.")
    at = -1 if instance > 0 else len(text) + 1
    for _ in range(abs(instance)):
        at = text.find(part, at + 1) if instance > 0 else text.rfind(part, 0, at + len(part) - 1 if at + len(part) - 1 > 0 else 0)
        if at < 0:
            return 0
    return at + 1


def split_limit(text: str, separator: str, limit: int) -> list[str]:
    if limit <= 0:
        raise ValueError("Limit must be positive")
    if not separator:
        raise ValueError("The delimiter may not be the empty string")
    return text.split(separator, limit - 1)


def split_part(text: str, separator: str, index: int) -> str | None:
    if index <= 0:
        raise ValueError("Index must be greater than zero")
    parts = text.split(separator) if separator else list(text)
    return parts[index - 1] if index <= len(parts) else None


def split_to_map(text: str, entries: str, pair: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for entry in text.split(entries) if text else []:
        key, sign, value = entry.partition(pair)
        if not sign:
            raise ValueError(f"Key-value delimiter must appear exactly once in each entry. Bad input: '{entry}'")
        if key in found:
            raise ValueError(f"Duplicate keys ({key}) are not allowed")
        found[key] = value
    return found


def split_to_multimap(text: str, entries: str, pair: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for entry in text.split(entries) if text else []:
        key, sign, value = entry.partition(pair)
        if not sign:
            raise ValueError(f"Key-value delimiter must appear exactly once in each entry. Bad input: {entry}")
        found.setdefault(key, []).append(value)
    return found


def translated(text: str, these: str, those: str) -> str:
    table: dict[int, str | None] = {}
    for position, character in enumerate(these):
        table.setdefault(ord(character), those[position] if position < len(those) else None)
    return text.translate(table)


def hamming_distance(one: str, other: str) -> int:
    if len(one) != len(other):
        raise ValueError("The input strings to hamming_distance function must have the same length")
    return sum(a != b for a, b in zip(one, other, strict=True))


def soundex(text: str) -> str:
    codes = {letter: code for code, letters in enumerate(["BFPV", "CGJKQSXZ", "DT", "L", "MN", "R"], 1) for letter in letters}
    letters = [letter for letter in text.upper() if letter.isascii() and letter.isalpha()]
    if not letters:
        return ""
    found, last = letters[0], codes.get(letters[0])
    for letter in letters[1:]:
        code = codes.get(letter)
        if code and code != last:
            found += str(code)
        if letter not in "HW":
            last = code
    return found[:4].ljust(4, "0")


def luhn_check(text: str) -> bool:
    if not text.isdigit():
        raise ValueError("Input must contain only digits")
    digits = [int(digit) for digit in reversed(text)]
    return sum(digit if not at % 2 else sum(divmod(digit * 2, 10)) for at, digit in enumerate(digits)) % 10 == 0


def normalize(text: str, form: str) -> str:
    if form not in ("NFC", "NFD", "NFKC", "NFKD"):
        raise ValueError(f"Normalization form must be one of [NFD, NFC, NFKD, NFKC], not {form}")
    return unicodedata.normalize(form, text)  # type: ignore[arg-type]


def url(text: str, part: str) -> str | None:
    """A part of a URL; `None` when it has none or is none."""
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return None
    if " " in text:
        return None
    match part:
        case "protocol":
            return parts.scheme
        case "host":
            return re.sub(r"^.*@|:\d*$", "", parts.netloc)
        case "port":
            return None if port is None else str(port)
        case "path":
            return unquote_plus(parts.path.replace("+", "%2B"))
        case "query":
            return unquote_plus(parts.query.replace("+", "%2B"))
    return unquote_plus(parts.fragment.replace("+", "%2B"))


def url_parameter(text: str, name: str) -> str | None:
    try:
        query = urlsplit(text).query
    except ValueError:
        return None
    return next((value for key, value in parse_qsl(query, keep_blank_values=True) if key == name), None)


def url_encode(text: str) -> str:
    return quote_plus(text, safe="*-._").replace("~", "%7E")


def url_decode(text: str) -> str:
    return unquote_plus(text)


def human_readable_seconds(seconds: float) -> str:
    left = round(seconds)
    found: list[str] = []
    for name, size in (("week", 604800), ("day", 86400), ("hour", 3600), ("minute", 60), ("second", 1)):
        count, left = divmod(left, size)
        if count:
            found.append(f"{count} {name}{'s' if count != 1 else ''}")
    return ", ".join(found) or "0 seconds"


def format_number(value: float) -> str:
    for size, name in ((1e15, "Q"), (1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "K")):
        if abs(value) >= size:
            scaled = value / size
            digits = 2 if abs(scaled) < 10 else 1 if abs(scaled) < 100 else 0
            text = f"{scaled:.{digits}f}"
            return (text.rstrip("0").rstrip(".") if "." in text else text) + name
    return f"{value:.2f}".rstrip("0").rstrip(".")


def parse_data_size(text: str) -> str:
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([kMGTPEZY]?)B\s*", text)
    if match is None:
        raise ValueError(f"Invalid data size: '{text}'")
    return str(int(float(match[1]) * 1024 ** " kMGTPEZY".index(match[2] or " ")))


def parse_duration(text: str) -> timedelta:
    units = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(ns|us|ms|s|m|h|d)\s*", text)
    if match is None:
        raise ValueError(f"duration is not a valid data duration string: {text}")
    return timedelta(seconds=float(match[1]) * units[match[2]])


def from_base(text: str, radix: int) -> int:
    try:
        if 2 <= radix <= 36:
            return int(text, radix)
    except ValueError:
        pass
    raise ValueError(f"Not a valid base-{radix} number: {text}")


def to_base(number: int, radix: int) -> str:
    if not 2 <= radix <= 36:
        raise ValueError("Radix must be between 2 and 36")
    digits, left = "", abs(number)
    while left:
        left, digit = divmod(left, radix)
        digits = "0123456789abcdefghijklmnopqrstuvwxyz"[digit] + digits
    return ("-" if number < 0 else "") + (digits or "0")


def bit_count(number: int, bits: int) -> int:
    if not 2 <= bits <= 64:
        raise ValueError(f"Bits specified in bit_count must be between 2 and 64, got {bits}")
    if not -(2 ** (bits - 1)) <= number < 2 ** (bits - 1):
        raise ValueError(f"Number must be representable with the bits specified. {number} cannot be represented with {bits} bits")
    masked: int = number & (2**bits - 1)
    return masked.bit_count()


def shift(number: int, places: int) -> int:
    """To the left, or without sign to the right when `places` is negative; 64 bits."""
    bits: int = number & (2**64 - 1)
    bits = (bits << min(places, 64)) & (2**64 - 1) if places >= 0 else bits >> min(-places, 64)
    return bits - 2**64 if bits >= 2**63 else bits


def width_bucket(x: float, low: float, high: float, count: int) -> int:
    if count <= 0:
        raise ValueError("bucketCount must be greater than 0")
    if low == high:
        raise ValueError("bounds cannot equal each other")
    position = (x - low) / (high - low)
    return 0 if position < 0 else count + 1 if position >= 1 else int(position * count) + 1


def replacement(text: str) -> str:
    """A replacement of Trino's regular expressions (`$1`) for RE2 (`\\1`)."""
    return re.sub(r"\\(.)|\$(\d)|\\", lambda match: "\\" + match[2] if match[2] else (match[1] or "").replace("\\", "\\\\"), text)


def regexp_position(text: str, pattern: str) -> int:
    found = re.search(pattern, text)
    return found.start() + 1 if found else -1


def printf(pattern: str, kinds: str, values: list[str | None]) -> str:
    """`format('%5d %s', …)`, from values as text."""
    named = iter(zip(kinds.split(), values, strict=False))

    def one(match: re.Match[str]) -> str:
        flags, width, precision, letter = match[1], match[2], match[3], match[4]
        if letter in "%n":
            return "%" if letter == "%" else "\n"
        _, value = next(named, ("", None))
        if int(width or 0) > LARGEST or int((precision or ".0")[1:]) > 100:
            raise ValueError("Invalid format string")
        if letter in "sS" or value is None:
            text = f"%{flags.replace(',', '')}{width}s" % ("null" if value is None else value)
            return text.upper() if letter == "S" else text
        if letter in "bB":
            return f"%{flags}{width}s" % value
        number = int(value) if letter in "dxXo" else float(value)
        if "," in flags:
            text = f"{number:,.{(precision or '.6')[1:]}f}" if letter in "fe" else f"{number:,}"
            return text.rjust(int(width or 0))
        written: str = f"%{flags}{width}{precision or ''}{letter}" % number
        return written

    return re.sub(r"%([-+ 0,#(]*)(\d{0,7})(\.\d{1,3})?([a-zA-Z%])", one, pattern)


def sha512(value: bytes) -> bytes:
    return hashlib.sha512(value).digest()


def crc32(value: bytes) -> int:
    return zlib.crc32(value)


def from_utf8(value: bytes) -> str:
    return value.decode("utf-8", "replace")
