"""The tables of channels in the state database. Their tags and policies are kept where those of stores are (`stores.attachments`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import JSON, Column, Float, Index, Integer, MetaData, String, Table, and_, delete, insert, select, update
from sqlalchemy.dialects.sqlite import insert as upsert
from sqlalchemy.engine import Connection, Row

from opentrail.lake.channels.channel import Channel
from opentrail.lake.stores import attachments
from opentrail.lake.stores.attachments import POLICIES

METADATA = MetaData()

CHANNELS = Table(
    "lake_channels",
    METADATA,
    Column("arn", String, primary_key=True),
    Column("id", String, nullable=False),
    Column("partition", String, nullable=False),
    Column("region", String, nullable=False),
    Column("account_id", String, nullable=False),
    Column("name", String, nullable=False),
    Column("source", String, nullable=False),
    Column("store_ids", JSON, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("updated_at", Float, nullable=False),
    Column("source_config", JSON),
)
Index("lake_channels_name", CHANNELS.c.account_id, CHANNELS.c.region, CHANNELS.c.name, unique=True)

ROUTES = Table(
    "lake_channel_routes",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("arn", String, nullable=False),
    Column("store_ids", JSON, nullable=False),
    Column("start", Integer, nullable=False),
    Column("stop", Integer),
    Column("left_at", Float),
    sqlite_autoincrement=True,
)

STATUS = Table(
    "lake_channel_status",
    METADATA,
    Column("arn", String, primary_key=True),
    Column("success_at", Float),
    Column("success_event_id", String),
    Column("error_code", String),
    Column("attempt_at", Float),
    Column("attempt_event_id", String),
)

DECLINED = Table("lake_channels_declined", METADATA, Column("arn", String, primary_key=True))
"""Default channels that somebody has deleted: they are not made again by themselves."""

CHANGES = Table("lake_channel_changes", METADATA, Column("id", Integer, primary_key=True), Column("count", Integer, nullable=False))


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """Where the events of a channel go in a stretch of the journal."""

    id: int
    arn: str
    store_ids: tuple[str, ...]
    start: int
    """Records after this position."""
    stop: int | None
    """Up to this one; `None` while it goes on."""
    left_at: float | None
    """When the channel was deleted (epoch seconds): a request that was let in before may still be recorded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """What is known of the taking in of events. Times are epoch seconds."""

    success_at: float | None = None
    success_event_id: str | None = None
    error_code: str | None = None
    """Of the newest failure; it stays when later events are taken."""
    attempt_at: float | None = None
    attempt_event_id: str | None = None


def changes(connection: Connection) -> int:
    """How often channels have been changed; equal numbers mean equal channels and routes."""
    return connection.scalar(select(CHANGES.c.count)) or 0


def changed(connection: Connection) -> None:
    """Note that a channel or a route is different now."""
    row = upsert(CHANGES).values(id=1, count=1)
    connection.execute(row.on_conflict_do_update(index_elements=["id"], set_={"count": CHANGES.c.count + 1}))


_WITH_POLICY = select(CHANNELS, POLICIES.c.policy.label("resource_policy")).join(POLICIES, POLICIES.c.arn == CHANNELS.c.arn, isouter=True)


def _channel(row: Row[Any], tags: Mapping[str, str]) -> Channel:
    values = dict(row._mapping)
    return Channel(**{**values, "store_ids": tuple(values["store_ids"])}, tags=tags)


def channel(connection: Connection, arn: str) -> Channel | None:
    """One channel."""
    row = connection.execute(_WITH_POLICY.where(CHANNELS.c.arn == arn)).first()
    return _channel(row, attachments.tags(connection, arn)) if row else None


def channels_of(connection: Connection, account_id: str, region: str) -> list[Channel]:
    """The channels of an account in a Region, in order of name."""
    where = and_(CHANNELS.c.account_id == account_id, CHANNELS.c.region == region)
    rows = connection.execute(_WITH_POLICY.where(where).order_by(CHANNELS.c.name)).all()
    return [_channel(row, attachments.tags(connection, row.arn)) for row in rows]


def every_channel(connection: Connection) -> list[Channel]:
    """The channels of all accounts, without their tags."""
    return [_channel(row, {}) for row in connection.execute(_WITH_POLICY)]


def add_channel(connection: Connection, made: Channel) -> None:
    """Keep a new channel with its tags; nothing declines it any more."""
    changed(connection)
    names = ("arn", "id", "partition", "region", "account_id", "name", "source", "created_at", "updated_at")
    values = {name: getattr(made, name) for name in names}
    connection.execute(insert(CHANNELS).values(**values, store_ids=list(made.store_ids), source_config=made.source_config))
    connection.execute(delete(DECLINED).where(DECLINED.c.arn == made.arn))
    attachments.put_tags(connection, made.arn, made.tags)


def change_channel(connection: Connection, arn: str, values: Mapping[str, Any]) -> None:
    """Change columns of a channel."""
    changed(connection)
    connection.execute(update(CHANNELS).where(CHANNELS.c.arn == arn).values(**values))


def remove_channel(connection: Connection, arn: str, *, declined: bool) -> None:
    """Remove a channel; `declined`: it shall not be made again by itself."""
    changed(connection)
    for table in (CHANNELS, STATUS):
        connection.execute(delete(table).where(table.c.arn == arn))
    attachments.forget(connection, arn)
    if declined:
        connection.execute(upsert(DECLINED).values(arn=arn).on_conflict_do_nothing())


def is_declined(connection: Connection, arn: str) -> bool:
    """Whether the default channel `arn` was deleted by somebody."""
    return connection.scalar(select(DECLINED.c.arn).where(DECLINED.c.arn == arn)) is not None


def declined(connection: Connection) -> list[str]:
    """The ARNs of all such."""
    return list(connection.scalars(select(DECLINED.c.arn)))


def turn_route(connection: Connection, arn: str, store_ids: Sequence[str], position: int) -> None:
    """Events of the channel above `position` go to `store_ids`; those up to it go where they went."""
    changed(connection)
    connection.execute(update(ROUTES).where(and_(ROUTES.c.arn == arn, ROUTES.c.stop.is_(None))).values(stop=position, left_at=None))
    connection.execute(insert(ROUTES).values(arn=arn, store_ids=list(store_ids), start=position))


def leave_route(connection: Connection, arn: str, at: float) -> None:
    """The channel is gone; what was let in before still goes where it went."""
    connection.execute(update(ROUTES).where(and_(ROUTES.c.arn == arn, ROUTES.c.stop.is_(None))).values(left_at=at))


def routes(connection: Connection) -> list[Route]:
    """Every route, oldest first."""
    return [
        Route(**{**row._mapping, "store_ids": tuple(row.store_ids)}) for row in connection.execute(select(ROUTES).order_by(ROUTES.c.id))
    ]


def forget_routes(connection: Connection, ids: Sequence[int]) -> None:
    """Remove routes of which no record is unread."""
    if ids:
        changed(connection)
        connection.execute(delete(ROUTES).where(ROUTES.c.id.in_(ids)))


def status(connection: Connection, arn: str) -> Status:
    """What was written down of a channel's taking in."""
    row = connection.execute(select(STATUS).where(STATUS.c.arn == arn)).first()
    return Status() if row is None else Status(**{name: value for name, value in row._mapping.items() if name != "arn"})


def put_status(connection: Connection, arn: str, values: Mapping[str, Any]) -> None:
    """Write down what is known of a channel's taking in; nothing for a channel that is gone."""
    if connection.scalar(select(CHANNELS.c.arn).where(CHANNELS.c.arn == arn)) is not None:
        row = upsert(STATUS).values(arn=arn, **values)
        connection.execute(row.on_conflict_do_update(index_elements=["arn"], set_=dict(values)))
