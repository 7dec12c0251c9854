"""JSON paths: those of `json_extract`, and those of the SQL standard (`lax $.a[*].b`). Pure."""

from __future__ import annotations

import json
import re
from typing import Any, Final

_MEMBER: Final = re.compile(r"\.([^.\[\]\"']+)|\[\"((?:[^\"\\]|\\.)*)\"\]|\[(\d+)\]|\[([A-Za-z_][\w:$\-/@|# ]*)\]|\.\"((?:[^\"\\]|\\.)*)\"")
_STEP: Final = re.compile(r"\s*(?:\.\s*([A-Za-z_$][\w$]*|\*)(?!\s*\()|\.\s*\"((?:[^\"\\]|\\.)*)\"|\[\s*(\d+|last|\*)\s*\])")


def parts(path: str) -> list[str | int]:
    """The members and positions of a path of `json_extract`: `$.a["b.c"][0]`. Raises `ValueError`.

    A member without quotes is taken as it stands, colons and other marks included: `$.AWS:ComplianceItem.Content`.
    """
    found: list[str | int] = []
    text = path.strip()
    if not text.startswith("$"):
        text = "$." + text if text and text[0] not in ".[" else "$" + text
    at = 1
    while at < len(text):
        match = _MEMBER.match(text, at)
        if match is None:
            raise ValueError(f"Invalid JSON path: '{path}'")
        if match[3] is not None:
            found.append(int(match[3]))
        else:
            name = next(group for group in (match[1], match[2], match[4], match[5]) if group is not None)
            found.append(re.sub(r"\\(.)", r"\1", name) if match[1] is None else name)
        at = match.end()
    return found


def for_duckdb(path: str) -> str:
    """`path` as DuckDB reads it: every member in double quotes. Raises `ValueError`."""
    written = ["$"]
    for part in parts(path):
        if isinstance(part, int):
            written.append(f"[{part}]")
        else:
            escaped = part.replace("\\", "\\\\").replace('"', '\\"')
            written.append(f'."{escaped}"')
    return "".join(written)


class PathFault(ValueError):
    """A structural error of a strict path."""


def steps(path: str) -> tuple[bool, list[str | int | None]]:
    """Whether a standard path is strict, and its steps: a member, a position (-1 for `last`), `None` for `[*]`, `"*"` for `.*`.

    Raises `ValueError` for what is no path, or uses filters and methods.
    """
    match = re.match(r"\s*(?:(lax|strict)\b)?\s*\$", path)
    if match is None:
        raise ValueError(f"a JSON path begins with lax $ or strict $: {path!r}")
    found: list[str | int | None] = []
    at = match.end()
    while path[at:].strip():
        step = _STEP.match(path, at)
        if step is None:
            raise ValueError(f"filters and methods of JSON paths are not available: {path[at:]!r}")
        if step[3] is not None:
            found.append(None if step[3] == "*" else -1 if step[3] == "last" else int(step[3]))
        else:
            found.append(step[1] if step[1] is not None else re.sub(r"\\(.)", r"\1", step[2]))
        at = step.end()
    return match[1] == "strict", found


def select(document: Any, path: str) -> list[Any]:
    """What `path` finds in `document`. Raises `PathFault` where a strict path does not fit."""
    strict, wanted = steps(path)
    found = [document]
    for step in wanted:
        found = [value for one in found for value in _one(one, step, strict)]
    return found


def _one(value: Any, step: str | int | None, strict: bool) -> list[Any]:
    if isinstance(step, str):
        if isinstance(value, list) and not strict:
            return (
                [found for one in value for found in _one(one, step, True) if isinstance(one, dict)]
                if all(isinstance(one, dict) and (step == "*" or step in one) for one in value)
                else [one[step] for one in value if isinstance(one, dict) and step in one]
            )
        if isinstance(value, dict) and step == "*":
            return list(value.values())
        if isinstance(value, dict) and step in value:
            return [value[step]]
    else:
        if not isinstance(value, list) and not strict:
            value = [value]
        if isinstance(value, list):
            if step is None:
                return value
            position = len(value) - 1 if step == -1 else step
            if 0 <= position < len(value):
                return [value[position]]
    if strict:
        raise PathFault("JSON path does not fit")
    return []


def compact(value: Any) -> str:
    """`value` as JSON text without spaces."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
