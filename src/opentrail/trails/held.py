"""Records of what CloudTrail did itself, which wait for company; in the state database.

A delivery makes records: the put, where a trail selects the objects of the log bucket; the call for a data key, where files are encrypted.
Were such a record to make a log file by itself, that file's delivery would make the next one, for ever. So these records wait until the
trail has something else to deliver, and go into the same file.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from sqlalchemy import Column, ColumnElement, ForeignKey, Index, Integer, LargeBinary, String, Table, and_, delete, func, insert, select
from sqlalchemy.engine import Connection

from opentrail.trails.keys import Chain
from opentrail.trails.store import METADATA, TRAILS

MOST = 1000
"""Records of one chain that wait; with that many they are delivered by themselves."""

HELD = Table(
    "trail_held",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("trail_id", ForeignKey(TRAILS.c.id, ondelete="CASCADE"), nullable=False),
    Column("account_id", String, nullable=False),
    Column("region", String, nullable=False),
    Column("event_time", String, nullable=False),
    Column("record", LargeBinary, nullable=False),
)
Index("trail_held_chain", HELD.c.trail_id, HELD.c.account_id, HELD.c.region)

Record = tuple[str, bytes]
"""`eventTime` and the record's bytes."""


def counts(connection: Connection) -> Counter[Chain]:
    """How many records wait in each chain."""
    chain = (HELD.c.trail_id, HELD.c.account_id, HELD.c.region)
    return Counter({Chain(*row[:3]): row[3] for row in connection.execute(select(*chain, func.count()).group_by(*chain))})


def of(connection: Connection, chain: Chain) -> list[Record]:
    """The records that wait in a chain, in their order."""
    query = select(HELD.c.event_time, HELD.c.record).where(_in(chain)).order_by(HELD.c.id)
    return [(row.event_time, row.record) for row in connection.execute(query)]


def keep(connection: Connection, chain: Chain, records: Iterable[Record]) -> None:
    """Let further records of a chain wait."""
    rows = [{"trail_id": chain.trail_id, "account_id": chain.account_id, "region": chain.region, "event_time": at, "record": record}
            for at, record in records]  # fmt: skip
    connection.execute(insert(HELD), rows)


def forget(connection: Connection, chain: Chain) -> None:
    """The records of a chain are in a file that is planned."""
    connection.execute(delete(HELD).where(_in(chain)))


def _in(chain: Chain) -> ColumnElement[bool]:
    return and_(HELD.c.trail_id == chain.trail_id, HELD.c.account_id == chain.account_id, HELD.c.region == chain.region)
