"""Policies as rows, and what they are attached to. Within a transaction of the caller."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Row, select

from opentrail.identity.organizations import contacts, ids
from opentrail.identity.organizations.faults import PolicyNotFoundException
from opentrail.identity.organizations.place import FULL_ACCESS_DOCUMENT
from opentrail.identity.organizations.store import policies, units
from opentrail.identity.organizations.tree import SERVICE_CONTROL_POLICY, Organization


@dataclass(frozen=True, slots=True, kw_only=True)
class OrganizationPolicy:
    """One policy."""

    id: str
    arn: str
    name: str
    description: str
    type: str
    aws_managed: bool
    content: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What a policy is attached to."""

    id: str
    arn: str
    name: str
    type: str
    """`ROOT`, `ORGANIZATIONAL_UNIT` or `ACCOUNT`."""


FULL_ACCESS: Final = OrganizationPolicy(
    id=ids.FULL_ACCESS,
    arn=ids.policy_arn("", "", SERVICE_CONTROL_POLICY, ids.FULL_ACCESS),
    name="FullAWSAccess",
    description="Allows access to every operation",
    type=SERVICE_CONTROL_POLICY,
    aws_managed=True,
    content=FULL_ACCESS_DOCUMENT,
)
"""The policy that AWS brings along."""


def find(connection: Connection, organization: Organization, policy_id: str) -> OrganizationPolicy:
    """The policy of this id. Raises `PolicyNotFoundException`."""
    if policy_id == FULL_ACCESS.id:
        return FULL_ACCESS
    row = connection.execute(select(policies).where(policies.c.id == policy_id, policies.c.organization_id == organization.id)).first()
    if row is None:
        raise PolicyNotFoundException
    return of_row(organization, row)


def of_row(organization: Organization, row: Row[Any]) -> OrganizationPolicy:
    """The policy in a row of the table."""
    return OrganizationPolicy(
        id=row.id,
        arn=ids.policy_arn(organization.management_account_id, organization.id, row.type, row.id),
        name=row.name,
        description=row.description,
        type=row.type,
        aws_managed=False,
        content=row.content,
    )


def target(connection: Connection, organization: Organization, target_id: str) -> Target:
    """The root, unit or account of this id."""
    if target_id == organization.root_id:
        kind, name = "ROOT", "Root"
    elif target_id.startswith("ou-"):
        kind, name = "ORGANIZATIONAL_UNIT", connection.execute(select(units.c.name).where(units.c.id == target_id)).scalar_one()
    else:
        kind, name = "ACCOUNT", contacts.of(connection, [target_id])[target_id].name
    return Target(id=target_id, arn=organization.arn_of(target_id), name=name, type=kind)
