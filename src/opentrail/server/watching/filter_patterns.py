"""Filter patterns for those who read log groups."""

from __future__ import annotations

from collections.abc import Callable


def compiled(pattern: str) -> Callable[[str], bool]:
    """What decides for a message. Raises `InvalidParameterException` for a pattern that is none."""
    return lambda message: pattern in message
