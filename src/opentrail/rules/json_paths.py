"""The JSON paths that targets can have (`$.detail.items[0].id`, `$['detail-type']`, `$.resources[*]`). Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

LONGEST: Final = 256
_STEP: Final = re.compile(r"""\.([^.\[\]*\s]+)|\.(\*)|\[([0-9]{1,9})\]|\[(\*)\]|\['([^']+)'\]|\["([^"]+)"\]""")

Step = str | int | None
"""A member, a place in a list, or `None`: everything in it."""


class NotAPath(ValueError):
    """The text is no such path; says why."""


def path(text: str) -> tuple[Step, ...]:
    """The steps of a path. Raises `NotAPath`."""
    if len(text) > LONGEST:
        raise NotAPath(f"it has more than {LONGEST} characters")
    if not text.startswith("$"):
        raise NotAPath("it must begin with $")
    steps: list[Step] = []
    place = 1
    while place < len(text):
        found = _STEP.match(text, place)
        if found is None:
            raise NotAPath(f"character {place + 1} is not understood; write members with dots ($.detail.name) and places as [0]")
        member, _, number, _, single, double = found.groups()
        name = next((one for one in (member, single, double) if one is not None), None)
        steps.append(name if name is not None else int(number) if number is not None else None)
        place = found.end()
    return tuple(steps)


def find(event: Any, steps: Sequence[Step]) -> list[Any]:
    """What is there: nothing or one value, or any number after a `*`."""
    found = [event]
    for step in steps:
        found = [inner for value in found for inner in _inside(value, step)]
    return found


def value_at(event: Any, steps: Sequence[Step]) -> tuple[bool, Any]:
    """Whether there is anything, and what: a list of all that is found where the path has a `*`."""
    found = find(event, steps)
    if None in steps:
        return bool(found), found
    return (True, found[0]) if found else (False, None)


def _inside(value: Any, step: Step) -> Sequence[Any]:
    if isinstance(value, Mapping):
        if step is None:
            return list(value.values())
        return (value[step],) if isinstance(step, str) and step in value else ()
    if isinstance(value, list):
        if step is None:
            return value
        return (value[step],) if isinstance(step, int) and step < len(value) else ()
    return ()
