"""What a condition compares with, and the comparison itself, compiled. Pure.

The form of the value in the pattern decides: a number is compared with numbers, a text with texts; a bare value with a star with both.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from opentrail.monitoring.filter_patterns import regexes, wildcards
from opentrail.monitoring.filter_patterns.scanner import BLANKS, Scanner

Number: TypeAlias = int | float
Test: TypeAlias = Callable[[Any], bool]

OPERATORS: Final = ("!=", "<=", ">=", "=", "<", ">")
LONGEST_NUMBER: Final = 400
"""Characters of a text that may be read as a number."""
_NUMBER: Final = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_ORDER: Final[dict[str, Callable[[Any, Any], bool]]] = {"<": operator.lt, ">": operator.gt, "<=": operator.le, ">=": operator.ge}


@dataclass(frozen=True, slots=True)
class Value:
    """One value as it stands in a pattern."""

    kind: str
    """`text` (in quotes), `bare`, `regex`."""
    text: str

    @property
    def number(self) -> Number | None:
        """As a number, if it is one."""
        return number(self.text) if self.kind == "bare" else None

    @property
    def parts(self) -> tuple[str, ...]:
        """What stands between its stars."""
        return wildcards.parts(self.text)

    @property
    def exact(self) -> str | None:
        """The only text that it equals; `None` when there may be more, or when it is a number."""
        if self.kind == "regex" or self.number is not None or len(self.parts) > 1:
            return None
        return self.parts[0]


@dataclass(frozen=True, slots=True)
class Comparison:
    """`= 5`, `!= "x*"`, `> 1e3`: operator and value."""

    operator: str
    value: Value


def number(text: str) -> Number | None:
    """The number that `text` is: whole ones exactly; `None` when it is none."""
    if len(text) > LONGEST_NUMBER or not _NUMBER.fullmatch(text):
        return None
    try:
        return int(text)
    except ValueError:
        return float(text)


def comparison(scanner: Scanner, ends: str) -> Comparison:
    """Read operator and value; a bare value ends at a blank, at `&&`, at `||` and at each character of `ends`."""
    scanner.blanks()
    chosen = scanner.take(*OPERATORS)
    if chosen is None:
        raise scanner.wrong("one of = != < > <= >= is expected")
    begin = scanner.at
    value = _value(scanner, ends)
    if chosen in _ORDER and value.number is None:
        scanner.at = begin
        raise scanner.wrong(f"{chosen} compares numbers only, so a number is expected")
    if value.kind == "regex" and chosen not in ("=", "!="):
        raise scanner.wrong("a regular expression takes = or !=")
    return Comparison(chosen, value)


def _value(scanner: Scanner, ends: str) -> Value:
    scanner.blanks()
    if scanner.peek('"'):
        return Value("text", scanner.quoted(keep="*"))
    if scanner.peek("%"):
        return Value("regex", scanner.regex())
    begin = scanner.at
    while scanner.at < len(scanner.text) and scanner.text[scanner.at] not in BLANKS + ends + '"' and not scanner.peek("&&", "||"):
        scanner.at += 1
    if begin == scanner.at:
        raise scanner.wrong("a value is expected")
    return Value("bare", scanner.text[begin : scanner.at])


def test_of_json(comparison: Comparison) -> Test:
    """Whether a value out of JSON (text, number, boolean, null; nothing else may come) compares so."""
    value, number = comparison.value, comparison.value.number
    if comparison.operator in _ORDER:
        compare = _ORDER[comparison.operator]
        return lambda found: (type(found) is int or type(found) is float) and compare(found, number)
    equal = _equal_in_json(value, number)
    return equal if comparison.operator == "=" else lambda found: not equal(found)


def _equal_in_json(value: Value, number: Number | None) -> Test:
    if value.kind == "regex":
        search = regexes.searcher(value.text)
        return lambda found: type(found) is str and search(found)
    if number is not None:
        return lambda found: (type(found) is int or type(found) is float) and bool(found == number)
    parts = value.parts
    if all(not part for part in parts) and len(parts) > 1:
        return lambda found: found is not None
    matches = wildcards.test(parts)
    if value.kind == "bare" and len(parts) > 1:
        return lambda found: matches(found) if type(found) is str else type(found) in (int, float) and matches(shown(found))
    if value.kind == "bare" and value.text in ("true", "false"):
        return lambda found: found == value.text if type(found) is str else found is (value.text == "true")
    return lambda found: type(found) is str and matches(found)


def test_of_text(comparison: Comparison) -> Test:
    """Whether a field of a line, which is always text, compares so: as numbers when the pattern says a number."""
    value, wanted = comparison.value, comparison.value.number
    if comparison.operator in _ORDER:
        compare = _ORDER[comparison.operator]

        def ordered(found: str) -> bool:
            read = number(found)
            return read is not None and compare(read, wanted)

        return ordered
    equal = _equal_in_text(value, wanted)
    return equal if comparison.operator == "=" else lambda found: not equal(found)


def _equal_in_text(value: Value, wanted: Number | None) -> Test:
    if value.kind == "regex":
        return regexes.searcher(value.text)
    if wanted is not None:
        return lambda found: found == value.text or number(found) == wanted
    return wildcards.test(value.parts)


def shown(found: Any) -> str:
    """A JSON value as text: what `extractedValues` and dimensions show."""
    if isinstance(found, str):
        return found
    if found is None:
        return "null"
    if isinstance(found, bool):
        return "true" if found else "false"
    return str(found)
