"""The front's side of the watch: log groups, metrics, alarms, event rules and Insights, put together. Reads as a table of contents."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from opentrail.api.call import Handler, Service
from opentrail.api.cloudtrail.insights import InsightsOperations
from opentrail.clock import Clock
from opentrail.identity import Identities
from opentrail.kms import KeyManagement
from opentrail.link import Link
from opentrail.server.folder import DataFolder
from opentrail.server.roles import Orders
from opentrail.storage.database import Database
from opentrail.trails.control import Trails
from opentrail.trails.regions import Regions
from opentrail.wire.models import Catalogue


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
        trails: Trails,
    ) -> None:
        """`state` is `DataFolder.state`; the databases of the watch are opened here."""
        folder = DataFolder(orders.data_dir)
        self.link = Link(Path(orders.watch_link))
        self._monitoring = Database.at(folder.monitoring)
        self._rules = Database.at(folder.rules)
        self._insights = Database.at(folder.insights)
        self.services: list[Service] = []
        self.operations: Mapping[str, Handler] = InsightsOperations(self._insights, trails).operations
        """CloudTrail's own operations that stand on it."""

    @property
    def databases(self) -> tuple[Database, ...]:
        """What clients make of it lies here."""
        return (self._monitoring, self._rules, self._insights)

    async def close(self) -> None:
        """Give back every connection."""
        await self.link.close()
        for database in self.databases:
            database.close()
