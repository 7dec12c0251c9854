"""Paths into a JSON value: `actor.id`, `target.0.alternateId`, `annotations."authorization.k8s.io/decision"`. Pure."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

_PART = re.compile(r'"([^"]*)"|([^."]+)')
_WHOLE = re.compile(r'(?:"[^"]*"|[^."]+)(?:\.(?:"[^"]*"|[^."]+))*')


def is_path(text: str) -> bool:
    """Whether `text` can be read as a path."""
    return _WHOLE.fullmatch(text) is not None


@lru_cache(maxsize=1024)
def parts(path: str) -> tuple[str, ...]:
    """The steps of a path."""
    return tuple(quoted or plain for quoted, plain in _PART.findall(path))


def at(value: Any, path: str) -> Any:
    """What is there; `None` for nothing."""
    for part in parts(path):
        if isinstance(value, dict):
            value = value.get(part)
        elif isinstance(value, list) and part.isdecimal() and int(part) < len(value):
            value = value[int(part)]
        else:
            return None
    return value


def without(value: Any, path: str) -> Any:
    """`value` without what is there; the objects on the way are copied, nothing else."""
    first, *rest = parts(path)
    return _without(value, first, rest)


def _without(value: Any, first: str, rest: list[str]) -> Any:
    if not isinstance(value, dict) or first not in value:
        return value
    if not rest:
        return {name: item for name, item in value.items() if name != first}
    return {**value, first: _without(value[first], rest[0], rest[1:])}
