"""One event pattern, ready to be asked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opentrail.rules.patterns.conditions import Condition
from opentrail.rules.patterns.consistency import holds, together
from opentrail.rules.patterns.fields import Elements, Many, Path
from opentrail.rules.patterns.parsing import branches


class Pattern:
    """What an event must look like. Immutable; made by `compiled`."""

    __slots__ = ("_paths", "branches", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.branches = tuple(tuple(branch[path] for path in sorted(branch)) for branch in branches(text))
        """One of them must hold; its conditions are in the order of their paths."""
        self._paths = {condition.path: Path(condition.path) for branch in self.branches for condition in branch}

    def matches(self, event: Mapping[str, Any]) -> bool:
        """Whether `event` has what the pattern asks for. Never raises for JSON as parsed, however deep."""
        elements = Elements()
        found: dict[str, Any] = {}
        whole = event if isinstance(event, dict) else dict(event)
        return any(self._holds(branch, whole, found, elements) for branch in self.branches)

    def _holds(self, branch: tuple[Condition, ...], event: dict[str, Any], found: dict[str, Any], elements: Elements) -> bool:
        structured = False
        for condition in branch:
            path = condition.path
            if path not in found:
                found[path] = self._paths[path].read(event, elements)
            value = found[path]
            if not holds(condition, value):
                return False
            structured = structured or (isinstance(value, Many) and value.structured)
        return not structured or together([(condition, found[condition.path]) for condition in branch], elements)

    def __repr__(self) -> str:
        return f"Pattern({self.text!r})"


def compiled(text: str) -> Pattern:
    """The pattern that `text` describes; raises `InvalidEventPatternException`, which names what is wrong and where."""
    return Pattern(text)
