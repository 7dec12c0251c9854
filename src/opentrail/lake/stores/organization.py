"""Organization event data stores: who may make and change them, and whose events they take in (reference of Lake, §2.5).

The management account owns every store of its organization, also those that a delegated administrator made. Member accounts neither see
nor query them. `joined`, `departed` and `distrusted` are called by the organizations inside the transaction of the deed
(`identity.organizations.companions`), so that the deed and the stretches that follow from it are there together or not at all. When the
organization is no more, or trusts CloudTrail no more, its stores become ordinary stores of the account that owns them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, Protocol

from sqlalchemy.engine import Connection

from opentrail.clock import Clock
from opentrail.lake.event_data_store import EventDataStore
from opentrail.lake.faults import (
    CloudTrailAccessNotEnabledException,
    NotOrganizationMasterAccountException,
    OrganizationNotInAllFeaturesModeException,
    OrganizationsNotInUseException,
)
from opentrail.lake.stores import store, stretches
from opentrail.storage.database import Database

CLOUDTRAIL: Final = "cloudtrail.amazonaws.com"
ALL_FEATURES: Final = "ALL"


class Membership(Protocol):
    """The organization that an account is in."""

    @property
    def organization_id(self) -> str: ...
    @property
    def management_account_id(self) -> str: ...
    @property
    def feature_set(self) -> str: ...
    @property
    def account_ids(self) -> Sequence[str]: ...


class Organizations(Protocol):
    """What has to be known of organizations, within the transaction of `connection`: `identity.organizations.asked`."""

    def of(self, connection: Connection, account_id: str) -> Membership | None:
        """The organization of an account, `None` outside of organizations."""

    def trusts(self, connection: Connection, account_id: str, service_principal: str) -> bool:
        """Whether the organization of an account trusts a service."""

    def is_delegated(self, connection: Connection, account_id: str, service_principal: str) -> bool:
        """Whether an account is a delegated administrator of a service."""

    def delegates(self, connection: Connection, organization_id: str, service_principal: str) -> Sequence[str]:
        """The delegated administrators of a service, in order."""


class NoOrganizations:
    """No account is in any organization."""

    def of(self, connection: Connection, account_id: str) -> Membership | None:
        return None

    def trusts(self, connection: Connection, account_id: str, service_principal: str) -> bool:
        return False

    def is_delegated(self, connection: Connection, account_id: str, service_principal: str) -> bool:
        return False

    def delegates(self, connection: Connection, organization_id: str, service_principal: str) -> Sequence[str]:
        return ()


class OrganizationStores:
    """The organization's side of `control.EventDataStores`. Methods with a `connection` work within the caller's transaction."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        *,
        organizations: Organizations,
        noted_head: Callable[[Connection], int],
        changed: Callable[[], None],
    ) -> None:
        """`noted_head` gives the journal's head and has it remembered; `changed` hears of changes that are durable."""
        self._database = database
        self._clock = clock
        self._organizations = organizations
        self._noted_head = noted_head
        self._changed = changed

    def owner(self, connection: Connection, account_id: str) -> tuple[str, str]:
        """Id of the organization, and the account that owns an organization store made by `account_id`: the management account.

        Raises `OrganizationsNotInUseException`, `NotOrganizationMasterAccountException`, `OrganizationNotInAllFeaturesModeException`,
        `CloudTrailAccessNotEnabledException`.
        """
        found = self._organizations.of(connection, account_id)
        if found is None:
            raise OrganizationsNotInUseException
        if found.management_account_id != account_id and not self._organizations.is_delegated(connection, account_id, CLOUDTRAIL):
            raise NotOrganizationMasterAccountException
        if found.feature_set != ALL_FEATURES:
            raise OrganizationNotInAllFeaturesModeException
        if not self._organizations.trusts(connection, account_id, CLOUDTRAIL):
            raise CloudTrailAccessNotEnabledException
        return found.organization_id, found.management_account_id

    def administered(self, connection: Connection, account_id: str) -> str | None:
        """The management account whose organization stores `account_id` administers by delegation; `None` for anybody else."""
        if not self._organizations.is_delegated(connection, account_id, CLOUDTRAIL):
            return None
        found = self._organizations.of(connection, account_id)
        return None if found is None else found.management_account_id

    def delegates(self, connection: Connection, of: EventDataStore) -> Sequence[str]:
        """The accounts that administer the store by delegation; nobody for a store that is not the organization's."""
        if of.organization_id is None:
            return ()
        return self._organizations.delegates(connection, of.organization_id, CLOUDTRAIL)

    def require_changeable(self, connection: Connection, of: EventDataStore, account_id: str) -> None:
        """Whether `account_id` may change the store: its own, or one that is delegated to it.

        Raises `NotOrganizationMasterAccountException`.
        """
        if account_id != of.account_id and account_id not in self.delegates(connection, of):
            raise NotOrganizationMasterAccountException

    def converted(self, connection: Connection, of: EventDataStore, account_id: str, wanted: bool | None) -> dict[str, object]:
        """The columns that change where UpdateEventDataStore by `account_id` wants an organization store, or none; `None`: as it is.

        Only the management account converts. Raises as `owner`.
        """
        if wanted is None or wanted == of.organization_enabled:
            return {}
        if account_id != of.account_id:
            raise NotOrganizationMasterAccountException
        if not wanted:
            return {"organization_enabled": False, "organization_id": None}
        organization_id, manager = self.owner(connection, account_id)
        if manager != account_id:  # a delegated administrator's own store stays its own
            raise NotOrganizationMasterAccountException
        return {"organization_enabled": True, "organization_id": organization_id}

    def settle(self, connection: Connection, store_id: str) -> None:
        """Make the stretches of the store what it takes in now."""
        found = store.get(connection, store_id, self._clock.time())
        if found is not None:
            members = None if found.organization_id is None else self._organizations.of(connection, found.account_id)
            stretches.settle(connection, found, () if members is None else members.account_ids, self._noted_head)

    def joined(self, connection: Connection, organization_id: str, account_id: str) -> None:
        """The account is a member from now on: every store of the organization takes in its events."""
        self._settle_all(connection, organization_id)

    def departed(self, connection: Connection, organization_id: str, account_id: str) -> None:
        """The account is a member no longer. When it was the management account, its stores are ordinary ones from now on."""
        self._settle_all(connection, organization_id, lambda of: of.account_id == account_id)

    def distrusted(self, connection: Connection, organization_id: str, service_principal: str) -> None:
        """The organization trusts a service no more; when that is CloudTrail, its stores are ordinary ones from now on."""
        if service_principal == CLOUDTRAIL:
            self._settle_all(connection, organization_id, lambda of: True)

    def _settle_all(
        self, connection: Connection, organization_id: str, is_taken_back: Callable[[EventDataStore], bool] = lambda of: False
    ) -> None:
        found = store.of_organization(connection, organization_id, self._clock.time())
        for one in found:
            if is_taken_back(one):
                store.change(connection, one.id, {"organization_enabled": False, "organization_id": None})
            self.settle(connection, one.id)
        if found:
            self._database.after_commit(connection, self._changed)
