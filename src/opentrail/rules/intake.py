"""How events come onto a bus: durable when the call returns, and callers that come together share one commit."""

from __future__ import annotations

import threading
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
        self._store = store
        self._clock = clock
        self._once = Once(store.database)
        self._arriving = threading.Lock()
        self._turn = threading.Lock()
        self._waiting: list[_Delivery] = []

    def take(self, events: Sequence[NewEvent]) -> None:
        """Have all of them taken or, when this raises, none. One whose `id` is still on its way to the rules of its bus counts once."""
        if events:
            self._take(events, once=False)

    def put(self, *, account_id: str, region: str, event: Mapping[str, Any]) -> None:
        """The same for a service of AWS: one event for the default bus, which counts once also when it has gone from there long since
        (`monitoring.neighbours.TakesEvents`)."""
        self._take([NewEvent(bus_arn=BusName(region=region, account_id=account_id).arn, event=event)], once=True)

    def _take(self, events: Sequence[NewEvent], *, once: bool) -> None:
        mine = _Delivery([rows.event_row(one, self._clock.time()) for one in events], once=once)
        with self._arriving:
            self._waiting.append(mine)
        with self._turn:  # whoever comes in next writes for all who wait behind
            if not mine.done:
                self._write()
        if mine.failure is not None:
            raise mine.failure

    def _write(self) -> None:
        with self._arriving:
            batch, self._waiting = self._waiting, []
        failure: BaseException | None = None
        try:
            with self._store.add() as connection:
                for one in batch:
                    rows.take_events(connection, [row for row in one.rows if self._is_new(connection, one, row)])
        except BaseException as error:
            failure = error
        for one in batch:
            one.done, one.failure = True, failure

    def _is_new(self, connection: Connection, of: _Delivery, row: Mapping[str, Any]) -> bool:
        return not of.once or self._once.is_first(connection, f"{row['bus_arn']} {row['event_id']}", self._clock.time())


class _Delivery:
    """What one caller brings."""

    def __init__(self, taken: Sequence[Mapping[str, Any]], *, once: bool) -> None:
        self.rows = taken
        self.once = once
        """Whether each counts once for good."""
        self.done = False
        self.failure: BaseException | None = None
