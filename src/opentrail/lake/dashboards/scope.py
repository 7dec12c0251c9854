"""Which event data stores a dashboard's statement asks, and whether it may: those of its own account and Region that are active."""

from __future__ import annotations

from collections.abc import Sequence

from opentrail.lake.dashboards.managed import Managed
from opentrail.lake.event_data_store import PENDING_DELETION, EventDataStore
from opentrail.lake.families import Family
from opentrail.lake.faults import (
    EventDataStoreNotFoundException,
    InactiveEventDataStoreException,
    InvalidQueryStatementException,
    UnsupportedOperationException,
)
from opentrail.lake.names import Place
from opentrail.lake.neighbours import Stores
from opentrail.lake.sql.scanning import store_ids

_COMMON = (
    "eventid, eventtime, eventsource, eventname, awsregion, sourceipaddress, useragent, errorcode, errormessage, readonly, eventtype, "
    "managementevent, recipientaccountid, eventcategory, useridentity.type AS usertype, useridentity.arn AS userarn"
)
"""What Highlights sees of each event: columns that can be compared, so that an event in several stores counts once."""


class Scope:
    """Looks at the event data stores."""

    def __init__(self, stores: Stores) -> None:
        self._stores = stores

    def of(self, place: Place, statement: str) -> Sequence[EventDataStore]:
        """The stores that `statement` names.

        Raises `EventDataStoreNotFoundException`, `InactiveEventDataStoreException`, `InvalidQueryStatementException` when it names none.
        """
        ids = store_ids(statement)
        if not ids:
            raise InvalidQueryStatementException("The query names no event data store: write the ID of one after FROM.")
        return [self._active(place, store_id) for store_id in ids]

    def one(self, place: Place, store_id: str, dashboard: Managed) -> EventDataStore:
        """The store that a managed dashboard is to ask. Raises as `of`, and `UnsupportedOperationException` where it holds other events."""
        found = self._active(place, store_id)
        if found.family is not dashboard.family:
            raise UnsupportedOperationException(
                f"The dashboard {dashboard.name} asks event data stores of {dashboard.family.value}; {store_id} holds {found.family.value}."
            )
        return found

    def everything(self, place: Place) -> str:
        """What Highlights reads: every store of the account with CloudTrail events, as one table expression.

        Raises `EventDataStoreNotFoundException` when there is none.
        """
        ids = sorted(
            one.id
            for one in self._stores.all()
            if (one.account_id, one.region) == (place.account_id, place.region)
            and one.family is Family.EVENTS
            and one.status != PENDING_DELETION
        )
        if not ids:
            raise EventDataStoreNotFoundException("The account has no event data store of CloudTrail events in this Region.")
        return f"({' UNION '.join(f'SELECT {_COMMON} FROM {one}' for one in ids)})"

    def _active(self, place: Place, store_id: str) -> EventDataStore:
        found = self._stores.get(store_id)
        if found is None or (found.account_id, found.region) != (place.account_id, place.region):
            raise EventDataStoreNotFoundException(f"The event data store {store_id} was not found in this account and Region.")
        if found.status == PENDING_DELETION:
            raise InactiveEventDataStoreException(f"The event data store {store_id} is to be deleted: it cannot be queried.")
        return found
