"""Log groups in `DataFolder.monitoring`: groups, streams, chunks of events, resource policies, tags.

Events lie in chunks: what came in together for one stream, compressed, with the earliest and latest timestamp beside it. A chunk is found
by time without being opened. Its `position` rises in order of arrival and is never used again, so followers read on from the last one.

A deleted group or stream is gone for everybody at once; its chunks are removed little by little (`retention`). `bump` adds one to the
counter by which other processes see that groups, streams or policies have changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    and_,
    delete,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.dialects.sqlite import insert as upsert
from sqlalchemy.engine import Connection, Row

from opentrail.monitoring.logs.values import Group, ResourcePolicy, Stream

METADATA = MetaData()

GROUPS = Table(
    "log_groups",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("account_id", String, nullable=False),
    Column("region", String, nullable=False),
    Column("partition", String, nullable=False),
    Column("name", String, nullable=False),
    Column("log_group_class", String, nullable=False),
    Column("kms_key_id", String),
    Column("retention_in_days", Integer),
    Column("deletion_protection", Boolean, nullable=False, default=False),
    Column("creation_time", Integer, nullable=False),
    Column("deleted", Boolean, nullable=False, default=False),
    sqlite_autoincrement=True,
)
Index("log_groups_name", GROUPS.c.account_id, GROUPS.c.region, GROUPS.c.name, unique=True, sqlite_where=GROUPS.c.deleted.is_(False))

STREAMS = Table(
    "log_streams",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("group_id", ForeignKey("log_groups.id"), nullable=False),
    Column("name", String, nullable=False),
    Column("creation_time", Integer, nullable=False),
    Column("first_event", Integer),
    Column("last_event", Integer),
    Column("last_ingestion", Integer),
    Column("deleted", Boolean, nullable=False, default=False),
    sqlite_autoincrement=True,
)
Index("log_streams_name", STREAMS.c.group_id, STREAMS.c.name, unique=True, sqlite_where=STREAMS.c.deleted.is_(False))
Index("log_streams_gone", STREAMS.c.id, sqlite_where=STREAMS.c.deleted.is_(True))

CHUNKS = Table(
    "log_chunks",
    METADATA,
    Column("position", Integer, primary_key=True),
    Column("group_id", ForeignKey("log_groups.id"), nullable=False),
    Column("stream_id", ForeignKey("log_streams.id"), nullable=False),
    Column("first", Integer, nullable=False),
    Column("last", Integer, nullable=False),
    Column("ingestion_time", Integer, nullable=False),
    Column("count", Integer, nullable=False),
    Column("bytes", Integer, nullable=False),  # what storedBytes counts: the messages, and 26 for each event
    Column("events", LargeBinary, nullable=False),
    Column("data_key", LargeBinary),  # the data key that they are sealed with, under the KMS key of the group
    sqlite_autoincrement=True,
)
Index("log_chunks_group", CHUNKS.c.group_id, CHUNKS.c.first, CHUNKS.c.last)
Index("log_chunks_stream", CHUNKS.c.stream_id, CHUNKS.c.first, CHUNKS.c.last)
Index("log_chunks_age", CHUNKS.c.group_id, CHUNKS.c.last, CHUNKS.c.bytes)

POLICIES = Table(
    "log_resource_policies",
    METADATA,
    Column("account_id", String, primary_key=True),
    Column("region", String, primary_key=True),
    Column("resource_arn", String, primary_key=True),
    Column("name", String, primary_key=True),
    Column("document", String, nullable=False),
    Column("updated", Integer, nullable=False),
    Column("revision", String, nullable=False),
)

TAGS = Table(
    "log_tags",
    METADATA,
    Column("group_id", ForeignKey("log_groups.id", ondelete="CASCADE"), primary_key=True),
    Column("key", String, primary_key=True),
    Column("value", String, nullable=False),
)

GENERATION = Table("log_generation", METADATA, Column("id", Integer, primary_key=True), Column("count", Integer, nullable=False))

_GROUP = [column for column in GROUPS.c if column.name != "deleted"]
_STREAM = [column for column in STREAMS.c if column.name != "deleted"]


def generation(connection: Connection) -> int:
    """Equal numbers mean equal groups, streams, tags and policies; events are not counted."""
    return connection.scalar(select(GENERATION.c.count)) or 0


def bump(connection: Connection) -> None:
    """Note that something is different now."""
    row = upsert(GENERATION).values(id=1, count=1)
    connection.execute(row.on_conflict_do_update(index_elements=["id"], set_={"count": GENERATION.c.count + 1}))


def _group(row: Row[Any]) -> Group:
    return Group(**row._mapping)


def group(connection: Connection, account_id: str, region: str, name: str) -> Group | None:
    """The group of this name."""
    where = and_(GROUPS.c.account_id == account_id, GROUPS.c.region == region, GROUPS.c.name == name, GROUPS.c.deleted.is_(False))
    row = connection.execute(select(*_GROUP).where(where)).first()
    return _group(row) if row else None


def groups(
    connection: Connection, account_id: str, region: str, *, prefix: str = "", contains: str = "", after: str = "", limit: int
) -> list[Group]:
    """At most `limit` groups behind the name `after`, by name."""
    query = select(*_GROUP).where(
        GROUPS.c.account_id == account_id, GROUPS.c.region == region, GROUPS.c.deleted.is_(False), GROUPS.c.name > after
    )
    if prefix:
        query = query.where(GROUPS.c.name >= prefix, func.substr(GROUPS.c.name, 1, len(prefix)) == prefix)
    if contains:
        query = query.where(func.instr(func.lower(GROUPS.c.name), contains.lower()) > 0)
    return [_group(row) for row in connection.execute(query.order_by(GROUPS.c.name).limit(limit))]


def add_group(connection: Connection, values: Mapping[str, Any]) -> Group:
    """Keep a new group."""
    bump(connection)
    row = connection.execute(insert(GROUPS).values(**values).returning(*_GROUP)).one()
    return _group(row)


def change_group(connection: Connection, group_id: int, values: Mapping[str, Any]) -> None:
    """Change columns of a group."""
    bump(connection)
    connection.execute(update(GROUPS).where(GROUPS.c.id == group_id).values(**values))


def drop_group(connection: Connection, group_id: int) -> None:
    """The group and all in it are gone; their rows are removed later."""
    change_group(connection, group_id, {"deleted": True})
    connection.execute(update(STREAMS).where(STREAMS.c.group_id == group_id).values(deleted=True))
    connection.execute(delete(TAGS).where(TAGS.c.group_id == group_id))


def stored_bytes(connection: Connection, group_ids: Sequence[int]) -> dict[int, int]:
    """What the events in each group count."""
    query = select(CHUNKS.c.group_id, func.sum(CHUNKS.c.bytes)).where(CHUNKS.c.group_id.in_(group_ids)).group_by(CHUNKS.c.group_id)
    return {row[0]: row[1] for row in connection.execute(query)}


def stream(connection: Connection, group_id: int, name: str) -> Stream | None:
    """The stream of this name."""
    where = and_(STREAMS.c.group_id == group_id, STREAMS.c.name == name, STREAMS.c.deleted.is_(False))
    row = connection.execute(select(*_STREAM).where(where)).first()
    return Stream(**row._mapping) if row else None


def streams(connection: Connection, group_id: int, prefix: str = "") -> list[Stream]:
    """The streams of a group, by name."""
    query = select(*_STREAM).where(STREAMS.c.group_id == group_id, STREAMS.c.deleted.is_(False))
    if prefix:
        query = query.where(STREAMS.c.name >= prefix, func.substr(STREAMS.c.name, 1, len(prefix)) == prefix)
    return [Stream(**row._mapping) for row in connection.execute(query.order_by(STREAMS.c.name))]


def add_stream(connection: Connection, group_id: int, name: str, now: int) -> Stream:
    """Keep a new stream."""
    bump(connection)
    row = connection.execute(insert(STREAMS).values(group_id=group_id, name=name, creation_time=now).returning(*_STREAM)).one()
    return Stream(**row._mapping)


def drop_stream(connection: Connection, stream_id: int) -> None:
    """The stream and its events are gone; their rows are removed later."""
    bump(connection)
    connection.execute(update(STREAMS).where(STREAMS.c.id == stream_id).values(deleted=True))


_CHUNK = insert(CHUNKS)


def add_chunk(connection: Connection, stream: Stream, values: Mapping[str, Any]) -> int:
    """Keep events that came in together; returns the position."""
    (position,) = connection.execute(_CHUNK, {"group_id": stream.group_id, "stream_id": stream.id, **values}).inserted_primary_key or (0,)
    connection.exec_driver_sql(
        "UPDATE log_streams SET first_event = min(coalesce(first_event, ?1), ?1), last_event = max(coalesce(last_event, ?2), ?2), "
        "last_ingestion = ?3 WHERE id = ?4",
        (values["first"], values["last"], values["ingestion_time"], stream.id),
    )
    return int(position)


def newest(connection: Connection) -> int:
    """Position of the newest chunk there ever was; 0 for none."""
    found = connection.exec_driver_sql("SELECT seq FROM sqlite_sequence WHERE name = 'log_chunks'").scalar()
    return int(found or 0)


def policies(connection: Connection, account_id: str, region: str) -> list[ResourcePolicy]:
    """The resource policies of an account, by name."""
    where = and_(POLICIES.c.account_id == account_id, POLICIES.c.region == region)
    query = select(POLICIES).where(where).order_by(POLICIES.c.name, POLICIES.c.resource_arn)
    return [
        ResourcePolicy(name=row.name, document=row.document, updated=row.updated, resource_arn=row.resource_arn, revision=row.revision)
        for row in connection.execute(query)
    ]


def put_policy(connection: Connection, account_id: str, region: str, policy: ResourcePolicy) -> None:
    """Keep a resource policy; one of the same name for the same resource is replaced."""
    bump(connection)
    values = {"document": policy.document, "updated": policy.updated, "revision": policy.revision}
    row = upsert(POLICIES).values(account_id=account_id, region=region, name=policy.name, resource_arn=policy.resource_arn, **values)
    keys = ["account_id", "region", "resource_arn", "name"]
    connection.execute(row.on_conflict_do_update(index_elements=keys, set_=values))


def drop_policy(connection: Connection, account_id: str, region: str, policy: ResourcePolicy) -> None:
    """Remove a resource policy."""
    bump(connection)
    where = and_(
        POLICIES.c.account_id == account_id,
        POLICIES.c.region == region,
        POLICIES.c.name == policy.name,
        POLICIES.c.resource_arn == policy.resource_arn,
    )
    connection.execute(delete(POLICIES).where(where))


def tags(connection: Connection, group_id: int) -> dict[str, str]:
    """The tags of a group, by key."""
    found = connection.execute(select(TAGS.c.key, TAGS.c.value).where(TAGS.c.group_id == group_id).order_by(TAGS.c.key))
    return {row.key: row.value for row in found}


def put_tags(connection: Connection, group_id: int, given: Mapping[str, str]) -> None:
    """Add tags; a key that is there gets the new value."""
    bump(connection)
    for key, value in given.items():
        row = upsert(TAGS).values(group_id=group_id, key=key, value=value)
        connection.execute(row.on_conflict_do_update(index_elements=["group_id", "key"], set_={"value": value}))


def remove_tags(connection: Connection, group_id: int, keys: Iterable[str]) -> None:
    """Remove tags; keys that are not there are passed over."""
    bump(connection)
    connection.execute(delete(TAGS).where(TAGS.c.group_id == group_id, TAGS.c.key.in_(list(keys))))
