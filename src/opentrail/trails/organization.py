"""Organization trails: who may make and change them, which accounts they serve, and how they follow the organization.

The management account owns every trail of its organization, also those that a delegated administrator made. In every other account the
trail is present as a copy, which can be read by its full ARN and changed by delegated administrators only (reference of trails, §11).

An account is covered from the moment it joins to the moment it leaves: `joined` and `departed` are called by the organizations inside
the transaction of the deed, so that the deed and what the trails make of it are there together or not at all. When the organization is
no more, or trusts CloudTrail no more, its trails become ordinary trails of the account that owns them (Organizations user guide,
"AWS CloudTrail and AWS Organizations").
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlalchemy import select
from sqlalchemy.engine import Connection

from opentrail.clock import Clock
from opentrail.storage.database import Database
from opentrail.trails import names, organization_members, plans, store
from opentrail.trails.faults import CloudTrailARNInvalidException, OrganizationsNotInUseException
from opentrail.trails.organization_faults import (
    CloudTrailAccessNotEnabledException,
    NotOrganizationMasterAccountException,
    OrganizationNotInAllFeaturesModeException,
)
from opentrail.trails.organizations import Membership, Organizations
from opentrail.trails.regions import Regions
from opentrail.trails.store import Trail

CLOUDTRAIL = "cloudtrail.amazonaws.com"
ALL_FEATURES = "ALL"


class OrganizationTrails:
    """The organization's side of `control.Trails`. Methods with a `connection` work within the caller's transaction."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        *,
        organizations: Organizations,
        regions: Regions,
        noted_head: Callable[[Connection], int],
        changed: Callable[[], None],
    ) -> None:
        """`noted_head` gives the journal's head and has it remembered; `changed` hears of changes that are durable."""
        self._database = database
        self._clock = clock
        self._organizations = organizations
        self._regions = regions
        self._noted_head = noted_head
        self._changed = changed

    def owner(self, account_id: str) -> str:
        """The account that owns an organization trail made by `account_id`: the management account of its organization.

        Raises `OrganizationsNotInUseException`, `NotOrganizationMasterAccountException`, `OrganizationNotInAllFeaturesModeException`,
        `CloudTrailAccessNotEnabledException`.
        """
        with self._database.read() as connection:
            return self._authored(connection, account_id).management_account_id

    def owner_if_any(self, account_id: str) -> str:
        """The same, and `account_id` itself where it can make no organization trail."""
        with self._database.read() as connection:
            found = self._organizations.of(connection, account_id)
            if found is None or not self._organizations.is_delegated(connection, account_id, CLOUDTRAIL):
                return account_id
            return found.management_account_id

    def id_of(self, account_id: str) -> str | None:
        """The organization that the account is in."""
        with self._database.read() as connection:
            found = self._organizations.of(connection, account_id)
        return None if found is None else found.organization_id

    def copy(self, connection: Connection, account_id: str, arn: str) -> Trail:
        """The trail of another account that is present in `account_id`. Raises `CloudTrailARNInvalidException` when there is none."""
        wanted = names.parse_arn(arn)
        found = store.home_trail(connection, wanted.account_id, wanted.region, wanted.name)
        if found is None or found.arn != arn or not organization_members.serves(connection, found, account_id):
            raise CloudTrailARNInvalidException(f"The trail ARN {arn} belongs to another account.")
        return found

    def require_changeable(self, connection: Connection, trail: Trail, account_id: str) -> None:
        """Whether `account_id` may change a trail that it sees: its own, or one that is delegated to it.

        Raises `NotOrganizationMasterAccountException`.
        """
        if account_id != trail.account_id and not self._organizations.is_delegated(connection, account_id, CLOUDTRAIL):
            raise NotOrganizationMasterAccountException

    def convert(self, connection: Connection, trail: Trail, account_id: str, wanted: bool | None) -> None:
        """Make `trail` what UpdateTrail by `account_id` wants it to be, an organization trail or an ordinary one; `None`: as it is."""
        self.require_convertible(connection, trail, account_id, wanted)
        if wanted and trail.organization_id is None:
            self.give(connection, trail, account_id)
        elif wanted is False and trail.organization_id is not None:
            self.take_back(connection, [trail])

    def require_convertible(self, connection: Connection, trail: Trail, account_id: str, wanted: bool | None) -> None:
        """Whether `account_id` may have what it wants: only the management account may change the kind of a trail. Raises as `owner`."""
        is_other = wanted is not None and wanted != (trail.organization_id is not None)
        if is_other and self._authored(connection, account_id).management_account_id != account_id:
            raise NotOrganizationMasterAccountException

    def give(self, connection: Connection, trail: Trail, account_id: str) -> None:
        """`account_id` makes `trail` one of its organization: from now on it serves every member. Raises as `owner`."""
        organization = self._authored(connection, account_id)
        store.change_trail(connection, trail.id, {"organization_id": organization.organization_id})
        members = [one for one in organization.account_ids if one != trail.account_id]
        organization_members.begin(
            connection, trail, organization.organization_id, members, self._noted_head(connection), self._clock.time()
        )

    def take_back(self, connection: Connection, trails: Sequence[Trail]) -> None:
        """Make these ordinary trails of the accounts that own them."""
        ids = [trail.id for trail in trails]
        for trail_id in ids:
            store.change_trail(connection, trail_id, {"organization_id": None})
        if ids:
            organization_members.end(connection, ids, self._noted_head(connection))

    def open_chains(self, connection: Connection, trail: Trail, account_ids: Sequence[str] | None = None) -> None:
        """Begin the chains of digests of a validated trail that is logging: for `account_ids`, or every account that it serves."""
        if trail.digests_since is None:
            return
        served = organization_members.account_ids(connection, trail) if account_ids is None else account_ids
        for account_id in served:
            plans.open_chains(connection, trail.id, account_id, self._regions.of(trail), int(self._clock.time()))

    def joined(self, connection: Connection, organization_id: str, account_id: str) -> None:
        """The account is a member from now on: every trail of the organization serves it."""
        trails = self._of(connection, organization_id)
        if not trails:
            return
        position = self._noted_head(connection)
        for trail in trails:
            organization_members.begin(connection, trail, organization_id, [account_id], position, self._clock.time())
            self.open_chains(connection, trail, [account_id])
        self._database.after_commit(connection, self._changed)

    def departed(self, connection: Connection, organization_id: str, account_id: str) -> None:
        """The account is a member no longer. When it was the management account, its trails are ordinary ones from now on."""
        trails = self._of(connection, organization_id)
        if not trails:
            return
        organization_members.end(connection, [trail.id for trail in trails], self._noted_head(connection), account_id=account_id)
        self.take_back(connection, [trail for trail in trails if trail.account_id == account_id])
        self._database.after_commit(connection, self._changed)

    def distrusted(self, connection: Connection, organization_id: str, service_principal: str) -> None:
        """The organization trusts a service no more; when that is CloudTrail, its trails are ordinary ones from now on."""
        if service_principal == CLOUDTRAIL:
            self.take_back(connection, self._of(connection, organization_id))
            self._database.after_commit(connection, self._changed)

    def _authored(self, connection: Connection, account_id: str) -> Membership:
        found = self._organizations.of(connection, account_id)
        if found is None:
            raise OrganizationsNotInUseException
        if found.management_account_id != account_id and not self._organizations.is_delegated(connection, account_id, CLOUDTRAIL):
            raise NotOrganizationMasterAccountException
        if found.feature_set != ALL_FEATURES:
            raise OrganizationNotInAllFeaturesModeException
        if not self._organizations.trusts(connection, account_id, CLOUDTRAIL):
            raise CloudTrailAccessNotEnabledException
        return found

    def _of(self, connection: Connection, organization_id: str) -> list[Trail]:
        query = select(store.TRAILS).where(store.TRAILS.c.organization_id == organization_id, store.TRAILS.c.deleted_at.is_(None))
        return [Trail(**row._mapping) for row in connection.execute(query.order_by(store.TRAILS.c.id))]
