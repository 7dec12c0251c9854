"""The event data stores themselves: create, change, describe, delete, restore, start, stop (reference of Lake, §2).

Blocking and thread-safe. Every method takes the account and Region of the call. A change is settled in one transaction, with the stretches
of the journal that follow from it; only what KMS says of a key is asked before.

Ingestion begins and ends with the transaction, so the statuses between (`STARTING_INGESTION`, `STOPPING_INGESTION`) have no duration here;
`CREATED` is what CreateEventDataStore answers.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Final

from sqlalchemy.engine import Connection

from opentrail.clock import Clock
from opentrail.journal.positions import Positions
from opentrail.lake import faults
from opentrail.lake.event_data_store import CREATED, ENABLED, PENDING_DELETION, STOPPED_INGESTION, EventDataStore
from opentrail.lake.families import Family
from opentrail.lake.neighbours import StoreKeys
from opentrail.lake.stores import attachments, settings, store
from opentrail.lake.stores.finding import Finding
from opentrail.lake.stores.organization import NoOrganizations, Organizations, OrganizationStores
from opentrail.lake.stores.settings import Wanted
from opentrail.storage.database import Database

__all__ = ["EventDataStores", "StoreNeighbours", "Wanted"]

STRETCHES: Final = "event-data-stores"
"""Name under which the positions are saved at which stretches began and ended: the journal must never go on below them."""
MOST_STORES: Final = 10
"""In one account and Region, stopped ones and those pending deletion too (reference of Lake, §10)."""
DELEGABLE: Final = (Family.EVENTS, Family.CONFIGURATION)
"""Families of organization stores that a delegated administrator may make."""
_REGION: Final = re.compile(r"[a-z][a-z0-9-]{0,39}")
"""What a Region could be called, even before anybody has heard of it."""


class NoKeys:
    """No key exists."""

    def check(self, *, kms_key_id: str, account_id: str, region: str, partition: str) -> str:
        raise faults.KmsKeyNotFoundException(f"The KMS key {kms_key_id} does not exist.")

    def usable(self, key_arn: str) -> bool:
        return False


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreNeighbours:
    """What has to be known of others. The two questions take the id of a store and may read the state database."""

    keys: StoreKeys = field(default_factory=NoKeys)
    organizations: Organizations = field(default_factory=NoOrganizations)
    has_ongoing_import: Callable[[str], bool] = lambda store_id: False
    """Whether an import into the store is running."""
    has_channel: Callable[[str], bool] = lambda store_id: False
    """Whether a channel delivers to the store."""


class EventDataStores:
    """The control plane of event data stores. `finding` tells which store is meant, `organization` follows the organizations."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        *,
        partition: Callable[[str], str],
        head: Callable[[], int],
        neighbours: StoreNeighbours | None = None,
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        """`partition` of a Region; `head` gives the position of the newest record of the journal; `changed` hears when a change of a store
        is durable, before the call that made it is answered."""
        self.database = database
        self.clock = clock
        self._changed = changed
        self._partition = partition
        self._head = head
        self._neighbours = neighbours or StoreNeighbours()
        self._positions = Positions(database)
        database.create(store.METADATA)
        database.create(attachments.METADATA)
        self.organization = OrganizationStores(
            database, clock, organizations=self._neighbours.organizations, noted_head=self._noted_head, changed=changed
        )
        self.finding = Finding(clock, self.organization, partition)

    def create(
        self, account_id: str, region: str, wanted: Wanted, tags: Mapping[str, str], *, start_ingestion: bool = True
    ) -> EventDataStore:
        """Keep a new store; what is returned has the status `CREATED`.

        Raises what `settings.for_new`, `StoreKeys.check` and, for an organization store, `OrganizationStores.owner` raise;
        `EventDataStoreAlreadyExistsException`, `EventDataStoreMaxLimitExceededException`; `OperationNotPermittedException` where `region`
        cannot be the name of a Region.
        """
        values = settings.for_new(wanted)
        if not _REGION.fullmatch(region):
            raise faults.OperationNotPermittedException(f"An event data store cannot be in {region[:64]}, which is no Region.")
        with self.database.read() as connection:
            values |= self._owned(connection, account_id, values)
            self._check_room(connection, values["account_id"], region, values["name"])
        if wanted.kms_key_id is not None:
            values["kms_key_id"] = self._key(wanted.kms_key_id, values["account_id"], region)
        now = self.clock.time()
        key = str(uuid.uuid4())
        with self.changing() as connection:
            values |= self._owned(connection, account_id, values)
            self._check_room(connection, values["account_id"], region, values["name"])
            same = {"region": region, "partition": self._partition(region), "created_timestamp": now, "updated_timestamp": now}
            store.add(connection, {**values, **same, "id": key, "is_ingesting": start_ingestion})
            made = self.present(connection, key)
            attachments.put_tags(connection, made.arn, tags)
            self.organization.settle(connection, key)
            return replace(self.present(connection, key), status=CREATED)

    def get(self, account_id: str, region: str, given: str) -> EventDataStore:
        """One store, also while its deletion is pending. Raises as `Finding.find`."""
        with self.database.read() as connection:
            return self.finding.find(connection, account_id, region, given)

    def list(self, account_id: str, region: str, *, after: int = 0) -> list[tuple[int, EventDataStore]]:
        """The stores of the account in the Region, oldest first, with their places in that order; those behind the place `after`.

        A delegated administrator sees the organization's stores besides its own.
        """
        now = self.clock.time()
        with self.database.read() as connection:
            found = store.of_account(connection, account_id, region, now)
            if (manager := self.organization.administered(connection, account_id)) is not None:
                found += [one for one in store.of_account(connection, manager, region, now) if one.organization_enabled]
            placed = sorted(((store.number(connection, one.id), one) for one in found), key=lambda pair: pair[0])
        return [(place, one) for place, one in placed if place > after]

    def update(self, account_id: str, region: str, given: str, wanted: Wanted) -> EventDataStore:
        """Change only what `wanted` names. A key, once set, stays.

        Raises what `Finding.active_to_change`, `settings.for_change`, `StoreKeys.check` and `OrganizationStores.converted` raise;
        `EventDataStoreAlreadyExistsException`.
        """
        with self.database.read() as connection:
            present = self.finding.active_to_change(connection, account_id, region, given)
            settings.for_change(wanted, present)
            self.organization.converted(connection, present, account_id, wanted.organization_enabled)
        key = None if wanted.kms_key_id is None else self._key(wanted.kms_key_id, present.account_id, region)
        with self.changing() as connection:
            present = self.finding.active_to_change(connection, account_id, region, given)
            values = settings.for_change(wanted, present)
            values |= self.organization.converted(connection, present, account_id, wanted.organization_enabled)
            if values.get("name", present.name) != present.name:
                self._check_name(connection, present.account_id, region, values["name"])
            if key is not None and present.kms_key_id not in (None, key):
                raise faults.InvalidParameterException(
                    "The KMS key of an event data store cannot be changed or removed: create another event data store with the other key."
                )
            if key is not None:
                values["kms_key_id"] = key
            store.change(connection, present.id, {**values, "updated_timestamp": self.clock.time()})
            self.organization.settle(connection, present.id)
            return self.present(connection, present.id)

    def delete(self, account_id: str, region: str, given: str) -> None:
        """Let the store end in seven days; it takes in nothing from now on, and nobody can query it.

        Raises, in this order, what `Finding.active_to_change` raises; `EventDataStoreTerminationProtectedException`,
        `EventDataStoreFederationEnabledException`, `EventDataStoreHasOngoingImportException`, `ChannelExistsForEDSException`.
        """
        with self.changing() as connection:
            present = self.finding.active_to_change(connection, account_id, region, given)
            if present.termination_protection_enabled:
                raise faults.EventDataStoreTerminationProtectedException
            if present.federation_status not in (None, "DISABLED"):
                raise faults.EventDataStoreFederationEnabledException
            if self._neighbours.has_ongoing_import(present.id):
                raise faults.EventDataStoreHasOngoingImportException
            if self._neighbours.has_channel(present.id):
                raise faults.ChannelExistsForEDSException
            now = self.clock.time()
            store.change(connection, present.id, {"deleted_timestamp": now, "updated_timestamp": now})
            self.organization.settle(connection, present.id)

    def restore(self, account_id: str, region: str, given: str) -> EventDataStore:
        """Take the deletion back: the store is what it was, ingesting or stopped. What happened meanwhile is not in it.

        Raises as `Finding.to_change`; `InvalidEventDataStoreStatusException` for one that is not pending deletion.
        """
        with self.changing() as connection:
            present = self.finding.to_change(connection, account_id, region, given)
            if present.status != PENDING_DELETION:
                raise _wrong_status(present, PENDING_DELETION, "restored")
            store.change(connection, present.id, {"deleted_timestamp": None, "updated_timestamp": self.clock.time()})
            self.organization.settle(connection, present.id)
            return self.present(connection, present.id)

    def start_ingestion(self, account_id: str, region: str, given: str) -> None:
        """Take in every event from now on. Raises as `Finding.to_change`; `InvalidEventDataStoreCategoryException`,
        `InvalidEventDataStoreStatusException`."""
        self._switch(account_id, region, given, needs=STOPPED_INGESTION, done="started", is_ingesting=True)

    def stop_ingestion(self, account_id: str, region: str, given: str) -> None:
        """Take in no event after this moment; what is in the store stays and can be queried. Raises as `start_ingestion`."""
        self._switch(account_id, region, given, needs=ENABLED, done="stopped", is_ingesting=False)

    def _switch(self, account_id: str, region: str, given: str, *, needs: str, done: str, is_ingesting: bool) -> None:
        with self.changing() as connection:
            present = self.finding.to_change(connection, account_id, region, given)
            if present.family not in settings.LIVE:
                raise faults.InvalidEventDataStoreCategoryException(
                    "Ingestion can be started and stopped for event data stores of CloudTrail events and of AWS Config configuration items."
                )
            if present.status != needs:
                raise _wrong_status(present, needs, done)
            store.change(connection, present.id, {"is_ingesting": is_ingesting, "updated_timestamp": self.clock.time()})
            self.organization.settle(connection, present.id)

    def set_federation(self, store_id: str, status: str, role_arn: str | None) -> EventDataStore:
        """Note that the store is federated with this role (`ENABLED`), or no longer (`DISABLED`).

        Raises `EventDataStoreNotFoundException`, `InactiveEventDataStoreException`; `EventDataStoreFederationEnabledException` where it
        is federated already.
        """
        with self.changing() as connection:
            present = store.get(connection, store_id, self.clock.time())
            if present is None:
                raise faults.EventDataStoreNotFoundException(f"The event data store {store_id} was not found.")
            if present.status == PENDING_DELETION:
                raise faults.InactiveEventDataStoreException(f"The event data store {present.arn} is pending deletion.")
            if status == "ENABLED" and present.federation_status == "ENABLED":
                raise faults.EventDataStoreFederationEnabledException("Lake query federation is enabled for the event data store already.")
            values = {"federation_status": status, "federation_role_arn": role_arn, "updated_timestamp": self.clock.time()}
            store.change(connection, store_id, values)
            return self.present(connection, store_id)

    @contextmanager
    def changing(self) -> Iterator[Connection]:
        """A transaction that changes stores; those that are due end first. `changed` hears of it once it is durable."""
        with self.database.begin() as connection:
            store.end_due(connection, self.clock.time())
            yield connection
        self._changed()

    def present(self, connection: Connection, store_id: str) -> EventDataStore:
        """The store as it is now."""
        found = store.get(connection, store_id, self.clock.time())
        assert found is not None
        return found

    def _owned(self, connection: Connection, account_id: str, values: Mapping[str, Any]) -> dict[str, Any]:
        if not values["organization_enabled"]:
            return {"account_id": account_id, "organization_id": None}
        organization_id, manager = self.organization.owner(connection, account_id)
        if manager != account_id and Family(values["family"]) not in DELEGABLE:
            raise faults.NotOrganizationMasterAccountException(
                "A delegated administrator can create organization event data stores of CloudTrail events and of configuration items only."
            )
        return {"account_id": manager, "organization_id": organization_id}

    def _check_room(self, connection: Connection, account_id: str, region: str, name: str) -> None:
        self._check_name(connection, account_id, region, name)
        if len(store.of_account(connection, account_id, region, self.clock.time())) >= MOST_STORES:
            raise faults.EventDataStoreMaxLimitExceededException(
                f"The account {account_id} already has {MOST_STORES} event data stores in {region}; those pending deletion count too."
            )

    def _check_name(self, connection: Connection, account_id: str, region: str, name: str) -> None:
        if any(one.name == name for one in store.of_account(connection, account_id, region, self.clock.time())):
            raise faults.EventDataStoreAlreadyExistsException(f"An event data store with the name {name} already exists in {region}.")

    def _key(self, kms_key_id: str, account_id: str, region: str) -> str:
        keys = self._neighbours.keys
        return keys.check(kms_key_id=kms_key_id, account_id=account_id, region=region, partition=self._partition(region))

    def _noted_head(self, connection: Connection) -> int:
        head = self._head()
        self._positions.save(connection, STRETCHES, head)
        return head


def _wrong_status(present: EventDataStore, needs: str, done: str) -> faults.InvalidEventDataStoreStatusException:
    return faults.InvalidEventDataStoreStatusException(
        f"The event data store {present.arn} has the status {present.status}; it can be {done} only while the status is {needs}."
    )
