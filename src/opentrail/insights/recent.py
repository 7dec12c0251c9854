"""Who called in each of the last minutes. Names repeat from minute to minute, so each is kept once, and the minutes have its number."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

import msgspec

from opentrail.insights.counts import Attributed

MOST_NAMES: Final = 500
"""Names that are kept before those that no minute has any more are dropped."""

_Numbers = tuple[dict[int, int], dict[int, int], dict[int, int]]


class Recent(msgspec.Struct, array_like=True):
    """Of one series. Changed in place."""

    names: dict[str, int] = {}
    minutes: dict[int, bytes] = {}
    """Encoded once, when a minute is over: all of it is written down again and again, and read seldom."""
    last: int = 0
    """The number given last."""

    def add(self, minute: int, by: Attributed) -> None:
        """These called in that minute, too."""
        if minute in self.minutes:
            ((_, together),) = self.pop([minute])
            together.join(by)
            by = together
        self.minutes[minute] = _encode((self._numbered(by.callers), self._numbered(by.agents), self._numbered(by.codes)))
        if len(self.names) > MOST_NAMES:
            used = {number for told in self.minutes.values() for sketch in _decode(told) for number in sketch}
            self.names = {name: number for name, number in self.names.items() if number in used}

    def pop(self, minutes: Iterable[int]) -> list[tuple[int, Attributed]]:
        """Who called in these minutes, which are forgotten. Raises `KeyError`: nobody did."""
        names = self._by_number()
        return [(minute, _named(self.minutes.pop(minute), names)) for minute in minutes]

    def items(self) -> Iterator[tuple[int, Attributed]]:
        """Each minute, and who called in it."""
        names = self._by_number()
        return ((minute, _named(told, names)) for minute, told in self.minutes.items())

    def _numbered(self, sketch: dict[str, int]) -> dict[int, int]:
        names, found = self.names, {}
        for name, count in sketch.items():
            number = names.get(name)
            if number is None:
                number = self.last = names[name] = self.last + 1
            found[number] = count
        return found

    def _by_number(self) -> dict[int, str]:
        return {number: name for name, number in self.names.items()}


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Numbers).decode


def _named(told: bytes, names: dict[int, str]) -> Attributed:
    callers, agents, codes = ({names[number]: count for number, count in sketch.items()} for sketch in _decode(told))
    return Attributed(callers, agents, codes)
