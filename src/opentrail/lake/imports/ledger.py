"""Which files each store has, and what is about to be added to one (plans), in the state database.

Methods take the connection of the caller's transaction: what belongs together is written together.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import JSON, Column, Float, Integer, LargeBinary, String, Table, and_, delete, insert, select
from sqlalchemy.dialects.sqlite import insert as upsert
from sqlalchemy.engine import Connection, Row

from opentrail.lake.imports.store import METADATA
from opentrail.lake.imports.values import Import

PLANS = Table(
    "lake_import_plans",
    METADATA,
    Column("token", String, primary_key=True),
    Column("import_id", String, nullable=False),
    Column("store_id", String, nullable=False),
    Column("drafts", JSON, nullable=False),
    Column("files", JSON, nullable=False),
)
LEDGER = Table(
    "lake_import_ledger",
    METADATA,
    Column("store_id", String, primary_key=True),
    Column("sha256", LargeBinary, primary_key=True),
    Column("oldest", Float, nullable=False),
    Column("too_old", Integer, nullable=False),
    Column("damage", String),
    sqlite_with_rowid=False,
)
PARTS = Table(
    "lake_import_parts",
    METADATA,
    Column("store_id", String, primary_key=True),
    Column("location", String, primary_key=True),
    Column("sums", LargeBinary, nullable=False),
)


def plan(connection: Connection, token: str, of: Import, drafts: Sequence[str], files: Sequence[Mapping[str, Any]]) -> None:
    """What is about to be added to a store, before it is."""
    connection.execute(
        insert(PLANS).values(token=token, import_id=of.id, store_id=of.store_id, drafts=list(drafts), files=[dict(one) for one in files])
    )


def plans(connection: Connection) -> list[Row[Any]]:
    """What was about to be added when the process ended."""
    return list(connection.execute(select(PLANS)))


def drop_plan(connection: Connection, token: str) -> None:
    """The plan is carried out, or given up."""
    connection.execute(delete(PLANS).where(PLANS.c.token == token))


def known(connection: Connection, store_id: str, sha256: bytes) -> Row[Any] | None:
    """What the ledger says of a file: whether the store has it."""
    return connection.execute(select(LEDGER).where(and_(LEDGER.c.store_id == store_id, LEDGER.c.sha256 == sha256))).first()


def enter(connection: Connection, store_id: str, sha256: bytes, *, oldest: float, too_old: int, damage: str | None) -> None:
    """The store has the events of a file that are not older than `oldest`."""
    values = {"oldest": oldest, "too_old": too_old, "damage": damage}
    row = upsert(LEDGER).values(store_id=store_id, sha256=sha256, **values)
    connection.execute(row.on_conflict_do_update(index_elements=["store_id", "sha256"], set_=values))


def part(connection: Connection, store_id: str, location: str) -> bytes:
    """By what the records are known that a damaged file at this place has given to the store; empty when there was none."""
    return connection.scalar(select(PARTS.c.sums).where(and_(PARTS.c.store_id == store_id, PARTS.c.location == location))) or b""


def remember_part(connection: Connection, store_id: str, location: str, sums: bytes) -> None:
    """The same, to be remembered until the file is whole: then `sums` is empty."""
    connection.execute(delete(PARTS).where(and_(PARTS.c.store_id == store_id, PARTS.c.location == location)))
    if sums:
        connection.execute(insert(PARTS).values(store_id=store_id, location=location, sums=sums))


def forget_stores(connection: Connection, kept: Iterable[str]) -> None:
    """Forget the ledgers of all stores but those that there are."""
    there = set(connection.scalars(select(LEDGER.c.store_id).distinct()))
    for store_id in there - set(kept):
        connection.execute(delete(LEDGER).where(LEDGER.c.store_id == store_id))
        connection.execute(delete(PARTS).where(PARTS.c.store_id == store_id))
