"""Who is served next, where a few threads hand things to places that may be slow. Pure but for its lock.

What must keep its order is a lane, of which one is under way at a time. Lanes that lead to the same place are kept from taking all the
threads, and places that were slow or failed the last time have half of the threads together: the other places always have the rest.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Final

AT_ONCE: Final = 8
"""Lanes under way at the same time."""
PER_PLACE: Final = 4
"""Of them to one place."""
FOR_SLOW: Final = 4
"""Of them to places that were slow, one to each."""
SLOW: Final = 2.0
"""Seconds that an attempt may take before its place counts as slow."""
MOST_REMEMBERED: Final = 10_000


@dataclass(slots=True)
class Lanes:
    """The lanes that are under way. Any thread."""

    _busy: dict[str, str] = field(default_factory=dict)
    """Lane → place."""
    _slow: set[str] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, lane: str, place: str) -> bool:
        """Whether the lane may be served now; it is under way from then on."""
        with self._lock:
            if lane in self._busy or len(self._busy) >= AT_ONCE:
                return False
            to_place = sum(other == place for other in self._busy.values())
            if place in self._slow:
                if to_place or sum(other in self._slow for other in self._busy.values()) >= FOR_SLOW:
                    return False
            elif to_place >= PER_PLACE:
                return False
            self._busy[lane] = place
            return True

    def give_back(self, lane: str) -> None:
        """The lane is not under way any more."""
        with self._lock:
            self._busy.pop(lane, None)

    def note(self, place: str, *, slow: bool) -> None:
        """How the place did the last time."""
        with self._lock:
            if not slow:
                self._slow.discard(place)
            elif len(self._slow) < MOST_REMEMBERED:
                self._slow.add(place)
