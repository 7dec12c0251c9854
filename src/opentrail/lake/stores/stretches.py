"""Which stretches of the journal each store takes in; in the state database, beside `store`.

`settle` is called in the transaction of every change, after it: when what is to be taken in is different now, it ends the stretch that
goes on where the journal ends at that moment, and begins another. So each record is judged by what held when it was written, however late
it is read, and a crash leaves the change and its stretch, or neither.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from sqlalchemy import JSON, Boolean, Column, Index, Integer, String, Table, delete, insert, select, update
from sqlalchemy.engine import Connection, Row

from opentrail.lake.event_data_store import ENABLED, EventDataStore, Stretch
from opentrail.lake.families import Family
from opentrail.lake.stores.store import METADATA, changed

STRETCHES = Table(
    "event_data_store_stretches",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("store_id", String, nullable=False),
    Column("start", Integer, nullable=False),
    Column("stop", Integer, index=True),
    Column("account_id", String, nullable=False),
    Column("region", String, nullable=False),
    Column("family", String, nullable=False),
    Column("advanced_event_selectors", JSON, nullable=False),
    Column("multi_region_enabled", Boolean, nullable=False),
    Column("accounts", JSON, nullable=False),
    Column("max_event_size", String, nullable=False),
    Column("context_key_selectors", JSON, nullable=False),
    Column("kms_key_id", String),
)
Index(
    "event_data_store_stretches_now",
    STRETCHES.c.store_id,
    unique=True,
    sqlite_where=STRETCHES.c.stop.is_(None),
    postgresql_where=STRETCHES.c.stop.is_(None),
)


def settle(connection: Connection, store: EventDataStore, accounts: Iterable[str], noted_head: Callable[[Connection], int]) -> None:
    """Make the stretch that goes on what `store` takes in now, for itself and `accounts` besides.

    `noted_head` gives the journal's head and has it remembered; it is asked only when something changes.
    """
    row = connection.execute(select(STRETCHES).where(STRETCHES.c.store_id == store.id, STRETCHES.c.stop.is_(None))).first()
    present = None if row is None else _stretch(row)
    wanted = _wanted(store, accounts) if store.status == ENABLED else None
    if wanted is None and present is None:
        return
    if wanted is not None and present is not None and replace(wanted, start=present.start) == present:
        return
    changed(connection)
    position = noted_head(connection)
    if row is not None:
        if row.start >= position:  # nothing was written while it lasted
            connection.execute(delete(STRETCHES).where(STRETCHES.c.id == row.id))
        else:
            connection.execute(update(STRETCHES).where(STRETCHES.c.id == row.id).values(stop=position))
    if wanted is not None:
        connection.execute(insert(STRETCHES).values(**_columns(replace(wanted, start=position))))


def every(connection: Connection) -> tuple[Stretch, ...]:
    """The stretches that go on, or of which records may still be unread, in the order in which they began."""
    return tuple(_stretch(row) for row in connection.execute(select(STRETCHES).order_by(STRETCHES.c.id)))


def is_read(connection: Connection, position: int) -> bool:
    """Whether `forget_read` would find a stretch."""
    return connection.scalar(select(STRETCHES.c.id).where(STRETCHES.c.stop <= position).limit(1)) is not None


def forget_read(connection: Connection, position: int) -> None:
    """Everything up to `position` is read: forget the stretches that have ended there or before."""
    if connection.execute(delete(STRETCHES).where(STRETCHES.c.stop <= position)).rowcount:
        changed(connection)


def _wanted(store: EventDataStore, accounts: Iterable[str]) -> Stretch:
    return Stretch(
        store_id=store.id,
        start=0,
        stop=None,
        account_id=store.account_id,
        region=store.region,
        family=store.family,
        advanced_event_selectors=store.advanced_event_selectors,
        multi_region_enabled=store.multi_region_enabled,
        accounts=frozenset(accounts) - {store.account_id},
        max_event_size=store.max_event_size,
        context_key_selectors=store.context_key_selectors,
        kms_key_id=store.kms_key_id,
    )


def _stretch(row: Row[Any]) -> Stretch:
    values = dict(row._mapping)
    del values["id"]
    values |= {
        "family": Family(row.family),
        "advanced_event_selectors": tuple(row.advanced_event_selectors),
        "context_key_selectors": tuple(row.context_key_selectors),
        "accounts": frozenset(row.accounts),
    }
    return Stretch(**values)


def _columns(stretch: Stretch) -> dict[str, Any]:
    return {
        "store_id": stretch.store_id,
        "start": stretch.start,
        "stop": stretch.stop,
        "account_id": stretch.account_id,
        "region": stretch.region,
        "family": stretch.family.value,
        "advanced_event_selectors": [dict(one) for one in stretch.advanced_event_selectors],
        "multi_region_enabled": stretch.multi_region_enabled,
        "accounts": sorted(stretch.accounts),
        "max_event_size": stretch.max_event_size,
        "context_key_selectors": [dict(one) for one in stretch.context_key_selectors],
        "kms_key_id": stretch.kms_key_id,
    }
