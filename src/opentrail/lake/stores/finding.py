"""Which event data store an ARN or an id means (reference of Lake, §1)."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy.engine import Connection

from opentrail.clock import Clock
from opentrail.lake import names
from opentrail.lake.event_data_store import PENDING_DELETION, EventDataStore
from opentrail.lake.faults import (
    EventDataStoreARNInvalidException,
    EventDataStoreNotFoundException,
    InactiveEventDataStoreException,
)
from opentrail.lake.names import Named, Place
from opentrail.lake.stores import store
from opentrail.lake.stores.organization import OrganizationStores


class Finding:
    """Finds stores. Every method takes the connection of the caller's transaction."""

    def __init__(self, clock: Clock, organization: OrganizationStores, partition: Callable[[str], str]) -> None:
        self._clock = clock
        self._organization = organization
        self._partition = partition

    def place(self, account_id: str, region: str) -> Place:
        """Where names without an ARN are looked for."""
        return Place(partition=self._partition(region), region=region, account_id=account_id)

    def named(self, connection: Connection, account_id: str, region: str, given: str) -> Named:
        """What `given` names; a bare id of a store of the organization means that one, for a delegated administrator.

        Raises `EventDataStoreARNInvalidException`.
        """
        named = names.event_data_store(given, self.place(account_id, region))
        if not given.startswith("arn:") and (manager := self._organization.administered(connection, account_id)) is not None:
            found = store.get(connection, named.id, self._clock.time())
            if found is not None and found.account_id == manager and found.organization_enabled:
                return names.event_data_store(given, self.place(manager, region))
        return named

    def find(self, connection: Connection, account_id: str, region: str, given: str) -> EventDataStore:
        """The store, also while its deletion is pending. Raises `EventDataStoreARNInvalidException`, `EventDataStoreNotFoundException`."""
        named = self.named(connection, account_id, region, given)
        if named.region != region:
            raise EventDataStoreARNInvalidException(
                f"The event data store {named.arn} is in another Region: call the operation in {named.region}, not in {region}."
            )
        found = store.get(connection, named.id, self._clock.time())
        if found is None or found.arn != named.arn:
            raise EventDataStoreNotFoundException(f"The event data store {named.arn} was not found.")
        return found

    def to_change(self, connection: Connection, account_id: str, region: str, given: str) -> EventDataStore:
        """As `find`, for an operation that only the owner and delegated administrators have."""
        found = self.find(connection, account_id, region, given)
        self._organization.require_changeable(connection, found, account_id)
        return found

    def active_to_change(self, connection: Connection, account_id: str, region: str, given: str) -> EventDataStore:
        """As `to_change`; raises `InactiveEventDataStoreException` while the deletion is pending."""
        found = self.to_change(connection, account_id, region, given)
        if found.status == PENDING_DELETION:
            raise InactiveEventDataStoreException(
                f"The event data store {found.arn} is pending deletion. Call RestoreEventDataStore first."
            )
        return found
