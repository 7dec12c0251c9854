"""Log files that a trail's topic has still to hear of, in the state database.

A notice is kept in the transaction that notes the delivery, and goes in the one that notes the publication: a crash in between publishes
again, which a subscriber must be ready for anyway (reference of delivery, §5).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Column, Float, ForeignKey, Index, Integer, String, Table, delete, insert, select
from sqlalchemy.engine import Connection

from opentrail.storage.database import Database
from opentrail.trails.plans import Plan
from opentrail.trails.store import METADATA, TRAILS

NOTICES = Table(
    "trail_notices",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("trail_id", ForeignKey(TRAILS.c.id, ondelete="CASCADE"), nullable=False),
    Column("region", String, nullable=False),
    Column("bucket", String, nullable=False),
    Column("key", String, nullable=False),
    Column("noted_at", Float, nullable=False),
    sqlite_autoincrement=True,
)
Index("trail_notices_trail", NOTICES.c.trail_id, NOTICES.c.id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One file to tell of."""

    id: int
    trail_id: int
    region: str
    bucket: str
    key: str
    noted_at: float


def note(connection: Connection, plan: Plan, at: float) -> None:
    """The file of `plan` is in its bucket, and its trail has a topic."""
    values = {"trail_id": plan.trail_id, "region": plan.region, "bucket": plan.bucket, "key": plan.key, "noted_at": at}
    connection.execute(insert(NOTICES).values(**values))


def any_pending(database: Database) -> bool:
    """Whether anything is to be told at all; asked all the time."""
    return database.first("SELECT 1 FROM trail_notices LIMIT 1", ()) is not None


def trails(connection: Connection) -> list[int]:
    """The trails with something to tell."""
    return list(connection.scalars(select(NOTICES.c.trail_id).distinct().order_by(NOTICES.c.trail_id)))


def has_pending(connection: Connection, trail_id: int) -> bool:
    """Whether the trail has something to tell."""
    return connection.scalar(select(NOTICES.c.id).where(NOTICES.c.trail_id == trail_id).limit(1)) is not None


def pending(connection: Connection, trail_id: int, limit: int) -> list[Notice]:
    """The oldest notices of a trail that are about one bucket."""
    query = select(NOTICES).where(NOTICES.c.trail_id == trail_id).order_by(NOTICES.c.id).limit(limit)
    found = [Notice(**row._mapping) for row in connection.execute(query)]
    return [notice for notice in found if notice.bucket == found[0].bucket]


def done(connection: Connection, told: Sequence[Notice]) -> None:
    """These are published, or given up."""
    connection.execute(delete(NOTICES).where(NOTICES.c.id.in_([notice.id for notice in told])))


def forget(connection: Connection, trail_id: int) -> None:
    """The trail has no topic any more."""
    connection.execute(delete(NOTICES).where(NOTICES.c.trail_id == trail_id))
