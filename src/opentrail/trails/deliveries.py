"""What CloudTrail put into log buckets and is still to be recorded, in the state database.

Whoever selects the objects of a log bucket is told of CloudTrail's own puts too (`RecursiveLogging`). The put is noted in the transaction
that takes its plan off; the front, which alone appends to the journal, records it and takes the note off.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, Float, Integer, String, Table, delete, insert, select
from sqlalchemy.engine import Connection

from opentrail.storage.database import Database
from opentrail.trails.plans import Plan
from opentrail.trails.store import METADATA

DELIVERIES = Table(
    "trail_deliveries",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("event_id", String(36), nullable=False),
    Column("shared_event_id", String(36), nullable=False),
    Column("bucket", String, nullable=False),
    Column("key", String, nullable=False),
    Column("size", Integer, nullable=False),
    Column("delivered_at", Float, nullable=False),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """One put. Its ids are settled with the note, so that a record that is made twice can be told."""

    id: int
    event_id: str
    shared_event_id: str
    bucket: str
    key: str
    size: int
    """Bytes of the object."""
    delivered_at: float


def note(connection: Connection, plan: Plan, size: int, at: float) -> None:
    """`plan` is in its bucket."""
    values: dict[str, Any] = {"bucket": plan.bucket, "key": plan.key, "size": size, "delivered_at": at}
    connection.execute(insert(DELIVERIES).values(event_id=str(uuid.uuid4()), shared_event_id=str(uuid.uuid4()), **values))


def is_pending(database: Database) -> bool:
    """Whether there is any put that is not recorded yet. Asked often, answered in microseconds."""
    return database.first(f"SELECT 1 FROM {DELIVERIES.name} LIMIT 1", ()) is not None


def pending(database: Database, limit: int = 100) -> list[Delivered]:
    """The oldest puts that are not recorded yet."""
    with database.read() as connection:
        return [Delivered(**row._mapping) for row in connection.execute(select(DELIVERIES).order_by(DELIVERIES.c.id).limit(limit))]


def done(database: Database, noted: Sequence[Delivered]) -> None:
    """These are recorded, or nobody wants them."""
    with database.begin() as connection:
        connection.execute(delete(DELIVERIES).where(DELIVERIES.c.id.in_([one.id for one in noted])))
