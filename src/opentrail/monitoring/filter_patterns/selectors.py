"""`$.a.b[0].*`: where in a JSON document a value lies. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from opentrail.monitoring.filter_patterns.scanner import Scanner

_NAME: Final = re.compile(r"[A-Za-z0-9_-]+")
_INDEX: Final = re.compile(r"[0-9]{1,9}")


class _Absent:
    """Nothing lies there."""

    def __repr__(self) -> str:
        return "ABSENT"


ABSENT: Final = _Absent()


@dataclass(frozen=True, slots=True)
class Member:
    """`.*` or `[*]`: every one of an object's or an array's."""

    of: type
    """`dict` or `list`."""


@dataclass(frozen=True, slots=True)
class Selector:
    """A selector, step by step."""

    steps: tuple[str | int | Member, ...]
    text: str
    """As it stands in the pattern."""

    @property
    def wild(self) -> bool:
        """Whether it may find more than one value."""
        return any(isinstance(step, Member) for step in self.steps)


def selector(scanner: Scanner) -> Selector:
    """Read one. Raises `InvalidParameterException`."""
    begin = scanner.at
    if not scanner.take("$"):
        raise scanner.wrong("a selector, which begins with $, is expected")
    steps: list[str | int | Member] = []
    while scanner.peek(".", "["):
        steps.append(_step(scanner))
    if sum(isinstance(step, Member) for step in steps) > 1:
        raise scanner.wrong("a selector has at most one *")
    return Selector(tuple(steps), scanner.text[begin : scanner.at])


def _step(scanner: Scanner) -> str | int | Member:
    dot = scanner.take(".") is not None
    if scanner.take("["):
        return _bracket(scanner, named=dot)
    if scanner.take("*"):
        return Member(dict)
    name = scanner.match(_NAME)
    if name is None:
        raise scanner.wrong("a name of letters, digits, - and _ is expected (any other: .['the name'])")
    return name


def _bracket(scanner: Scanner, *, named: bool) -> str | int | Member:
    quote = scanner.peek("'", '"')
    step: str | int | Member
    if quote is not None:
        step = scanner.quoted(quote)
    elif named:
        raise scanner.wrong("a name in quotes is expected")
    elif scanner.take("*"):
        step = Member(list)
    else:
        index = scanner.match(_INDEX)
        if index is None:
            raise scanner.wrong("an index, * or a name in quotes is expected")
        step = int(index)
    if not scanner.take("]"):
        raise scanner.wrong("']' is expected")
    return step


def finder(steps: tuple[str | int | Member, ...]) -> Callable[[Any], Any]:
    """What lies at `steps`, none of them wild, in a document; `ABSENT` when nothing does."""
    if len(steps) == 1 and isinstance(steps[0], str):
        only = steps[0]
        return lambda document: document.get(only, ABSENT) if type(document) is dict else ABSENT

    def find(document: Any) -> Any:
        for step in steps:
            if type(step) is str:
                if type(document) is not dict:
                    return ABSENT
                document = document.get(step, ABSENT)
            else:
                if type(document) is not list or step >= len(document):  # type: ignore[operator]
                    return ABSENT
                document = document[step]  # type: ignore[index]
        return document

    return find


def all_finder(steps: tuple[str | int | Member, ...]) -> Callable[[Any], list[Any]]:
    """Everything that lies at `steps`, one of which is wild; `[ABSENT]` when nothing could. A member without the rest is `ABSENT`."""
    star = next(index for index, step in enumerate(steps) if isinstance(step, Member))
    kind: type = steps[star].of  # type: ignore[union-attr]
    before: Callable[[Any], Any] = finder(steps[:star])
    after = finder(steps[star + 1 :])

    def find(document: Any) -> list[Any]:
        found = before(document)
        members = list(found.values()) if kind is dict and type(found) is dict else found
        if type(members) is not list or type(found) is not kind:
            return [ABSENT]
        return [after(member) for member in members] or [ABSENT]

    return find
