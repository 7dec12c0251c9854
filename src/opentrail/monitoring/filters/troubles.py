"""Which subscription filters cannot deliver, since when and why, and how many payloads were given up. In `DataFolder.monitoring`."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Column, Connection, Float, Integer, MetaData, String, Table, delete, func, select, update
from sqlalchemy.dialects.sqlite import insert

from opentrail.monitoring.filters.store import DELIVERIES, SUBSCRIPTION_FILTERS

METADATA = MetaData()

TROUBLES = Table(
    "subscription_troubles",
    METADATA,
    Column("filter_id", Integer, primary_key=True),
    Column("since", Float),  # None: it delivers again
    Column("error", String),
    Column("given_up", Integer, nullable=False),
)
TOTAL: Final = 0
"""The row with what filters that are gone had given up."""


def begins(connection: Connection, filter_id: int, error: str, now: float) -> None:
    """A delivery has failed."""
    row = insert(TROUBLES).values(filter_id=filter_id, since=now, error=error[:1000], given_up=0)
    again = {"since": func.coalesce(TROUBLES.c.since, now), "error": row.excluded.error}
    connection.execute(row.on_conflict_do_update(index_elements=["filter_id"], set_=again))


def ends(connection: Connection, filter_id: int) -> None:
    """The destination takes payloads again."""
    connection.execute(update(TROUBLES).where(TROUBLES.c.filter_id == filter_id).values(since=None, error=None))


def gave_up(connection: Connection, filter_id: int, count: int) -> None:
    """So many payloads were given up."""
    row = insert(TROUBLES).values(filter_id=filter_id, given_up=count)
    connection.execute(row.on_conflict_do_update(index_elements=["filter_id"], set_={"given_up": TROUBLES.c.given_up + count}))


def tidy(connection: Connection) -> None:
    """Forget the filters that are gone, but for the sum of what they had given up."""
    gone = TROUBLES.c.filter_id.not_in(select(SUBSCRIPTION_FILTERS.c.id)) & (TROUBLES.c.filter_id != TOTAL)
    if lost := connection.scalar(select(func.sum(TROUBLES.c.given_up)).where(gone)):
        gave_up(connection, TOTAL, lost)
    connection.execute(delete(TROUBLES).where(gone))


def counts(connection: Connection) -> dict[str, int]:
    """For the pages that tell how OpenTrail does: payloads that wait, filters that cannot deliver, payloads that were given up."""
    there = TROUBLES.c.filter_id.in_(select(SUBSCRIPTION_FILTERS.c.id))
    return {
        "subscription_payloads_waiting": connection.scalar(select(func.count()).select_from(DELIVERIES)) or 0,
        "subscription_filters_failing": connection.scalar(select(func.count()).where(TROUBLES.c.since.is_not(None), there)) or 0,
        "subscription_payloads_given_up": connection.scalar(select(func.coalesce(func.sum(TROUBLES.c.given_up), 0))) or 0,
    }
