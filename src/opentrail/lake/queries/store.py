"""What is known of queries, in the state database. Methods take the connection of the caller's transaction.

A query ends once: `end` and `run` change a row only while its query is under way, so that of two who end it (a cancellation and the process
that has just finished) one wins and the other is told.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import (
    JSON,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    and_,
    delete,
    or_,
    select,
    update,
)
from sqlalchemy.engine import Connection, Row

from opentrail.lake.queries.query import (
    DELIVERY_CANCELLED,
    DELIVERY_FAILED,
    FINISHED,
    PENDING,
    UNDER_WAY,
    Ended,
    FewRows,
    Query,
)

METADATA = MetaData()

QUERIES = Table(
    "lake_queries",
    METADATA,
    Column("id", String, primary_key=True),
    Column("account_id", String, nullable=False),
    Column("region", String, nullable=False),
    Column("owner_account_id", String, nullable=False),
    Column("store_ids", JSON, nullable=False),
    Column("source_arn", String, nullable=False),
    Column("statement", String, nullable=False),
    Column("alias", String),
    Column("refresh_id", String),
    Column("prompt", String),
    Column("delivery_s3_uri", String),
    Column("delivery_status", String),
    Column("status", String, nullable=False),
    Column("error_message", String),
    Column("created", Float, nullable=False, index=True),
    Column("ended", Float),
    Column("execution_time", Float),
    Column("events_matched", Integer, nullable=False, default=0),
    Column("events_scanned", Integer, nullable=False, default=0),
    Column("bytes_scanned", Integer, nullable=False, default=0),
    Column("columns", JSON, nullable=False),
    Column("results", Integer, nullable=False, default=0),
    Column("cancelled_by", String),
)
Index("lake_queries_status", QUERIES.c.status, QUERIES.c.account_id, QUERIES.c.region)
Index("lake_queries_alias", QUERIES.c.account_id, QUERIES.c.region, QUERIES.c.alias, QUERIES.c.created)

READS = Table(
    "lake_query_stores",
    METADATA,
    Column("query_id", ForeignKey("lake_queries.id", ondelete="CASCADE"), primary_key=True),
    Column("store_id", String, primary_key=True),
)
Index("lake_query_stores_store", READS.c.store_id)

ROWS = Table(
    "lake_query_rows",
    METADATA,
    Column("query_id", ForeignKey("lake_queries.id", ondelete="CASCADE"), primary_key=True),
    Column("index", LargeBinary, nullable=False),
    Column("packed", LargeBinary, nullable=False),
)
"""Results that are small: durable with the end of their query, by the same commit."""


UNDER_WAY_COUNT: Final = (
    "SELECT count(*) FROM lake_queries WHERE status IN ('QUEUED', 'RUNNING') AND account_id = :account_id AND region = :region"
)
"""How many queries of an account and Region have not ended."""
# What each query does is said to SQLite itself: SQLAlchemy takes a millisecond to put such a statement together.
_ADD: Final = f"INSERT INTO lake_queries ({', '.join(QUERIES.c.keys())}) VALUES (:{', :'.join(QUERIES.c.keys())}) ON CONFLICT DO NOTHING"
_READ: Final = "INSERT INTO lake_query_stores (query_id, store_id) VALUES (?, ?)"
_RUN: Final = "UPDATE lake_queries SET status = 'RUNNING' WHERE id = ? AND status = 'QUEUED'"
_ENDED: Final = (
    *("status", "error_message", "ended", "execution_time", "events_matched", "events_scanned", "bytes_scanned", "results"),
    "cancelled_by",
)
_END: Final = (
    f"UPDATE lake_queries SET {', '.join(f'{name} = :{name}' for name in _ENDED)} WHERE id = :id AND status IN ('QUEUED', 'RUNNING')"
)
_ROWS: Final = 'INSERT INTO lake_query_rows (query_id, "index", packed) VALUES (?, ?, ?)'


def _query(row: Row[Any]) -> Query:
    values = dict(row._mapping)
    return Query(**{**values, "store_ids": tuple(values["store_ids"]), "columns": tuple(values["columns"])})


def add(connection: Connection, query: Query) -> bool:
    """Keep a new query; `False` when there is one with its id."""
    values = {name: getattr(query, name) for name in QUERIES.c.keys()}  # noqa: SIM118 - columns, not a mapping
    values |= {"store_ids": json.dumps(query.store_ids), "columns": json.dumps(query.columns)}
    if connection.exec_driver_sql(_ADD, values).rowcount == 0:
        return False
    for store_id in query.store_ids:
        connection.exec_driver_sql(_READ, (query.id, store_id))
    return True


def get(connection: Connection, query_id: str) -> Query | None:
    """The query with this id."""
    row = connection.execute(select(QUERIES).where(QUERIES.c.id == query_id)).first()
    return _query(row) if row is not None else None


def by_alias(connection: Connection, account_id: str, region: str, alias: str, refresh_id: str | None) -> Query | None:
    """The latest run of `alias`; with `refresh_id`, the one of that dashboard refresh."""
    where = and_(QUERIES.c.account_id == account_id, QUERIES.c.region == region, QUERIES.c.alias == alias)
    if refresh_id is not None:
        where = and_(where, QUERIES.c.refresh_id == refresh_id)
    row = connection.execute(select(QUERIES).where(where).order_by(QUERIES.c.created.desc(), QUERIES.c.id).limit(1)).first()
    return _query(row) if row is not None else None


def under_way(connection: Connection, account_id: str, region: str) -> int:
    """How many queries of the account and Region have not ended."""
    return int(connection.exec_driver_sql(UNDER_WAY_COUNT, {"account_id": account_id, "region": region}).scalar_one())


def run(connection: Connection, query_id: str) -> bool:
    """The query runs now; `False` when it has ended meanwhile."""
    return connection.exec_driver_sql(_RUN, (query_id,)).rowcount == 1


def end(
    connection: Connection, query_id: str, ended: Ended, *, at: float, execution_time: float | None = None, cancelled_by: str | None = None
) -> bool:
    """The query has ended; `False` when it had already. What is not finished is not delivered."""
    values: dict[str, Any] = {
        "id": query_id,
        "status": ended.status,
        "error_message": ended.error_message,
        "ended": at,
        "execution_time": execution_time,
        "events_matched": ended.statistics.events_matched,
        "events_scanned": ended.statistics.events_scanned,
        "bytes_scanned": ended.statistics.bytes_scanned,
        "results": ended.results,
        "cancelled_by": cancelled_by,
    }
    done = connection.exec_driver_sql(_END, values).rowcount == 1
    if done and ended.few is not None:
        connection.exec_driver_sql(_ROWS, (query_id, ended.few.index, ended.few.packed))
    if done and ended.status != FINISHED:
        undelivered = DELIVERY_CANCELLED if cancelled_by is not None else DELIVERY_FAILED
        pending = and_(QUERIES.c.id == query_id, QUERIES.c.delivery_status == PENDING)
        connection.execute(update(QUERIES).where(pending).values(delivery_status=undelivered))
    return done


def few_rows(connection: Connection, query_id: str) -> FewRows | None:
    """The result of the query, where it is kept here; `None` where it has none, or lies in files."""
    row = connection.execute(select(ROWS.c.index, ROWS.c.packed).where(ROWS.c.query_id == query_id)).first()
    return FewRows(index=row[0], packed=row[1]) if row is not None else None


def measured(connection: Connection, query_id: str, values: Mapping[str, Any]) -> None:
    """What is known only later of a query that has ended (the cost of a cancelled one)."""
    connection.execute(update(QUERIES).where(QUERIES.c.id == query_id).values(**values))


def interrupted(connection: Connection) -> Sequence[str]:
    """The queries that have not ended: those of a lake that died."""
    return connection.scalars(select(QUERIES.c.id).where(QUERIES.c.status.in_(UNDER_WAY)).order_by(QUERIES.c.created)).all()


def undelivered(connection: Connection) -> Sequence[Query]:
    """The finished queries whose delivery goes on, oldest first."""
    where = and_(QUERIES.c.status == FINISHED, QUERIES.c.delivery_status == PENDING)
    return [_query(row) for row in connection.execute(select(QUERIES).where(where).order_by(QUERIES.c.ended, QUERIES.c.id))]


def delivered(connection: Connection, query_id: str, status: str) -> None:
    """How the delivery ended."""
    connection.execute(update(QUERIES).where(QUERIES.c.id == query_id).values(delivery_status=status))


def outlived(connection: Connection, before: float) -> Sequence[str]:
    """The ended queries that were asked for before `before`."""
    where = and_(QUERIES.c.created < before, QUERIES.c.status.not_in(UNDER_WAY))
    return connection.scalars(select(QUERIES.c.id).where(where)).all()


def forget(connection: Connection, query_ids: Sequence[str]) -> None:
    """Nothing is known of these any more."""
    connection.execute(delete(ROWS).where(ROWS.c.query_id.in_(query_ids)))
    connection.execute(delete(READS).where(READS.c.query_id.in_(query_ids)))
    connection.execute(delete(QUERIES).where(QUERIES.c.id.in_(query_ids)))


def ids(connection: Connection) -> set[str]:
    """Every query that is known."""
    return set(connection.scalars(select(QUERIES.c.id)))


def of_store(
    connection: Connection,
    store_id: str,
    *,
    account_id: str | None,
    start: float,
    end: float | None,
    status: str | None,
    before: tuple[float, str] | None,
    limit: int,
) -> Sequence[Query]:
    """Queries that read the store, newest first: those asked for from `start` to `end`, of one account where one is given, and after
    the place `before` (creation time and id) in the listing."""
    where = and_(READS.c.store_id == store_id, QUERIES.c.created >= start)
    if account_id is not None:
        where = and_(where, QUERIES.c.account_id == account_id)
    if end is not None:
        where = and_(where, QUERIES.c.created <= end)
    if status is not None:
        where = and_(where, QUERIES.c.status == status)
    if before is not None:
        time, query_id = before
        where = and_(where, or_(QUERIES.c.created < time, and_(QUERIES.c.created == time, QUERIES.c.id > query_id)))
    joined = select(QUERIES).join(READS, READS.c.query_id == QUERIES.c.id).where(where)
    return [_query(row) for row in connection.execute(joined.order_by(QUERIES.c.created.desc(), QUERIES.c.id).limit(limit))]
