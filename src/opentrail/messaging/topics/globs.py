"""`*` in a pattern stands for any text: matched in time that is bounded by pattern times text. Pure."""

from __future__ import annotations


def matches(pattern: str, text: str) -> bool:
    """Whether `text` is `pattern`, with any text for each `*`. A backslash takes the meaning from the star or backslash behind it."""
    parts = _parts(pattern)
    first, *rest = parts
    if not rest:
        return text == first
    if not text.startswith(first) or len(text) < len(first) + len(rest[-1]) or not text.endswith(rest[-1]):
        return False
    at, end = len(first), len(text) - len(rest[-1])
    for part in rest[:-1]:
        found = text.find(part, at, end)
        if found < 0:
            return False
        at = found + len(part)
    return True


def _parts(pattern: str) -> list[str]:
    """What stands between the stars."""
    parts, literal = [""], False
    for letter in pattern:
        if literal or letter not in "*\\":
            parts[-1] += letter if not literal or letter in "*\\" else "\\" + letter
            literal = False
        elif letter == "\\":
            literal = True
        else:
            parts.append("")
    if literal:
        parts[-1] += "\\"
    return parts
