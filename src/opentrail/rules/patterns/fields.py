"""The values that an event has at a path.

A path is names joined by dots; names of the event may have dots themselves, so `{"a.b": 1}` and `{"a": {"b": 1}}` have the same value at `a.b`. Arrays
count as what is in them. Where a value lies within an object (or array) that is an element of an array, that element is remembered: conditions that hold
within different elements of one array do not hold together (`consistency`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from opentrail.rules.patterns.conditions import ABSENT

NOWHERE = -1
"""The element that a value outside of all arrays of objects lies in."""


class Many:
    """Several values at one path."""

    __slots__ = ("elements", "structured", "values")

    def __init__(self, values: list[Any], elements: list[int]) -> None:
        self.values = values
        self.elements = elements
        """Where each lies: a number of `Elements`, or `NOWHERE`."""
        self.structured = any(element != NOWHERE for element in elements)


class Elements:
    """The elements of arrays of one event that values were found in, numbered; an element's number is above that of the one that it lies in."""

    def __init__(self) -> None:
        self.arrays: list[int] = []
        """The array of each element."""
        self.around: list[int] = []
        """The element that the array of each lies in, or `NOWHERE`."""
        self._numbers: dict[tuple[int, int], int] = {}
        self._arrays: dict[tuple[int, str], int] = {}

    def array(self, around: int, route: str) -> int:
        """The array that `route` (names, each behind a NUL) leads to from within `around`."""
        return self._arrays.setdefault((around, route), len(self._arrays))

    def element(self, array: int, index: int, around: int) -> int:
        """The element at `index` of `array`."""
        number = self._numbers.setdefault((array, index), len(self.arrays))
        if number == len(self.arrays):
            self.arrays.append(array)
            self.around.append(around)
        return number

    def within(self, element: int) -> list[int]:
        """The element and all that it lies in."""
        found = []
        while element != NOWHERE:
            found.append(element)
            element = self.around[element]
        return found


class Path:
    """A path, ready to be read."""

    __slots__ = ("_spans", "name", "read")

    def __init__(self, name: str) -> None:
        self.name = name
        names = name.split(".")
        self._spans = tuple(
            tuple((".".join(names[begin:end]), end) for end in range(begin + 1, len(names) + 1)) for begin in range(len(names))
        )
        """At each place in the path, what one name of the event could be, and the place behind it."""
        self.read: Callable[[Mapping[str, Any], Elements], Any] = self._read
        """A single value, `ABSENT`, or `Many`."""
        if len(names) == 1:
            self.read = self._read_one
        elif len(names) == 2:
            self.read = self._read_two

    def _read_one(self, event: Mapping[str, Any], elements: Elements) -> Any:
        value = event.get(self.name, ABSENT)
        return value if value.__class__ is not list and value.__class__ is not dict else self._read(event, elements)

    def _read_two(self, event: Mapping[str, Any], elements: Elements) -> Any:
        (first, _), (whole, _) = self._spans[0]
        inside = event.get(first)
        if inside.__class__ is dict and whole not in event:
            value = inside.get(self._spans[1][0][0], ABSENT)  # type: ignore[union-attr]
            if value.__class__ is not list and value.__class__ is not dict:
                return value
        return self._read(event, elements)

    def _read(self, event: Mapping[str, Any], elements: Elements) -> Any:
        node: Any = event
        for place in self._spans:
            if not isinstance(node, Mapping):
                break
            for joined, _ in place[1:]:
                if joined in node:
                    return self._gather(event, elements)
            node = node.get(place[0][0], ABSENT)
        else:
            if not isinstance(node, Mapping | list):
                return node
        return ABSENT if node is ABSENT or not isinstance(node, Mapping | list) else self._gather(event, elements)

    def _gather(self, event: Mapping[str, Any], elements: Elements) -> Any:
        last = len(self._spans)
        values: list[Any] = []
        where: list[int] = []
        # What is still to be looked at: the value, the place in the path, the element around it, the names that led here from there.
        left: list[tuple[Any, int, int, str]] = [(event, 0, NOWHERE, "")]
        while left:
            node, place, around, route = left.pop()
            if isinstance(node, Mapping):
                if place < last:
                    left += [
                        (node[joined], end, around, f"{route}\0{joined}") for joined, end in reversed(self._spans[place]) if joined in node
                    ]
            elif isinstance(node, list):
                array = elements.array(around, route)
                for index in range(len(node) - 1, -1, -1):
                    member = node[index]
                    if isinstance(member, Mapping | list):
                        left.append((member, place, elements.element(array, index, around), ""))
                    elif place == last:
                        values.append(member)
                        where.append(around)
            elif place == last:
                values.append(node)
                where.append(around)
        if len(values) == 1 and where[0] == NOWHERE:
            return values[0]
        return Many(values, where) if values else ABSENT
