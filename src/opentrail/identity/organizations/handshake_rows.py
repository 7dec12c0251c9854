"""Handshakes as rows: written, read, found by whom they are addressed to. Within a transaction of the caller."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, delete, insert, or_, update

from opentrail.identity.organizations import contacts, ids
from opentrail.identity.organizations.consent import PENDING
from opentrail.identity.organizations.faults import HandshakeAlreadyInStateException, InvalidHandshakeTransitionException
from opentrail.identity.organizations.store import handshakes
from opentrail.identity.organizations.tree import Organization, moment

DAY = 86400.0
SEEN = 30 * DAY
"""Seconds for which a handshake that has ended can be seen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Handshake:
    """One handshake."""

    id: str
    arn: str
    action: str
    state: str
    requested: datetime
    expires: datetime
    organization_id: str
    party: tuple[str, str] | None
    """Type and id of the recipient; `None`: the organization itself."""
    resources: Sequence[Mapping[str, Any]]
    """As the API shows them."""


def end_all(connection: Connection, organization: Organization, now: float) -> None:
    """The organization is deleted: take back what it has sent, and forget what was over long ago."""
    mine = handshakes.c.organization_id == organization.id
    connection.execute(update(handshakes).where(mine, handshakes.c.state.in_(PENDING)).values(state="CANCELED", ended=now))
    connection.execute(delete(handshakes).where(mine, ~is_visible(now)))


def add(
    connection: Connection,
    organization: Organization,
    action: str,
    state: str,
    now: float,
    lasting: float,
    *,
    resources: Sequence[Mapping[str, Any]],
    party: tuple[str, str] | None = None,
    parent_id: str | None = None,
    tags: Mapping[str, str] | None = None,
) -> str:
    """Write a new handshake that lasts `lasting` seconds; answers its id. What was over long ago is forgotten."""
    connection.execute(delete(handshakes).where(~is_visible(now)))
    made = ids.handshake_id()
    connection.execute(
        insert(handshakes).values(
            id=made,
            organization_id=organization.id,
            management_account_id=organization.management_account_id,
            action=action,
            party_type=party[0] if party else None,
            party_id=party[1].lower() if party else None,
            state=state,
            requested=now,
            expires=now + lasting,
            parent_id=parent_id,
            resources=list(resources),
            tags=dict(tags or {}),
        )
    )
    return made


def end(connection: Connection, handshake_id: str, state: str, now: float) -> None:
    """The handshake is over."""
    connection.execute(update(handshakes).where(handshakes.c.id == handshake_id).values(state=state, ended=now))


def is_open(now: float) -> ColumnElement[bool]:
    """Handshakes that wait for an answer."""
    return and_(handshakes.c.state.in_(PENDING), handshakes.c.expires > now)


def is_visible(now: float) -> ColumnElement[bool]:
    """Handshakes that can be seen: those that wait, and those that ended less than 30 days ago."""
    ended = and_(handshakes.c.ended.is_not(None), handshakes.c.ended > now - SEEN)
    return or_(ended, and_(handshakes.c.ended.is_(None), handshakes.c.expires > now - SEEN))


def addressed_to(connection: Connection, account_id: str) -> ColumnElement[bool]:
    """Whatever is addressed to the account, by its id or by its e-mail."""
    email = contacts.of(connection, [account_id])[account_id].email.lower()
    return or_(
        and_(handshakes.c.party_type == "ACCOUNT", handshakes.c.party_id == account_id),
        and_(handshakes.c.party_type == "EMAIL", handshakes.c.party_id == email),
    )


def is_party(connection: Connection, row: Row[Any], account_id: str) -> bool:
    """Whether the handshake is addressed to the account."""
    if row.party_type == "EMAIL":
        return bool(contacts.of(connection, [account_id])[account_id].email.lower() == row.party_id)
    return bool(row.party_id == account_id)


def state_of(row: Row[Any], now: float) -> str:
    """The state as it is shown: nobody writes down that a handshake has expired."""
    return "EXPIRED" if row.state in PENDING and row.expires <= now else str(row.state)


def require_open(row: Row[Any], wanted: str, now: float, *, also: str = "OPEN") -> None:
    """Raises `HandshakeAlreadyInStateException` or `InvalidHandshakeTransitionException` when it cannot become `wanted`."""
    state = state_of(row, now)
    if state == wanted:
        raise HandshakeAlreadyInStateException
    if state not in ("OPEN", also):
        raise InvalidHandshakeTransitionException(f"You can't perform the operation on a handshake that is {state}.")


def arn_of(row: Row[Any]) -> str:
    """The ARN of a handshake."""
    return ids.arn(row.management_account_id, "handshake", row.organization_id, row.action.lower(), row.id)


def shown(row: Row[Any], now: float) -> Handshake:
    """A handshake as the API shows it."""
    party = next(((found["Type"], found["Value"]) for found in row.resources if found["Type"] in ("ACCOUNT", "EMAIL")), None)
    return Handshake(
        id=row.id,
        arn=arn_of(row),
        action=row.action,
        state=state_of(row, now),
        requested=moment(row.requested),
        expires=moment(row.expires),
        organization_id=row.organization_id,
        party=party,
        resources=row.resources,
    )
