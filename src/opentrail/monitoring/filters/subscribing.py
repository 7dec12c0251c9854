"""Subscription filters at work: events that match go, packed, on their way (`delivering`) in the transaction of the position.

What comes after a while of silence goes at once. What follows it is gathered for a second, so that many small puts to one stream become
few payloads. What is gathered is in memory only, and the position is not saved meanwhile: after a crash it is read again.
"""

from __future__ import annotations

import logging
import math
import uuid
from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Connection, insert

from opentrail.clock import Clock
from opentrail.monitoring.filter_patterns import FilterPattern, Message, compiled
from opentrail.monitoring.filters import store, troubles
from opentrail.monitoring.filters.destinations import data_messages
from opentrail.monitoring.filters.following import Effect
from opentrail.monitoring.filters.store import DELIVERIES, SUBSCRIPTION_FILTERS
from opentrail.monitoring.filters.values import SubscriptionFilter
from opentrail.monitoring.values import Chunk, LogEvent
from opentrail.storage.database import Database

log = logging.getLogger("opentrail.watch")

FOLLOWER: Final = "subscription-filters"
GATHER: Final = 1.0
"""Seconds for which matches are gathered."""
MOST_GATHERED: Final = 4 << 20
"""Bytes of messages at which it ends earlier."""
REST: Final = 5.0
"""Seconds between two looks for filters that hold for nothing more."""


class Subscribing:
    """The work of the follower `subscription-filters`."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        database.create(store.METADATA)
        database.create(troubles.METADATA)
        self.forget()

    def forget(self) -> None:
        """Read everything again."""
        self._generation: tuple[int, int] | None = None
        self._groups: dict[tuple[str, str, str], list[tuple[SubscriptionFilter, FilterPattern]]] = {}
        self._looked = -math.inf
        self._gathered: dict[tuple[int, str], tuple[SubscriptionFilter, list[LogEvent]]] = {}
        self._size = 0
        self._sent_at = -math.inf

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
        for chunk in chunks:
            for found, pattern in self._groups.get((chunk.account_id, chunk.region, chunk.log_group), ()):
                if found.since < chunk.position and (found.until is None or chunk.position <= found.until):
                    self._gather(found, pattern, chunk)
        return self._due()

    def settled(self, position: int) -> Effect | None:
        """What is gathered goes when it is time. Filters that hold for nothing more are removed, and what was on its way for them."""
        if self._gathered:
            return self._due()
        if self._clock.monotonic() - self._looked < REST:
            return None
        self._looked = self._clock.monotonic()
        with self._database.read() as connection:
            if not store.is_past(connection, SUBSCRIPTION_FILTERS, position):
                return None

        def clean(connection: Connection) -> None:
            store.remove_past(connection, SUBSCRIPTION_FILTERS, position)
            store.remove_deliveries(connection)
            troubles.tidy(connection)
            self._database.after_commit(connection, self.forget)

        return clean

    def rest(self) -> float:
        """Seconds until there is something to do though nothing has come."""
        return REST if not self._gathered else max(self._sent_at + GATHER - self._clock.monotonic(), 0.0)

    def _gather(self, found: SubscriptionFilter, pattern: FilterPattern, chunk: Chunk) -> None:
        events = [event for event in chunk.events if _matches(pattern, event.message, chunk)]
        if events:
            self._gathered.setdefault((found.id, chunk.log_stream), (found, []))[1].extend(events)
            self._size += sum(len(event.message) for event in events)

    def _due(self) -> Effect | None:
        """Puts all that is gathered, if it is time."""
        now = self._clock.monotonic()
        if not self._gathered or (now - self._sent_at < GATHER and self._size < MOST_GATHERED):
            return None
        rows = [row for (_, stream), (found, events) in self._gathered.items() for row in _rows(found, stream, events, self._clock.time())]

        def sent() -> None:
            self._gathered, self._size, self._sent_at = {}, 0, now

        def put(connection: Connection) -> None:
            connection.execute(insert(DELIVERIES), rows)
            self._database.after_commit(connection, sent)

        return put


def _rows(found: SubscriptionFilter, stream: str, events: Sequence[LogEvent], now: float) -> list[dict[str, Any]]:
    random = found.distribution == "Random"
    return [
        {
            "filter_id": found.id,
            "partition_key": str(uuid.uuid4()) if random else stream[:256],
            "payload": payload,
            "events": count,
            "attempts": 0,
            "due": now,
        }
        for payload, count in data_messages(found, stream, events)
    ]


def _matches(pattern: FilterPattern, message: str, chunk: Chunk) -> bool:
    try:
        return pattern.matches(Message(message))
    except Exception:
        log.exception("a log event of %s cannot be matched and is passed over", chunk.log_group)
        return False
