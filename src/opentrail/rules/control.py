"""Event buses as the front has them: everything that the API is made of, over one database."""

from __future__ import annotations

from opentrail.clock import Clock
from opentrail.identity.vault import Vault
from opentrail.rules.buses import Buses
from opentrail.rules.connections import Connections
from opentrail.rules.destinations import Destinations
from opentrail.rules.intake import Intake
from opentrail.rules.rule_control import Rules
from opentrail.rules.store import Store
from opentrail.rules.tagging import Tagging
from opentrail.storage.database import Database


class EventBuses:
    """Built once in a process."""

    def __init__(self, database: Database, clock: Clock, *, vault: Vault) -> None:
        """`database` is `DataFolder.rules`."""
        self.store = Store(database)
        self.buses = Buses(self.store, clock)
        self.rules = Rules(self.store, clock)
        self.intake = Intake(self.store, clock)
        self.connections = Connections(self.store, clock, vault)
        self.destinations = Destinations(self.store, clock)
        self.tagging = Tagging(self.store)

    def close(self) -> None:
        """Finish what has been asked for."""
        self.intake.close()
