"""Who is served next: a lane for each subscription, so that a slow endpoint keeps nobody else waiting. Pure.

Endpoints that failed or were slow the last time share half of the places: however many hang, the others always have the rest.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

SLOW: Final = 2.0
"""Seconds that an attempt may take before its endpoint counts as slow."""
MOST_REMEMBERED: Final = 10_000
PLACES: Final = {"http": 32, "sqs": 4, "mail": 8}
"""Deliveries under way at the same time, by kind of endpoint."""
PER_HOST: Final = 8
"""Of them to one host."""


@dataclass(frozen=True, slots=True)
class Lane:
    """The deliveries to one subscription."""

    subscription_arn: str
    protocol: str
    endpoint: str

    @property
    def kind(self) -> str:
        return {"http": "http", "https": "http", "sqs": "sqs"}.get(self.protocol, "mail")

    @property
    def host(self) -> str:
        """What is slow when it is slow."""
        return urlsplit(self.endpoint).netloc.rpartition("@")[2] if self.kind == "http" else self.endpoint


@dataclass(slots=True)
class Places:
    """The places that are taken. Used under the dispatcher's lock."""

    busy: dict[str, Lane] = field(default_factory=dict)
    slow: set[str] = field(default_factory=set)

    def take(self, lane: Lane) -> bool:
        """Take a place for the lane, if it may have one now."""
        if lane.subscription_arn in self.busy:
            return False
        same = [other for other in self.busy.values() if other.kind == lane.kind]
        slow = lane.host in self.slow
        if len(same) >= PLACES[lane.kind] or sum(other.host == lane.host for other in same) >= (1 if slow else PER_HOST):
            return False
        if slow and sum(other.host in self.slow for other in same) >= PLACES[lane.kind] // 2:
            return False
        self.busy[lane.subscription_arn] = lane
        return True

    def give_back(self, lane: Lane) -> None:
        """The lane has been worked off, for now."""
        self.busy.pop(lane.subscription_arn, None)

    def note(self, lane: Lane, *, slow: bool) -> None:
        """How the endpoint did the last time."""
        if lane.kind == "sqs":
            return
        if not slow:
            self.slow.discard(lane.host)
        elif len(self.slow) < MOST_REMEMBERED:
            self.slow.add(lane.host)
