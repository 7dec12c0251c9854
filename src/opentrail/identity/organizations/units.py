"""The tree: the root, organizational units, and where accounts stand in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Connection, Row, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from opentrail.clock import Clock
from opentrail.identity.entities import Page
from opentrail.identity.organizations import ids, membership, tags, tree
from opentrail.identity.organizations.faults import (
    AccountNotFoundException,
    ChildNotFoundException,
    ConstraintViolationException,
    DestinationParentNotFoundException,
    DuplicateAccountException,
    DuplicateOrganizationalUnitException,
    OrganizationalUnitNotEmptyException,
    OrganizationalUnitNotFoundException,
    ParentNotFoundException,
    SourceParentNotFoundException,
)
from opentrail.identity.organizations.store import attachments, members, units
from opentrail.identity.organizations.tree import MAX_DEPTH, Organization
from opentrail.identity.store import Store

MAX_UNITS = 2000
"""Organizational units in an organization."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """One organizational unit."""

    id: str
    arn: str
    name: str
    path: str
    """`o-a1b2c3d4e5/r-ab12/ou-ab12-11111111/`, itself the last."""


class Units:
    """Organizational units. Every method raises `AWSOrganizationsNotInUseException` for callers in no organization."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def root(self, caller: str) -> Organization:
        """The organization whose only root the caller may read."""
        with self._store.read() as connection:
            return tree.readable(connection, caller)

    def create(self, caller: str, parent_id: str, name: str, *, tagged: Mapping[str, str]) -> Unit:
        """Make a unit. Raises `ParentNotFoundException`, `DuplicateOrganizationalUnitException`, `ConstraintViolationException`."""
        now = self._clock.time()
        with self._store.write() as connection:
            organization = tree.managed(connection, caller)
            if not tree.has_container(connection, organization, parent_id):
                raise ParentNotFoundException
            if len(tree.chain(connection, organization, parent_id)) > MAX_DEPTH:
                raise ConstraintViolationException("You have exceeded the allowed depth of OUs.", Reason="OU_DEPTH_LIMIT_EXCEEDED")
            if tree.count(connection, units.c.organization_id == organization.id) >= MAX_UNITS:
                raise ConstraintViolationException("You have exceeded the allowed number of OUs.", Reason="OU_NUMBER_LIMIT_EXCEEDED")
            unit_id = ids.unit_id(organization.root_id)
            try:
                connection.execute(
                    insert(units).values(id=unit_id, organization_id=organization.id, parent_id=parent_id, name=name, created=now)
                )
            except IntegrityError:
                raise DuplicateOrganizationalUnitException from None
            membership.attach_full_access(connection, organization, unit_id, now)
            tags.put(connection, organization, unit_id, tagged)
            return self._one(connection, organization, unit_id)

    def describe(self, caller: str, unit_id: str) -> Unit:
        """One unit. Raises `OrganizationalUnitNotFoundException`."""
        with self._store.read() as connection:
            return self._one(connection, tree.readable(connection, caller), unit_id)

    def rename(self, caller: str, unit_id: str, name: str | None) -> Unit:
        """Give a unit another name. Raises `DuplicateOrganizationalUnitException`, for its own name too."""
        with self._store.write() as connection:
            organization = tree.managed(connection, caller)
            unit = self._one(connection, organization, unit_id)
            if unit.name == name:
                raise DuplicateOrganizationalUnitException
            if name is not None:
                try:
                    connection.execute(update(units).where(units.c.id == unit_id).values(name=name))
                except IntegrityError:
                    raise DuplicateOrganizationalUnitException from None
            return self._one(connection, organization, unit_id)

    def delete(self, caller: str, unit_id: str) -> None:
        """Take a unit away. Raises `OrganizationalUnitNotEmptyException`."""
        with self._store.write() as connection:
            organization = tree.managed(connection, caller)
            self._one(connection, organization, unit_id)
            if tree.count(connection, units.c.parent_id == unit_id) or tree.count(connection, members.c.parent_id == unit_id):
                raise OrganizationalUnitNotEmptyException
            connection.execute(delete(units).where(units.c.id == unit_id))
            connection.execute(delete(attachments).where(attachments.c.target_id == unit_id))
            tags.drop(connection, unit_id)

    def list(self, caller: str, parent_id: str, *, after: str | None = None, limit: int = 20) -> Page[Unit]:
        """The units directly below a root or unit, by id. Raises `ParentNotFoundException`."""
        with self._store.read() as connection:
            organization = tree.readable(connection, caller)
            _require_parent(connection, organization, parent_id)
            query = select(units).where(units.c.parent_id == parent_id)
            page = tree.page(connection, query, units.c.id, after=after, limit=limit)
            above = tree.path(connection, organization, parent_id)
            return Page([_unit(organization, row, above) for row in page.items], page.more)

    def children(
        self,
        caller: str,
        parent_id: str,
        kind: Literal["ACCOUNT", "ORGANIZATIONAL_UNIT"],
        *,
        after: str | None = None,
        limit: int = 20,
    ) -> Page[str]:
        """Ids of the accounts or units directly below. Raises `ParentNotFoundException`."""
        with self._store.read() as connection:
            organization = tree.readable(connection, caller)
            _require_parent(connection, organization, parent_id)
            table, key = (members, members.c.account_id) if kind == "ACCOUNT" else (units, units.c.id)
            query = select(key.label("child")).where(table.c.parent_id == parent_id)
            page = tree.page(connection, query, key, after=after, limit=limit)
        return Page([row.child for row in page.items], page.more)

    def parent(self, caller: str, child_id: str) -> str:
        """Id of what is directly above a unit or account. Raises `ChildNotFoundException`."""
        with self._store.read() as connection:
            found = tree.parent_of(connection, tree.readable(connection, caller), child_id)
        if found is None:
            raise ChildNotFoundException
        return found

    def move(self, caller: str, account_id: str, source_id: str, destination_id: str) -> None:
        """Put an account below another root or unit.

        Raises `AccountNotFoundException`, `SourceParentNotFoundException` when it is not where it is said to be,
        `DestinationParentNotFoundException`, `DuplicateAccountException` when it is at its destination already.
        """
        with self._store.write() as connection:
            organization = tree.managed(connection, caller)
            parent = tree.parent_of(connection, organization, account_id)
            if parent is None:
                raise AccountNotFoundException
            if not tree.has_container(connection, organization, source_id):
                raise SourceParentNotFoundException
            if not tree.has_container(connection, organization, destination_id):
                raise DestinationParentNotFoundException
            if parent == destination_id:
                raise DuplicateAccountException
            if parent != source_id:
                raise SourceParentNotFoundException
            connection.execute(update(members).where(members.c.account_id == account_id).values(parent_id=destination_id))

    def _one(self, connection: Connection, organization: Organization, unit_id: str) -> Unit:
        row = connection.execute(select(units).where(units.c.id == unit_id, units.c.organization_id == organization.id)).first()
        if row is None:
            raise OrganizationalUnitNotFoundException
        return _unit(organization, row, tree.path(connection, organization, row.parent_id))


def _unit(organization: Organization, row: Row[Any], above: str) -> Unit:
    return Unit(id=row.id, arn=organization.arn_of(row.id), name=row.name, path=f"{above}{row.id}/")


def _require_parent(connection: Connection, organization: Organization, parent_id: str) -> None:
    if not tree.has_container(connection, organization, parent_id):
        raise ParentNotFoundException
