"""Where the events of a default channel go: a store that is made for them."""

from __future__ import annotations

from collections.abc import Callable

from opentrail.lake.event_data_store import ENABLED
from opentrail.lake.families import Family
from opentrail.lake.faults import EventDataStoreAlreadyExistsException
from opentrail.lake.names import Place
from opentrail.lake.neighbours import Stores


class DefaultStores:
    """Finds the store of a default channel or has it made by `create` (place, name → id), which is CreateEventDataStore with the category
    `ActivityAuditLog`, one Region, and what that operation has as defaults."""

    def __init__(self, stores: Stores, create: Callable[[Place, str], str]) -> None:
        self._stores = stores
        self._create = create

    def ensure(self, place: Place, name: str) -> str:
        """The id of the enabled `ActivityAuditLog` store of this name. What died between the store and its channel goes on from here.

        Raises what CreateEventDataStore raises, `EventDataStoreAlreadyExistsException` where the name is taken by a store that is none."""
        for store in self._stores.all():
            if (store.account_id, store.region, store.name) == (place.account_id, place.region, name):
                if store.family is Family.ACTIVITY and store.status == ENABLED:
                    return store.id
                raise EventDataStoreAlreadyExistsException(f"The event data store {store.arn} cannot take events from outside AWS.")
        return self._create(place, name)
