"""All that is remembered of one series: a few hundred numbers at most, whatever has been seen."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import msgspec

from opentrail.insights.detector.margins import Margin
from opentrail.insights.detector.turns import Direction

WINDOWS = (1, 5, 15, 60)
"""Minutes over which counts are summed: the short see a burst at once, the long see a slow one."""
DAYS = 28
"""Days that are remembered."""
MARGINS = 2 * len(WINDOWS)


class Episode(msgspec.Struct, array_like=True):
    """Unusual activity that has begun and not ended."""

    start: int
    direction: Direction
    window: int
    """Minutes of the window that was unusual: whether it ends is judged over as many, within bounds."""
    confidence: float
    baseline_count: int
    baseline_minutes: int
    count: int = 0
    """Calls since `start`."""
    quiet: int = 0
    """How many usual minutes have just followed one another."""


@dataclass(slots=True)
class Near:
    """What follows from a state for the half hour it is in. Never kept: it is worked out anew."""

    half: int = -1
    """Half hours since 1970; -1: nothing is worked out."""
    most: float = 0.0
    least: float = 0.0
    most_long: float = 0.0
    least_long: float = 0.0
    known: bool = False
    """The hours of the week are known."""
    falls: bool = False
    """Enough is expected for a fall to be told."""
    highest: list[float] = field(default_factory=lambda: [0.0] * len(WINDOWS))
    lowest: list[float] = field(default_factory=lambda: [-1.0] * len(WINDOWS))
    """Sums of the windows between these bounds are usual, and teach nothing."""
    shown: list[tuple[float, float, float]] = field(default_factory=list)
    """What the series had shown when the bounds of each window were worked out: its greatest rise, height and fall."""


class State(msgspec.Struct, array_like=True, dict=True):
    """What is known of one series. Changed in place by `step` and `advance`."""

    since: int
    """The minute from which on it is watched; silence since then counts as seen."""
    minute: int
    """The last minute that has been taken in."""
    errors: bool
    """Errors are told from lower counts on than calls."""
    first: int = -1
    """The minute of the first call; -1: there was none."""
    resumed: int = 0
    """No window reaches back before this minute: the last episode ended there."""
    minutes: list[int] = []
    """Those of the last hour in which there were calls, ascending …"""
    counts: list[int] = []
    """… and how many."""
    hour_count: int = 0
    """Calls in the hour of `minute` so far."""
    hour_told: bool = False
    """There was an episode in that hour."""
    days: dict[int, int] = {}
    """Calls by day since 1970, of the last 28 days, without silent ones."""
    slots: dict[int, float] = {}
    """Calls in each hour of the week (0 is the first hour of 1970), averaged, newer weeks weighing more; without silent ones."""
    level: float = 0.0
    """Calls in an hour of late (half-life 4 hours)."""
    level_expected: float = 0.0
    """What the slots gave for the same hours, with the same weights."""
    steady: bool = False
    """No hour of the day differs much from another: the series knows no nights, so a fall can be told before a week has been seen."""
    hourly: list[Margin] = []
    """How far windows strayed from what was expected, greatest of each hour: rises, then falls, each by window."""
    daily: list[Margin] = []
    """The same, greatest of each day."""
    episode: Episode | None = None
    heights: list[Margin] = []
    """Logarithm of calls (and `limits.OFFSET`) in a window, greatest of each day that had calls, by window."""

    @cached_property
    def near(self) -> Near:
        """What was worked out last; not part of what is encoded or compared."""
        return Near()

    @classmethod
    def new(cls, since: int, *, errors: bool = False) -> State:
        """A series nobody has called so far. `since`: when its account and Region came under watch; its silence since is known."""
        margins = [[Margin() for _ in range(MARGINS)] for _ in range(2)]
        heights = [Margin() for _ in WINDOWS]
        return cls(since=since, minute=since - 1, errors=errors, hourly=margins[0], daily=margins[1], heights=heights)

    def encoded(self) -> bytes:
        """As MessagePack: some hundred bytes for a series seldom called, 4 KB at most."""
        return msgspec.msgpack.encode(self)

    @classmethod
    def decoded(cls, data: bytes) -> State:
        """`msgspec.DecodeError`: that was none."""
        return msgspec.msgpack.decode(data, type=cls)
