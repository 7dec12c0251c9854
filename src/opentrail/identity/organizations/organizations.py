"""Organizations as a whole: founded, described, deleted; and the plain questions that other rooms ask."""

from __future__ import annotations

from sqlalchemy import delete, insert, select

from opentrail.clock import Clock
from opentrail.identity.organizations import contacts, handshake_rows, ids, membership, place, tree
from opentrail.identity.organizations.accounts import MemberAccounts
from opentrail.identity.organizations.asked import Asked, Membership
from opentrail.identity.organizations.companions import Companion
from opentrail.identity.organizations.events import Events
from opentrail.identity.organizations.faults import AlreadyInOrganizationException, OrganizationNotEmptyException
from opentrail.identity.organizations.handshakes import Handshakes
from opentrail.identity.organizations.place import Place
from opentrail.identity.organizations.policies import OrganizationPolicies
from opentrail.identity.organizations.services import Services
from opentrail.identity.organizations.store import (
    attachments,
    delegations,
    members,
    organizations,
    policies,
    requests,
    resource_policies,
    tags,
    trusted_services,
    units,
)
from opentrail.identity.organizations.tagged import ResourcePolicies, ResourceTags
from opentrail.identity.organizations.tree import ALL, Organization, Standing
from opentrail.identity.organizations.units import Units
from opentrail.identity.store import Store
from opentrail.storage.outbox import Outbox


class Organizations:
    """The organizations of one data folder. Safe to use from several threads."""

    def __init__(self, store: Store, clock: Clock, outbox: Outbox) -> None:
        self._store = store
        self._clock = clock
        self._events = Events(outbox)
        self.asked = Asked()
        self.accounts = MemberAccounts(store, clock, self._events)
        self.units = Units(store, clock)
        self.policies = OrganizationPolicies(store, clock)
        self.handshakes = Handshakes(store, clock, self._events)
        self.services = Services(store, clock, self._events)
        self.tags = ResourceTags(store)
        self.resource_policies = ResourcePolicies(store)

    def accompanied_by(self, companion: Companion) -> None:
        """Have `companion` change with every organization from now on, as those before it do."""
        self._events.companions.append(companion)

    def create(self, caller: str, feature_set: str = ALL) -> Organization:
        """Found an organization that `caller` manages. Raises `AlreadyInOrganizationException`."""
        now = self._clock.time()
        with self._store.write() as connection:
            if tree.find(connection, caller) is not None:
                raise AlreadyInOrganizationException
            root = ids.root_id()
            while connection.execute(select(organizations.c.id).where(organizations.c.root_id == root)).first() is not None:
                root = ids.root_id()
            connection.execute(
                insert(organizations).values(
                    id=ids.organization_id(),
                    management_account_id=caller,
                    root_id=root,
                    feature_set=feature_set,
                    policy_types=[],
                    created=now,
                )
            )
            made = tree.of_row(connection.execute(select(organizations).where(organizations.c.root_id == root)).one())
            membership.attach_full_access(connection, made, root, now)
            membership.join(connection, self._events, made, caller, method="INVITED", now=now, tagged={})
            return made

    def describe(self, caller: str) -> tuple[Organization, str]:
        """The organization that the caller is in, and the e-mail of its management account."""
        with self._store.read() as connection:
            found = tree.of(connection, caller)
            return found, contacts.of(connection, [found.management_account_id])[found.management_account_id].email

    def delete(self, caller: str) -> None:
        """Delete the organization, with all that was made in it. Raises `OrganizationNotEmptyException` while it has other accounts."""
        now = self._clock.time()
        with self._store.write() as connection:
            organization = tree.managed(connection, caller)
            membership.clean(connection, self._events, organization, now)
            if tree.count(connection, members.c.organization_id == organization.id) > 1:
                raise OrganizationNotEmptyException
            membership.depart(connection, self._events, organization, caller, method="LEFT", now=now)
            handshake_rows.end_all(connection, organization, now)
            for table in (units, attachments, policies, trusted_services, delegations, requests, tags, resource_policies):
                connection.execute(delete(table).where(table.c.organization_id == organization.id))
            connection.execute(delete(organizations).where(organizations.c.id == organization.id))

    def standing(self, account_id: str) -> Standing | None:
        """What an account is to the organization it is in; `None` when it is in none."""
        with self._store.read() as connection:
            return tree.standing(connection, account_id)

    def place(self, account_id: str) -> Place | None:
        """Where an account stands, for the evaluation of policies."""
        with self._store.read() as connection:
            return place.of(connection, account_id)

    def of(self, account_id: str) -> Membership | None:
        """The organization of an account with all its members; `None` when it is in none. Changes raise `Identities.generation`."""
        with self._store.read() as connection:
            return self.asked.of(connection, account_id)

    def is_delegated(self, account_id: str, service_principal: str) -> bool:
        """Whether an account is a delegated administrator of a service."""
        with self._store.read() as connection:
            return self.asked.is_delegated(connection, account_id, service_principal)

    def trusts(self, account_id: str, service_principal: str) -> bool:
        """Whether the organization of an account trusts a service; `False` outside of organizations."""
        with self._store.read() as connection:
            return self.asked.trusts(connection, account_id, service_principal)
