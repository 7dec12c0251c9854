"""What is known of imports, in the state database: the imports, their prefixes, files and failures. What each store has is in the ledger.

Methods take the connection of the caller's transaction: what belongs together is written together.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    and_,
    delete,
    func,
    insert,
    select,
    text,
    update,
)
from sqlalchemy.dialects.sqlite import insert as upsert
from sqlalchemy.engine import Connection, Row

from opentrail.lake.imports.values import FAILED, ONGOING, RETRY, SUCCEEDED, Failure, Import, Statistics
from opentrail.storage.database import Database

METADATA = MetaData()

IMPORTS = Table(
    "lake_imports",
    METADATA,
    Column("number", Integer, primary_key=True),
    Column("id", String, nullable=False, unique=True),
    Column("account_id", String, nullable=False, index=True),
    Column("region", String, nullable=False),
    Column("store_id", String, nullable=False, index=True),
    Column("destination", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("location", String, nullable=False),
    Column("bucket_region", String, nullable=False),
    Column("role_arn", String, nullable=False),
    Column("start_event_time", Float),
    Column("end_event_time", Float),
    Column("status", String, nullable=False),
    Column("created_timestamp", Float, nullable=False),
    Column("updated_timestamp", Float, nullable=False),
    Column("prefixes_found", Integer, nullable=False, default=0),
    Column("prefixes_completed", Integer, nullable=False, default=0),
    Column("files_completed", Integer, nullable=False, default=0),
    Column("events_completed", Integer, nullable=False, default=0),
    Column("served", Integer, nullable=False, default=0),
    sqlite_autoincrement=True,
)
_IS_ONGOING = text("status IN ('INITIALIZING', 'IN_PROGRESS')")
Index("lake_imports_ongoing", IMPORTS.c.account_id, unique=True, sqlite_where=_IS_ONGOING, postgresql_where=_IS_ONGOING)

PREFIXES = Table(
    "lake_import_prefixes",
    METADATA,
    Column("import_id", ForeignKey("lake_imports.id", ondelete="CASCADE"), primary_key=True),
    Column("prefix", String, primary_key=True),
    Column("completed", Integer, nullable=False, default=0),
)
FILES = Table(
    "lake_import_files",
    METADATA,
    Column("import_id", ForeignKey("lake_imports.id", ondelete="CASCADE"), primary_key=True),
    Column("key", String, primary_key=True),
)
FAILURES = Table(
    "lake_import_failures",
    METADATA,
    Column("import_id", ForeignKey("lake_imports.id", ondelete="CASCADE"), primary_key=True),
    Column("location", String, primary_key=True),
    Column("key", String),
    Column("status", String, nullable=False),
    Column("error_type", String, nullable=False),
    Column("error_message", String, nullable=False),
    Column("last_updated_time", Float, nullable=False),
)
_STATISTICS = ("prefixes_found", "prefixes_completed", "files_completed", "events_completed")


def add(connection: Connection, made: Import) -> None:
    """Keep a new import. Raises `IntegrityError` when the account has an ongoing one."""
    values = {name: getattr(made, name) for name in Import.__slots__ if name not in ("statistics",)}
    connection.execute(insert(IMPORTS).values(**values))


def find(connection: Connection, import_id: str) -> Import | None:
    """One import."""
    row = connection.execute(select(IMPORTS).where(IMPORTS.c.id == import_id)).first()
    return None if row is None else _import(connection, row)


def ongoing(connection: Connection, *, account_id: str | None = None, store_id: str | None = None) -> str | None:
    """An ongoing import of an account, or into a store: its id."""
    where: list[ColumnElement[bool]] = [IMPORTS.c.status.in_(ONGOING)]
    if account_id is not None:
        where.append(IMPORTS.c.account_id == account_id)
    if store_id is not None:
        where.append(IMPORTS.c.store_id == store_id)
    return connection.scalar(select(IMPORTS.c.id).where(and_(*where)).limit(1))


def is_any_ongoing(database: Database) -> bool:
    """Whether any import is ongoing. Asked often, answered in microseconds."""
    marks = ", ".join("?" * len(ONGOING))
    return database.first(f"SELECT 1 FROM {IMPORTS.name} WHERE status IN ({marks}) LIMIT 1", ONGOING) is not None


def next_to_serve(connection: Connection) -> tuple[str | None, int]:
    """The ongoing import that has been served least recently, and how many are ongoing."""
    found = connection.scalars(select(IMPORTS.c.id).where(IMPORTS.c.status.in_(ONGOING)).order_by(IMPORTS.c.served, IMPORTS.c.number)).all()
    return (found[0] if found else None), len(found)


def serve(connection: Connection, import_id: str) -> None:
    """Note that it is this import's turn."""
    latest = select(func.max(IMPORTS.c.served) + 1).scalar_subquery()
    connection.execute(update(IMPORTS).where(IMPORTS.c.id == import_id).values(served=latest))


def page(
    connection: Connection, account_id: str, region: str, *, store_id: str | None, status: str | None, before: int | None, limit: int
) -> list[tuple[int, Import]]:
    """Imports of an account that were asked for in a Region, newest first, numbered; those numbered below `before`."""
    where: list[ColumnElement[bool]] = [IMPORTS.c.account_id == account_id, IMPORTS.c.region == region]
    if store_id is not None:
        where.append(IMPORTS.c.store_id == store_id)
    if status is not None:
        where.append(IMPORTS.c.status == status)
    if before is not None:
        where.append(IMPORTS.c.number < before)
    rows = connection.execute(select(IMPORTS).where(and_(*where)).order_by(IMPORTS.c.number.desc()).limit(limit)).all()
    return [(row.number, _import(connection, row)) for row in rows]


def set_status(connection: Connection, import_id: str, status: str, now: float) -> None:
    """Change the status of an import."""
    connection.execute(update(IMPORTS).where(IMPORTS.c.id == import_id).values(status=status, updated_timestamp=now))


def count(connection: Connection, import_id: str, now: float, **more: int) -> None:
    """Add to the statistics of an import."""
    values = {name: IMPORTS.c[name] + number for name, number in more.items()}
    connection.execute(update(IMPORTS).where(IMPORTS.c.id == import_id).values(updated_timestamp=now, **values))


def find_prefixes(connection: Connection, import_id: str, found: Iterable[str], now: float) -> None:
    """Prefixes of the import; those that are known already are passed over."""
    new = 0
    for prefix in found:
        row = upsert(PREFIXES).values(import_id=import_id, prefix=prefix).on_conflict_do_nothing()
        new += connection.execute(row).rowcount
    count(connection, import_id, now, prefixes_found=new)


def open_prefixes(connection: Connection, import_id: str) -> list[str]:
    """The prefixes that are not completed, in order."""
    where = and_(PREFIXES.c.import_id == import_id, PREFIXES.c.completed == 0)
    return list(connection.scalars(select(PREFIXES.c.prefix).where(where).order_by(PREFIXES.c.prefix)))


def complete_prefix(connection: Connection, import_id: str, prefix: str, now: float) -> None:
    """Every file of the prefix is dealt with."""
    where = and_(PREFIXES.c.import_id == import_id, PREFIXES.c.prefix == prefix, PREFIXES.c.completed == 0)
    if connection.execute(update(PREFIXES).where(where).values(completed=1)).rowcount:
        count(connection, import_id, now, prefixes_completed=1)


def dealt_with(connection: Connection, import_id: str, keys: Sequence[str]) -> set[str]:
    """Those of `keys` that the import is done with."""
    return set(connection.scalars(select(FILES.c.key).where(and_(FILES.c.import_id == import_id, FILES.c.key.in_(keys)))))


def deal_with(connection: Connection, import_id: str, keys: Sequence[str]) -> None:
    """The import is done with these files, for better or worse."""
    if keys:
        connection.execute(upsert(FILES).on_conflict_do_nothing(), [{"import_id": import_id, "key": key} for key in keys])


def forget_files(connection: Connection, import_id: str) -> None:
    """Which files an import is done with is of no more use."""
    connection.execute(delete(FILES).where(FILES.c.import_id == import_id))


def fail(connection: Connection, import_id: str, location: str, key: str | None, error_type: str, message: str, now: float) -> None:
    """Note why a file (or a whole prefix: no key) is not in the store."""
    values = {"key": key, "status": FAILED, "error_type": error_type[:200], "error_message": message[:1000], "last_updated_time": now}
    row = upsert(FAILURES).values(import_id=import_id, location=location, **values)
    connection.execute(row.on_conflict_do_update(index_elements=["import_id", "location"], set_=values))


def mend(connection: Connection, import_id: str, location: str, now: float) -> None:
    """What failed there before has succeeded now; nothing where nothing had failed."""
    where = and_(FAILURES.c.import_id == import_id, FAILURES.c.location == location, FAILURES.c.status != SUCCEEDED)
    connection.execute(update(FAILURES).where(where).values(status=SUCCEEDED, last_updated_time=now))


def retry(connection: Connection, import_id: str, now: float) -> None:
    """Try again what failed."""
    failed = select(FAILURES.c.key).where(and_(FAILURES.c.import_id == import_id, FAILURES.c.status == FAILED, FAILURES.c.key.is_not(None)))
    connection.execute(delete(FILES).where(and_(FILES.c.import_id == import_id, FILES.c.key.in_(failed))))
    where = and_(FAILURES.c.import_id == import_id, FAILURES.c.status == FAILED)
    connection.execute(update(FAILURES).where(where).values(status=RETRY, last_updated_time=now))


def to_retry(connection: Connection, import_id: str) -> list[tuple[str, str | None]]:
    """Location and key of what is to be tried again."""
    where = and_(FAILURES.c.import_id == import_id, FAILURES.c.status == RETRY)
    return [(row.location, row.key) for row in connection.execute(select(FAILURES).where(where).order_by(FAILURES.c.location))]


def failed_entries(connection: Connection, import_id: str) -> int:
    """How many files and prefixes are not in the store whole."""
    where = and_(FAILURES.c.import_id == import_id, FAILURES.c.status != SUCCEEDED)
    return connection.scalar(select(func.count()).select_from(FAILURES).where(where)) or 0


def failures(connection: Connection, import_id: str, *, after: str, limit: int) -> list[Failure]:
    """Failures of an import by location, behind `after`."""
    where = and_(FAILURES.c.import_id == import_id, FAILURES.c.location > after)
    rows = connection.execute(select(FAILURES).where(where).order_by(FAILURES.c.location).limit(limit))
    return [Failure(**{name: row._mapping[name] for name in Failure.__slots__}) for row in rows]


def forget_ended(connection: Connection) -> None:
    """Forget which files the imports are done with that can neither go on nor be retried."""
    over = select(IMPORTS.c.id).where(IMPORTS.c.status.not_in((*ONGOING, FAILED)))
    connection.execute(delete(FILES).where(FILES.c.import_id.in_(over)))


def _import(connection: Connection, row: Row[Any]) -> Import:
    told = dict(row._mapping)
    statistics = Statistics(**{name: told.pop(name) for name in _STATISTICS}, failed_entries=failed_entries(connection, row.id))
    del told["number"], told["served"]
    return Import(**told, statistics=statistics)
