"""The most frequent values of a stream in bounded memory: Space-Saving (Metwally, Agrawal, El Abbadi: "Efficient Computation of Frequent
and Top-k Elements in Data Streams", 2005).

A sketch is a plain dict of value and count. When it is full a new value takes the place of the rarest and inherits its count: what is truly
frequent stays, and the counts together are always the number of values seen.
"""

from __future__ import annotations

from collections.abc import Mapping
from heapq import heapify, heapreplace
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


def fold(into: dict[str, int], counted: Mapping[str, int]) -> None:
    """Everything that was `counted` came in the minute of `into`; the most frequent first, so that they stay."""
    if not into and len(counted) <= IN_MINUTE:
        into.update(counted)
        return
    new = []
    for value, count in counted.items():
        if value in into:
            into[value] += count
        else:
            new.append((count, value))
    if new:
        new.sort(reverse=True)
        room = IN_MINUTE - len(into)
        into.update((value, count) for count, value in new[:room])
        if len(new) > room:
            _replace(into, new[room:])


def _replace(into: dict[str, int], new: list[tuple[int, str]]) -> None:
    """As `add` does for one after the other, with the rarest always at hand."""
    rarest = [(count, value) for value, count in into.items()]
    heapify(rarest)
    for count, value in new:
        heapreplace(rarest, (rarest[0][0] + count, value))
    into.clear()
    into.update((value, count) for count, value in rarest)


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
