"""Events that wait in memory: a queue with two bounds. Any thread may call any method."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable, Sequence

from opentrail.middleware.event import Written


class Buffer:
    """At most `events` events of `size` bytes together."""

    def __init__(self, events: int, size: int) -> None:
        self._events = events
        self._bound = size
        self._size = 0
        self._waiting: deque[Written] = deque()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def size(self) -> int:
        """Bytes that wait."""
        return self._size

    def put(self, event: Written) -> bool:
        """Add `event`; `False` when there is no room for it."""
        size = len(event.text)
        with self._lock:
            if len(self._waiting) >= self._events or self._size + size > self._bound:
                return False
            self._waiting.append(event)
            self._size += size
            return True

    def take(self, events: int, size: int) -> list[Written]:
        """Take out the oldest: at most `events`, and `size` bytes (but one at least)."""
        taken: list[Written] = []
        with self._lock:
            while self._waiting and len(taken) < events:
                size -= len(self._waiting[0].text)
                if taken and size < 0:
                    break
                taken.append(self._waiting.popleft())
            self._size -= sum(len(event.text) for event in taken)
        return taken

    def put_back(self, events: Sequence[Written]) -> None:
        """Put what was taken where it was; there is always room for it."""
        with self._lock:
            self._waiting.extendleft(reversed(events))
            self._size += sum(len(event.text) for event in events)

    def add(self, events: Iterable[Written]) -> None:
        """Add events whatever the bounds say."""
        with self._lock:
            for event in events:
                self._waiting.append(event)
                self._size += len(event.text)
