"""Coming and going: what joins an account to an organization and what it leaves behind. Within a transaction of the caller."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from sqlalchemy import Connection, delete, insert, literal, select

from opentrail.identity.organizations import consent, ids, tags
from opentrail.identity.organizations.events import Events
from opentrail.identity.organizations.faults import ConstraintViolationException
from opentrail.identity.organizations.store import attachments, closures, delegations, members, units
from opentrail.identity.organizations.tree import ALL, Organization, count

MAX_ACCOUNTS = 50_000
"""Accounts in an organization: the most that AWS grants."""

CLOSED_FOR = 90 * 86400.0
"""Seconds after which a closed account is a member no longer (post-closure period)."""


def attach_full_access(connection: Connection, organization: Organization, target: str, now: float) -> None:
    """What every new root, unit and account starts with, in an organization with all features."""
    if organization.feature_set == ALL:
        connection.execute(
            insert(attachments).values(target_id=target, policy_id=ids.FULL_ACCESS, organization_id=organization.id, attached=now)
        )


def attach_full_access_everywhere(connection: Connection, organization_id: str, root_id: str, now: float) -> None:
    """Leave the root, every unit and every account with `p-FullAWSAccess` and nothing else."""
    connection.execute(delete(attachments).where(attachments.c.organization_id == organization_id))
    for targets in (
        select(literal(root_id)),
        select(units.c.id).where(units.c.organization_id == organization_id),
        select(members.c.account_id).where(members.c.organization_id == organization_id),
    ):
        row = targets.add_columns(literal(ids.FULL_ACCESS), literal(organization_id), literal(now))
        connection.execute(insert(attachments).from_select(["target_id", "policy_id", "organization_id", "attached"], row))


def require_room(connection: Connection, organization: Organization) -> None:
    """Raises `ConstraintViolationException` when the organization can take no further account."""
    if count(connection, members.c.organization_id == organization.id) >= MAX_ACCOUNTS:
        raise ConstraintViolationException("You have exceeded the allowed number of AWS accounts.", Reason="ACCOUNT_NUMBER_LIMIT_EXCEEDED")


def join(
    connection: Connection,
    events: Events,
    organization: Organization,
    account_id: str,
    *,
    method: Literal["CREATED", "INVITED"],
    now: float,
    tagged: Mapping[str, str],
) -> None:
    """Make the account a member, under the root."""
    connection.execute(
        insert(members).values(
            account_id=account_id,
            organization_id=organization.id,
            parent_id=organization.root_id,
            joined_method=method,
            joined=now,
        )
    )
    attach_full_access(connection, organization, account_id, now)
    tags.put(connection, organization, account_id, tagged)
    events.joined(connection, organization, account_id, method, now)


def require_free_to_leave(connection: Connection, account_id: str) -> None:
    """Raises `ConstraintViolationException` for delegated administrators and for accounts that are closed."""
    if count(connection, delegations.c.account_id == account_id):
        raise ConstraintViolationException(
            "This account is a delegated administrator. Deregister it for each service before it leaves the organization.",
            Reason="CANNOT_REMOVE_DELEGATED_ADMINISTRATOR_FROM_ORG",
        )
    if count(connection, closures.c.account_id == account_id):
        raise ConstraintViolationException(
            "This account is closed. It leaves the organization by itself 90 days after it was closed.",
            Reason="ACCOUNT_CANNOT_LEAVE_ORGANIZATION",
        )


def depart(
    connection: Connection,
    events: Events,
    organization: Organization,
    account_id: str,
    *,
    method: Literal["LEFT", "REMOVED", "CLEANED"],
    now: float,
) -> None:
    """End the membership; policies and tags that hung on it are gone, what is in the account stays."""
    for table, key in ((members, members.c.account_id), (attachments, attachments.c.target_id), (delegations, delegations.c.account_id)):
        connection.execute(delete(table).where(key == account_id, table.c.organization_id == organization.id))
    tags.drop(connection, account_id)
    consent.withdraw(connection, organization.id, account_id, now)
    events.departed(connection, organization, account_id, method, now)


def clean(connection: Connection, events: Events, organization: Organization, now: float) -> None:
    """Let go of the accounts that were closed long enough ago."""
    gone = connection.execute(
        select(members.c.account_id)
        .join(closures, closures.c.account_id == members.c.account_id)
        .where(members.c.organization_id == organization.id, closures.c.closed <= now - CLOSED_FOR)
    )
    for account_id in list(gone.scalars()):
        depart(connection, events, organization, account_id, method="CLEANED", now=now)
