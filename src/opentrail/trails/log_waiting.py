"""Records that wait for their log group, and what the status of each trail says of it; in `DataFolder.monitoring`, beside the log groups.

A group that refuses a trail (it is gone, the role may not, the key is out of reach) holds up neither the journal nor another trail: the
records go here, in the transaction in which they would have gone to the group, and from here to the group in one transaction again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec
from sqlalchemy import Column, Float, Integer, LargeBinary, MetaData, String, Table, delete, func, insert, select
from sqlalchemy.dialects.sqlite import insert as upsert
from sqlalchemy.engine import Connection
from zstandard import ZstdCompressor, ZstdDecompressor

METADATA = MetaData()

WAITING = Table(
    "trail_log_waiting",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("trail_id", Integer, nullable=False, index=True),
    Column("stream", String, nullable=False),
    Column("since", Float, nullable=False),
    Column("events", LargeBinary, nullable=False),
    Column("bytes", Integer, nullable=False),
    sqlite_autoincrement=True,
)
STATUS = Table(
    "trail_log_status",
    METADATA,
    Column("trail_id", Integer, primary_key=True),
    Column("delivered_at", Float),
    Column("error", String),
)

MOST: Final = 256 << 20
"""Bytes that wait for one trail, compressed; beyond that the oldest are given up."""
PATIENCE: Final = 14 * 86400.0
"""Seconds for which records wait: PutLogEvents takes none that are older."""

Events = Sequence[tuple[int, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """Events for one stream."""

    id: int
    stream: str
    since: float
    events: list[tuple[int, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class LogStatus:
    """What became last of the records of a trail; `None` for never."""

    delivered_at: float | None = None
    error: str | None = None


def keep(connection: Connection, trail_id: int, stream: str, events: Events, now: float) -> None:
    """Let events wait, behind those that wait already."""
    packed = ZstdCompressor().compress(msgspec.msgpack.encode(list(events)))
    connection.execute(insert(WAITING).values(trail_id=trail_id, stream=stream, since=now, events=packed, bytes=len(packed)))


def trail_ids(connection: Connection) -> set[int]:
    """The trails for which something waits."""
    return set(connection.scalars(select(WAITING.c.trail_id).distinct()))


def oldest(connection: Connection, trail_id: int, limit: int) -> list[Waiting]:
    """What has waited longest for a trail."""
    query = select(WAITING).where(WAITING.c.trail_id == trail_id).order_by(WAITING.c.id).limit(limit)
    return [
        Waiting(
            id=row.id,
            stream=row.stream,
            since=row.since,
            events=msgspec.msgpack.decode(ZstdDecompressor().decompress(row.events), type=list[tuple[int, str]]),
        )
        for row in connection.execute(query)
    ]


def forget(connection: Connection, ids: Sequence[int]) -> None:
    """These have arrived."""
    connection.execute(delete(WAITING).where(WAITING.c.id.in_(ids)))


def give_up(connection: Connection, trail_id: int, now: float) -> int:
    """Remove what has waited too long, and the oldest where too much waits; how many rows that were."""
    lost = connection.execute(delete(WAITING).where(WAITING.c.trail_id == trail_id, WAITING.c.since < now - PATIENCE)).rowcount
    total = connection.scalar(select(func.sum(WAITING.c.bytes)).where(WAITING.c.trail_id == trail_id)) or 0
    if total <= MOST:
        return lost
    ids: list[int] = []
    for row in connection.execute(select(WAITING.c.id, WAITING.c.bytes).where(WAITING.c.trail_id == trail_id).order_by(WAITING.c.id)):
        if total <= MOST:
            break
        total -= row.bytes
        ids.append(row.id)
    forget(connection, ids)
    return lost + len(ids)


def give_up_all(connection: Connection, trail_id: int) -> None:
    """The trail streams no more."""
    connection.execute(delete(WAITING).where(WAITING.c.trail_id == trail_id))


def status(connection: Connection, trail_id: int) -> LogStatus:
    """What became last of the records of a trail."""
    row = connection.execute(select(STATUS.c.delivered_at, STATUS.c.error).where(STATUS.c.trail_id == trail_id)).first()
    return LogStatus() if row is None else LogStatus(delivered_at=row.delivered_at, error=row.error)


def delivered(connection: Connection, trail_id: int, now: float) -> None:
    """Everything has arrived."""
    row = upsert(STATUS).values(trail_id=trail_id, delivered_at=now, error=None)
    connection.execute(row.on_conflict_do_update(index_elements=["trail_id"], set_={"delivered_at": now, "error": None}))


def refused(connection: Connection, trail_id: int, error: str) -> None:
    """It did not arrive."""
    row = upsert(STATUS).values(trail_id=trail_id, error=error)
    connection.execute(row.on_conflict_do_update(index_elements=["trail_id"], set_={"error": error}))
