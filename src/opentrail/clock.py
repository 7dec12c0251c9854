"""Time, handed in.

Nothing in the house asks the machine for the time by itself: whoever needs it is given a `Clock`. Tests give a
`ManualClock` and move it; nobody sleeps.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Where a room reads the time from."""

    def time(self) -> float:
        """Seconds since the Unix epoch, UTC."""

    def now(self) -> datetime:
        """The same instant as an aware UTC datetime."""

    def monotonic(self) -> float:
        """Seconds on a scale that never goes back; for intervals and timeouts."""


class SystemClock:
    """The machine's own clock."""

    def time(self) -> float:
        return time.time()

    def now(self) -> datetime:
        return datetime.fromtimestamp(time.time(), UTC)

    def monotonic(self) -> float:
        return time.monotonic()


@dataclass(slots=True)
class ManualClock:
    """A clock that stands still until it is moved; `at` is seconds since the epoch."""

    at: float = 1_767_607_872.0  # 2026-01-05T10:11:12Z
    elapsed: float = field(default=0.0)

    def time(self) -> float:
        return self.at

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.at, UTC)

    def monotonic(self) -> float:
        return self.elapsed

    def advance(self, seconds: float) -> None:
        """Let `seconds` pass."""
        self.at += seconds
        self.elapsed += seconds


def iso_seconds(at: float) -> str:
    """`at` (epoch seconds) as CloudTrail prints times: `2026-01-05T10:11:12Z`, whole seconds, rounded down."""
    return datetime.fromtimestamp(int(at), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
