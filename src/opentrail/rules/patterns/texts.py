"""Tests of a text whose time grows with its length alone: wildcards, and upper and lower case."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

TextTest = Callable[[str], bool]


class NoWildcard(ValueError):
    """Why a text is no wildcard pattern."""


def pieces(pattern: str) -> tuple[str, ...]:
    r"""The fixed texts between the `*` of `pattern`, at least one; `\*` and `\\` stand for themselves. Raises `NoWildcard`.

    Positions in its message count UTF-8 bytes, and the opening quote.
    """
    found = [""]
    index = 0
    while index < len(pattern):
        character = pattern[index]
        if character == "*":
            if pattern[index + 1 : index + 2] == "*":
                raise NoWildcard(f"Consecutive wildcard characters at pos {_position(pattern, index)}")
            found.append("")
        elif character == "\\":
            index += 1
            if pattern[index : index + 1] not in ("*", "\\"):
                raise NoWildcard(f"Invalid escape character at pos {_position(pattern, index - 1)}")
            found[-1] += pattern[index]
        else:
            found[-1] += character
        index += 1
    return tuple(found)


def _position(pattern: str, index: int) -> int:
    return 1 + len(pattern[:index].encode("utf-8", "surrogatepass"))


def wildcard(parts: Sequence[str]) -> TextTest:
    """Whether a text is `parts` with anything between them. Each part is looked for once, behind the one before: never a way back."""
    first, last = parts[0], parts[-1]
    if len(parts) == 1:
        return first.__eq__
    least = len(first) + len(last)
    middle = tuple(part for part in parts[1:-1] if part)

    def test(text: str) -> bool:
        if len(text) < least or not text.startswith(first) or not text.endswith(last):
            return False
        begin, end = len(first), len(text) - len(last)
        for part in middle:
            found = text.find(part, begin, end)
            if found < 0:
                return False
            begin = found + len(part)
        return True

    return test


def equal_ignoring_case(pattern: str) -> TextTest:
    """Whether a text is `pattern`, each character in lower or in upper case (`ß` as `SS`, too)."""
    if pattern.isascii():
        lower = pattern.lower()
        return lambda text: text.isascii() and text.lower() == lower
    whole = re.compile(_either_case(pattern))
    return lambda text: whole.fullmatch(text) is not None


def prefix_ignoring_case(pattern: str) -> TextTest:
    """Whether a text begins with `pattern`, ignoring case."""
    if pattern.isascii():
        lower, size = pattern.lower(), len(pattern)
        return lambda text: text[:size].isascii() and text[:size].lower() == lower
    start = re.compile(_either_case(pattern))
    return lambda text: start.match(text) is not None


def suffix_ignoring_case(pattern: str) -> TextTest:
    """Whether a text ends with `pattern`, ignoring case."""
    if not pattern:
        return lambda text: True
    if pattern.isascii():
        lower, size = pattern.lower(), len(pattern)
        return lambda text: text[-size:].isascii() and text[-size:].lower() == lower
    end = re.compile(_either_case(pattern))
    longest = sum(max(len(character.lower()), len(character.upper())) for character in pattern)
    shortest = sum(min(len(character.lower()), len(character.upper())) for character in pattern)
    return lambda text: any(end.fullmatch(text, len(text) - size) for size in range(shortest, min(longest, len(text)) + 1))


def _either_case(pattern: str) -> str:
    """As a regular expression. The two forms of a character begin differently, so there is never a way back in it."""
    forms = ([character.lower(), character.upper()] for character in pattern)
    return "".join(re.escape(lower) if lower == upper else f"(?:{re.escape(lower)}|{re.escape(upper)})" for lower, upper in forms)
