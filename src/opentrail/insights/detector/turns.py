"""What the detector says: an episode of unusual activity has begun, or has ended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Direction = Literal["rise", "fall"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Turn:
    """The begin or the end of an episode, with the figures that an Insights record shows."""

    state: Literal["Start", "End"]
    minute: int
    """`Start`: first unusual minute. `End`: first usual minute after the episode."""
    told: int
    """The minute whose count made it known; not before `minute`."""
    start: int
    """First unusual minute of the episode, in both."""
    direction: Direction
    confidence: float
    """Above 0, below 1: how sure the detector is, which grows with what it has seen of the series and with how far the count is off."""
    baseline_average: float
    """Calls in a minute before the episode."""
    baseline_minutes: int
    """How long that was watched: up to 28 days, ending where the episode starts."""
    insight_average: float
    """Calls in a minute in the episode; for `Start` as far as it has been seen."""
    insight_minutes: int
    """Length of the episode; for `Start` as far as it has been seen. At least 1."""
