"""A clock that somebody sets makes nothing in the outbox older, and nothing wait longer."""

from __future__ import annotations

import threading
from typing import Final

from opentrail.clock import Clock
from opentrail.rules.dispatching import outbox, retrying
from opentrail.rules.store import Store

JUMP: Final = 5.0
"""Seconds by which wall clock and monotonic clock may drift apart between two looks before the clock counts as set."""


class SetClock:
    """Looks at the clock, and puts right what lies in the outbox. `look` is called by one thread."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self.lock = threading.Lock()
        """Held while the outbox is put right, and by whoever reads or notes in it how old something is."""
        self.offset = clock.time() - clock.monotonic()
        """From monotonic time to the times in the outbox. To be read under the lock."""
        self._looked = clock.monotonic()
        with store.add() as connection:
            outbox.bound(connection, clock.time(), retrying.LONGEST)

    @property
    def was_set(self) -> bool:
        """Whether the clock was set and the outbox is still as it was before."""
        return abs(self._moved()) >= JUMP

    def look(self) -> None:
        """Put the outbox right, when the clock was set since the last look."""
        monotonic = self._clock.monotonic()
        moved = self._moved()
        if abs(moved) >= JUMP:
            now = self._clock.time()
            with self.lock:
                with self._store.add() as connection:
                    # What has come in since then has been dated by the clock as it is now.
                    outbox.shift(connection, moved, but_since=now - (monotonic - self._looked) - 1, now=now)
                    outbox.bound(connection, now, retrying.LONGEST)
                self.offset += moved
        elif moved < 0:
            self.offset += moved
        self._looked = monotonic

    def _moved(self) -> float:
        return self._clock.time() - self._clock.monotonic() - self.offset
