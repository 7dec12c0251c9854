"""Delivers what subscription filters have matched: in order for each filter, the filters beside each other, at least once.

What cannot be delivered now is tried again, after a pause that doubles up to a minute, for a day; then, or when the destination says that
it will never take it, it is given up, and the log says so.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from sqlalchemy import delete, func, select, update

from opentrail.clock import Clock
from opentrail.monitoring.filters import store
from opentrail.monitoring.filters.store import DELIVERIES, SUBSCRIPTION_FILTERS
from opentrail.monitoring.filters.values import SubscriptionFilter
from opentrail.monitoring.neighbours import Functions
from opentrail.storage.database import Database
from opentrail.wire.faults import Fault

LOOK: Final = 0.15
"""Seconds between two looks for something that is due."""
AT_ONCE: Final = 8
"""Filters that are delivered for at the same time."""
LONGEST_PAUSE: Final = 60.0
GIVE_UP: Final = 24 * 3600.0
"""Seconds after the first attempt (user guide: "retries for up to 24 hours")."""

log = logging.getLogger("opentrail.subscriptions")


class Delivering:
    """`run` until told to stop, or `step` by hand. One in a data folder at a time."""

    def __init__(
        self, database: Database, clock: Clock, *, functions: Functions, start: Callable[[Callable[[], None]], object] | None = None
    ) -> None:
        """`start` has a call made beside others; threads do it when nothing else is said."""
        self._database = database
        self._clock = clock
        self._functions = functions
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="subscription") if start is None else None
        self._start: Callable[[Callable[[], None]], object] = start or self._threads.submit  # type: ignore[union-attr]
        self._busy: set[int] = set()
        self._lock = threading.Lock()
        self._stop = threading.Event()
        database.create(store.METADATA)

    def run(self, stop: threading.Event) -> None:
        """Deliver until `stop` is set."""
        while not stop.is_set():
            self.step()
            stop.wait(LOOK)

    def close(self) -> None:
        """Begin nothing more, and wait for what is under way."""
        self._stop.set()
        if self._threads is not None:
            self._threads.shutdown(cancel_futures=True)

    def step(self) -> None:
        """Begin to deliver for every filter whose first delivery is due and that has a place."""
        for filter_id in self._due():
            with self._lock:
                if filter_id in self._busy or len(self._busy) >= AT_ONCE:
                    continue
                self._busy.add(filter_id)
            self._start(lambda chosen=filter_id: self._serve(chosen))  # type: ignore[misc]

    def _due(self) -> list[int]:
        if self._database.first("SELECT 1 FROM subscription_deliveries LIMIT 1", ()) is None:
            return []
        heads = select(func.min(DELIVERIES.c.id)).group_by(DELIVERIES.c.filter_id)
        query = select(DELIVERIES.c.filter_id).where(DELIVERIES.c.id.in_(heads), DELIVERIES.c.due <= self._clock.time())
        with self._database.read() as connection:
            return list(connection.scalars(query.order_by(DELIVERIES.c.due)))

    def _serve(self, filter_id: int) -> None:
        """Deliver for one filter, as long as it goes well."""
        try:
            while not self._stop.is_set() and self._deliver(filter_id):
                pass
        except Exception:
            log.exception("a delivery was interrupted; it is made again")
        finally:
            with self._lock:
                self._busy.discard(filter_id)

    def _deliver(self, filter_id: int) -> bool:
        """One attempt at the first delivery of a filter; whether the next can follow at once."""
        with self._database.read() as connection:
            row = connection.execute(
                select(DELIVERIES).where(DELIVERIES.c.filter_id == filter_id).order_by(DELIVERIES.c.id).limit(1)
            ).first()
            found = connection.execute(
                store.subscription_filters(connection, holding=True).where(SUBSCRIPTION_FILTERS.c.id == filter_id)
            ).first()
        if row is None:
            return False
        to = None if found is None else store.subscription_filter(found)
        if to is not None and not self._attempt(to, row):
            return False
        with self._database.begin() as connection:
            connection.execute(delete(DELIVERIES).where(DELIVERIES.c.id == row.id))
        return True

    def _attempt(self, to: SubscriptionFilter, row: Any) -> bool:
        """Whether it is done with, one way or the other."""
        try:
            self._functions.deliver(
                destination_arn=to.destination_arn,
                payload=row.payload,
                partition_key=row.partition_key,
                role_arn=to.role_arn,
                source_arn=to.source_arn,
            )
        except Fault as fault:
            log.warning("%s does not take log events of %s, they are given up: %s", to.destination_arn, to.source_arn, fault.message)
        except OSError as error:
            now = self._clock.time()
            first = now if row.first_attempt is None else row.first_attempt
            if now - first < GIVE_UP:
                pause = min(2.0 ** min(row.attempts, 10), LONGEST_PAUSE)
                with self._database.begin() as connection:
                    again = update(DELIVERIES).where(DELIVERIES.c.id == row.id)
                    connection.execute(again.values(attempts=row.attempts + 1, first_attempt=first, due=now + pause))
                return False
            log.warning("%s was out of reach for a day, log events of %s are given up: %s", to.destination_arn, to.source_arn, error)
        return True
