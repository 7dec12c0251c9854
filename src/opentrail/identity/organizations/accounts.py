"""The accounts of an organization: made, listed, closed, removed."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Connection, Row, insert, select

from opentrail.clock import Clock
from opentrail.identity import entities
from opentrail.identity.entities import Page
from opentrail.identity.organizations import contacts, ids, membership, tree
from opentrail.identity.organizations.events import Events
from opentrail.identity.organizations.faults import (
    AccountAlreadyClosedException,
    AccountNotFoundException,
    ConstraintViolationException,
    CreateAccountStatusNotFoundException,
    InvalidInputException,
    MasterCannotLeaveOrganizationException,
    ParentNotFoundException,
    need_all_features,
)
from opentrail.identity.organizations.store import closures, members, requests
from opentrail.identity.organizations.tree import ALL, Organization, moment
from opentrail.identity.store import Store
from opentrail.identity.store import accounts as account_table
from opentrail.identity.store import attachments as role_policies

DEFAULT_ROLE = "OrganizationAccountAccessRole"
ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"
CLOSING_PERIOD = 30 * 86400.0
"""Seconds within which only so many accounts may be closed: 250, or a fifth of the members if that is more, 1,000 at the most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A member of an organization."""

    id: str
    arn: str
    email: str
    name: str
    closed: bool
    path: str
    """`o-a1b2c3d4e5/r-ab12/ou-ab12-11111111/123456789012/`"""
    joined_method: str
    """`CREATED` or `INVITED`."""
    joined: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountRequest:
    """How a request to create an account ended."""

    id: str
    name: str
    state: str
    requested: datetime
    completed: datetime
    account_id: str | None
    failure: str | None


class MemberAccounts:
    """The accounts of organizations. Every method raises `AWSOrganizationsNotInUseException` for callers in none."""

    def __init__(self, store: Store, clock: Clock, events: Events) -> None:
        self._store = store
        self._clock = clock
        self._events = events

    def create(self, caller: str, *, email: str, name: str, role: str = DEFAULT_ROLE, tags: Mapping[str, str]) -> AccountRequest:
        """Make an account with a role in it that the management account's users may assume; it is there when this returns.

        An e-mail that is taken makes the request fail, not the call. Raises `AccessDeniedException`, `InvalidInputException` for
        role names reserved to services, `ConstraintViolationException` when there are too many accounts.
        """
        if role.startswith("AWSServiceRoleFor"):
            raise InvalidInputException(
                "You provided a role name that isn't valid: it can't begin with AWSServiceRoleFor.", Reason="INVALID_ROLE_NAME"
            )
        now = self._clock.time()
        with self._store.write() as connection:
            organization = tree.managed(connection, caller)
            membership.clean(connection, self._events, organization, now)
            membership.require_room(connection, organization)
            account_id = failure = None
            if contacts.owner(connection, email) is not None:
                failure = "EMAIL_ALREADY_EXISTS"
            else:
                account_id = self._new_account(connection, organization, role, now)
                contacts.give(connection, account_id, email=email, name=name)
                membership.join(connection, self._events, organization, account_id, method="CREATED", now=now, tagged=tags)
            values = {
                "id": ids.request_id(),
                "state": "SUCCEEDED" if account_id else "FAILED",
                "account_id": account_id,
                "failure": failure,
            }
            connection.execute(insert(requests).values(organization_id=organization.id, name=name, requested=now, completed=now, **values))
            ending = {"accountId": account_id} if account_id else {"failureReason": failure}
            status = {"id": values["id"], "state": values["state"], **ending}
            self._events.create_account_result(connection, organization, status, now)
            return _request(connection.execute(select(requests).where(requests.c.id == values["id"])).one())

    def _new_account(self, connection: Connection, organization: Organization, role: str, now: float) -> str:
        account_id = ids.account_id()
        while contacts.exists(connection, account_id):
            account_id = ids.account_id()
        connection.execute(insert(account_table).values(account_id=account_id, alias=None, created=now))
        trust = {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"AWS": f"arn:aws:iam::{organization.management_account_id}:root"},
                    "Action": "sts:AssumeRole",
                }
            ],
        }
        details = {"trust": orjson.dumps(trust).decode(), "description": "", "max_session": 3600}
        made = entities.add(connection, "role", account_id, role, now=now, details=details)
        connection.execute(insert(role_policies).values(owner_id=made.id, policy_arn=ADMINISTRATOR, attached=now))
        return account_id

    def request(self, caller: str, request_id: str) -> AccountRequest:
        """How one request ended. Raises `CreateAccountStatusNotFoundException`."""
        with self._store.read() as connection:
            organization = tree.readable(connection, caller)
            row = connection.execute(
                select(requests).where(requests.c.id == request_id, requests.c.organization_id == organization.id)
            ).first()
        if row is None:
            raise CreateAccountStatusNotFoundException
        return _request(row)

    def requests(self, caller: str, *, states: Collection[str] = (), after: str | None = None, limit: int = 20) -> Page[AccountRequest]:
        """Requests by id, those in one of `states` if any are named."""
        with self._store.read() as connection:
            organization = tree.readable(connection, caller)
            query = select(requests).where(requests.c.organization_id == organization.id)
            if states:
                query = query.where(requests.c.state.in_(states))
            page = tree.page(connection, query, requests.c.id, after=after, limit=limit)
        return Page([_request(row) for row in page.items], page.more)

    def describe(self, caller: str, account_id: str) -> Account:
        """One account. Raises `AccountNotFoundException`."""
        with self._store.read() as connection:
            organization = tree.readable(connection, caller)
            return self._one(connection, organization, account_id)

    def list(self, caller: str, *, parent_id: str | None = None, after: str | None = None, limit: int = 20) -> Page[Account]:
        """Accounts by id, those directly under `parent_id` if it is named. Raises `ParentNotFoundException`."""
        with self._store.read() as connection:
            organization = tree.readable(connection, caller)
            query = select(members).where(members.c.organization_id == organization.id)
            if parent_id is not None:
                if not tree.has_container(connection, organization, parent_id):
                    raise ParentNotFoundException
                query = query.where(members.c.parent_id == parent_id)
            page = tree.page(connection, query, members.c.account_id, after=after, limit=limit)
            return Page(shown(connection, organization, page.items), page.more)

    def close(self, caller: str, account_id: str) -> None:
        """Close an account: its credentials stop working, and nobody can assume its roles.

        Raises `AccountNotFoundException`, `AccountAlreadyClosedException`, `ConstraintViolationException` for the management account,
        without all features and beyond the quota.
        """
        now = self._clock.time()
        with self._store.write() as connection:
            organization = tree.managed(connection, caller)
            if organization.feature_set != ALL:
                raise need_all_features()
            account = self._one(connection, organization, account_id)
            if account_id == organization.management_account_id:
                raise ConstraintViolationException(
                    "You can't close the management account of an organization.", Reason="CANNOT_CLOSE_MANAGEMENT_ACCOUNT"
                )
            if account.closed:
                raise AccountAlreadyClosedException
            mine = select(members.c.account_id).where(members.c.organization_id == organization.id)
            number = tree.count(connection, members.c.organization_id == organization.id)
            lately = tree.count(connection, closures.c.account_id.in_(mine), closures.c.closed > now - CLOSING_PERIOD)
            if lately >= min(max(250, number // 5), 1000):
                raise ConstraintViolationException(
                    "You have exceeded close account quota for the past 30 days.", Reason="CLOSE_ACCOUNT_QUOTA_EXCEEDED"
                )
            connection.execute(insert(closures).values(account_id=account_id, closed=now))
            self._events.close_account_result(connection, organization, account_id, now)

    def remove(self, caller: str, account_id: str) -> None:
        """The management account lets a member go. Raises what `leave` raises, and `AccountNotFoundException`."""
        now = self._clock.time()
        with self._store.write() as connection:
            organization = tree.managed(connection, caller)
            membership.clean(connection, self._events, organization, now)
            self._one(connection, organization, account_id)
            if account_id == organization.management_account_id:
                raise MasterCannotLeaveOrganizationException
            membership.require_free_to_leave(connection, account_id)
            membership.depart(connection, self._events, organization, account_id, method="REMOVED", now=now)

    def leave(self, caller: str) -> None:
        """A member goes by itself. Raises `MasterCannotLeaveOrganizationException`, `ConstraintViolationException` for delegates."""
        with self._store.write() as connection:
            organization = tree.of(connection, caller)
            if caller == organization.management_account_id:
                raise MasterCannotLeaveOrganizationException
            membership.require_free_to_leave(connection, caller)
            membership.depart(connection, self._events, organization, caller, method="LEFT", now=self._clock.time())

    def is_closed(self, account_id: str) -> bool:
        """Whether an account, of any organization or none, is closed."""
        with self._store.read() as connection:
            return contacts.is_closed(connection, account_id)

    def _one(self, connection: Connection, organization: Organization, account_id: str) -> Account:
        row = connection.execute(
            select(members).where(members.c.account_id == account_id, members.c.organization_id == organization.id)
        ).first()
        if row is None:
            raise AccountNotFoundException
        return shown(connection, organization, [row])[0]


def shown(connection: Connection, organization: Organization, rows: Sequence[Row[Any]]) -> list[Account]:
    """Members as the API shows them: with contact, state and path."""
    account_ids = [row.account_id for row in rows]
    known = contacts.of(connection, account_ids)
    closed = set(connection.execute(select(closures.c.account_id).where(closures.c.account_id.in_(account_ids))).scalars())
    paths = {parent: tree.path(connection, organization, parent) for parent in {row.parent_id for row in rows}}
    return [
        Account(
            id=row.account_id,
            arn=organization.arn_of(row.account_id),
            email=known[row.account_id].email,
            name=known[row.account_id].name,
            closed=row.account_id in closed,
            path=f"{paths[row.parent_id]}{row.account_id}/",
            joined_method=row.joined_method,
            joined=moment(row.joined),
        )
        for row in rows
    ]


def _request(row: Row[Any]) -> AccountRequest:
    return AccountRequest(
        id=row.id,
        name=row.name,
        state=row.state,
        requested=moment(row.requested),
        completed=moment(row.completed),
        account_id=row.account_id,
        failure=row.failure,
    )
