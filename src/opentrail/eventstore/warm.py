"""The warm window: the newest events, in memory, so that "what happened lately?" is answered without opening a file.

It is complete down to its floor: every event of the store whose key is not below the floor is in it. Memory is bounded; when the bound
is reached the floor rises. Not thread-safe by itself: the store's state lock guards it.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterable
from operator import attrgetter
from typing import Final

from opentrail.eventstore.columns import LAST
from opentrail.eventstore.event import Event
from opentrail.eventstore.query import Key, Question

BOTTOM: Final[Key] = (-(1 << 62), 0)
"""The floor of a window that holds every event there is."""

TOP: Final[Key] = (LAST + 1, 0)
"""The floor of a window that holds none."""

_key = attrgetter("key")


class WarmWindow:
    """At most about `events` events and `size` characters of records; one quarter of either is let go at a time."""

    def __init__(self, events: int, size: int) -> None:
        self._events, self._size = events, size
        self._count = self._held = 0
        self._places: dict[tuple[str, str], list[Event]] = {}
        """(account, Region) → its events, oldest first."""
        self.floor: Key = BOTTOM

    def __len__(self) -> int:
        return self._count

    def add(self, events: Iterable[Event]) -> None:
        """Take in new events, in any order; those below the floor are not kept."""
        for event in events:
            if event.key < self.floor:
                continue
            place = self._places.setdefault((event.account_id, event.region), [])
            if not place or place[-1].key < event.key:
                place.append(event)
            else:
                bisect.insort(place, event, key=_key)
            self._count += 1
            self._held += len(event.record)
        if self._count > self._events or self._held > self._size:
            self._shrink()

    def fill(self, events: Iterable[Event], *, complete: bool) -> None:
        """Start from the newest events of the cold store; `complete` when there are no older ones."""
        loaded = list(events)
        if not complete:
            self.floor = min((event.key for event in loaded), default=TOP)
        self.add(loaded)

    def drop_before(self, time: int) -> None:
        """Let go of events older than `time` (seconds): no question can see them any more."""
        for place in list(self._places):
            self._cut(place, (time, 0))

    def candidates(self, question: Question) -> list[Event]:
        """The events of the question's account, Region and time that are in the window, oldest first: a copy."""
        place = self._places.get((question.account_id, question.region))
        if not place:
            return []
        low = bisect.bisect_left(place, (question.start, 0), key=_key) if question.start is not None else 0
        high = bisect.bisect_left(place, (question.end + 1, 0), key=_key) if question.end is not None else len(place)
        if question.before is not None:
            high = min(high, bisect.bisect_left(place, question.before, key=_key))
        return place[low:high]

    def _shrink(self) -> None:
        newest = sorted((event for place in self._places.values() for event in place), key=_key, reverse=True)
        held = 0
        for index, event in enumerate(newest):
            held += len(event.record)
            if index >= self._events * 3 // 4 or held > self._size * 3 // 4:
                # The events from here on go; the floor is the last one that stays, or nothing at all stays.
                self.floor = newest[index - 1].key if index else (event.time, event.position + 1)
                break
        for place in list(self._places):
            self._cut(place, self.floor)

    def _cut(self, place: tuple[str, str], below: Key) -> None:
        events = self._places[place]
        gone = bisect.bisect_left(events, below, key=_key)
        if gone:
            self._count -= gone
            self._held -= sum(len(event.record) for event in events[:gone])
            del events[:gone]
        if not events:
            del self._places[place]
