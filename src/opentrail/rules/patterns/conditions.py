"""What a pattern asks of one field: alternatives, one of which must hold."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any

from opentrail.rules.patterns.addresses import address
from opentrail.rules.patterns.texts import TextTest, equal_ignoring_case, prefix_ignoring_case, suffix_ignoring_case, wildcard

Scalar = str | int | float | bool | None
Accepts = Callable[[Any], bool]


@dataclass(frozen=True)
class Alternative:
    """One member of the list of a field."""

    kind: str
    """`text`, `address`, `number`, `constant`, `present`, `absent`, `numeric`, `cidr`, a test of texts (`prefix`, …), or `anything-but`
    one."""
    operand: Hashable = None


class Absent:
    """In place of a value where the event has none."""


ABSENT = Absent()


class Condition:
    """A field and what is asked of it. Equal ones have equal fields and alternatives."""

    __slots__ = ("_hash", "absent", "accepts", "alternatives", "costly", "guides", "path", "proven")

    def __init__(self, path: str, alternatives: Sequence[Alternative]) -> None:
        self.path = path
        """Names joined by dots."""
        self.alternatives = frozenset(alternatives)
        self.absent = Alternative("absent") in self.alternatives
        """Whether the field may be missing."""
        kinds = {alternative.kind for alternative in alternatives}
        self.guides = _guides(self.alternatives)
        """Each accepted value has one of these, as `Guide` says; empty when that cannot be told."""
        self.proven = kinds <= _PROVEN
        """Whether each value that has one of the guides is accepted."""
        self.costly = not kinds <= {"text", "number", "constant", "absent", "present", "prefix", "suffix", "anything-but"}
        """Whether testing one value takes longer than remembering what came out."""
        self.accepts = _accepts(self.alternatives)
        """Whether a value (or its absence) is what is asked for."""
        self._hash = hash((path, self.alternatives))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Condition) and self.path == other.path and self.alternatives == other.alternatives

    def __hash__(self) -> int:
        return self._hash


Guide = tuple[str, Hashable]
"""What a value has: `text`, `number` or `constant`, when it is that; `prefix` or `suffix`, when it is a text with that."""
_PROVEN = {"text", "number", "constant", "prefix", "suffix"}


def guide(value: object) -> Guide:
    """A single value as a guide; the same for the same JSON value only (`true` is not 1, `"1"` neither)."""
    if isinstance(value, str):
        return ("text", value)
    if value is None or isinstance(value, bool):
        return ("constant", value)
    return ("number", value) if isinstance(value, int | float) else ("constant", "")


def _guides(alternatives: frozenset[Alternative]) -> frozenset[Guide]:
    found: set[Guide] = set()
    for alternative in alternatives:
        kind, operand = alternative.kind, alternative.operand
        if kind == "wildcard":
            assert isinstance(operand, tuple)
            first, last = operand[0], operand[-1]
            kind, operand = ("text", first) if len(operand) == 1 else ("prefix", first) if len(first) > len(last) else ("suffix", last)
        if kind not in _PROVEN or (not operand and kind in ("prefix", "suffix")):
            return frozenset()
        found.add((kind, operand))
    return frozenset(found)


def _accepts(alternatives: frozenset[Alternative]) -> Accepts:
    texts = frozenset(alternative.operand for alternative in alternatives if alternative.kind == "text")
    if all(alternative.kind == "text" for alternative in alternatives):
        return texts.__contains__
    if Alternative("present") in alternatives:
        absent = Alternative("absent") in alternatives
        return lambda value: absent or value is not ABSENT
    of_kind = {
        alternative.kind: [other.operand for other in alternatives if other.kind == alternative.kind] for alternative in alternatives
    }
    text_tests = _text_tests(of_kind)
    numbers = frozenset(of_kind.get("number", ()))
    number_tests = _number_tests(of_kind)
    constants = {str(constant) for constant in of_kind.get("constant", ())}
    if any(kind.startswith("anything-but") for kind in of_kind):
        constants = {"None", "True", "False"}
    absent = "absent" in of_kind

    def accepts(value: Any) -> bool:
        kind = type(value)
        if kind is str:
            if value in texts:
                return True
            return any(test(value) for test in text_tests)
        if kind is int or kind is float:
            return value in numbers or any(test(value) for test in number_tests)
        if value is ABSENT:
            return absent
        return (value is None or kind is bool) and str(value) in constants

    return accepts


def _text_tests(of_kind: dict[str, list[Any]]) -> list[TextTest]:
    tests: list[TextTest] = []
    for kind, operands in of_kind.items():
        plain = kind.removeprefix("anything-but-")
        if plain in _TEXT:
            tests += [_no_text(_TEXT[plain], operand) if plain != kind else _TEXT[kind](operand) for operand in operands]
        elif kind == "anything-but":
            tests += [_other_text(operand) for operand in operands]
        elif kind == "address":
            tests.append(_one_of_addresses(frozenset(operands)))
        elif kind == "cidr":
            tests += [_within(*operand) for operand in operands]
    return tests


def _prefix(operand: Any) -> TextTest:
    return lambda text: text.startswith(operand)


def _suffix(operand: Any) -> TextTest:
    return lambda text: text.endswith(operand)


_TEXT: dict[str, Callable[[Any], TextTest]] = {
    "prefix": _prefix,
    "suffix": _suffix,
    "wildcard": wildcard,
    "equals-ignore-case": equal_ignoring_case,
    "prefix-ignore-case": prefix_ignoring_case,
    "suffix-ignore-case": suffix_ignoring_case,
}


def _no_text(made: Callable[[Any], TextTest], operands: Any) -> TextTest:
    tests = [made(operand) for operand in operands]
    return lambda text: not any(test(text) for test in tests)


def _other_text(excluded: Any) -> TextTest:
    return lambda text: text not in excluded


def _one_of_addresses(addresses: frozenset[Any]) -> TextTest:
    return lambda text: address(text) in addresses


def _within(first: Any, last: Any) -> TextTest:
    def test(text: str) -> bool:
        found = address(text)
        return found is not None and first <= found <= last

    return test


def _number_tests(of_kind: dict[str, list[Any]]) -> list[Callable[[float], bool]]:
    tests: list[Callable[[float], bool]] = []
    for kind, operands in of_kind.items():
        if kind == "numeric":
            tests += [_between(*operand) for operand in operands]
        elif kind == "anything-but":
            tests += [_other_number(operand) for operand in operands]
        elif kind.startswith("anything-but-"):
            tests.append(lambda number: True)
    return tests


def _other_number(excluded: Any) -> Callable[[float], bool]:
    return lambda number: number not in excluded


def _between(bottom: float, open_bottom: bool, top: float, open_top: bool) -> Callable[[float], bool]:
    """`inf` for no bound."""

    def test(number: float) -> bool:
        above = number > bottom if open_bottom else number >= bottom
        return above and (number < top if open_top else number <= top)

    return test


UNBOUNDED = math.inf
