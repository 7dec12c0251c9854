"""What the front asks of the lake: start and cancel a query, as values that pass over the link. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from opentrail.lake.event_data_store import PENDING_DELETION, EventDataStore
from opentrail.lake.faults import EventDataStoreNotFoundException, InactiveEventDataStoreException, InvalidQueryStatementException

START: Final = "start_query"
CANCEL: Final = "cancel_query"
"""Names of the questions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """A query to be started. Asked again with the same id, it is started once."""

    query_id: str
    account_id: str
    region: str
    owner_account_id: str
    statement: str
    store_ids: tuple[str, ...]
    """The stores that the statement names."""
    at_least: int
    """Position in the journal up to which every event must be seen."""
    alias: str | None = None
    refresh_id: str | None = None
    prompt: str | None = None
    delivery_s3_uri: str | None = None

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, told: Mapping[str, Any]) -> Start:
        return cls(**{**told, "store_ids": tuple(told["store_ids"])})


def readable(
    get: Callable[[str], EventDataStore | None], store_ids: tuple[str, ...], *, owner_account_id: str, region: str
) -> list[EventDataStore]:
    """The stores of a statement. Raises `InvalidQueryStatementException` when there are none, `EventDataStoreNotFoundException` for one
    that is not there in the owner's account and Region, `InactiveEventDataStoreException` for one that is about to be deleted."""
    if not store_ids:
        raise InvalidQueryStatementException("The query reads no event data store: write the ID of one after FROM.")
    found = []
    for store_id in store_ids:
        store = get(store_id)
        if store is None or (store.account_id, store.region) != (owner_account_id, region):
            raise EventDataStoreNotFoundException(
                f"There is no event data store {store_id} in account {owner_account_id} and Region {region}."
                " To read a store of another account, give that account as EventDataStoreOwnerAccountId."
            )
        check_active(store)
        found.append(store)
    return found


def check_active(store: EventDataStore) -> None:
    """Raises `InactiveEventDataStoreException` for a store that is about to be deleted."""
    if store.status == PENDING_DELETION:
        raise InactiveEventDataStoreException(
            f"The event data store {store.arn} is pending deletion and cannot be queried. Restore it with RestoreEventDataStore."
        )
