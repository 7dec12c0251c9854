"""Log groups: trails stream to them, metric filters and subscription filters read them."""

from __future__ import annotations

from collections.abc import Mapping

from opentrail.monitoring.filters import Delivering, Following, Measuring, Subscribing
from opentrail.monitoring.filters.following import REST
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

    def close() -> None:
        filters.close()
        log_groups.close()

    filters = _Filters(ground, log_groups)
    retention = Chore(step=log_groups.retention.step, rest=lambda: REMOVE)
    return Part(
        followers={"trail-log-groups": delivery}, chores={"log-retention": retention, **filters.chores}, counts=filters.counts, close=close
    )


class _Filters:
    """Metric filters and subscription filters: two followers of the chunks, and what delivers for the second."""

    def __init__(self, ground: Ground, log_groups: LogGroups) -> None:
        database, clock, reader = ground.monitoring, ground.clock, log_groups.reader
        metrics = MetricStore(database, clock)
        measuring = Measuring(database, clock, metrics=metrics)
        functions = SubscriptionDestinations(ground.upstreams, ground.identities, clock)
        delivering = Delivering(database, clock, functions=functions, metrics=metrics)
        subscribing = Subscribing(database, clock)
        of = (ground.folder.monitoring,)
        measured = Following(METRIC_FILTERS, database, reader=reader, work=measuring)
        subscribed = Following(SUBSCRIPTION_FILTERS, database, reader=reader, work=subscribing)
        self.chores: Mapping[str, Chore] = {
            METRIC_FILTERS: Chore(step=measured.step, of=of, rest=lambda: REST),
            SUBSCRIPTION_FILTERS: Chore(step=subscribed.step, of=of, rest=subscribing.rest),
            "subscription-deliveries": Chore(
                step=delivering.step, of=of, rest=delivering.rest, woken=delivering.woken, ails=delivering.ails
            ),
        }
        self.counts = delivering.counts
        self.close = delivering.close
