"""`LookupEvents` at the door: read the request, have it answered where the events are, give it the wire's types."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from opentrail.api.call import Call, Handler, Result
from opentrail.history.lookup import Lookup

Ask = Callable[[str, Any], Awaitable[Any]]
"""Sends a question by name to the process that holds the event store, and gives its answer back; both are JSON-ready."""

QUESTION = "lookup"
"""The name under which `answer` must be reachable: it takes `{"lookup": …, "at_least": …}` and returns a page."""


class History:
    """The history operations of CloudTrail. `head` gives the journal's newest position without blocking."""

    def __init__(self, ask: Ask, head: Callable[[], int], *, secret: bytes = b"") -> None:
        self._ask = ask
        self._head = head
        self._secret = secret
        self.operations: Mapping[str, Handler] = {"LookupEvents": self.lookup_events}

    async def lookup_events(self, call: Call) -> Result:
        """A page of events; every call that was answered before this one arrived is among what is searched."""
        lookup = Lookup.from_parameters(call.parameters, call.account_id, call.region, call.time, secret=self._secret)
        page = await self._ask(QUESTION, {"lookup": lookup.as_dict(), "at_least": self._head()})
        return {**page, "Events": [_typed(event) for event in page["Events"]]}


def _typed(event: Mapping[str, Any]) -> dict[str, Any]:
    return {**event, "EventTime": datetime.fromtimestamp(event["EventTime"], UTC)}
