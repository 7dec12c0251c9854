"""What the parts of the watch stand on: the databases, the journal, identities and keys of one data folder."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from opentrail.clock import Clock
from opentrail.identity import Identities
from opentrail.identity.vault import Vault
from opentrail.journal import Reader
from opentrail.journal.positions import Positions
from opentrail.kms import KeyManagement
from opentrail.proxy import Upstreams
from opentrail.server.folder import DataFolder
from opentrail.server.roles import Orders
from opentrail.storage.database import Database
from opentrail.storage.outbox import Outbox
from opentrail.trails.regions import Regions, known_regions

SEEN = "watch-seen"
"""Name of the promise: no position above it is given out a second time after a power cut (`Positions`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """Built once in the process; each follower takes a `reader` of its own."""

    orders: Orders
    folder: DataFolder
    clock: Clock
    state: Database
    messages: Database
    monitoring: Database
    rules: Database
    insights: Database
    identities: Identities
    kms: KeyManagement
    outbox: Outbox
    vault: Vault
    upstreams: Upstreams
    regions: Regions
    promise: Callable[[int], None]
    """Called by a follower before it saves a position outside of `state`."""
    stop: threading.Event = field(default_factory=threading.Event)
    """Set when the watch is to end."""

    def reader(self) -> Reader:
        """A reader of the journal, for one thread."""
        return Reader(self.folder.journal)

    def close(self) -> None:
        """Give back every connection."""
        for database in (self.insights, self.rules, self.monitoring, self.messages, self.state):
            database.close()


def ground(orders: Orders, clock: Clock) -> Ground:
    """Open everything."""
    folder, settings = DataFolder(orders.data_dir), orders.settings
    state = Database.at(folder.state)
    outbox = Outbox(state)
    identities = Identities(state, folder.keys, clock, account_id=settings.identity.account_id, outbox=outbox)
    return Ground(
        orders=orders,
        folder=folder,
        clock=clock,
        state=state,
        messages=Database.at(folder.messages),
        monitoring=Database.at(folder.monitoring),
        rules=Database.at(folder.rules),
        insights=Database.at(folder.insights),
        identities=identities,
        kms=KeyManagement(state, folder.keys, clock, outbox=outbox, identities=identities),
        outbox=outbox,
        vault=Vault.open(folder.keys),
        upstreams=Upstreams.parse(orders.upstreams, sandbox=orders.sandbox),
        regions=known_regions(),
        promise=_promise(state, power_cuts_count=settings.journal.sync == "normal"),
    )


def _promise(state: Database, *, power_cuts_count: bool) -> Callable[[int], None]:
    positions = Positions(state)

    def promise(position: int) -> None:
        if power_cuts_count:
            with state.begin() as connection:
                positions.save(connection, SEEN, position)

    return promise
