"""What can carry tags and a resource policy: event data stores here, channels and dashboards by joining with a `Carrier` of their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from sqlalchemy.engine import Connection

from opentrail.lake.event_data_store import PENDING_DELETION
from opentrail.lake.faults import InactiveEventDataStoreException, ResourceNotFoundException
from opentrail.lake.names import Named
from opentrail.lake.stores import store
from opentrail.lake.stores.control import EventDataStores


class Carrier(Protocol):
    """One kind of resource."""

    @property
    def kind(self) -> str:
        """As in its ARNs: `channel`, `dashboard`."""

    def require(self, connection: Connection, named: Named, account_id: str) -> None:
        """Whether the resource is there, and `account_id` may change what it carries; within the caller's transaction.

        Raises `ResourceNotFoundException`, or the fault that tells why not.
        """


class StoreCarrier:
    """Event data stores."""

    kind = "eventdatastore"

    def __init__(self, stores: EventDataStores) -> None:
        self._stores = stores

    def require(self, connection: Connection, named: Named, account_id: str) -> None:
        """Raises `ResourceNotFoundException`, `InactiveEventDataStoreException`, `NotOrganizationMasterAccountException`."""
        found = store.get(connection, named.id, self._stores.clock.time())
        if found is None or found.arn != named.arn:
            raise not_found(named)
        self._stores.organization.require_changeable(connection, found, account_id)
        if found.status == PENDING_DELETION:
            raise InactiveEventDataStoreException(f"The event data store {named.arn} is pending deletion.")


class OwnedCarrier:
    """A kind of resource whose owner alone decides; `exists` tells whether one is there, within a transaction."""

    def __init__(self, kind: str, exists: Exists) -> None:
        self.kind = kind
        self._exists = exists

    def require(self, connection: Connection, named: Named, account_id: str) -> None:
        """Raises `ResourceNotFoundException`."""
        if named.account_id != account_id or not self._exists(connection, named):
            raise not_found(named)


class Exists(Protocol):
    """Whether the named resource is there."""

    def __call__(self, connection: Connection, named: Named) -> bool: ...


def by_kind(carriers: Sequence[Carrier]) -> Mapping[str, Carrier]:
    """The carriers, to be looked up."""
    return {carrier.kind: carrier for carrier in carriers}


def not_found(named: Named) -> ResourceNotFoundException:
    """The fault that says that there is no such resource."""
    return ResourceNotFoundException(f"The resource {named.arn} does not exist.")
