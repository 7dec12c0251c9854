"""Where the chains of digests ended, in the state database: remembered for good, even when the trail is deleted (see `stretch`)."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, String, Table, insert, text
from sqlalchemy.engine import Connection

from opentrail.trails import stretch
from opentrail.trails.plans import ChainState, Link
from opentrail.trails.store import METADATA, Trail
from opentrail.trails.stretch import Known, Stretch

ENDED = Table(
    "trail_stretches",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("arn", String, nullable=False),
    Column("account_id", String, nullable=False),
    Column("region", String, nullable=False),
    Column("began", Integer, nullable=False),
    Column("ended", Integer, nullable=False),
    Column("bucket", String),
    Column("key", String),
    Column("signature", String),
)
Index("trail_stretches_chain", ENDED.c.arn, ENDED.c.account_id, ENDED.c.region, ENDED.c.ended)


def end(connection: Connection, trail: Trail, state: ChainState, until: int, last: Link | None) -> None:
    """The chain `state` ends at `until`; `last` is its newest regular digest."""
    if until <= state.began:
        return
    place = {"bucket": last.bucket, "key": last.key, "signature": last.signature} if last is not None else {}
    values = {"arn": trail.arn, "account_id": state.account_id, "region": state.region, "began": state.began, "ended": until}
    connection.execute(insert(ENDED).values(**values, **place))


def known(connection: Connection, arn: str, account_id: str, region: str, *, since: int, until: int) -> Known:
    """What is known of a chain in a time range (epoch seconds)."""
    asked = {"arn": arn, "account": account_id, "region": region, "since": since, "until": until}
    rows = [row for query in (stretch.ENDED, stretch.OPEN) for row in connection.execute(text(query), asked)]
    regions = connection.scalars(text(stretch.REGIONS), asked)
    return Known(since=since, stretches=tuple(Stretch.of(row) for row in rows), regions=tuple(regions))
