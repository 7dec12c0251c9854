"""How events come onto a bus: durable when the call returns, and callers that come together share one commit."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Any

from opentrail.clock import Clock
from opentrail.rules import rows
from opentrail.rules.names import BusName
from opentrail.rules.store import Store
from opentrail.rules.values import NewEvent


class Intake:
    """Takes events for buses. Thread-safe, and safe beside another process. What is taken is found by `rows.events_after`."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._arriving = threading.Lock()
        self._turn = threading.Lock()
        self._waiting: list[_Delivery] = []

    def take(self, events: Sequence[NewEvent]) -> None:
        """Have all of them taken or, when this raises, none. One whose `id` is still on its way to the rules of its bus counts once."""
        if not events:
            return
        mine = _Delivery([rows.event_row(one, self._clock.time()) for one in events])
        with self._arriving:
            self._waiting.append(mine)
        with self._turn:  # whoever comes in next writes for all who wait behind
            if not mine.done:
                self._write()
        if mine.failure is not None:
            raise mine.failure

    def put(self, *, account_id: str, region: str, event: Mapping[str, Any]) -> None:
        """The same for a service of AWS: one event for the default bus (`monitoring.neighbours.TakesEvents`)."""
        self.take([NewEvent(bus_arn=BusName(region=region, account_id=account_id).arn, event=event)])

    def _write(self) -> None:
        with self._arriving:
            batch, self._waiting = self._waiting, []
        failure: BaseException | None = None
        try:
            with self._store.add() as connection:
                for one in batch:
                    rows.take_events(connection, one.rows)
        except BaseException as error:
            failure = error
        for one in batch:
            one.done, one.failure = True, failure


class _Delivery:
    """What one caller brings."""

    def __init__(self, taken: Sequence[Mapping[str, Any]]) -> None:
        self.rows = taken
        self.done = False
        self.failure: BaseException | None = None
