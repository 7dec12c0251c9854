"""The plain questions about organizations that other rooms ask, within a transaction of theirs."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, select

from opentrail.identity.organizations import tree
from opentrail.identity.organizations.store import delegations, members, trusted_services


@dataclass(frozen=True, slots=True, kw_only=True)
class Membership:
    """The organization of an account, for rooms that work for whole organizations."""

    organization_id: str
    management_account_id: str
    feature_set: str
    """`ALL` or `CONSOLIDATED_BILLING`."""
    account_ids: tuple[str, ...]
    """Every account in it, the management account too, in order."""


class Asked:
    """Answers from the rows that `connection` sees."""

    def of(self, connection: Connection, account_id: str) -> Membership | None:
        """The organization of an account with all its members; `None` when it is in none."""
        found = tree.find(connection, account_id)
        if found is None:
            return None
        every = connection.execute(select(members.c.account_id).where(members.c.organization_id == found.id).order_by(members.c.account_id))
        return Membership(
            organization_id=found.id,
            management_account_id=found.management_account_id,
            feature_set=found.feature_set,
            account_ids=tuple(every.scalars()),
        )

    def is_delegated(self, connection: Connection, account_id: str, service_principal: str) -> bool:
        """Whether an account is a delegated administrator of a service."""
        return bool(tree.count(connection, delegations.c.account_id == account_id, delegations.c.service_principal == service_principal))

    def delegates(self, connection: Connection, organization_id: str, service_principal: str) -> tuple[str, ...]:
        """The delegated administrators of a service in an organization, in order."""
        query = select(delegations.c.account_id).where(
            delegations.c.organization_id == organization_id, delegations.c.service_principal == service_principal
        )
        return tuple(connection.execute(query.order_by(delegations.c.account_id)).scalars())

    def trusts(self, connection: Connection, account_id: str, service_principal: str) -> bool:
        """Whether the organization of an account trusts a service; `False` outside of organizations."""
        found = tree.find(connection, account_id)
        return found is not None and bool(
            tree.count(
                connection,
                trusted_services.c.organization_id == found.id,
                trusted_services.c.service_principal == service_principal,
            )
        )
