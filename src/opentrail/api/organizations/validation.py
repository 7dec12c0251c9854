"""Checks a request against the constraints of its model, and says what is wrong as Organizations does: a fault with a reason."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from botocore.model import ListShape, Shape, StringShape, StructureShape

from opentrail.identity.organizations.faults import InvalidInputException


def check(parameters: Mapping[str, Any], shape: Shape | None) -> None:
    """Raises `InvalidInputException` for the first member that does not satisfy the model."""
    if isinstance(shape, StructureShape):
        _structure(parameters, shape, "")


def _structure(value: Mapping[str, Any], shape: StructureShape, path: str) -> None:
    for name in shape.required_members:
        if value.get(name) is None:
            raise InvalidInputException(f"You must include a value for the required parameter {path}{name}.", Reason="INPUT_REQUIRED")
    for name, member in shape.members.items():
        if value.get(name) is not None:
            _member(value[name], member, path + name)


def _member(value: Any, shape: Shape, path: str) -> None:
    if isinstance(shape, StructureShape):
        _structure(value, shape, path + ".")
    elif isinstance(shape, ListShape):
        for item in value:
            _member(item, shape.member, path)
    elif isinstance(shape, StringShape):
        _text(value, shape, path)
    elif shape.type_name in ("integer", "long"):
        _bounds(value, shape, path, "VALUE", "larger", "smaller")


def _text(value: str, shape: StringShape, path: str) -> None:
    if shape.enum:
        if value not in shape.enum:
            reason = "INVALID_ENUM_POLICY_TYPE" if shape.name == "PolicyType" else "INVALID_ENUM"
            choices = ", ".join(shape.enum)
            raise InvalidInputException(f"You specified an invalid value. {path} must be one of: {choices}.", Reason=reason)
        return
    _bounds(len(value), shape, path, "LENGTH", "longer", "shorter")
    pattern = shape.metadata.get("pattern")
    if pattern and not _compiled(pattern).fullmatch(value):
        reason = "INVALID_PATTERN_TARGET_ID" if shape.name == "PolicyTargetId" else "INVALID_PATTERN"
        raise InvalidInputException(
            f"You provided a value that does not match the required pattern. {path} must match {pattern}", Reason=reason
        )


def _bounds(size: int, shape: Shape, path: str, what: str, more: str, less: str) -> None:
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    if high is not None and size > high:
        raise InvalidInputException(f"You provided a value for {path} that is {more} than allowed ({high}).", Reason=f"MAX_{what}_EXCEEDED")
    if low is not None and size < low:
        raise InvalidInputException(f"You provided a value for {path} that is {less} than allowed ({low}).", Reason=f"MIN_{what}_EXCEEDED")


@lru_cache(maxsize=128)
def _compiled(pattern: str) -> re.Pattern[str]:
    # Java's classes of Unicode letters and digits, which Python spells otherwise; elsewhere a digit is an ASCII digit.
    if r"\p{" in pattern:
        return re.compile(pattern.replace(r"\p{L}", r"\w").replace(r"\p{N}", r"\w").replace(r"\p{Z}", r"\s"))
    return re.compile(pattern, re.ASCII)
