"""Which accounts an organization trail serves, and since which record; in the state database, beside `store`.

The account that owns a trail is always served, so it has no rows here. Every other account has a row for each stretch of the journal
during which the trail was its trail too: from the record after `start`, up to `stop` where it has ended. Rows begin and end in the
transaction of what they follow from (an account joins or leaves, a trail becomes one of the organization or an ordinary one), so a crash
leaves both or neither, and delivery decides for each record by its position, however late it reads it.

A row that has ended stays until everything up to `stop` is read, and planned, and the account's chains have had their last digest.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    ColumnElement,
    Float,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    and_,
    delete,
    false,
    insert,
    select,
    true,
    update,
)
from sqlalchemy.engine import Connection, Row

from opentrail.trails.plans import CHAINS
from opentrail.trails.store import METADATA, TRAILS, Trail, changed

MEMBERS = Table(
    "trail_members",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("trail_id", ForeignKey("trails.id", ondelete="CASCADE"), nullable=False),
    Column("account_id", String, nullable=False),
    Column("organization_id", String, nullable=False),
    Column("start", Integer, nullable=False),
    Column("since", Float, nullable=False),
    Column("stop", Integer),
    Column("is_read", Boolean, nullable=False, default=False),
)
Index(
    "trail_members_now",
    MEMBERS.c.trail_id,
    MEMBERS.c.account_id,
    unique=True,
    sqlite_where=MEMBERS.c.stop.is_(None),
    postgresql_where=MEMBERS.c.stop.is_(None),
)
Index("trail_members_account", MEMBERS.c.account_id)

_NOW = MEMBERS.c.stop.is_(None)
_ENDED = MEMBERS.c.stop.is_not(None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Membership:
    """A stretch of the journal during which a trail served an account that does not own it."""

    id: int
    trail_id: int
    account_id: str
    organization_id: str
    start: int
    since: float
    """When it began, epoch seconds."""
    stop: int | None
    is_read: bool
    """Whether it has ended and every record of it is in a plan."""

    def holds(self, position: int) -> bool:
        """Whether the account was served when the record at `position` was made."""
        return self.start < position and (self.stop is None or position <= self.stop)


def _membership(row: Row[Any]) -> Membership:
    return Membership(**row._mapping)


def begin(connection: Connection, trail: Trail, organization_id: str, account_ids: Iterable[str], position: int, now: float) -> None:
    """The trail serves these accounts from the record after `position` on, from `now`; they must not be served by it yet."""
    same = {"trail_id": trail.id, "organization_id": organization_id, "start": position, "since": now}
    rows = [{"account_id": account_id, **same} for account_id in account_ids]
    if rows:
        changed(connection)
        connection.execute(insert(MEMBERS), rows)


def end(connection: Connection, trail_ids: Sequence[int], position: int, *, account_id: str | None = None) -> None:
    """The trails serve the account, or every account but their owners', no more after `position`."""
    where: ColumnElement[bool] = and_(MEMBERS.c.trail_id.in_(trail_ids), _NOW)
    if account_id is not None:
        where = and_(where, MEMBERS.c.account_id == account_id)
    if connection.execute(update(MEMBERS).where(where).values(stop=position)).rowcount:
        changed(connection)


def account_ids(connection: Connection, trail: Trail) -> list[str]:
    """The accounts that the trail serves now, its owner's first."""
    found = connection.scalars(select(MEMBERS.c.account_id).where(MEMBERS.c.trail_id == trail.id, _NOW).order_by(MEMBERS.c.account_id))
    return [trail.account_id, *found]


def serving(connection: Connection, account_id: str) -> frozenset[int]:
    """The trails of others that serve the account now."""
    return frozenset(connection.scalars(select(MEMBERS.c.trail_id).where(MEMBERS.c.account_id == account_id, _NOW)))


def serves(connection: Connection, trail: Trail, account_id: str) -> bool:
    """Whether the trail serves the account now."""
    return trail.serves(account_id, serving(connection, account_id))


def copies(connection: Connection, account_id: str) -> list[Trail]:
    """The trails of others that are present in the account, by name."""
    mine = select(MEMBERS.c.trail_id).where(MEMBERS.c.account_id == account_id, _NOW)
    query = select(TRAILS).where(TRAILS.c.id.in_(mine), TRAILS.c.deleted_at.is_(None)).order_by(TRAILS.c.name, TRAILS.c.id)
    return [Trail(**row._mapping) for row in connection.execute(query)]


def memberships(connection: Connection, account_id: str, *, read: bool = False) -> dict[int, tuple[Membership, ...]]:
    """Every stretch of which records may still be unread, by trail; with `read`, the others that are kept too."""
    found: defaultdict[int, list[Membership]] = defaultdict(list)
    where = MEMBERS.c.account_id == account_id
    if not read:
        where = and_(where, MEMBERS.c.is_read == false())
    for row in connection.execute(select(MEMBERS).where(where).order_by(MEMBERS.c.id)):
        found[row.trail_id].append(_membership(row))
    return {trail_id: tuple(stretches) for trail_id, stretches in found.items()}


def departures(connection: Connection) -> list[Membership]:
    """The stretches that have ended and of which records may still be unread."""
    return [_membership(row) for row in connection.execute(select(MEMBERS).where(_ENDED, MEMBERS.c.is_read == false()))]


def has_unread(connection: Connection, trail: Trail, account_id: str) -> bool:
    """Whether records from before the account left may be unread."""
    where = and_(MEMBERS.c.trail_id == trail.id, MEMBERS.c.account_id == account_id, _ENDED, MEMBERS.c.is_read == false())
    return connection.scalar(select(MEMBERS.c.id).where(where).limit(1)) is not None


def mark_read(connection: Connection, ended: Sequence[Membership]) -> None:
    """Every record of these is in a plan. Those of accounts without an open chain are forgotten."""
    ids = [one.id for one in ended]
    for first in range(0, len(ids), 500):
        connection.execute(update(MEMBERS).where(MEMBERS.c.id.in_(ids[first : first + 500])).values(is_read=True))
    if ids:
        forget_finished(connection)


def forget_finished(connection: Connection) -> None:
    """Forget what has ended, is read, and has no chain that still needs to know its organization."""
    chain = (
        select(CHAINS.c.trail_id)
        .where(CHAINS.c.trail_id == MEMBERS.c.trail_id, CHAINS.c.account_id == MEMBERS.c.account_id, CHAINS.c.is_open == true())
        .exists()
    )
    connection.execute(delete(MEMBERS).where(MEMBERS.c.is_read == true(), ~chain))


def organization_id(connection: Connection, trail: Trail, account_id: str) -> str | None:
    """The organization in whose folder the account's files of this trail lie, now or when it was last a member; `None` for none."""
    if account_id == trail.account_id:
        return trail.organization_id
    where = and_(MEMBERS.c.trail_id == trail.id, MEMBERS.c.account_id == account_id)
    return connection.scalar(select(MEMBERS.c.organization_id).where(where).order_by(MEMBERS.c.id.desc()).limit(1))


@dataclass(frozen=True, slots=True)
class Everybody:
    """Who is served by organization trails, for those who look at every chain at once."""

    now: frozenset[tuple[int, str]]
    organizations: Mapping[tuple[int, str], str]

    def serves(self, trail: Trail, account_id: str) -> bool:
        """Whether the trail serves the account."""
        return account_id == trail.account_id or (trail.id, account_id) in self.now

    def organization_id(self, trail: Trail, account_id: str) -> str | None:
        """As the function of this name."""
        return trail.organization_id if account_id == trail.account_id else self.organizations.get((trail.id, account_id))


def everybody(connection: Connection) -> Everybody:
    """All rows, in one look."""
    rows = connection.execute(
        select(MEMBERS.c.trail_id, MEMBERS.c.account_id, MEMBERS.c.organization_id, MEMBERS.c.stop).order_by(MEMBERS.c.id)
    ).all()
    return Everybody(
        now=frozenset((row.trail_id, row.account_id) for row in rows if row.stop is None),
        organizations={(row.trail_id, row.account_id): row.organization_id for row in rows},
    )
