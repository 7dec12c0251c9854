"""Finding one's way in an organization: who is in which, who may change or read it, what lies above what.

The functions work within a transaction of the caller.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, func, select

from opentrail.identity.entities import Page
from opentrail.identity.organizations import ids
from opentrail.identity.organizations.faults import AccessDeniedException, AWSOrganizationsNotInUseException
from opentrail.identity.organizations.store import delegations, members, organizations, resource_policies, units

MAX_DEPTH = 5
"""Organizational units below each other, under the root."""

ALL = "ALL"
CONSOLIDATED_BILLING = "CONSOLIDATED_BILLING"
SERVICE_CONTROL_POLICY = "SERVICE_CONTROL_POLICY"


@dataclass(frozen=True, slots=True, kw_only=True)
class Organization:
    """One organization."""

    id: str
    management_account_id: str
    root_id: str
    feature_set: str
    """`ALL` or `CONSOLIDATED_BILLING`."""
    policy_types: tuple[str, ...]
    """Policy types that are enabled in the root."""
    created: datetime

    @property
    def arn(self) -> str:
        return ids.arn(self.management_account_id, "organization", self.id)

    def arn_of(self, target: str) -> str:
        """The ARN of a root, organizational unit or account in it."""
        return ids.target_arn(self.management_account_id, self.id, target)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What an account is to its organization."""

    organization: Organization
    management: bool
    delegated: bool
    """Whether it is a delegated administrator for any service."""
    resource_policy: str | None
    """The organization's resource policy, by which members may be given more."""


def moment(at: float) -> datetime:
    """Epoch seconds as the API shows them."""
    return datetime.fromtimestamp(at, UTC)


def of_row(row: Row[Any]) -> Organization:
    """The organization in a row of the table."""
    return Organization(
        id=row.id,
        management_account_id=row.management_account_id,
        root_id=row.root_id,
        feature_set=row.feature_set,
        policy_types=tuple(row.policy_types),
        created=moment(row.created),
    )


def find(connection: Connection, account_id: str) -> Organization | None:
    """The organization that the account is in."""
    row = connection.execute(
        select(organizations).join(members, members.c.organization_id == organizations.c.id).where(members.c.account_id == account_id)
    ).first()
    return None if row is None else of_row(row)


def standing(connection: Connection, account_id: str) -> Standing | None:
    """What the account is to the organization it is in."""
    organization = find(connection, account_id)
    if organization is None:
        return None
    delegated = connection.execute(select(delegations.c.since).where(delegations.c.account_id == account_id).limit(1)).first()
    content = connection.execute(select(resource_policies.c.content).where(resource_policies.c.organization_id == organization.id)).scalar()
    return Standing(
        organization=organization,
        management=account_id == organization.management_account_id,
        delegated=delegated is not None,
        resource_policy=content,
    )


def of(connection: Connection, account_id: str) -> Organization:
    """The organization that the account is in. Raises `AWSOrganizationsNotInUseException`."""
    found = find(connection, account_id)
    if found is None:
        raise AWSOrganizationsNotInUseException
    return found


def managed(connection: Connection, account_id: str) -> Organization:
    """The organization that the account manages. Raises `AccessDeniedException` for members."""
    found = of(connection, account_id)
    if found.management_account_id != account_id:
        raise AccessDeniedException
    return found


def readable(connection: Connection, account_id: str) -> Organization:
    """The organization whose structure the account may read: managed by it, delegated to it, or opened to it by the resource policy.

    What the resource policy grants has been decided before the operation is called (`api/organizations/permissions.py`).
    """
    found = standing(connection, account_id)
    if found is None:
        raise AWSOrganizationsNotInUseException
    if not (found.management or found.delegated or found.resource_policy):
        raise AccessDeniedException
    return found.organization


def entrusted(connection: Connection, account_id: str) -> Organization:
    """The organization whose policies the account may change: managed by it, or opened to it by the resource policy."""
    found = standing(connection, account_id)
    if found is None:
        raise AWSOrganizationsNotInUseException
    if not (found.management or found.resource_policy):
        raise AccessDeniedException
    return found.organization


def has_container(connection: Connection, organization: Organization, container_id: str) -> bool:
    """Whether there is a root or organizational unit of this id."""
    if container_id == organization.root_id:
        return True
    return (
        connection.execute(select(units.c.id).where(units.c.id == container_id, units.c.organization_id == organization.id)).first()
        is not None
    )


def parent_of(connection: Connection, organization: Organization, child_id: str) -> str | None:
    """Id of the root or unit directly above a unit or account; `None` when there is no such child."""
    table = units if child_id.startswith("ou-") else members
    key = units.c.id if table is units else members.c.account_id
    return connection.execute(select(table.c.parent_id).where(key == child_id, table.c.organization_id == organization.id)).scalar()


def has_target(connection: Connection, organization: Organization, target_id: str) -> bool:
    """Whether there is a root, unit or account of this id in the organization."""
    return target_id == organization.root_id or parent_of(connection, organization, target_id) is not None


def chain(connection: Connection, organization: Organization, container_id: str) -> list[str]:
    """The root and the units down to `container_id`, which is the last."""
    above = [container_id]
    while above[-1] != organization.root_id:
        parent = parent_of(connection, organization, above[-1])
        if parent is None:
            raise RuntimeError(f"{above[-1]} hangs on nothing in {organization.id}")
        above.append(parent)
    return above[::-1]


def path(connection: Connection, organization: Organization, container_id: str) -> str:
    """`o-a1b2c3d4e5/r-ab12/ou-ab12-11111111/`, as `aws:PrincipalOrgPaths` writes it."""
    return "/".join([organization.id, *chain(connection, organization, container_id)]) + "/"


def count(connection: Connection, *conditions: ColumnElement[bool]) -> int:
    """How many rows there are."""
    return int(connection.execute(select(func.count()).where(*conditions)).scalar_one())


def page(connection: Connection, query: Select[Any], key: ColumnElement[str], *, after: str | None, limit: int) -> Page[Row[Any]]:
    """Rows by `key`, from behind `after`, at most `limit`."""
    if after is not None:
        query = query.where(key > after)
    rows: Sequence[Row[Any]] = connection.execute(query.order_by(key).limit(limit + 1)).all()
    return Page(list(rows[:limit]), len(rows) > limit)
