"""OpenTrail as the sender of audit events sees it: takes them, is away, loses an answer, refuses, knows what it has."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Sequence
from typing import Any

from opentrail.middleware.delivery import Outcome, Unavailable, Unfit
from opentrail.middleware.event import Written

Behaviour = Callable[["AuditDoor", Sequence[Written]], Outcome]


class AuditDoor:
    """`behaviour` says what happens at each `send`; `events` is what OpenTrail has, each once, in the order it came."""

    def __init__(self, behaviour: Behaviour | None = None) -> None:
        self.behaviour: Behaviour = behaviour or up
        self.events: list[dict[str, Any]] = []
        self.requests: list[int] = []
        """How many events each request had, whatever became of it."""
        self.entered = threading.Event()
        self.closed = False
        self.abandoned = False
        self._known: set[bytes] = set()

    def send(self, events: Sequence[Written]) -> Outcome:
        assert 1 <= len(events) <= 100
        self.requests.append(len(events))
        self.entered.set()
        return self.behaviour(self, events)

    def close(self) -> None:
        self.closed = True

    def abandon(self) -> None:
        self.abandoned = True

    def take(self, events: Sequence[Written]) -> None:
        """Record what is not recorded yet."""
        for event in events:
            if event.text not in self._known:
                self._known.add(event.text)
                self.events.append(json.loads(event.text))

    @property
    def names(self) -> list[str]:
        """The names of the events, in order, without reports of dropped ones."""
        return [event["eventName"] for event in self.events if event["eventName"] != "EventsDropped"]

    @property
    def reports(self) -> list[dict[str, Any]]:
        """`additionalEventData` of the reports of dropped events."""
        return [event["additionalEventData"] for event in self.events if event["eventName"] == "EventsDropped"]


def up(door: AuditDoor, events: Sequence[Written]) -> Outcome:
    door.take(events)
    return Outcome(taken=frozenset(event.id for event in events))


def away(door: AuditDoor, events: Sequence[Written]) -> Outcome:
    raise Unavailable("Connection refused")


def answer_lost(door: AuditDoor, events: Sequence[Written]) -> Outcome:
    door.take(events)
    raise Unavailable("timed out")


def failing(door: AuditDoor, events: Sequence[Written]) -> Outcome:
    raise RuntimeError("a mistake of ours")


def refusing(*names: str) -> Behaviour:
    """Refuses the events with these names by themselves, takes the others."""

    def behaviour(door: AuditDoor, events: Sequence[Written]) -> Outcome:
        bad = {event.id: "InvalidData" for event in events if json.loads(event.text)["eventName"] in names}
        door.take([event for event in events if event.id not in bad])
        return Outcome(taken=frozenset(event.id for event in events if event.id not in bad), refused=bad)

    return behaviour


def unfit(*names: str) -> Behaviour:
    """Refuses every request that has one of these events in it."""

    def behaviour(door: AuditDoor, events: Sequence[Written]) -> Outcome:
        if any(json.loads(event.text)["eventName"] in names for event in events):
            raise Unfit("answered 400 ValidationException")
        return up(door, events)

    return behaviour


def throttling(*names: str) -> Behaviour:
    """Takes all but the events with these names, which may be sent again."""

    def behaviour(door: AuditDoor, events: Sequence[Written]) -> Outcome:
        taken = [event for event in events if json.loads(event.text)["eventName"] not in names]
        door.take(taken)
        return Outcome(taken=frozenset(event.id for event in taken))

    return behaviour
