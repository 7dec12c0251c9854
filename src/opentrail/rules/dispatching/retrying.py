"""When a delivery that failed is tried again, and when no more (EventBridge guide, "Retrying event delivery"). Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from opentrail.rules.values import RetryPolicy

FIRST: Final = 1.0
LONGEST: Final = 600.0
"""Seconds between two attempts: 185 of them fill a day."""
LONGEST_PAUSE: Final = 30.0
"""Seconds between two attempts at a target that is down, whichever event they are for: soon after it is back it hears of all."""
DEAD_LETTER_DELAY: Final = 20.0
"""Seconds after which a dead-letter queue is tried again."""

ATTEMPTS: Final = "MaximumRetryAttempts"
AGE: Final = "MaximumEventAgeInSeconds"


def delay(attempts: int, random: Callable[[], float]) -> float:
    """Seconds from failure number `attempts` (from 1) to the next attempt; `random` gives numbers from 0 to 1."""
    return min(LONGEST, FIRST * 2.0 ** min(attempts - 1, 30)) * (0.75 + random() / 4)


def pause(failures: int) -> float:
    """Seconds for which a target is left alone after so many failures in a row."""
    return min(LONGEST_PAUSE, FIRST * 2.0 ** min(failures - 1, 30))


def exhausted(policy: RetryPolicy, *, attempts: int, age: float) -> str | None:
    """Which bound is reached after `attempts` failures, at an age in seconds; `None`: it is tried again."""
    if attempts > policy.attempts:
        return ATTEMPTS
    return AGE if age >= policy.max_age else None
