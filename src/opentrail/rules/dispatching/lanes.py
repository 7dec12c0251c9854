"""Who is served next: a lane for each target of a rule, so that one that hangs keeps nobody else waiting. Pure.

Endpoints that failed or were slow the last time share half of the places of their kind: however many hang, others always have the rest.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from opentrail.rules.target_kinds import Kind

PLACES: Final[dict[Kind, int]] = {
    "topic": 4, "queue": 4, "log-group": 4, "bus": 2, "function": 16, "api-destination": 32, "chat": 8,
}  # fmt: skip
"""Deliveries under way at the same time, by kind of target."""
PER_ENDPOINT: Final = 8
"""Of them to one endpoint."""
MOST_REMEMBERED: Final = 10_000
SLOW: Final = 2.0
"""Seconds that an attempt may take before its endpoint counts as slow."""
OURS: Final[frozenset[Kind]] = frozenset({"topic", "queue", "log-group", "bus"})
"""Kinds that never hang: they are databases of our own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """The deliveries to one target of one rule."""

    key: str
    kind: Kind
    endpoint: str
    """What is slow when it is slow: the host, the function, the channel."""


def endpoint_of(kind: Kind, arn: str, url: str | None) -> str:
    """The endpoint behind a target."""
    return urlsplit(url).netloc if kind == "api-destination" and url is not None else arn


@dataclass(slots=True)
class Places:
    """The places that are taken. Used under the dispatcher's lock."""

    busy: dict[str, Lane] = field(default_factory=dict)
    slow: set[str] = field(default_factory=set)

    def take(self, lane: Lane) -> bool:
        """Take a place for the lane, if it may have one now."""
        if lane.key in self.busy:
            return False
        same = [other for other in self.busy.values() if other.kind == lane.kind]
        slow = lane.endpoint in self.slow
        if len(same) >= PLACES[lane.kind] or sum(other.endpoint == lane.endpoint for other in same) >= (1 if slow else PER_ENDPOINT):
            return False
        if slow and sum(other.endpoint in self.slow for other in same) >= max(1, PLACES[lane.kind] // 2):
            return False
        self.busy[lane.key] = lane
        return True

    def give_back(self, lane: Lane) -> None:
        """The lane has been worked off, for now."""
        self.busy.pop(lane.key, None)

    def note(self, lane: Lane, *, slow: bool) -> None:
        """How the endpoint did the last time."""
        if lane.kind in OURS:
            return
        if not slow:
            self.slow.discard(lane.endpoint)
        elif len(self.slow) < MOST_REMEMBERED:
            self.slow.add(lane.endpoint)


@dataclass(slots=True)
class Trouble:
    """A target that has not been reached lately."""

    failures: int = 0
    """In a row."""
    numbers: set[int] = field(default_factory=set)
    """The deliveries that failed, a few of them: several tell that the target is down, one alone that it is this event."""

    def failed(self, number: int) -> None:
        self.failures += 1
        if len(self.numbers) < 2:
            self.numbers.add(number)

    @property
    def was_down(self) -> bool:
        return len(self.numbers) > 1
