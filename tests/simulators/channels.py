"""Channels on a database of their own, stores that are said to be there, and a journal whose head is a number."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from opentrail.clock import ManualClock
from opentrail.lake.channels.control import Channels
from opentrail.lake.channels.default import DefaultStores
from opentrail.lake.channels.known import KnownChannels
from opentrail.lake.channels.routes import Routes
from opentrail.lake.channels.status import Statuses
from opentrail.lake.event_data_store import ENABLED, EXTENDABLE, EventDataStore, Stretch
from opentrail.lake.families import Family
from opentrail.lake.names import Place
from opentrail.lake.stores import attachments
from opentrail.storage.database import Database
from opentrail.wire.faults import Fault

PLACE = Place(partition="aws", region="us-east-1", account_id="123456789012")


class SaidStores:
    """The event data stores that a test says there are."""

    def __init__(self) -> None:
        self.by_id: dict[str, EventDataStore] = {}
        self.refusing: Fault | None = None
        """What making a store raises."""

    def add(self, name: str = "outside", place: Place = PLACE, **members: Any) -> EventDataStore:
        """A store, `ActivityAuditLog` and enabled where nothing else is said."""
        values: dict[str, Any] = {
            "id": str(uuid.uuid4()),
            "name": name,
            "partition": place.partition,
            "region": place.region,
            "account_id": place.account_id,
            "status": ENABLED,
            "family": Family.ACTIVITY,
            "advanced_event_selectors": (),
            "multi_region_enabled": False,
            "organization_enabled": False,
            "retention_period": 366,
            "billing_mode": EXTENDABLE,
            "termination_protection_enabled": True,
            "created_timestamp": 0.0,
            "updated_timestamp": 0.0,
            **members,
        }
        made = EventDataStore(**values)
        self.by_id[made.id] = made
        return made

    def change(self, store_id: str, **members: Any) -> None:
        self.by_id[store_id] = replace(self.by_id[store_id], **members)

    def create(self, place: Place, name: str) -> str:
        if self.refusing is not None:
            raise self.refusing
        return self.add(name, place).id

    def get(self, store_id: str) -> EventDataStore | None:
        return self.by_id.get(store_id)

    def all(self) -> Sequence[EventDataStore]:
        return tuple(self.by_id.values())

    def stretches(self) -> Sequence[Stretch]:
        return ()


class ChannelGround:
    """Everything about channels, put together as the front does it."""

    def __init__(self, folder: Path, *, making: bool = True) -> None:
        self.database = Database.at(folder / "channels.db")
        self.clock = ManualClock()
        self.stores = SaidStores()
        self.head = 0
        self.channels = Channels(
            self.database, self.clock, stores=self.stores, head=lambda: self.head, changed=lambda: self.known.changed()
        )
        default = DefaultStores(self.stores, self.stores.create) if making else None
        self.known = KnownChannels(self.database, self.channels, self.clock, stores=default)
        self.statuses = Statuses(self.database, self.clock)
        self.routes = Routes(self.database, self.clock)

    def put_policy(self, arn: str, policy: str | None) -> None:
        """As PutResourcePolicy and DeleteResourcePolicy do."""
        with self.database.begin() as connection:
            if policy is None:
                attachments.remove_policy(connection, arn)
            else:
                attachments.put_policy(connection, arn, policy)
        self.known.changed()

    def close(self) -> None:
        self.database.close()


def to(*stores: EventDataStore) -> list[dict[str, str]]:
    """`Destinations` of a request."""
    return [{"Type": "EVENT_DATA_STORE", "Location": store.arn} for store in stores]
