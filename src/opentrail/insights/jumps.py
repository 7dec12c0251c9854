"""Does time pass as it should? Where it did not, minutes were not watched: nothing may be read into their silence.

The clock is compared with one that never jumps. When the process begins, it is compared with when the last one was alive: what lies between
was watched as far as there are records of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from opentrail.clock import Clock

TOLERANCE: Final = 20.0
"""Seconds by which the clock may jump: a minute that lacks as many is no fall, and one that has as many more is no rise."""
SLOW: Final = 1.0
"""Seconds that reading two clocks may take for them to be compared."""
PAUSE: Final = 2
"""Minutes without any record, before the process began, that count as watched."""
MOST: Final = 100
"""Jumps that are remembered."""


class Jump(msgspec.Struct, array_like=True, frozen=True):
    """Time went from one minute to another that is not the next. Both are whole, and were watched."""

    number: int
    """Above that of each earlier one."""
    before: int
    after: int

    @property
    def is_back(self) -> bool:
        """The same minutes come again."""
        return self.after <= self.before

    def is_before(self, minute: int) -> bool:
        """Whether the calls of `minute`, which are only now known, were made after it."""
        return self.is_back or self.before < minute


class Jumps:
    """One thread."""

    def __init__(self, clock: Clock, alive: float | None, known: Sequence[Jump]) -> None:
        """`alive`: when the process before this one noted that it was (`None`: there was none); `known`: the jumps that it noted."""
        self._clock = clock
        self._wall, self._monotonic = clock.time(), clock.monotonic()
        self._since = None if alive is None else int(alive) // 60
        self.known = list(known)

    def look(self) -> list[tuple[int, int]]:
        """The jump since the last look, if there was one: the last minute that was over at that look, and the first after this one."""
        monotonic, wall = self._clock.monotonic(), self._clock.time()
        if self._clock.monotonic() - monotonic > SLOW:
            return []  # something else had the processor in between: compared next time
        last, right = self._wall, self._wall + monotonic - self._monotonic
        self._wall, self._monotonic = wall, monotonic
        return [] if abs(wall - right) < TOLERANCE else [(int(last) // 60 - 1, int(wall) // 60 + 1)]

    def began(self, minutes: Iterable[int], *, caught_up: bool) -> list[tuple[int, int]]:
        """The jumps between the last process and this one, as far as `minutes` (those with records that were read) show them."""
        if self._since is None:
            return []
        found = []
        now = int(self._clock.time()) // 60
        ahead = sorted(minute for minute in minutes if self._since < minute <= now)
        for minute in [*ahead, now] if caught_up else ahead:
            if minute - self._since > PAUSE or minute < self._since - 1:
                found.append((self._since - 1, minute + 1))
            self._since = minute
        if caught_up:
            self._since = None
        return found

    def note(self, before: int, after: int) -> Jump:
        """From now on it is known."""
        jump = Jump(self.known[-1].number + 1 if self.known else 1, before, after)
        self.known = [*self.known[1 - MOST :], jump]
        return jump

    def unknown(self, number: int, minute: int) -> list[Jump]:
        """Those above `number` that were before the calls of `minute` were made."""
        if not self.known or self.known[-1].number <= number:
            return []
        return [jump for jump in self.known if jump.number > number and jump.is_before(minute)]

    def number(self, minute: int) -> int:
        """That of the last one before the calls of `minute` were made."""
        return max((jump.number for jump in self.known if jump.is_before(minute)), default=0)
