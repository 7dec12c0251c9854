"""Event buses as the front has them: everything that the API is made of, over one database."""

from __future__ import annotations

from collections.abc import Callable

from opentrail.clock import Clock
from opentrail.identity import Identities
from opentrail.identity.service_roles import ServiceRoles
from opentrail.identity.vault import Vault
from opentrail.rules import following
from opentrail.rules.buses import Buses
from opentrail.rules.connections import Connections
from opentrail.rules.destinations import Destinations
from opentrail.rules.intake import Intake
from opentrail.rules.rule_control import Rules
from opentrail.rules.tagging import Tagging
from opentrail.rules.values import EVENTS, SESSION
from opentrail.storage.database import Database


class EventBuses:
    """Built once in a process."""

    def __init__(self, database: Database, clock: Clock, *, vault: Vault, identities: Identities, head: Callable[[], int]) -> None:
        """`database` is `DataFolder.rules`; `head` as in `Rules`."""
        self.store = following.opened(database)
        self.buses = Buses(self.store, clock)
        roles = ServiceRoles(identities, clock, service=EVENTS, session_name=SESSION)
        self.rules = Rules(self.store, clock, roles=roles, head=head)
        self.intake = Intake(self.store, clock)
        self.connections = Connections(self.store, clock, vault)
        self.destinations = Destinations(self.store, clock)
        self.tagging = Tagging(self.store)

    def close(self) -> None:
        """Finish what has been asked for."""
        self.intake.close()
