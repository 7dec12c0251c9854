"""Delivers what subscription filters have matched: in order for each filter, the filters beside each other, at least once.

What cannot be delivered is tried again, after a pause that doubles up to a minute, for a day, also when the destination refuses: a
permission that is missing, or a function that is gone, can be put right. Then it is given up, as is the oldest of what waits for a filter
beyond `MOST_WAITING`, and a payload that is too large for its destination. What goes out is told by the metrics `ForwardedBytes` and
`ForwardedLogEvents` in `AWS/Logs`; each failure by `DeliveryErrors` and `DeliveryThrottling` there, by the log, and by `counts`.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Final

from sqlalchemy import Connection, delete, func, select, update

from opentrail.clock import Clock
from opentrail.monitoring.filters import store, troubles
from opentrail.monitoring.filters.destinations import destination
from opentrail.monitoring.filters.store import DELIVERIES, SUBSCRIPTION_FILTERS
from opentrail.monitoring.filters.values import SubscriptionFilter
from opentrail.monitoring.lanes import AT_ONCE, SLOW, Lanes
from opentrail.monitoring.neighbours import Functions, TakesMetrics, Throttled, TooLarge
from opentrail.monitoring.values import Metric, MetricPoint
from opentrail.storage.database import Database
from opentrail.storage.setbacks import Setbacks
from opentrail.wire.faults import Fault

LONGEST_REST: Final = 5.0
SHORTEST_REST: Final = 0.05
"""Seconds between two looks for something that is due, when nothing comes."""
LONGEST_PAUSE: Final = 60.0
MOST_WAITING: Final = 256 << 20
"""Bytes of payloads that wait for one filter."""
GIVE_UP: Final = 24 * 3600.0
"""Seconds after the first attempt (user guide: "retries for up to 24 hours")."""
ENOUGH: Final = 10
"""Attempts without which nothing is given up: a clock that is set forward, or a day without OpenTrail, is no day of trying."""

log = logging.getLogger("opentrail.subscriptions")


class Delivering:
    """Whoever calls `step` waits for `woken`, but no longer than `rest`. One in a data folder at a time."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        *,
        functions: Functions,
        metrics: TakesMetrics,
        start: Callable[[Callable[[], None]], object] | None = None,
    ) -> None:
        """`start` has a call made beside others; threads do it when nothing else is said."""
        self._database = database
        self._clock = clock
        self._functions = functions
        self._metrics = metrics
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="subscription") if start is None else None
        self._start: Callable[[Callable[[], None]], object] = start or self._threads.submit  # type: ignore[union-attr]
        self._lanes = Lanes()
        self._setbacks = Setbacks(clock)
        self._stop = threading.Event()
        self.woken = threading.Event()
        """Set when there may be something to begin with."""
        database.create(store.METADATA)
        database.create(troubles.METADATA)

    def counts(self) -> dict[str, int]:
        """What waits, what fails, what was given up."""
        with self._database.read() as connection:
            return troubles.counts(connection)

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
        now = self._clock.time()
        is_due = (DELIVERIES.c.due <= now) | (DELIVERIES.c.due > now + 2 * LONGEST_PAUSE)  # so far ahead only after the clock was set back
        to = func.coalesce(SUBSCRIPTION_FILTERS.c.destination_arn, "")
        query = select(DELIVERIES.c.filter_id, to.label("to")).outerjoin(
            SUBSCRIPTION_FILTERS, SUBSCRIPTION_FILTERS.c.id == DELIVERIES.c.filter_id
        )
        with self._database.read() as connection:
            due = query.where(DELIVERIES.c.id.in_(heads), is_due).order_by(DELIVERIES.c.due)
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
        error = None if to is None else self._attempt(to, row)
        with self._database.begin() as connection:
            if to is not None and error is not None and not isinstance(error, TooLarge):
                return self._failed(connection, to, row, error)
            connection.execute(delete(DELIVERIES).where(DELIVERIES.c.id == row.id))
            if isinstance(error, TooLarge):
                self._gave_up(connection, filter_id, 1, error)
                return True
            if row.attempts:
                troubles.ends(connection, filter_id)
            if to is not None:
                now = self._clock.time()
                forwarded = (("ForwardedBytes", float(len(row.payload)), "Bytes"), ("ForwardedLogEvents", float(row.events), "Count"))
                self._metrics.put(connection, [_point(to, name, now, value, unit) for name, value, unit in forwarded])
        return True

    def _attempt(self, to: SubscriptionFilter, row: Any) -> Exception | None:
        """What has gone wrong."""
        began = self._clock.monotonic()
        error: Exception | None = None
        try:
            self._functions.deliver(
                destination_arn=to.destination_arn,
                payload=row.payload,
                partition_key=row.partition_key,
                role_arn=to.role_arn,
                source_arn=to.source_arn,
            )
        except (Fault, OSError, TooLarge) as caught:
            error = caught
        self._lanes.note(to.destination_arn, slow=isinstance(error, OSError) or self._clock.monotonic() - began > SLOW)
        return error

    def _failed(self, connection: Connection, to: SubscriptionFilter, row: Any, error: Exception) -> bool:
        """It is tried again, unless that has been done for a day; whether the next can follow at once: never."""
        now = self._clock.time()
        first = now if row.first_attempt is None else row.first_attempt
        if not row.attempts:
            log.warning("%s does not take log events of %s, it is tried again: %s", to.destination_arn, to.source_arn, error)
        troubles.begins(connection, to.id, _told(error), now)
        self._metrics.put(connection, [_point(to, "DeliveryThrottling" if isinstance(error, Throttled) else "DeliveryErrors", now)])
        lost = 0
        if now - first >= GIVE_UP and row.attempts >= ENOUGH:
            # What waits behind it is as old as the wait is long: nothing of it is worth another day.
            old = (DELIVERIES.c.filter_id == to.id) & ((DELIVERIES.c.id == row.id) | (DELIVERIES.c.due <= now - GIVE_UP))
            lost = connection.execute(delete(DELIVERIES).where(old)).rowcount
        else:
            pause = min(2.0 ** min(row.attempts, 10), LONGEST_PAUSE)
            again = update(DELIVERIES).where(DELIVERIES.c.id == row.id)
            connection.execute(again.values(attempts=row.attempts + 1, first_attempt=first, due=now + pause))
        lost += _shed(connection, to.id)
        if lost:
            self._gave_up(connection, to.id, lost, error)
        return False

    def _gave_up(self, connection: Connection, filter_id: int, count: int, error: Exception) -> None:
        troubles.gave_up(connection, filter_id, count)
        log.error("%d payloads of the subscription filter %d are given up: %s", count, filter_id, _told(error))


def _shed(connection: Connection, filter_id: int) -> int:
    """Remove the oldest payloads of a filter for which too much waits; how many."""
    there = DELIVERIES.c.filter_id == filter_id
    waiting = connection.scalar(select(func.sum(func.length(DELIVERIES.c.payload))).where(there)) or 0
    shed: list[int] = []
    if waiting > MOST_WAITING:
        for row in connection.execute(select(DELIVERIES.c.id, func.length(DELIVERIES.c.payload)).where(there).order_by(DELIVERIES.c.id)):
            shed.append(row[0])
            waiting -= row[1]
            if waiting <= MOST_WAITING:
                break
        connection.execute(delete(DELIVERIES).where(there, DELIVERIES.c.id <= shed[-1]))
    return len(shed)


def _told(error: Exception) -> str:
    return f"{error.code}: {error.message}" if isinstance(error, Fault) else str(error) or type(error).__name__


def _point(to: SubscriptionFilter, name: str, now: float, value: float = 1.0, unit: str = "Count") -> MetricPoint:
    """CloudWatch Logs' own metrics of subscription filters."""
    kind = {"lambda": "Lambda", "kinesis": "Kinesis", "firehose": "Firehose"}[destination(to.destination_arn).service]
    metric = Metric(
        account_id=to.account_id,
        region=to.region,
        namespace="AWS/Logs",
        name=name,
        dimensions=(("DestinationType", kind), ("FilterName", to.name), ("LogGroupName", to.log_group)),
    )
    return MetricPoint(metric=metric, time=now, sum=value, minimum=value, maximum=value, unit=unit)
