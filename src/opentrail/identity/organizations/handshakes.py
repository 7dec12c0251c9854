"""Handshakes: invitations into an organization, and the consent of invited accounts to all features.

States: OPEN → ACCEPTED, DECLINED, CANCELED or EXPIRED; `ENABLE_ALL_FEATURES` begins as REQUESTED (`consent.py`). An invitation expires
after 15 days, the change to all features after 90. What has ended can be seen for 30 days.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, Row, select, update

from opentrail.clock import Clock
from opentrail.identity.entities import Page
from opentrail.identity.organizations import consent, contacts, membership, tree
from opentrail.identity.organizations import handshake_rows as rows
from opentrail.identity.organizations.consent import APPROVE, ENABLE, PENDING
from opentrail.identity.organizations.events import Events
from opentrail.identity.organizations.faults import (
    AccessDeniedException,
    DuplicateHandshakeException,
    HandshakeConstraintViolationException,
    HandshakeNotFoundException,
    InvalidHandshakeTransitionException,
    InvalidInputException,
    MasterCannotLeaveOrganizationException,
)
from opentrail.identity.organizations.handshake_rows import DAY, Handshake
from opentrail.identity.organizations.store import handshakes, members, organizations
from opentrail.identity.organizations.tree import ALL, Organization, of_row
from opentrail.identity.store import Store

INVITE = "INVITE"
INVITATION, CHANGE = 15 * DAY, 90 * DAY
"""Seconds that an invitation and the change to all features wait for an answer."""


class Handshakes:
    """Handshakes of organizations and accounts."""

    def __init__(self, store: Store, clock: Clock, events: Events) -> None:
        self._store = store
        self._clock = clock
        self._events = events

    def invite(
        self, caller: str, kind: Literal["ACCOUNT", "EMAIL"], target: str, *, notes: str | None, tagged: Mapping[str, str]
    ) -> Handshake:
        """Invite an account by its id, or whoever owns an e-mail.

        Raises `InvalidInputException` for accounts that do not exist, `DuplicateHandshakeException`,
        `HandshakeConstraintViolationException` for members and while the change to all features is under way.
        """
        now = self._clock.time()
        with self._store.write() as connection:
            organization = tree.managed(connection, caller)
            membership.require_room(connection, organization)
            if consent.asked(connection, organization.id, now) is not None:
                raise _no_invitations()
            invited = target if kind == "ACCOUNT" else contacts.owner(connection, target)
            if kind == "ACCOUNT" and not contacts.exists(connection, target):
                raise InvalidInputException("You specified an account that doesn't exist.", Reason="INVALID_PARTY_TYPE_TARGET")
            if invited is not None and tree.parent_of(connection, organization, invited) is not None:
                raise HandshakeConstraintViolationException(
                    "The invited account is already a member of an organization.", Reason="ALREADY_IN_AN_ORGANIZATION"
                )
            same = rows.addressed_to(connection, invited) if invited is not None else handshakes.c.party_id == target.lower()
            if connection.execute(
                select(handshakes.c.id).where(same, handshakes.c.organization_id == organization.id, rows.is_open(now))
            ).first():
                raise DuplicateHandshakeException
            contact = contacts.of(connection, [caller])[caller]
            about = [
                {"Type": "MASTER_EMAIL", "Value": contact.email},
                {"Type": "MASTER_NAME", "Value": contact.name},
                {"Type": "ORGANIZATION_FEATURE_SET", "Value": organization.feature_set},
            ]
            resources: list[dict[str, Any]] = [
                {"Type": "ORGANIZATION", "Value": organization.id, "Resources": about},
                {"Type": kind, "Value": target},
            ]
            if notes:
                resources.append({"Type": "NOTES", "Value": notes})
            made = rows.add(
                connection, organization, INVITE, "OPEN", now, INVITATION, party=(kind, target), resources=resources, tags=dict(tagged)
            )
            return self._one(connection, made, caller)

    def enable_all_features(self, caller: str) -> Handshake:
        """Ask every invited account for its consent to all features; without any, the change can be accepted at once.

        Raises `HandshakeConstraintViolationException` when all features are enabled or the change is under way.
        """
        now = self._clock.time()
        with self._store.write() as connection:
            organization = tree.managed(connection, caller)
            if organization.feature_set == ALL:
                raise HandshakeConstraintViolationException(
                    "The organization has already enabled all features.", Reason="ORGANIZATION_ALREADY_HAS_ALL_FEATURES"
                )
            if consent.asked(connection, organization.id, now) is not None:
                raise HandshakeConstraintViolationException(
                    "The organization has already started the process to enable all features.",
                    Reason="ORGANIZATION_IS_ALREADY_PENDING_ALL_FEATURES_MIGRATION",
                )
            own = {"Type": "ORGANIZATION", "Value": organization.id}
            parent = rows.add(connection, organization, ENABLE, "REQUESTED", now, CHANGE, resources=[own])
            invited = connection.execute(
                select(members.c.account_id).where(
                    members.c.organization_id == organization.id,
                    members.c.joined_method == "INVITED",
                    members.c.account_id != organization.management_account_id,
                )
            )
            for account_id in list(invited.scalars()):
                party = {"Type": "ACCOUNT", "Value": account_id}
                above = {"Type": "PARENT_HANDSHAKE", "Value": parent}
                resources = [own, above, party]
                rows.add(
                    connection,
                    organization,
                    APPROVE,
                    "OPEN",
                    now,
                    CHANGE,
                    party=("ACCOUNT", account_id),
                    parent_id=parent,
                    resources=resources,
                )
            consent.weigh(connection, parent)
            return self._one(connection, parent, caller)

    def accept(self, caller: str, handshake_id: str) -> Handshake:
        """The recipient accepts: joins, consents, or (management account) makes the change to all features.

        Raises `HandshakeNotFoundException`, `HandshakeAlreadyInStateException`, `InvalidHandshakeTransitionException`,
        `HandshakeConstraintViolationException`, `MasterCannotLeaveOrganizationException`, `ConstraintViolationException`.
        """
        now = self._clock.time()
        with self._store.write() as connection:
            row = self._row(connection, handshake_id, caller)
            if row.action == ENABLE:
                if caller != row.management_account_id:
                    raise AccessDeniedException
            elif not rows.is_party(connection, row, caller):
                raise AccessDeniedException
            rows.require_open(row, "ACCEPTED", now)
            organization = of_row(connection.execute(select(organizations).where(organizations.c.id == row.organization_id)).one())
            if row.action == INVITE:
                self._join(connection, organization, caller, row, now)
            elif row.action == ENABLE:
                connection.execute(update(organizations).where(organizations.c.id == organization.id).values(feature_set=ALL))
                membership.attach_full_access_everywhere(connection, organization.id, organization.root_id, now)
            rows.end(connection, handshake_id, "ACCEPTED", now)
            if row.parent_id is not None:
                consent.weigh(connection, row.parent_id)
            return self._one(connection, handshake_id, caller)

    def _join(self, connection: Connection, organization: Organization, account_id: str, row: Row[Any], now: float) -> None:
        if consent.asked(connection, organization.id, now) is not None:
            raise _no_invitations()
        old = tree.find(connection, account_id)
        if old is not None:
            if old.id == organization.id:
                raise HandshakeConstraintViolationException(
                    "The account is already a member of the organization.", Reason="ALREADY_IN_AN_ORGANIZATION"
                )
            if old.management_account_id == account_id:
                raise MasterCannotLeaveOrganizationException
            membership.require_free_to_leave(connection, account_id)
            membership.depart(connection, self._events, old, account_id, method="LEFT", now=now)
        membership.require_room(connection, organization)
        membership.join(connection, self._events, organization, account_id, method="INVITED", now=now, tagged=row.tags)

    def decline(self, caller: str, handshake_id: str) -> Handshake:
        """The recipient declines. Raises as `accept`."""
        now = self._clock.time()
        with self._store.write() as connection:
            row = self._row(connection, handshake_id, caller)
            if not rows.is_party(connection, row, caller):
                raise AccessDeniedException
            rows.require_open(row, "DECLINED", now)
            rows.end(connection, handshake_id, "DECLINED", now)
            return self._one(connection, handshake_id, caller)

    def cancel(self, caller: str, handshake_id: str) -> Handshake:
        """The sender takes it back; what was asked below it goes with it. Raises as `accept`."""
        now = self._clock.time()
        with self._store.write() as connection:
            row = self._row(connection, handshake_id, caller)
            if caller != row.management_account_id:
                raise AccessDeniedException
            if row.action == APPROVE:
                raise InvalidHandshakeTransitionException("Cancel the handshake that it belongs to.")
            rows.require_open(row, "CANCELED", now, also="REQUESTED")
            rows.end(connection, handshake_id, "CANCELED", now)
            for child in list(
                connection.execute(
                    select(handshakes.c.id).where(handshakes.c.parent_id == handshake_id, handshakes.c.state.in_(PENDING))
                ).scalars()
            ):
                rows.end(connection, child, "CANCELED", now)
            return self._one(connection, handshake_id, caller)

    def describe(self, caller: str, handshake_id: str) -> Handshake:
        """One handshake that the caller has to do with. Raises `HandshakeNotFoundException`."""
        with self._store.read() as connection:
            return self._one(connection, handshake_id, caller)

    def received(
        self, caller: str, *, action: str | None = None, parent_id: str | None = None, after: str | None = None, limit: int = 20
    ) -> Page[Handshake]:
        """The handshakes that were sent to the account, by id."""
        with self._store.read() as connection:
            return self._list(connection, rows.addressed_to(connection, caller), action, parent_id, after, limit)

    def sent(
        self, caller: str, *, action: str | None = None, parent_id: str | None = None, after: str | None = None, limit: int = 20
    ) -> Page[Handshake]:
        """The handshakes of the organization, by id."""
        with self._store.read() as connection:
            organization = tree.readable(connection, caller)
            return self._list(connection, handshakes.c.organization_id == organization.id, action, parent_id, after, limit)

    def arn(self, handshake_id: str) -> str | None:
        """The ARN of a handshake, whoever asks; `None` when there is none."""
        with self._store.read() as connection:
            row = connection.execute(select(handshakes).where(handshakes.c.id == handshake_id)).first()
        return None if row is None else rows.arn_of(row)

    def _list(
        self,
        connection: Connection,
        condition: ColumnElement[bool],
        action: str | None,
        parent_id: str | None,
        after: str | None,
        limit: int,
    ) -> Page[Handshake]:
        now = self._clock.time()
        query = select(handshakes).where(condition, rows.is_visible(now))
        if action is not None:
            query = query.where(handshakes.c.action == action)
        if parent_id is not None:
            query = query.where(handshakes.c.parent_id == parent_id)
        page = tree.page(connection, query, handshakes.c.id, after=after, limit=limit)
        return Page([rows.shown(row, now) for row in page.items], page.more)

    def _row(self, connection: Connection, handshake_id: str, caller: str) -> Row[Any]:
        """The handshake, if the caller is its sender, its recipient, or of its organization."""
        row = connection.execute(select(handshakes).where(handshakes.c.id == handshake_id, rows.is_visible(self._clock.time()))).first()
        if row is None:
            raise HandshakeNotFoundException
        standing = tree.standing(connection, caller)
        reader = standing is not None and standing.organization.id == row.organization_id and (standing.management or standing.delegated)
        if not reader and not rows.is_party(connection, row, caller):
            raise HandshakeNotFoundException
        return row

    def _one(self, connection: Connection, handshake_id: str, caller: str) -> Handshake:
        return rows.shown(self._row(connection, handshake_id, caller), self._clock.time())


def _no_invitations() -> HandshakeConstraintViolationException:
    return HandshakeConstraintViolationException(
        "Accounts can't be invited while the organization is in the process of enabling all features.",
        Reason="INVITE_DISABLED_DURING_ENABLE_ALL_FEATURES",
    )
