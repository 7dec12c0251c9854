"""The most frequent values of a stream in bounded memory: Space-Saving (Metwally, Agrawal, El Abbadi: "Efficient Computation of Frequent
and Top-k Elements in Data Streams", 2005).

A sketch is a plain dict of value and count. When it is full a new value takes the place of the rarest and inherits its count: what is truly
frequent stays, and the counts together are always the number of values seen.
"""

from __future__ import annotations

from collections.abc import Mapping
from heapq import heapify, heapreplace
from operator import itemgetter
from typing import Any, Final

IN_MINUTE: Final = 10
"""Values remembered of one minute."""
IN_ALL: Final = 20
"""Values remembered of an episode, or of what is usual."""
SHOWN: Final = 5
"""Values in an Insights record (reference of records, §12)."""


def add(sketch: dict[str, int], value: str, count: int = 1, most: int = IN_MINUTE) -> None:
    """`value` came `count` times."""
    known = sketch.get(value)
    if known is not None:
        sketch[value] = known + count
    elif len(sketch) < most:
        sketch[value] = count
    else:
        rarest = min(sketch, key=sketch.__getitem__)
        sketch[value] = sketch.pop(rarest) + count


def condensed(counted: Mapping[str, int]) -> Mapping[str, int]:
    """A sketch of a minute in which everything that was `counted` came; the most frequent first, so that they stay."""
    if len(counted) <= IN_MINUTE:
        return counted
    ordered = sorted(counted.items(), key=_count, reverse=True)
    found = dict(ordered[:IN_MINUTE])
    _replace(found, ordered[IN_MINUTE:])
    return found


def fold(into: dict[str, int], other: Mapping[str, int]) -> None:
    """Everything of `other`, a sketch of the same minute, came, too."""
    if not into:
        into.update(other)
        return
    new = []
    for item in other.items():
        value, count = item
        if value in into:
            into[value] += count
        elif len(into) < IN_MINUTE:
            into[value] = count
        else:
            new.append(item)
    if new:
        _replace(into, new)


_count: Final = itemgetter(1)


def _replace(into: dict[str, int], new: list[tuple[str, int]]) -> None:
    """As `add` does for one after the other, with the rarest always at hand."""
    rarest = [(count, value) for value, count in into.items()]
    heapify(rarest)
    for value, count in new:
        heapreplace(rarest, (rarest[0][0] + count, value))
    into.clear()
    into.update({value: count for count, value in rarest})


def join(into: dict[str, int], other: Mapping[str, int]) -> None:
    """Everything of `other` came, too."""
    for value, count in other.items():
        add(into, value, count, IN_ALL)


def halve(sketch: dict[str, int]) -> None:
    """What was counts half from now on."""
    for value in list(sketch):
        sketch[value] //= 2
        if not sketch[value]:
            del sketch[value]


def shares(sketch: Mapping[str, int], average: float) -> list[dict[str, Any]]:
    """`average` shared out among the values as often as they came, greatest first: `[{value, average}]`, five at most."""
    total = sum(sketch.values())
    ordered = sorted(sketch.items(), key=lambda item: (-item[1], item[0]))[:SHOWN]
    return [{"value": value, "average": round(average * count / total, 10)} for value, count in ordered]
