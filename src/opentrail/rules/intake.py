"""How events come onto a bus: durable when the call returns, and callers that come together share one commit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection

from opentrail.clock import Clock
from opentrail.rules import rows
from opentrail.rules.names import BusName
from opentrail.rules.store import Store
from opentrail.rules.values import NewEvent
from opentrail.storage.once import Once


class Intake:
    """Takes events for buses. Thread-safe, and safe beside another process. What is taken is found by `rows.events_after`."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._clock = clock
        self._writer = store.writer("event-intake")
        self._once = Once(store.database)

    def take(self, events: Sequence[NewEvent]) -> None:
        """Have all of them taken or, when this raises, none. One whose `id` is still on its way to the rules of its bus counts once."""
        if events:
            self._take(events, once=False)

    def put(self, *, account_id: str, region: str, event: Mapping[str, Any]) -> None:
        """The same for a service of AWS: one event for the default bus, which counts once also when it has gone from there long since
        (`monitoring.neighbours.TakesEvents`)."""
        self._take([NewEvent(bus_arn=BusName(region=region, account_id=account_id).arn, event=event)], once=True)

    def close(self) -> None:
        """Finish what has been asked for, and take no more."""
        self._writer.close()

    def _take(self, events: Sequence[NewEvent], *, once: bool) -> None:
        now = self._clock.time()
        taken = [rows.event_row(one, now) for one in events]

        def job(connection: Connection) -> None:
            wanted = [row for row in taken if not once or self._once.is_first(connection, f"{row['bus_arn']} {row['event_id']}", now)]
            rows.take_events(connection, wanted)

        self._writer.run(job)
