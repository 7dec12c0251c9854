"""Functions of Trino in Python, as Spark takes them: a row of what was found and of the words of a fault, in either of which is NULL."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from opentrail.lake.engines.macros import Macros, read
from opentrail.lake.engines.spark_macros import MACROS
from opentrail.lake.sql import clocks, documents, in_python
from opentrail.lake.sql.json_paths import for_spark
from opentrail.lake.sql.stemming import word_stem

_MYSQL: Final = {
    "d": "%d",
    "f": "%f",
    "H": "%H",
    "h": "%I",
    "I": "%I",
    "i": "%M",
    "j": "%j",
    "M": "%B",
    "m": "%m",
    "p": "%p",
    "a": "%a",
    "b": "%b",
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
_SHORT: Final = {"e": "d", "k": "H", "l": "I", "c": "m"}
"""Numbers without a leading zero."""


def _strftime(pattern: str, *, reading: bool) -> str:
    def one(match: re.Match[str]) -> str:
        letter = match[1]
        if letter in _SHORT:
            return f"%{'' if reading else '-'}{_SHORT[letter]}"
        return _MYSQL.get(letter, letter.replace("%", "%%"))

    return re.sub(r"%(.)", one, pattern)


def date_format(at: datetime, pattern: str) -> str:
    """`date_format`, in the formats of MySQL."""
    return at.strftime(_strftime(pattern, reading=False))


def date_parse(text: str, pattern: str) -> datetime:
    """`date_parse`"""
    try:
        return datetime.strptime(text, _strftime(pattern, reading=True))
    except ValueError:
        raise ValueError(f'Invalid format: "{text}"') from None


def offset_text(at: datetime, zone: str) -> str:
    """How far the zone is from UTC: `+02:00`."""
    seconds = clocks.offset(at, zone)
    minutes = abs(seconds) // 60
    return f"{'-' if seconds < 0 else '+'}{minutes // 60:02d}:{minutes % 60:02d}"


FUNCTIONS: Final[Mapping[str, tuple[Callable[..., Any], str]]] = {
    "seconds_text": (in_python.seconds_text, "STRING"),
    "padded": (in_python.padded, "STRING"),
    "strpos": (in_python.strpos, "BIGINT"),
    "split_limit": (in_python.split_limit, "ARRAY<STRING>"),
    "split_part": (in_python.split_part, "STRING"),
    "split_to_map": (in_python.split_to_map, "MAP<STRING, STRING>"),
    "split_to_multimap": (in_python.split_to_multimap, "MAP<STRING, ARRAY<STRING>>"),
    "hamming_distance": (in_python.hamming_distance, "BIGINT"),
    "luhn_check": (in_python.luhn_check, "BOOLEAN"),
    "normalize": (in_python.normalize, "STRING"),
    "word_stem": (word_stem, "STRING"),
    "from_utf8": (lambda value: in_python.from_utf8(bytes(value)), "STRING"),
    "regexp_at": (in_python.regexp_position, "BIGINT"),
    "url": (in_python.url, "STRING"),
    "url_parameter": (in_python.url_parameter, "STRING"),
    "url_encode": (in_python.url_encode, "STRING"),
    "url_decode": (in_python.url_decode, "STRING"),
    "human_readable_seconds": (in_python.human_readable_seconds, "STRING"),
    "format_number": (in_python.format_number, "STRING"),
    "parse_data_size": (in_python.parse_data_size, "STRING"),
    "parse_duration": (in_python.parse_duration, "INTERVAL DAY TO SECOND"),
    "from_base": (in_python.from_base, "BIGINT"),
    "bit_count": (in_python.bit_count, "BIGINT"),
    "format": (in_python.printf, "STRING"),
    "ip": (documents.ip, "STRING"),
    "ip_text": (documents.ip_text, "STRING"),
    "in_network": (documents.in_network, "BOOLEAN"),
    "json_standard": (documents.json_standard, "STRING"),
    "json_path": (for_spark, "STRING"),
    "zone": (clocks.zone, "STRING"),
    "offset": (clocks.offset, "BIGINT"),
    "offset_text": (offset_text, "STRING"),
    "iso_instant_of": (clocks.iso_instant, "TIMESTAMP_NTZ"),
    "iso_zone_of": (clocks.iso_zone, "STRING"),
    "iso_date": (clocks.iso_date, "DATE"),
    "zoned_instant": (lambda text: clocks.parse_zoned(text)[0], "TIMESTAMP_NTZ"),
    "zoned_zone": (lambda text: clocks.parse_zoned(text)[1], "STRING"),
    "format_datetime": (clocks.joda, "STRING"),
    "parse_datetime": (clocks.joda_parse, "TIMESTAMP_NTZ"),
    "date_format": (date_format, "STRING"),
    "date_parse": (date_parse, "TIMESTAMP_NTZ"),
}
"""Name without `trino_` → what it does, and the type it gives."""


def _arguments(function: Callable[..., Any]) -> list[str]:
    return [f"a{number}" for number in range(function.__code__.co_argcount)]


ALL: Final[Macros] = {
    **read(MACROS),
    **{
        (name, len(names)): (tuple(names), f"trino_checked(trino_p_{name}({', '.join(names)}))")
        for name, (function, _) in FUNCTIONS.items()
        if (names := _arguments(function))
    },
}
"""Every macro, those that call Python among them."""


def as_spark_has_it(function: Callable[..., Any]) -> Callable[..., tuple[Any, str | None] | None]:
    """`function`, giving a row: what it found, and why it did not. NULL for an argument that is NULL."""

    def called(*given: Any) -> tuple[Any, str | None] | None:
        if any(one is None for one in given):
            return None
        try:
            return (function(*given), None)
        except ValueError as fault:
            return (None, str(fault))

    return called
