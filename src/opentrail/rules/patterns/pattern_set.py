"""Many patterns at once."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

from opentrail.rules.patterns.pattern import Pattern


class PatternSet:
    """Finds the patterns that match an event, among thousands, without asking each. Not for several threads at once."""

    def __init__(self, patterns: Mapping[Hashable, Pattern] | None = None) -> None:
        self._patterns: dict[Hashable, Pattern] = {}
        for key, pattern in (patterns or {}).items():
            self.add(key, pattern)

    def __len__(self) -> int:
        return len(self._patterns)

    def __contains__(self, key: Hashable) -> bool:
        return key in self._patterns

    def add(self, key: Hashable, pattern: Pattern) -> None:
        """Put `pattern` under `key`, in place of one that is there."""
        self._patterns[key] = pattern

    def remove(self, key: Hashable) -> None:
        """Take away what is under `key`; raises `KeyError` when nothing is."""
        del self._patterns[key]

    def matching(self, event: Mapping[str, Any]) -> list[Hashable]:
        """The keys of the patterns that match, each once, in no particular order."""
        return [key for key, pattern in self._patterns.items() if pattern.matches(event)]
