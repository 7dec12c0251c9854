"""Where an account stands, for the evaluation of policies: asked for every call, so `Identities` remembers it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, select

from opentrail.identity.organizations import ids, tree
from opentrail.identity.organizations.store import attachments, policies
from opentrail.identity.organizations.tree import SERVICE_CONTROL_POLICY
from opentrail.identity.policies import Policy, parsed

FULL_ACCESS_DOCUMENT: Final = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}'
"""The content of `p-FullAWSAccess`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """An account's place in its organization."""

    organization_id: str
    path: str
    """From the organization to the parent of the account: `o-a1b2c3d4e5/r-ab12/ou-ab12-11111111/`."""
    levels: tuple[tuple[Policy, ...], ...]
    """Service control policies from root to account, a level each; none for the management account, which they do not bind."""


def of(connection: Connection, account_id: str) -> Place | None:
    """The place of an account; `None` outside of organizations. Policies count only when their type is enabled in the root."""
    organization = tree.find(connection, account_id)
    if organization is None:
        return None
    parent = tree.parent_of(connection, organization, account_id)
    assert parent is not None  # it is a member, or `find` had not found it
    above = tree.chain(connection, organization, parent)
    levels: tuple[tuple[Policy, ...], ...] = ()
    if account_id != organization.management_account_id and SERVICE_CONTROL_POLICY in organization.policy_types:
        levels = _levels(connection, [*above, account_id])
    return Place(organization_id=organization.id, path="/".join([organization.id, *above]) + "/", levels=levels)


def _levels(connection: Connection, targets: list[str]) -> tuple[tuple[Policy, ...], ...]:
    rows = connection.execute(
        select(attachments.c.target_id, attachments.c.policy_id, policies.c.content)
        .join_from(attachments, policies, policies.c.id == attachments.c.policy_id, isouter=True)
        .where(attachments.c.target_id.in_(targets))
        .order_by(attachments.c.policy_id)
    )
    found: dict[str, list[Policy]] = {target: [] for target in targets}
    for row in rows:
        found[row.target_id].append(parsed(FULL_ACCESS_DOCUMENT if row.policy_id == ids.FULL_ACCESS else row.content))
    return tuple(tuple(found[target]) for target in targets)
