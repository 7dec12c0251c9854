"""Services that an organization trusts, and the members to which it delegates their administration."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, insert, select

from opentrail.clock import Clock
from opentrail.identity.entities import Page
from opentrail.identity.organizations import contacts, tree
from opentrail.identity.organizations.accounts import Account, shown
from opentrail.identity.organizations.events import Events
from opentrail.identity.organizations.faults import (
    AccountAlreadyRegisteredException,
    AccountNotFoundException,
    AccountNotRegisteredException,
    ConstraintViolationException,
    InvalidInputException,
    need_all_features,
)
from opentrail.identity.organizations.service_names import DELEGABLE, MAX_DELEGATES, TRUSTABLE
from opentrail.identity.organizations.store import delegations, members, trusted_services
from opentrail.identity.organizations.tree import ALL, Organization, moment
from opentrail.identity.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Enabled:
    """A service principal, and since when the organization trusts it or an account administers it."""

    service_principal: str
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Delegate:
    """A delegated administrator."""

    account: Account
    since: datetime


class Services:
    """Trusted access and delegated administrators. Each method raises `AWSOrganizationsNotInUseException` outside of organizations."""

    def __init__(self, store: Store, clock: Clock, events: Events) -> None:
        self._store = store
        self._clock = clock
        self._events = events

    def enable(self, caller: str, service_principal: str) -> None:
        """Trust a service; to trust it twice is no error. Raises `InvalidInputException` for services that cannot be trusted."""
        _require_known(service_principal, TRUSTABLE)
        with self._store.write() as connection:
            organization = _with_all_features(tree.managed(connection, caller))
            if not _is_trusted(connection, organization, service_principal):
                connection.execute(
                    insert(trusted_services).values(
                        organization_id=organization.id, service_principal=service_principal, enabled=self._clock.time()
                    )
                )

    def disable(self, caller: str, service_principal: str) -> None:
        """Trust a service no more. Raises `ConstraintViolationException` while it has delegated administrators."""
        _require_known(service_principal, TRUSTABLE)
        with self._store.write() as connection:
            organization = _with_all_features(tree.managed(connection, caller))
            if _delegates(connection, organization, service_principal):
                raise ConstraintViolationException(
                    "This service has delegated administrators. Deregister them before you disable access.",
                    Reason="DELEGATED_ADMINISTRATOR_EXISTS_FOR_THIS_SERVICE",
                )
            connection.execute(
                delete(trusted_services).where(
                    trusted_services.c.organization_id == organization.id, trusted_services.c.service_principal == service_principal
                )
            )
            self._events.distrusted(connection, organization, service_principal)

    def enabled(self, caller: str, *, after: str | None = None, limit: int = 20) -> Page[Enabled]:
        """The services that the organization trusts, by name."""
        with self._store.read() as connection:
            organization = _with_all_features(tree.readable(connection, caller))
            query = select(trusted_services).where(trusted_services.c.organization_id == organization.id)
            page = tree.page(connection, query, trusted_services.c.service_principal, after=after, limit=limit)
        return Page([Enabled(service_principal=row.service_principal, since=moment(row.enabled)) for row in page.items], page.more)

    def register(self, caller: str, account_id: str, service_principal: str) -> None:
        """Make a member a delegated administrator of a service.

        Raises `AccountNotFoundException`, `AccountAlreadyRegisteredException`, `InvalidInputException`, `ConstraintViolationException` for
        the management account, closed accounts, services that are not trusted, and more administrators than the service may have.
        """
        _require_known(service_principal, DELEGABLE)
        with self._store.write() as connection:
            organization = _with_all_features(tree.managed(connection, caller))
            if account_id == organization.management_account_id:
                raise ConstraintViolationException(
                    "You cannot register master account/yourself as delegated administrator for your organization.",
                    Reason="CANNOT_REGISTER_MASTER_AS_DELEGATED_ADMINISTRATOR",
                )
            _require_member(connection, organization, account_id)
            if not _is_trusted(connection, organization, service_principal):
                raise ConstraintViolationException(
                    "You must enable service access before you delegate an administrator for this service. "
                    "Call the AWS API EnableAWSServiceAccess first.",
                    Reason="SERVICE_ACCESS_NOT_ENABLED",
                )
            if contacts.is_closed(connection, account_id):
                raise ConstraintViolationException(
                    "You cannot register a suspended account as a delegated administrator.",
                    Reason="CANNOT_REGISTER_SUSPENDED_ACCOUNT_AS_DELEGATED_ADMINISTRATOR",
                )
            present = _delegates(connection, organization, service_principal)
            if account_id in present:
                raise AccountAlreadyRegisteredException
            if len(present) >= MAX_DELEGATES.get(service_principal, len(present) + 1):
                raise ConstraintViolationException(
                    "You have exceeded the allowed number of delegated administrators for this service.",
                    Reason="MAX_DELEGATED_ADMINISTRATORS_FOR_SERVICE_LIMIT_EXCEEDED",
                )
            connection.execute(
                insert(delegations).values(
                    account_id=account_id,
                    service_principal=service_principal,
                    organization_id=organization.id,
                    since=self._clock.time(),
                )
            )

    def deregister(self, caller: str, account_id: str, service_principal: str) -> None:
        """Take the administration of a service back. Raises `AccountNotFoundException`, `AccountNotRegisteredException`."""
        _require_known(service_principal, DELEGABLE)
        with self._store.write() as connection:
            organization = _with_all_features(tree.managed(connection, caller))
            _require_member(connection, organization, account_id)
            gone = connection.execute(
                delete(delegations).where(delegations.c.account_id == account_id, delegations.c.service_principal == service_principal)
            )
            if gone.rowcount == 0:
                raise AccountNotRegisteredException

    def delegates(self, caller: str, *, service_principal: str | None = None, after: str | None = None, limit: int = 20) -> Page[Delegate]:
        """Delegated administrators (of one service), by account id; `since` is when the first service was delegated."""
        if service_principal is not None:
            _require_known(service_principal, DELEGABLE)
        with self._store.read() as connection:
            organization = _with_all_features(tree.readable(connection, caller))
            mine = select(delegations.c.account_id).where(delegations.c.organization_id == organization.id)
            if service_principal is not None:
                mine = mine.where(delegations.c.service_principal == service_principal)
            query = select(members).where(members.c.account_id.in_(mine))
            page = tree.page(connection, query, members.c.account_id, after=after, limit=limit)
            return Page(
                [
                    Delegate(account=account, since=min(one.since for one in _of_account(connection, account.id)))
                    for account in shown(connection, organization, page.items)
                ],
                page.more,
            )

    def delegated(self, caller: str, account_id: str, *, after: str | None = None, limit: int = 20) -> Page[Enabled]:
        """The services that an account administers, by name. Raises `AccountNotFoundException`, `AccountNotRegisteredException`."""
        with self._store.read() as connection:
            organization = _with_all_features(tree.readable(connection, caller))
            _require_member(connection, organization, account_id)
            found = _of_account(connection, account_id)
        if not found:
            raise AccountNotRegisteredException
        rest = [one for one in found if after is None or one.service_principal > after]
        return Page(rest[:limit], len(rest) > limit)


def _require_known(service_principal: str, known: frozenset[str]) -> None:
    if service_principal not in known:
        raise InvalidInputException("You specified an unrecognized service principal.", Reason="UNRECOGNIZED_SERVICE_PRINCIPAL")


def _with_all_features(organization: Organization) -> Organization:
    if organization.feature_set != ALL:
        raise need_all_features()
    return organization


def _require_member(connection: Connection, organization: Organization, account_id: str) -> None:
    if tree.parent_of(connection, organization, account_id) is None:
        raise AccountNotFoundException


def _is_trusted(connection: Connection, organization: Organization, service_principal: str) -> bool:
    return bool(
        tree.count(
            connection,
            trusted_services.c.organization_id == organization.id,
            trusted_services.c.service_principal == service_principal,
        )
    )


def _delegates(connection: Connection, organization: Organization, service_principal: str) -> set[str]:
    rows = connection.execute(
        select(delegations.c.account_id).where(
            delegations.c.organization_id == organization.id, delegations.c.service_principal == service_principal
        )
    )
    return set(rows.scalars())


def _of_account(connection: Connection, account_id: str) -> list[Enabled]:
    rows = connection.execute(select(delegations).where(delegations.c.account_id == account_id).order_by(delegations.c.service_principal))
    return [Enabled(service_principal=row.service_principal, since=moment(row.since)) for row in rows]
