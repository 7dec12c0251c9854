"""`*` in a value stands for any text. Matched from left to right without ever going back, so in linear time. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence


def parts(value: str) -> tuple[str, ...]:
    """What stands between the stars of `value`: one part when there is none. A backslash takes the meaning from a star or backslash."""
    found, literal = [""], False
    for letter in value:
        if literal:
            found[-1] += letter if letter in "*\\" else "\\" + letter
            literal = False
        elif letter == "\\":
            literal = True
        elif letter == "*":
            found.append("")
        else:
            found[-1] += letter
    if literal:
        found[-1] += "\\"
    return tuple(found)


def test(parts: Sequence[str]) -> Callable[[str], bool]:
    """Whether a text is these parts with anything between them."""
    first, last = parts[0], parts[-1]
    middle = [part for part in parts[1:-1] if part]
    if len(parts) == 1:
        return first.__eq__
    if not middle and not first:
        return (lambda text: True) if not last else (lambda text: text.endswith(last))
    if not middle and not last:
        return lambda text: text.startswith(first)

    def matches(text: str) -> bool:
        if not text.startswith(first) or not text.endswith(last):
            return False
        at, end = len(first), len(text) - len(last)
        for part in middle:
            at = text.find(part, at, end)
            if at < 0:
                return False
            at += len(part)
        return at <= end

    return matches
