"""Log groups: trails stream to them, metric filters and subscription filters read them."""

from __future__ import annotations

import threading
from collections.abc import Mapping

from opentrail.monitoring.filters import Delivering, Following, Measuring, Subscribing
from opentrail.monitoring.filters.measuring import FOLLOWER as METRIC_FILTERS
from opentrail.monitoring.filters.subscribing import FOLLOWER as SUBSCRIPTION_FILTERS
from opentrail.monitoring.logs import LogGroups
from opentrail.monitoring.metrics.store import MetricStore
from opentrail.server.subscription_destinations import SubscriptionDestinations
from opentrail.server.trail_log_groups import TrailLogGroups
from opentrail.server.watching.ground import Ground
from opentrail.server.watching.part import Chore, Part
from opentrail.trails import store
from opentrail.trails.log_groups import LogGroupDelivery

REMOVE = 30.0
"""Seconds between two looks at what is past its retention."""


def part(ground: Ground) -> Part:
    """What the watch runs of it."""
    log_groups = LogGroups(ground.monitoring, ground.clock, keys=ground.kms.service_keys)
    ground.state.create(store.METADATA)
    delivery = LogGroupDelivery(
        ground.state,
        ground.monitoring,
        ground.clock,
        journal=ground.reader(),
        regions=ground.regions,
        groups=TrailLogGroups(log_groups, ground.identities, ground.clock),
        promise=ground.promise,
    )

    def retain(stop: threading.Event) -> None:
        while not stop.is_set():
            if not log_groups.retention.step():
                stop.wait(REMOVE)

    def close() -> None:
        filters.close()
        log_groups.close()

    filters = _Filters(ground, log_groups)
    return Part(
        followers={"trail-log-groups": delivery}, chores={"log-retention": retain, **filters.chores}, counts=filters.counts, close=close
    )


class _Filters:
    """Metric filters and subscription filters: two followers of the chunks, and what delivers for the second."""

    def __init__(self, ground: Ground, log_groups: LogGroups) -> None:
        database, clock, reader = ground.monitoring, ground.clock, log_groups.reader
        metrics = MetricStore(database, clock)
        measuring = Measuring(database, clock, metrics=metrics)
        delivering = Delivering(database, clock, functions=SubscriptionDestinations(ground.upstreams), metrics=metrics)
        self.chores: Mapping[str, Chore] = {
            METRIC_FILTERS: Following(METRIC_FILTERS, database, reader=reader, work=measuring).run,
            SUBSCRIPTION_FILTERS: Following(SUBSCRIPTION_FILTERS, database, reader=reader, work=Subscribing(database, clock)).run,
            "subscription-deliveries": delivering.run,
        }
        self.counts = delivering.counts
        self.close = delivering.close
