"""Whether conditions hold together in an event with arrays of objects: no two within different elements of one array.

The conditions are taken in the order of their paths, as the matcher behind the service does: each chooses one of the values that it
accepts, and with it the elements around that value; a field may be missing when it has no value in what is still open. Choices are tried
one after the other, and what was tried in vain is remembered by what of it matters to the conditions that follow, so that the work grows
with the size of the event, not with the number of combinations.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

from opentrail.rules.patterns.conditions import ABSENT, Condition
from opentrail.rules.patterns.fields import NOWHERE, Elements, Many

MOST_STEPS = 250_000
"""Choices looked at for one branch and event; an event beyond it (it takes names with dots to make one) does not match."""

Chosen = dict[int, int]
"""By array, the element that was chosen."""


def together(asked: Sequence[tuple[Condition, object]], elements: Elements) -> bool:
    """Whether the conditions, in the order of their paths, hold together, each beside what the event has at its path."""
    fields = []
    for condition, value in asked:
        if isinstance(value, Many) and value.structured:
            fields.append(_Field(condition, value, elements))
        elif not holds(condition, value):
            return False
    return _Search(fields, elements).succeeds()


def holds(condition: Condition, value: object) -> bool:
    """Whether `condition` holds by itself; of a field within arrays of objects that may be missing it is taken that it does."""
    if isinstance(value, Many):
        if condition.absent and value.structured:
            return True
        return any(map(condition.accepts, value.values))
    return condition.accepts(value)


class _Places:
    """Elements in which values lie."""

    def __init__(self, places: Sequence[int], elements: Elements) -> None:
        self.all = tuple(dict.fromkeys(places))
        self._elements = elements
        self.within: dict[int, list[int]] = defaultdict(list)
        """Those in an element, however deep."""
        self.arrays: Counter[int] = Counter()
        """How many lie in an array."""
        for place in self.all:
            for around in elements.within(place):
                self.within[around].append(place)
                self.arrays[elements.arrays[around]] += 1

    def open(self, chosen: Chosen) -> Iterator[int]:
        """Those that contradict nothing that was chosen (and, for the caller's count, nothing else than `-2` for those that do)."""
        candidates: Sequence[int] = self.all
        best = len(candidates)
        for array, element in chosen.items():
            if array in self.arrays:
                size = len(self.within.get(element, ())) + len(self.all) - self.arrays[array]
                if size < best:
                    best = size
                    candidates = self.within.get(element, [])
                    if size > len(candidates):
                        candidates = [*candidates, *self._outside(array)]
        for place in candidates:
            yield place if _agrees(place, chosen, self._elements) else -2

    def _outside(self, array: int) -> list[int]:
        return [place for place in self.all if all(self._elements.arrays[around] != array for around in self._elements.within(place))]


def _agrees(place: int, chosen: Chosen, elements: Elements) -> bool:
    return all(chosen.get(elements.arrays[around], around) == around for around in elements.within(place))


class _Field:
    def __init__(self, condition: Condition, value: Many, elements: Elements) -> None:
        self.absent = condition.absent and condition.accepts(ABSENT)
        self.every = _Places(value.elements, elements)
        self.accepted = _Places(
            [element for element, found in zip(value.elements, value.values, strict=True) if condition.accepts(found)], elements
        )


class _Search:
    def __init__(self, fields: list[_Field], elements: Elements) -> None:
        self._fields = fields
        self._elements = elements
        self._matter: list[frozenset[int]] = [frozenset()]
        """Arrays that matter from each field on."""
        for field in reversed(fields):
            self._matter.append(self._matter[-1] | field.every.arrays.keys())
        self._matter.reverse()

    def succeeds(self) -> bool:
        seen: set[tuple[int, frozenset[int]]] = set()
        left: list[Iterator[Chosen]] = [iter([{}])]
        steps = 0
        while left:
            place = len(left) - 1
            for chosen in left[-1]:
                steps += 1
                if steps > MOST_STEPS:
                    return False
                if chosen is _NONE:
                    continue
                if place == len(self._fields):
                    return True
                matter = self._matter[place]
                kept = {array: element for array, element in chosen.items() if array in matter}
                state = (place, frozenset(kept.values()))
                if state not in seen:
                    seen.add(state)
                    left.append(self._choices(self._fields[place], kept))
                    break
            else:
                left.pop()
        return False

    def _choices(self, field: _Field, chosen: Chosen) -> Iterator[Chosen]:
        """What may be chosen when `field` is satisfied too; `_NONE` for a step without result."""
        if field.absent:
            missing = True
            for place in field.every.open(chosen):
                missing = missing and place == -2
                if not missing:
                    break
                yield _NONE
            if missing:
                yield chosen
        for place in field.accepted.open(chosen):
            if place == -2:
                yield _NONE
            elif place == NOWHERE:
                yield chosen
            else:
                yield chosen | {self._elements.arrays[around]: around for around in self._elements.within(place)}


_NONE: Chosen = {-1: -1}
