"""Log groups, their streams and events.

`LogGroups` puts the parts together for one process: `control` (groups and streams), `putting`, `reading`, `policies`, `reader` for those
who follow, `services` for AWS services that put events.
"""

from __future__ import annotations

from collections.abc import Sequence

from opentrail.clock import Clock
from opentrail.monitoring.logs import store
from opentrail.monitoring.logs.control import Control, Dropped
from opentrail.monitoring.logs.policies import ResourcePolicies
from opentrail.monitoring.logs.putting import Putting
from opentrail.monitoring.logs.reader import ChunkReader
from opentrail.monitoring.logs.reading import Reading
from opentrail.monitoring.logs.retention import Retention
from opentrail.monitoring.logs.sealing import Keys, Sealing
from opentrail.monitoring.logs.service_logs import ServiceLogs
from opentrail.storage.database import Database
from opentrail.storage.writer import Writer

__all__ = ["LogGroups"]


class LogGroups:
    """The log groups of one data folder, as one process sees them."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        *,
        keys: Keys,
        dropped: Sequence[Dropped] = (),
        writer: Writer | None = None,
    ) -> None:
        """`database` is `DataFolder.monitoring`; `dropped` as in `Control`; `writer` is closed with the log groups."""
        database.create(store.METADATA)
        self.database = database
        self._writer = writer or Writer(database, name="log-writer")
        self.sealing = Sealing(keys, clock)
        self.control = Control(database, clock, self.sealing, dropped=dropped)
        self.putting = Putting(database, clock, self.sealing, self._writer)
        self.reading = Reading(database, clock, self.sealing)
        self.policies = ResourcePolicies(database, clock)
        self.reader = ChunkReader(database, self.sealing)
        self.retention = Retention(database, clock)
        self.services = ServiceLogs(database, clock, self.sealing, self._writer)

    def close(self) -> None:
        """Finish what has been asked for."""
        self._writer.close()
