"""One event pattern, ready to be asked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class Pattern:
    """What an event must look like. Immutable; equal texts make equal patterns."""

    def __init__(self, text: str) -> None:
        self.text = text

    def matches(self, event: Mapping[str, Any]) -> bool:
        """Whether `event` has what the pattern asks for. Never raises for JSON as parsed, however deep."""
        raise NotImplementedError


def compiled(text: str) -> Pattern:
    """The pattern that `text` describes; raises `InvalidEventPatternException`, which names what is wrong and where."""
    return Pattern(text)
