"""Metric filters at work: chunks of log events become metric points.

A filter's default value counts once for each minute in which events came in and none matched. Which minute is under way, and whether it is
settled, lies in the database beside the position, so that neither the end of a chunk nor a restart makes it count twice or not at all.
Minutes are those in which events came in; a value that an event gives counts at the event's own time.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from typing import Final

from sqlalchemy import Connection

from opentrail.clock import Clock
from opentrail.monitoring.filter_patterns import Message, PatternSet
from opentrail.monitoring.filters import store
from opentrail.monitoring.filters.following import Effect
from opentrail.monitoring.filters.points import MINUTE, STEP, Gauge, Sums
from opentrail.monitoring.neighbours import TakesMetrics
from opentrail.monitoring.values import Chunk
from opentrail.storage.database import Database

FOLLOWER: Final = "metric-filters"
GRACE: Final = 2.0
"""Seconds after the end of a minute in which an event of it may still be on its way into the database."""
BACK: Final = 10
"""Minutes by which the clock may go back before minutes count a second time."""
REST: Final = 0.3
"""Seconds between two looks at the clock."""

log = logging.getLogger("opentrail.watch")

Group = tuple[str, str, str]
"""Account, Region, name."""


class Measuring:
    """The work of the follower `metric-filters`."""

    def __init__(self, database: Database, clock: Clock, *, metrics: TakesMetrics) -> None:
        self._database = database
        self._clock = clock
        self._metrics = metrics
        database.create(store.METADATA)
        self.forget()

    def forget(self) -> None:
        """Read everything again."""
        self._generation: tuple[int, int] | None = None
        self._gauges: dict[int, Gauge] = {}
        self._groups: dict[Group, list[Gauge]] = {}
        self._sets: dict[tuple[int, ...], PatternSet[int]] = {}
        self._minutes: dict[int, tuple[int, bool]] | None = None
        self._cleaned: tuple[tuple[int, int] | None, int] | None = None
        self._looked = -math.inf

    def since(self) -> int | None:
        """Look up the filters, when they have changed."""
        with self._database.read() as connection:
            generation = store.generation(connection)
            if generation != self._generation:
                self._load(connection)
                self._generation = generation
        return min((gauge.filter.since for gauge in self._gauges.values()), default=None)

    def taken(self, chunks: Sequence[Chunk]) -> Effect | None:
        """The points of the events, and the default values of minutes that are over."""
        sums, minutes, changed = Sums(), self._known_minutes(), dict[int, tuple[int, bool]]()
        for chunk in chunks:
            gauges = self._holding(chunk)
            if not gauges or not chunk.events:
                continue
            matched = self._measure(chunk, gauges, sums)
            minute = chunk.events[0].ingestion_time // (1000 * MINUTE)
            for gauge in gauges:
                if gauge.filter.transformation.default_value is not None:
                    known = changed.get(gauge.filter.id) or minutes.get(gauge.filter.id)
                    new = self._minute(gauge, known, minute, gauge.filter.id in matched, sums)
                    if new != known:
                        changed[gauge.filter.id] = new
        return self._effect(sums, changed)

    def settled(self, position: int) -> Effect | None:
        """The default values of minutes that are over by the clock; the end of filters that hold for nothing more."""
        if self._clock.monotonic() - self._looked < REST:
            return None
        self._looked = self._clock.monotonic()
        self.since()
        now, sums, changed = self._clock.time(), Sums(), dict[int, tuple[int, bool]]()
        for filter_id, (minute, settled) in self._known_minutes().items():
            gauge = self._gauges.get(filter_id)
            if settled or gauge is None:
                continue
            past = gauge.filter.until is not None and gauge.filter.until <= position
            if past or now >= (minute + 1) * MINUTE + GRACE or now < (minute - BACK) * MINUTE:
                self._default(gauge, minute, sums)
                changed[filter_id] = (minute, True)
        effect = self._effect(sums, changed)
        if effect is not None:
            return effect
        return self._cleaning(position)

    def _load(self, connection: Connection) -> None:
        known = self._gauges
        rows = connection.execute(store.metric_filters(connection, holding=True))
        self._gauges = {}
        self._groups = {}
        self._sets = {}
        for found in map(store.metric_filter, rows):
            gauge = known.get(found.id)
            if gauge is None or gauge.filter != found:
                gauge = Gauge(found)
            self._gauges[found.id] = gauge
            self._groups.setdefault((found.account_id, found.region, found.log_group), []).append(gauge)

    def _holding(self, chunk: Chunk) -> list[Gauge]:
        gauges = self._groups.get((chunk.account_id, chunk.region, chunk.log_group), ())
        at = chunk.position
        return [one for one in gauges if one.filter.since < at and (one.filter.until is None or at <= one.filter.until)]

    def _measure(self, chunk: Chunk, gauges: Sequence[Gauge], sums: Sums) -> set[int]:
        """Add the values of a chunk's events; which filters have matched any."""
        key = tuple(gauge.filter.id for gauge in gauges)
        patterns = self._sets.get(key)
        if patterns is None:
            patterns = self._sets[key] = PatternSet({gauge.filter.id: gauge.pattern for gauge in gauges})
        matched: set[int] = set()
        for event in chunk.events:
            try:
                message = Message(event.message)
                found = [(filter_id, self._gauges[filter_id].read(message)) for filter_id in patterns.matching(message)]
            except Exception:
                log.exception("a log event of %s cannot be measured and is passed over", chunk.log_group)
                continue
            for filter_id, read in found:
                matched.add(filter_id)
                if read is not None:
                    metric, unit, value = read
                    sums.add((metric, unit, event.timestamp // (1000 * STEP)), value)
        return matched

    def _minute(self, gauge: Gauge, known: tuple[int, bool] | None, minute: int, matched: bool, sums: Sums) -> tuple[int, bool]:
        """Where a filter's minutes stand once events have come in at `minute`. A clock that was set back a little begins no minute."""
        if known is None:
            return minute, matched
        before, settled = known
        if before - BACK <= minute <= before:
            return before, settled or matched
        if not settled:
            self._default(gauge, before, sums)
        return minute, matched

    def _default(self, gauge: Gauge, minute: int, sums: Sums) -> None:
        found = gauge.default(minute)
        if found is not None:
            sums.add(*found)

    def _known_minutes(self) -> dict[int, tuple[int, bool]]:
        if self._minutes is None:
            with self._database.read() as connection:
                self._minutes = store.minutes(connection)
        return self._minutes

    def _effect(self, sums: Sums, changed: dict[int, tuple[int, bool]]) -> Effect | None:
        points = sums.points()
        if not points and not changed:
            return None

        def keep(connection: Connection) -> None:
            if points:
                self._metrics.put(connection, points)
            store.put_minutes(connection, changed)
            self._database.after_commit(connection, lambda: self._known_minutes().update(changed))

        return keep

    def _cleaning(self, position: int) -> Effect | None:
        """Remove what holds for nothing more."""
        if self._cleaned == (self._generation, position):
            return None
        self._cleaned = (self._generation, position)
        with self._database.read() as connection:
            if not store.is_past(connection, store.METRIC_FILTERS, position):
                return None

        def clean(connection: Connection) -> None:
            store.remove_past(connection, store.METRIC_FILTERS, position)
            store.remove_minutes(connection)
            self._database.after_commit(connection, self.forget)

        return clean
