"""What is known of event data stores, in the state database.

Every change adds one to a counter, so that ingestion, in another process, sees with one small read whether to look again. Functions take
the connection of the caller's transaction: what belongs together is written together.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import JSON, Boolean, Column, ColumnElement, Float, Index, Integer, MetaData, String, Table, delete, insert, select, update
from sqlalchemy.dialects.sqlite import insert as upsert
from sqlalchemy.engine import Connection, Row

from opentrail.lake.event_data_store import ENABLED, PENDING_DELETION, STOPPED_INGESTION, EventDataStore
from opentrail.lake.families import Family
from opentrail.lake.stores import attachments
from opentrail.storage.database import Database

METADATA = MetaData()

STORES = Table(
    "event_data_stores",
    METADATA,
    Column("number", Integer, primary_key=True),
    Column("id", String, nullable=False, unique=True),
    Column("partition", String, nullable=False),
    Column("region", String, nullable=False),
    Column("account_id", String, nullable=False),
    Column("name", String, nullable=False),
    Column("is_ingesting", Boolean, nullable=False),
    Column("family", String, nullable=False),
    Column("advanced_event_selectors", JSON, nullable=False),
    Column("multi_region_enabled", Boolean, nullable=False),
    Column("organization_enabled", Boolean, nullable=False),
    Column("organization_id", String, index=True),
    Column("retention_period", Integer, nullable=False),
    Column("billing_mode", String, nullable=False),
    Column("termination_protection_enabled", Boolean, nullable=False),
    Column("kms_key_id", String),
    Column("created_timestamp", Float, nullable=False),
    Column("updated_timestamp", Float, nullable=False),
    Column("deleted_timestamp", Float, index=True),
    Column("federation_status", String),
    Column("federation_role_arn", String),
    Column("max_event_size", String, nullable=False, default="Standard"),
    Column("context_key_selectors", JSON, nullable=False, default=[]),
    Column("insights", JSON(none_as_null=True)),
    Column("gone_at", Float, index=True),
    sqlite_autoincrement=True,
)
Index(
    "event_data_stores_name",
    STORES.c.account_id,
    STORES.c.region,
    STORES.c.name,
    unique=True,
    sqlite_where=STORES.c.gone_at.is_(None),
    postgresql_where=STORES.c.gone_at.is_(None),
)

CHANGES = Table("event_data_store_changes", METADATA, Column("id", Integer, primary_key=True), Column("count", Integer, nullable=False))

PENDING: Final = 7 * 86_400.0
"""Seconds between DeleteEventDataStore and the end (reference of Lake, §2.2)."""

_NOT_OF_THE_VALUE: Final = ("number", "is_ingesting", "gone_at")


def changes(connection: Connection) -> int:
    """How often a store or a stretch has been changed; equal numbers mean equal stores and stretches."""
    return connection.scalar(select(CHANGES.c.count)) or 0


def latest_changes(database: Database) -> int:
    """The same as committed now, in microseconds: what followers ask all the time."""
    found = database.first("SELECT count FROM event_data_store_changes", ())
    return found[0] if found else 0


def changed(connection: Connection) -> None:
    """Note that a store or a stretch is different now."""
    row = upsert(CHANGES).values(id=1, count=1)
    connection.execute(row.on_conflict_do_update(index_elements=["id"], set_={"count": CHANGES.c.count + 1}))


def add(connection: Connection, values: Mapping[str, Any]) -> None:
    """Keep a new store."""
    changed(connection)
    connection.execute(insert(STORES).values(**values))


def change(connection: Connection, store_id: str, values: Mapping[str, Any]) -> None:
    """Change columns of a store."""
    if values:
        changed(connection)
        connection.execute(update(STORES).where(STORES.c.id == store_id).values(**values))


def get(connection: Connection, store_id: str, now: float) -> EventDataStore | None:
    """The store with this UUID; `None` when there is none, or no longer."""
    return next(iter(_found(connection, now, STORES.c.id == store_id)), None)


def of_account(connection: Connection, account_id: str, region: str, now: float) -> list[EventDataStore]:
    """The stores of an account in one Region, oldest first."""
    return _found(connection, now, STORES.c.account_id == account_id, STORES.c.region == region)


def of_organization(connection: Connection, organization_id: str, now: float) -> list[EventDataStore]:
    """The organization stores of an organization in every Region."""
    return _found(connection, now, STORES.c.organization_id == organization_id)


def every(connection: Connection, now: float) -> list[EventDataStore]:
    """All stores of all accounts, oldest first."""
    return _found(connection, now)


def number(connection: Connection, store_id: str) -> int:
    """The place of a store in the order of creation."""
    return connection.scalar(select(STORES.c.number).where(STORES.c.id == store_id)) or 0


def end_due(connection: Connection, now: float) -> list[str]:
    """Mark the stores whose deletion was asked for seven days ago as gone; returns their ids. Their names are free from now on."""
    due = (STORES.c.gone_at.is_(None), STORES.c.deleted_timestamp <= now - PENDING)
    found = connection.execute(select(STORES).where(*due)).all()
    if not found:
        return []
    changed(connection)
    connection.execute(update(STORES).where(*due).values(gone_at=now))
    for row in found:
        attachments.forget(connection, _value(row).arn)
    return [row.id for row in found]


def is_due(connection: Connection, now: float) -> bool:
    """Whether `end_due` would find a store."""
    due = (STORES.c.gone_at.is_(None), STORES.c.deleted_timestamp <= now - PENDING)
    return connection.scalar(select(STORES.c.number).where(*due).limit(1)) is not None


def gone(connection: Connection) -> list[str]:
    """The stores that are gone and whose events may still lie on the disk."""
    return list(connection.scalars(select(STORES.c.id).where(STORES.c.gone_at.is_not(None)).order_by(STORES.c.number)))


def forget(connection: Connection, store_id: str) -> None:
    """Remove a store that is gone, once nothing of it is left anywhere else. Does nothing to others."""
    changed(connection)
    connection.execute(delete(STORES).where(STORES.c.id == store_id, STORES.c.gone_at.is_not(None)))


def _found(connection: Connection, now: float, *where: ColumnElement[bool]) -> list[EventDataStore]:
    there = STORES.c.gone_at.is_(None) & (STORES.c.deleted_timestamp.is_(None) | (STORES.c.deleted_timestamp > now - PENDING))
    found = [_value(row) for row in connection.execute(select(STORES).where(there, *where).order_by(STORES.c.number))]
    return attachments.with_attachments(connection, found)


def _value(row: Row[Any]) -> EventDataStore:
    values = {name: value for name, value in row._mapping.items() if name not in _NOT_OF_THE_VALUE}
    status = PENDING_DELETION if row.deleted_timestamp is not None else ENABLED if row.is_ingesting else STOPPED_INGESTION
    values |= {
        "family": Family(row.family),
        "advanced_event_selectors": tuple(row.advanced_event_selectors),
        "context_key_selectors": tuple(row.context_key_selectors),
    }
    return EventDataStore(status=status, **values)


def is_ingesting(connection: Connection, store_id: str) -> bool:
    """Whether a store ingests, or did when its deletion was asked for."""
    return bool(connection.scalar(select(STORES.c.is_ingesting).where(STORES.c.id == store_id)))
