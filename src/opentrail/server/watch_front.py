"""The front's side of the watch: log groups, metrics, alarms, event rules and Insights, put together. Reads as a table of contents."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Final

from opentrail.api.authorisation import Authorisation
from opentrail.api.call import Handler, Service
from opentrail.api.cloudtrail.insights import InsightsOperations
from opentrail.api.cloudwatch import CloudWatch
from opentrail.api.eventbridge import EventBridge
from opentrail.api.logs import Logs
from opentrail.api.logs.absent_calls import AbsentOperations
from opentrail.api.logs.event_calls import EventOperations
from opentrail.api.logs.group_calls import GroupOperations
from opentrail.api.logs.metric_filter_calls import MetricFilterOperations
from opentrail.api.logs.needs import Needs as LogsNeeds
from opentrail.api.logs.policy_calls import PolicyOperations
from opentrail.api.logs.stream_calls import StreamOperations
from opentrail.api.logs.subscription_filter_calls import SubscriptionFilterOperations
from opentrail.api.logs.tag_calls import TagOperations
from opentrail.clock import Clock
from opentrail.identity import Identities
from opentrail.identity.vault import Vault
from opentrail.journal.positions import Positions
from opentrail.kms import KeyManagement
from opentrail.link import Link
from opentrail.monitoring.alarms.control import Alarms
from opentrail.monitoring.alarms.regions import region_names
from opentrail.monitoring.filters import MetricFilters, SubscriptionFilters
from opentrail.monitoring.filters.store import drop_group
from opentrail.monitoring.logs import LogGroups
from opentrail.monitoring.metrics.store import MetricStore
from opentrail.proxy import Upstreams
from opentrail.rules.control import EventBuses
from opentrail.server.folder import DataFolder
from opentrail.server.roles import Orders
from opentrail.server.subscription_destinations import SubscriptionDestinations
from opentrail.storage.database import Database
from opentrail.storage.writer import Writer
from opentrail.trails.control import Trails
from opentrail.trails.regions import Regions
from opentrail.wire.models import Catalogue

RULES: Final = "event-rules-changed"
"""Name of the promise that no position up to which rules were judged as they stood is given out a second time after a power cut."""


class WatchFront:
    """What the endpoint serves of it; the role `watch` does the work."""

    def __init__(
        self,
        orders: Orders,
        state: Database,
        clock: Clock,
        *,
        catalogue: Catalogue,
        identities: Identities,
        kms: KeyManagement,
        regions: Regions,
        head: Callable[[], int],
    ) -> None:
        """`state` is `DataFolder.state`, `head` tells the journal's newest position; the databases of the watch are opened here."""
        folder = DataFolder(orders.data_dir)
        self.link = Link(Path(orders.watch_link))
        self._monitoring = Database.at(folder.monitoring)
        self._rules = Database.at(folder.rules)
        self._insights = Database.at(folder.insights)
        writer = Writer(self._monitoring, name="monitoring-writer")
        self.log_groups = log_groups = LogGroups(self._monitoring, clock, keys=kms.service_keys, dropped=(drop_group,), writer=writer)
        metric_filters = MetricFilters(self._monitoring, clock)
        destinations = SubscriptionDestinations(Upstreams.parse(orders.upstreams, sandbox=orders.sandbox), identities, clock)
        logs = Logs(
            LogsNeeds(self._monitoring),
            catalogue.service("logs").model,
            GroupOperations(log_groups, filter_counts=metric_filters.counts),
            StreamOperations(log_groups),
            EventOperations(log_groups),
            PolicyOperations(log_groups),
            MetricFilterOperations(metric_filters),
            SubscriptionFilterOperations(SubscriptionFilters(self._monitoring, clock, functions=destinations)),
            TagOperations(log_groups),
            AbsentOperations(),
        )
        metrics = MetricStore(self._monitoring, clock)
        alarms = Alarms(self._monitoring, clock, region_names=region_names())
        self.event_buses = EventBuses(
            self._rules, clock, vault=Vault.open(folder.keys), identities=identities, head=partial(_noted, Positions(state), state, head)
        )
        check = partial(Authorisation(identities=identities).check, protocol="json")
        self.services: list[Service] = [
            logs,
            CloudWatch(metrics, alarms, catalogue.service("cloudwatch").model, clock, writer),
            EventBridge(self.event_buses, catalogue.service("events").model, check=check),
        ]

    def operations(self, trails: Trails) -> Mapping[str, Handler]:
        """CloudTrail's own operations that stand on it."""
        return InsightsOperations(self._insights, trails).operations

    @property
    def databases(self) -> tuple[Database, ...]:
        """What clients make of it lies here."""
        return (self._monitoring, self._rules, self._insights)

    async def close(self) -> None:
        """Give back every connection."""
        await self.link.close()
        await asyncio.to_thread(self.log_groups.close)
        await asyncio.to_thread(self.event_buses.close)
        for database in self.databases:
            database.close()


def _noted(positions: Positions, state: Database, head: Callable[[], int]) -> int:
    position = head()
    with state.begin() as connection:
        positions.save(connection, RULES, position)
    return position
