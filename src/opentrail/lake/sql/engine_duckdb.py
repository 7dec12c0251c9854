"""What DuckDB needs beforehand to run translated SQL: macros, functions in Python, and UTC."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

import duckdb
from duckdb.func import FunctionNullHandling

from opentrail.lake.sql import clocks, documents, in_python
from opentrail.lake.sql.duckdb_macros import MACROS
from opentrail.lake.sql.stemming import word_stem


def _no_element(index: int, length: int) -> str:
    if index == 0:
        raise ValueError("SQL array indices start at 1")
    if index < 0:
        raise ValueError(f"Array subscript is negative: {index}")
    raise ValueError(f"Array subscript must be less than or equal to array length: {index} > {length}")


def _no_key(key: str) -> str:
    raise ValueError(f"Key not present in map: {key}")


def _mysql_format(pattern: str) -> str:
    return re.sub(r"%(.)", lambda match: clocks.MYSQL.get(match[1], "%" + match[1]), pattern)


def _offset_text(at: datetime, zone: str) -> str:
    seconds = clocks.offset(at, zone)
    minutes = abs(seconds) // 60
    return f"{'-' if seconds < 0 else '+'}{minutes // 60:02d}:{minutes % 60:02d}"


def _format_datetime(at: datetime, zone: str, pattern: str) -> str:
    return clocks.joda(at, zone, pattern)


_FUNCTIONS: Final[dict[str, tuple[Callable[..., Any], str, str]]] = {
    "fail": (in_python.fail, "VARCHAR", "VARCHAR"),
    "no_element": (_no_element, "BIGINT BIGINT", "VARCHAR"),
    "no_key": (_no_key, "VARCHAR", "VARCHAR"),
    "java_number": (in_python.java_number, "VARCHAR", "VARCHAR"),
    "seconds_text": (in_python.seconds_text, "INTERVAL", "VARCHAR"),
    "interval_micros": (lambda interval: round(interval.total_seconds() * 1_000_000), "INTERVAL", "BIGINT"),
    "binary_text": (in_python.binary_text, "BLOB", "VARCHAR"),
    "whole": (in_python.whole, "VARCHAR VARCHAR", "VARCHAR"),
    "padded": (in_python.padded, "VARCHAR BIGINT VARCHAR BOOLEAN", "VARCHAR"),
    "strpos": (in_python.strpos, "VARCHAR VARCHAR BIGINT", "BIGINT"),
    "split_limit": (in_python.split_limit, "VARCHAR VARCHAR BIGINT", "VARCHAR[]"),
    "split_part": (in_python.split_part, "VARCHAR VARCHAR BIGINT", "VARCHAR"),
    "split_to_map": (in_python.split_to_map, "VARCHAR VARCHAR VARCHAR", "MAP(VARCHAR,VARCHAR)"),
    "split_to_multimap": (in_python.split_to_multimap, "VARCHAR VARCHAR VARCHAR", "MAP(VARCHAR,VARCHAR[])"),
    "translate": (in_python.translated, "VARCHAR VARCHAR VARCHAR", "VARCHAR"),
    "replace_empty": (lambda text, new: new + "".join(one + new for one in text), "VARCHAR VARCHAR", "VARCHAR"),
    "hamming_distance": (in_python.hamming_distance, "VARCHAR VARCHAR", "BIGINT"),
    "soundex": (in_python.soundex, "VARCHAR", "VARCHAR"),
    "luhn_check": (in_python.luhn_check, "VARCHAR", "BOOLEAN"),
    "normalize": (in_python.normalize, "VARCHAR VARCHAR", "VARCHAR"),
    "word_stem": (word_stem, "VARCHAR VARCHAR", "VARCHAR"),
    "from_utf8": (in_python.from_utf8, "BLOB", "VARCHAR"),
    "sha512": (in_python.sha512, "BLOB", "BLOB"),
    "crc32": (in_python.crc32, "BLOB", "BIGINT"),
    "replacement": (in_python.replacement, "VARCHAR", "VARCHAR"),
    "regexp_position": (in_python.regexp_position, "VARCHAR VARCHAR", "BIGINT"),
    "url": (in_python.url, "VARCHAR VARCHAR", "VARCHAR"),
    "url_parameter": (in_python.url_parameter, "VARCHAR VARCHAR", "VARCHAR"),
    "url_encode": (in_python.url_encode, "VARCHAR", "VARCHAR"),
    "url_decode": (in_python.url_decode, "VARCHAR", "VARCHAR"),
    "human_readable_seconds": (in_python.human_readable_seconds, "DOUBLE", "VARCHAR"),
    "format_number": (in_python.format_number, "DOUBLE", "VARCHAR"),
    "parse_data_size": (in_python.parse_data_size, "VARCHAR", "VARCHAR"),
    "parse_duration": (in_python.parse_duration, "VARCHAR", "INTERVAL"),
    "from_base": (in_python.from_base, "VARCHAR BIGINT", "BIGINT"),
    "to_base": (in_python.to_base, "BIGINT BIGINT", "VARCHAR"),
    "bit_count": (in_python.bit_count, "BIGINT BIGINT", "BIGINT"),
    "shift": (in_python.shift, "BIGINT BIGINT", "BIGINT"),
    "width_bucket": (in_python.width_bucket, "DOUBLE DOUBLE DOUBLE BIGINT", "BIGINT"),
    "format": (in_python.printf, "VARCHAR VARCHAR VARCHAR[]", "VARCHAR"),
    "ip": (documents.ip, "VARCHAR", "VARCHAR"),
    "ip_text": (documents.ip_text, "VARCHAR", "VARCHAR"),
    "in_network": (documents.in_network, "VARCHAR VARCHAR", "BOOLEAN"),
    "json_standard": (documents.json_standard, "VARCHAR VARCHAR VARCHAR VARCHAR", "VARCHAR"),
    "json_path": (documents.json_path, "VARCHAR", "VARCHAR"),
    "zone": (clocks.zone, "VARCHAR", "VARCHAR"),
    "instant_of": (clocks.instant, "TIMESTAMP VARCHAR", "TIMESTAMP"),
    "offset": (clocks.offset, "TIMESTAMP VARCHAR", "BIGINT"),
    "offset_text": (_offset_text, "TIMESTAMP VARCHAR", "VARCHAR"),
    "iso_instant_of": (clocks.iso_instant, "VARCHAR", "TIMESTAMP"),
    "iso_zone_of": (clocks.iso_zone, "VARCHAR", "VARCHAR"),
    "iso_date": (clocks.iso_date, "VARCHAR", "DATE"),
    "zoned_instant": (lambda text: clocks.parse_zoned(text)[0], "VARCHAR", "TIMESTAMP"),
    "zoned_zone": (lambda text: clocks.parse_zoned(text)[1], "VARCHAR", "VARCHAR"),
    "format_datetime": (_format_datetime, "TIMESTAMP VARCHAR VARCHAR", "VARCHAR"),
    "parse_datetime": (clocks.joda_parse, "VARCHAR VARCHAR", "TIMESTAMP"),
    "mysql_format": (_mysql_format, "VARCHAR", "VARCHAR"),
}
"""Name without `trino_` → what it does, the types it takes, the type it gives."""


_MACROS: Final = {line.partition("(")[0]: line.replace(" = ", " AS ", 1) for line in MACROS.strip().splitlines()}
"""Name without `trino_` → its definition."""

_SPECIAL: Final = FunctionNullHandling.SPECIAL


def _of_nothing(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function`, which gives NULL when any argument is NULL."""
    if function.__code__.co_argcount == 1:
        return lambda one: None if one is None else function(one)
    if function.__code__.co_argcount == 2:
        return lambda one, two: None if one is None or two is None else function(one, two)
    if function.__code__.co_argcount == 3:
        return lambda one, two, three: None if one is None or two is None or three is None else function(one, two, three)
    return lambda one, two, three, four: (
        None if one is None or two is None or three is None or four is None else function(one, two, three, four)
    )


def prepare(connection: duckdb.DuckDBPyConnection) -> None:
    """Install the functions that translated SQL uses, and set the time zone. Before the connection is locked; again changes nothing.

    It takes a tenth of a second: processes of queries are forked from one that has done it.
    """
    connection.execute("SET TimeZone='UTC'")
    known = "SELECT function_name FROM duckdb_functions() WHERE function_name LIKE 'trino_%'"
    there = {name.removeprefix("trino_") for (name,) in connection.execute(known).fetchall()}
    for name in sorted(_FUNCTIONS.keys() - there):
        function, takes, gives = _FUNCTIONS[name]
        connection.create_function(f"trino_{name}", _of_nothing(function), [*takes.split(" ")], gives, null_handling=_SPECIAL)
    connection.execute(";".join(f"CREATE OR REPLACE TEMP MACRO trino_{definition}" for definition in _MACROS.values()))


def message(fault: Exception) -> str:
    """What went wrong at run time, as Trino says it: the words without those of the machinery."""
    found = re.search(r"(?:ValueError|Exception): ([^\n]*)", str(fault))
    return found[1].strip() if found else str(fault).split("\n\n")[0].strip()
