"""Delivers what subscription filters have matched: in order for each filter, the filters beside each other, at least once.

What cannot be delivered now is tried again, after a pause that doubles up to a minute, for a day; then, or when the destination says that
it will never take it, it is given up, and the log says so.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Final

from sqlalchemy import delete, func, select, update

from opentrail.clock import Clock
from opentrail.monitoring.filters import store
from opentrail.monitoring.filters.store import DELIVERIES, SUBSCRIPTION_FILTERS
from opentrail.monitoring.filters.values import SubscriptionFilter
from opentrail.monitoring.lanes import AT_ONCE, SLOW, Lanes
from opentrail.monitoring.neighbours import Functions
from opentrail.storage.database import Database
from opentrail.storage.setbacks import Setbacks
from opentrail.wire.faults import Fault

LONGEST_REST: Final = 5.0
SHORTEST_REST: Final = 0.05
"""Seconds between two looks for something that is due, when nothing comes."""
LONGEST_PAUSE: Final = 60.0
GIVE_UP: Final = 24 * 3600.0
"""Seconds after the first attempt (user guide: "retries for up to 24 hours")."""

log = logging.getLogger("opentrail.subscriptions")


class Delivering:
    """Whoever calls `step` waits for `woken`, but no longer than `rest`. One in a data folder at a time."""

    def __init__(
        self, database: Database, clock: Clock, *, functions: Functions, start: Callable[[Callable[[], None]], object] | None = None
    ) -> None:
        """`start` has a call made beside others; threads do it when nothing else is said."""
        self._database = database
        self._clock = clock
        self._functions = functions
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="subscription") if start is None else None
        self._start: Callable[[Callable[[], None]], object] = start or self._threads.submit  # type: ignore[union-attr]
        self._lanes = Lanes()
        self._setbacks = Setbacks(clock)
        self._stop = threading.Event()
        self.woken = threading.Event()
        """Set when there may be something to begin with."""
        database.create(store.METADATA)

    def close(self) -> None:
        """Begin nothing more, and wait for what is under way."""
        self._stop.set()
        if self._threads is not None:
            self._threads.shutdown(cancel_futures=True)

    def step(self) -> int:
        """Begin to deliver for every filter whose first delivery is due and that has a place; for how many."""
        begun = 0
        for filter_id, destination_arn in self._due():
            if not self._setbacks.rests(str(filter_id)) and self._lanes.take(str(filter_id), destination_arn):
                begun += 1
                self._start(partial(self._serve, filter_id))
        return begun

    def rest(self) -> float:
        """Seconds until something is due."""
        found = self._database.first("SELECT min(due) FROM subscription_deliveries", ())
        if found is None or found[0] is None:
            return LONGEST_REST
        return min(max(float(found[0]) - self._clock.time(), SHORTEST_REST), LONGEST_REST)

    def ails(self) -> str | None:
        """What goes wrong here, not with a destination, and is tried again. Any thread."""
        return self._setbacks.told()

    def _due(self) -> list[tuple[int, str]]:
        """Filter and destination, the one that has waited longest first."""
        if self._database.first("SELECT 1 FROM subscription_deliveries LIMIT 1", ()) is None:
            return []
        heads = select(func.min(DELIVERIES.c.id)).group_by(DELIVERIES.c.filter_id)
        to = func.coalesce(SUBSCRIPTION_FILTERS.c.destination_arn, "")
        query = select(DELIVERIES.c.filter_id, to.label("to")).outerjoin(
            SUBSCRIPTION_FILTERS, SUBSCRIPTION_FILTERS.c.id == DELIVERIES.c.filter_id
        )
        with self._database.read() as connection:
            due = query.where(DELIVERIES.c.id.in_(heads), DELIVERIES.c.due <= self._clock.time()).order_by(DELIVERIES.c.due)
            return [(row.filter_id, row.to) for row in connection.execute(due)]

    def _serve(self, filter_id: int) -> None:
        """Deliver for one filter, as long as it goes well."""
        try:
            while not self._stop.is_set() and self._deliver(filter_id):
                pass
            self._setbacks.over(str(filter_id))
        except Exception as error:
            log.exception("a delivery was interrupted; it is made again")
            self._setbacks.note(str(filter_id), error)
        finally:
            self._lanes.give_back(str(filter_id))
            self.woken.set()

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
        began = self._clock.monotonic()
        reached = True
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
            reached = False
            now = self._clock.time()
            first = now if row.first_attempt is None else row.first_attempt
            if now - first < GIVE_UP:
                pause = min(2.0 ** min(row.attempts, 10), LONGEST_PAUSE)
                with self._database.begin() as connection:
                    again = update(DELIVERIES).where(DELIVERIES.c.id == row.id)
                    connection.execute(again.values(attempts=row.attempts + 1, first_attempt=first, due=now + pause))
                return False
            log.warning("%s was out of reach for a day, log events of %s are given up: %s", to.destination_arn, to.source_arn, error)
        finally:
            self._lanes.note(to.destination_arn, slow=not reached or self._clock.monotonic() - began > SLOW)
        return True
