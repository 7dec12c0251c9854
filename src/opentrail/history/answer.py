"""The page that answers a lookup."""

from __future__ import annotations

from typing import Any, Protocol

from opentrail.eventstore import Event, Question
from opentrail.history.lookup import Lookup
from opentrail.wire.faults import ServiceUnavailable

PATIENCE = 20.0
"""Seconds a question waits for the events that came before it; longer only after an outage. Below the 60 s that clients wait."""


class Store(Protocol):
    """What is needed of the event store."""

    @property
    def position(self) -> int: ...
    def catch_up(self, at_least: int | None = None, *, patience: float) -> bool: ...
    def find(self, question: Question) -> list[Event]: ...


def answer(store: Store, lookup: Lookup, *, at_least: int = 0, secret: bytes = b"") -> dict[str, Any]:
    """One page of `lookup` as JSON-ready members of the response; `EventTime` is in epoch seconds.

    The store first takes in the journal up to position `at_least`: give the journal's head at the time of the call, and every call answered
    before it is found. Pages after the first see the same set of events as the first did. Raises `ServiceUnavailable` rather than leave
    out what is not there yet.
    """
    if not store.catch_up(at_least, patience=PATIENCE):
        behind = at_least - store.position
        raise ServiceUnavailable(f"Event history is {behind} records behind and is catching up. Try again later.")
    up_to = lookup.up_to if lookup.up_to is not None else store.position
    events = store.find(lookup.question(up_to))
    page: dict[str, Any] = {"Events": [described(event) for event in events[: lookup.max_results]]}
    if len(events) > lookup.max_results:
        last = events[lookup.max_results - 1]
        page["NextToken"] = lookup.next_token(last.time, last.position, up_to, secret)
    return page


def described(event: Event) -> dict[str, Any]:
    """An event as `LookupEvents` prints it; members without a value are left out."""
    members = {
        "EventId": event.event_id,
        "EventName": event.event_name,
        "ReadOnly": None if event.read_only is None else str(event.read_only).lower(),
        "AccessKeyId": event.access_key_id,
        "EventTime": event.time,
        "EventSource": event.event_source,
        "Username": event.username,
        "Resources": [_resource(type_, name) for type_, name in event.resources],
        "CloudTrailEvent": event.record,
    }
    return {member: value for member, value in members.items() if value is not None and value != ""}


def _resource(type_: str, name: str) -> dict[str, str]:
    return {"ResourceType": type_, "ResourceName": name} if type_ else {"ResourceName": name}
