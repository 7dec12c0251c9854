"""Checks a request against the constraints of its model: required members, lengths, patterns, enumerations, ranges.

The model says what IAM and STS accept; the message is the one that they answer with (`ValidationError`). Other services word it alike
and call it otherwise.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from botocore.model import ListShape, Shape, StringShape, StructureShape

from opentrail.identity.faults import ValidationError
from opentrail.wire.faults import Fault

_MAX_SHOWN = 10


def check(parameters: Mapping[str, Any], shape: Shape | None, kind: type[Fault] = ValidationError) -> None:
    """Raises a fault of `kind` that names every member which does not satisfy the model."""
    if not isinstance(shape, StructureShape):
        return
    problems = list(_structure(parameters, shape, ""))
    if problems:
        plural = "s" if len(problems) > 1 else ""
        raise kind(f"{len(problems)} validation error{plural} detected: " + "; ".join(problems[:_MAX_SHOWN]))


def _structure(value: Mapping[str, Any], shape: StructureShape, path: str) -> Iterator[str]:
    for name in shape.required_members:
        if value.get(name) is None:
            yield f"Value null at '{path}{_shown(name)}' failed to satisfy constraint: Member must not be null"
    for name, member in shape.members.items():
        if value.get(name) is not None:
            yield from _member(value[name], member, path + _shown(name))


def _member(value: Any, shape: Shape, path: str) -> Iterator[str]:
    if isinstance(shape, StructureShape):
        yield from _structure(value, shape, path + ".")
    elif isinstance(shape, ListShape):
        yield from _bounds(len(value), shape, "[...]", path, "length")
        for index, item in enumerate(value, 1):
            yield from _member(item, shape.member, f"{path}.{index}.member")
    elif isinstance(shape, StringShape):
        shown = "***" if shape.metadata.get("sensitive") else value[:200]
        if shape.enum:
            if value not in shape.enum:
                choices = ", ".join(shape.enum)
                yield f"Value '{shown}' at '{path}' failed to satisfy constraint: Member must satisfy enum value set: [{choices}]"
            return
        yield from _bounds(len(value), shape, shown, path, "length")
        pattern = shape.metadata.get("pattern")
        if pattern and not _compiled(pattern).fullmatch(value):
            yield f"Value '{shown}' at '{path}' failed to satisfy constraint: Member must satisfy regular expression pattern: {pattern}"
    elif shape.type_name == "blob" and isinstance(value, bytes):
        yield from _bounds(len(value), shape, None, path, "length")
    elif shape.type_name in ("integer", "long"):
        yield from _bounds(value, shape, str(value), path, "value")


def _bounds(size: int, shape: Shape, shown: str | None, path: str, what: str) -> Iterator[str]:
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    value = "Value" if shown is None else f"Value '{shown}'"  # bytes are not shown at all
    before = f"{value} at '{path}' failed to satisfy constraint: Member must have {what} "
    if low is not None and size < low:
        yield f"{before}greater than or equal to {low}"
    if high is not None and size > high:
        yield f"{before}less than or equal to {high}"


def _shown(name: str) -> str:
    return name[:1].lower() + name[1:]


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> re.Pattern[str]:
    # Java's classes of Unicode letters and digits, which Python spells otherwise.
    return re.compile(pattern.replace(r"\p{L}", r"\w").replace(r"\p{N}", r"\w").replace(r"\p{Z}", r"\s"))
