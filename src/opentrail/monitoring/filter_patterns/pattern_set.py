"""Many patterns asked at once: an index leads from what a JSON message holds to the few patterns that it may satisfy. Pure.

A JSON pattern that can match has somewhere a condition that must hold: one of some exact texts at a selector, or anything at all there.
From a conjunction the most telling of its parts is taken, from a disjunction all of them. What has no such condition (terms, `!=`,
`NOT EXISTS`) is asked each time.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from typing import Any, Final, Generic, TypeVar

from opentrail.monitoring.filter_patterns.expressions import AllOf, AnyOf, Expression
from opentrail.monitoring.filter_patterns.message import Message
from opentrail.monitoring.filter_patterns.objects import Condition, Objects, conditions_of
from opentrail.monitoring.filter_patterns.pattern import FilterPattern
from opentrail.monitoring.filter_patterns.selectors import ABSENT, finder

K = TypeVar("K", bound=Hashable)
Steps = tuple[Any, ...]
Clue = tuple[Steps, str | None]
"""A place, and the text that must be there; `None`: anything."""
_NOTHING: Final[tuple[int, ...]] = ()


class PatternSet(Generic[K]):
    """Patterns by key. Not for several threads at once with one message."""

    def __init__(self, patterns: Mapping[K, FilterPattern]) -> None:
        keys: dict[str, list[K]] = {}
        chosen: dict[str, FilterPattern] = {}
        for key, pattern in patterns.items():  # the same text is asked once, whoever has it
            keys.setdefault(pattern.text, []).append(key)
            chosen[pattern.text] = pattern
        self._keys = list(keys.values())
        self._patterns = list(chosen.values())
        texts: dict[Steps, set[str]] = {}
        for pattern in self._patterns:
            for condition in conditions_of(pattern.form.expression) if isinstance(pattern.form, Objects) else ():
                if condition.exact is not None:
                    texts.setdefault(condition.selector.steps, set()).add(condition.exact)
        self._telling = {steps: len(found) for steps, found in texts.items()}
        self._always: list[int] = []
        self._index: dict[Steps, dict[str | None, list[int]]] = {}
        for number, pattern in enumerate(self._patterns):
            self._file(number, self._clues(pattern.form.expression) if isinstance(pattern.form, Objects) else None)
        self._places = [(finder(steps), by_text, by_text.pop(None, [])) for steps, by_text in self._index.items()]

    def matching(self, message: Message) -> list[K]:
        """The keys of all patterns that the message satisfies."""
        numbers: Iterable[int] = self._always
        if self._places and message.document is not ABSENT:
            numbers = self._candidates(message.document)
        return [key for number in numbers if self._patterns[number].matches(message) for key in self._keys[number]]

    def _candidates(self, document: Any) -> list[int]:
        found = dict.fromkeys(self._always)
        for find, by_text, anything in self._places:
            value = find(document)
            if value is ABSENT or type(value) is dict or type(value) is list:
                continue
            if type(value) is str:
                found.update(dict.fromkeys(by_text.get(value, _NOTHING)))
            if anything:
                found.update(dict.fromkeys(anything))
        return list(found)

    def _file(self, number: int, clues: frozenset[Clue] | None) -> None:
        if clues is None:
            self._always.append(number)
            return
        for steps, text in clues:
            self._index.setdefault(steps, {}).setdefault(text, []).append(number)

    def _clues(self, node: Expression[Condition]) -> frozenset[Clue] | None:
        """Of which one must be so when the pattern matches; `None` when nothing must."""
        if isinstance(node, AllOf):
            known = [clues for part in node.parts if (clues := self._clues(part)) is not None]
            return max(known, key=self._worth, default=None)
        if isinstance(node, AnyOf):
            every = [self._clues(part) for part in node.parts]
            return None if None in every else frozenset().union(*(clues for clues in every if clues is not None))
        if node.selector.wild or node.asked == "NOT EXISTS" or (not isinstance(node.asked, str) and node.asked.operator == "!="):
            return None
        return frozenset(((node.selector.steps, node.exact),))

    def _worth(self, clues: frozenset[Clue]) -> tuple[int, int]:
        """How much it tells: exact texts, and at a place where the patterns ask for many different ones."""
        return min((0 if text is None else self._telling.get(steps, 0) for steps, text in clues), default=0), -len(clues)
