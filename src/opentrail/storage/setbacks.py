"""What went wrong on our own side (a locked database, a full disk) and is tried again: after how long, and what to tell about it."""

from __future__ import annotations

import threading
from typing import Final

from opentrail.clock import Clock

FIRST: Final = 2.0
LONGEST: Final = 60.0
"""Seconds until the next attempt: after the first failure, and at most when there are many in a row; they double."""
TOLD: Final = 2 * LONGEST
"""Seconds for which a failure is told that neither came again nor was made good."""
_MOST_COUNTED: Final = 10


class Setbacks:
    """Of some pieces of work, each with a key. Any thread."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._known: dict[str, tuple[int, float, float, str]] = {}
        """Key → failures in a row, when the last was, when the next attempt is, what it was."""

    def note(self, key: str, error: Exception) -> float:
        """It went wrong (once more); seconds until the next attempt."""
        now = self._clock.monotonic()
        with self._lock:
            self._known = {other: known for other, known in self._known.items() if now - known[1] < TOLD}
            failures = self._known[key][0] if key in self._known else 0
            pause = min(FIRST * 2.0**failures, LONGEST)
            self._known[key] = min(failures + 1, _MOST_COUNTED), now, now + pause, f"{type(error).__name__}: {error}"
        return pause

    def over(self, key: str) -> None:
        """It went well."""
        with self._lock:
            self._known.pop(key, None)

    def rests(self, key: str) -> bool:
        """Whether it is too early for the next attempt."""
        with self._lock:
            known = self._known.get(key)
        return known is not None and self._clock.monotonic() < known[2]

    def told(self) -> str | None:
        """What went wrong last; `None`: nothing, of late."""
        now = self._clock.monotonic()
        with self._lock:
            recent = [known for known in self._known.values() if now - known[1] < TOLD]
        return max(recent, key=lambda known: known[1])[3] if recent else None
