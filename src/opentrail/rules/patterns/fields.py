"""The values that an event has at a path.

A path is names joined by dots; names of the event may have dots themselves, so `{"a.b": 1}` and `{"a": {"b": 1}}` have the same value at
`a.b`. Arrays count as what is in them. Where a value lies within an object (or array) that is an element of an array, that element is
remembered: conditions that hold within different elements of one array do not hold together (`consistency`).
"""

from __future__ import annotations

from collections.abc import Callable
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
    """The elements of arrays of one event that values were found in, numbered; an element's number is above that of the one that it lies
    in."""

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

    __slots__ = ("_last", "_spans", "_steps", "name", "read")

    def __init__(self, name: str) -> None:
        self.name = name
        names = name.split(".")
        self._spans = tuple(
            tuple((".".join(names[begin:end]), end) for end in range(begin + 1, len(names) + 1)) for begin in range(len(names))
        )
        """At each place in the path, what one name of the event could be, and the place behind it."""
        self._steps = tuple((spans[0][0], tuple(joined for joined, _ in spans[1:])) for spans in self._spans[:-1])
        """For all but the last place: the usual name there, and the ones with dots."""
        self._last = names[-1]
        self.read: Callable[[dict[str, Any], Elements], Any] = self._read_two if len(names) == 2 else self._read
        """A single value, `ABSENT`, or `Many`."""

    def _read_two(self, event: dict[str, Any], elements: Elements) -> Any:
        """As `_read`; nearly every path of a rule on CloudTrail events has two names."""
        first, (whole,) = self._steps[0]
        if whole in event:
            return self._gather(event, elements)
        inside = event.get(first, ABSENT)
        if inside.__class__ is dict:
            value = inside.get(self._last, ABSENT)
            kind = value.__class__
            return value if kind is not list and kind is not dict else self._end(event, value, elements)
        return self._gather(event, elements) if inside.__class__ is list else ABSENT

    def _read(self, event: dict[str, Any], elements: Elements) -> Any:
        node: Any = event
        for name, with_dots in self._steps:
            for joined in with_dots:
                if joined in node:
                    return self._gather(event, elements)
            node = node.get(name, ABSENT)
            if node.__class__ is not dict:
                return self._gather(event, elements) if node.__class__ is list else ABSENT
        value = node.get(self._last, ABSENT)
        kind = value.__class__
        return value if kind is not list and kind is not dict else self._end(event, value, elements)

    def _end(self, event: dict[str, Any], value: Any, elements: Elements) -> Any:
        """What an array or object at the end of the path is as a value."""
        if not value or value.__class__ is dict:
            return ABSENT
        if any(member.__class__ is dict or member.__class__ is list for member in value):
            return self._gather(event, elements)
        return Many(value, [NOWHERE] * len(value)) if len(value) > 1 else value[0]

    def _gather(self, event: dict[str, Any], elements: Elements) -> Any:
        last = len(self._spans)
        values: list[Any] = []
        where: list[int] = []
        # What is still to be looked at: the value, the place in the path, the element around it, the names that led here from there.
        left: list[tuple[Any, int, int, str]] = [(event, 0, NOWHERE, "")]
        while left:
            node, place, around, route = left.pop()
            if node.__class__ is dict:
                if place < last:
                    left += [
                        (node[joined], end, around, f"{route}\0{joined}") for joined, end in reversed(self._spans[place]) if joined in node
                    ]
            elif node.__class__ is list:
                array = elements.array(around, route)
                for index in range(len(node) - 1, -1, -1):
                    member = node[index]
                    if member.__class__ is dict or member.__class__ is list:
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
