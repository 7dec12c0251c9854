"""Log groups: trails stream to them, metric filters and subscription filters read them."""

from __future__ import annotations

import threading

from opentrail.monitoring.logs import LogGroups
from opentrail.server.trail_log_groups import TrailLogGroups
from opentrail.server.watching.ground import Ground
from opentrail.server.watching.part import Part
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

    return Part(followers={"trail-log-groups": delivery}, chores={"log-retention": retain}, close=log_groups.close)
