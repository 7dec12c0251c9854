"""What is kept of time in `DataFolder.insights`: when the follower was alive last, and the jumps of the clock (`jumps.Jump`)."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from sqlalchemy import Column, Float, Integer, LargeBinary, Table, select
from sqlalchemy.dialects.sqlite import insert as upsert
from sqlalchemy.engine import Connection

from opentrail.insights.jumps import Jump
from opentrail.insights.store import METADATA

TIME = Table(
    "insights_time",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("alive", Float, nullable=False),
    Column("jumps", LargeBinary, nullable=False),
)


def kept(connection: Connection) -> tuple[float | None, list[Jump]]:
    """What `keep` was given last."""
    row = connection.execute(select(TIME)).first()
    return (None, []) if row is None else (row.alive, msgspec.msgpack.decode(row.jumps, type=list[Jump]))


def keep(connection: Connection, alive: float, jumps: Sequence[Jump]) -> None:
    """Keep what `kept` gives."""
    values = {"alive": alive, "jumps": msgspec.msgpack.encode(jumps)}
    connection.execute(upsert(TIME).values(id=1, **values).on_conflict_do_update(index_elements=["id"], set_=values))
