"""How events come onto a bus: durable when the call returns, and callers that come together share one commit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from opentrail.clock import Clock
from opentrail.rules import rows
from opentrail.rules.names import BusName
from opentrail.rules.store import Store
from opentrail.rules.values import NewEvent


class Intake:
    """Takes events for buses. Thread-safe, and safe beside another process. What is taken is found by `rows.events_after`."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._clock = clock
        self._writer = store.writer("event-intake")

    def take(self, events: Sequence[NewEvent]) -> None:
        """Have all of them taken or, when this raises, none. One whose `id` is still on its way to the rules of its bus counts once."""
        if events:
            taken = [rows.event_row(one, self._clock.time()) for one in events]
            self._writer.run(partial(rows.take_events, taken=taken))

    def put(self, *, account_id: str, region: str, event: Mapping[str, Any]) -> None:
        """The same for a service of AWS: one event for the default bus (`monitoring.neighbours.TakesEvents`)."""
        self.take([NewEvent(bus_arn=BusName(region=region, account_id=account_id).arn, event=event)])

    def close(self) -> None:
        """Finish what has been asked for, and take no more."""
        self._writer.close()
