"""Subscription filters at work: events that match go, packed, on their way (`delivering`) in the transaction of the position."""

from __future__ import annotations

import math
import uuid
from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Connection, insert

from opentrail.clock import Clock
from opentrail.monitoring.filter_patterns import FilterPattern, Message, compiled
from opentrail.monitoring.filters import store
from opentrail.monitoring.filters.destinations import data_messages
from opentrail.monitoring.filters.following import Effect
from opentrail.monitoring.filters.store import DELIVERIES, SUBSCRIPTION_FILTERS
from opentrail.monitoring.filters.values import SubscriptionFilter
from opentrail.monitoring.values import Chunk
from opentrail.storage.database import Database

FOLLOWER: Final = "subscription-filters"
REST: Final = 5.0
"""Seconds between two looks for filters that hold for nothing more."""


class Subscribing:
    """The work of the follower `subscription-filters`."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        database.create(store.METADATA)
        self.forget()

    def forget(self) -> None:
        """Read everything again."""
        self._generation: tuple[int, int] | None = None
        self._groups: dict[tuple[str, str, str], list[tuple[SubscriptionFilter, FilterPattern]]] = {}
        self._looked = -math.inf

    def since(self) -> int | None:
        """Look up the filters, when they have changed."""
        with self._database.read() as connection:
            generation = store.generation(connection)
            if generation != self._generation:
                self._groups = {}
                for row in connection.execute(store.subscription_filters(connection, holding=True)):
                    found = store.subscription_filter(row)
                    place = (found.account_id, found.region, found.log_group)
                    self._groups.setdefault(place, []).append((found, compiled(found.pattern)))
                self._generation = generation
        return min((found.since for group in self._groups.values() for found, _ in group), default=None)

    def taken(self, chunks: Sequence[Chunk]) -> Effect | None:
        """What is to be delivered."""
        rows: list[dict[str, Any]] = []
        for chunk in chunks:
            for found, pattern in self._groups.get((chunk.account_id, chunk.region, chunk.log_group), ()):
                if found.since < chunk.position and (found.until is None or chunk.position <= found.until):
                    rows += self._rows(found, pattern, chunk)
        return (lambda connection: _put(connection, rows)) if rows else None

    def settled(self, position: int) -> Effect | None:
        """Filters that hold for nothing more are removed, and what was on its way for them."""
        if self._clock.monotonic() - self._looked < REST:
            return None
        self._looked = self._clock.monotonic()
        with self._database.read() as connection:
            if not store.is_past(connection, SUBSCRIPTION_FILTERS, position):
                return None

        def clean(connection: Connection) -> None:
            store.remove_past(connection, SUBSCRIPTION_FILTERS, position)
            store.remove_deliveries(connection)
            self._database.after_commit(connection, self.forget)

        return clean

    def _rows(self, found: SubscriptionFilter, pattern: FilterPattern, chunk: Chunk) -> list[dict[str, Any]]:
        events = [event for event in chunk.events if pattern.matches(Message(event.message))]
        random = found.distribution == "Random"
        return [
            {
                "filter_id": found.id,
                "partition_key": str(uuid.uuid4()) if random else chunk.log_stream[:256],
                "payload": payload,
                "attempts": 0,
                "due": self._clock.time(),
            }
            for payload in data_messages(found, chunk, events)
        ]


def _put(connection: Connection, rows: list[dict[str, Any]]) -> None:
    connection.execute(insert(DELIVERIES), rows)
