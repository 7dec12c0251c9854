"""What is known of trails, in the state database: the trails, when they were logging, their tags, and what their status says.

Every change of a trail adds one to a counter, so that delivery, in another process, sees with one small read whether to look again.
Methods take the connection of the caller's transaction: what belongs together is written together.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    and_,
    delete,
    insert,
    select,
    update,
)
from sqlalchemy.dialects.sqlite import insert as upsert
from sqlalchemy.engine import Connection, Row

from opentrail.storage.database import Database

METADATA = MetaData()
WATCH: Final = "watch"
"""Name of the position (`journal.positions`) up to which log groups and event rules have every record."""

TRAILS = Table(
    "trails",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("account_id", String, nullable=False),
    Column("home_region", String, nullable=False),
    Column("name", String, nullable=False),
    Column("arn", String, nullable=False),
    Column("s3_bucket_name", String, nullable=False),
    Column("s3_key_prefix", String),
    Column("include_global_service_events", Boolean, nullable=False),
    Column("is_multi_region_trail", Boolean, nullable=False),
    Column("log_file_validation_enabled", Boolean, nullable=False),
    Column("recursive_logging", Boolean, nullable=False),
    Column("sns_topic_arn", String),
    Column("kms_key_id", String),
    Column("organization_id", String, index=True),
    Column("event_selectors", JSON(none_as_null=True)),
    Column("insight_selectors", JSON(none_as_null=True)),
    Column("event_configuration", JSON(none_as_null=True)),
    Column("cloud_watch_logs_log_group_arn", String),
    Column("cloud_watch_logs_role_arn", String),
    Column("log_group_since", Integer),
    Column("is_logging", Boolean, nullable=False, default=False),
    Column("started_at", Float),
    Column("stopped_at", Float),
    Column("digests_since", Float),
    Column("deleted_at", Float),
    sqlite_autoincrement=True,
)
Index(
    "trails_name",
    TRAILS.c.account_id,
    TRAILS.c.home_region,
    TRAILS.c.name,
    unique=True,
    sqlite_where=TRAILS.c.deleted_at.is_(None),
    postgresql_where=TRAILS.c.deleted_at.is_(None),
)

WINDOWS = Table(
    "trail_windows",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("trail_id", ForeignKey("trails.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("start", Integer, nullable=False),
    Column("stop", Integer),
    Column("stop_request_id", String),
    Column("stopped_at", Float),
    Column("read_to", Integer),  # ended, and every record up to here is in a plan; kept for log groups and event rules
)

TAGS = Table(
    "trail_tags",
    METADATA,
    Column("trail_id", ForeignKey("trails.id", ondelete="CASCADE"), primary_key=True),
    Column("key", String, primary_key=True),
    Column("value", String),
)

STATUS = Table(
    "trail_status",
    METADATA,
    Column("trail_id", ForeignKey("trails.id", ondelete="CASCADE"), primary_key=True),
    Column("region", String, primary_key=True),
    Column("delivered_at", Float),
    Column("delivery_error", String),
    Column("attempted_at", Float),
    Column("digest_delivered_at", Float),
    Column("digest_error", String),
    Column("notified_at", Float),
    Column("notification_error", String),
    Column("notification_attempted_at", Float),
)

CHANGES = Table("trail_changes", METADATA, Column("id", Integer, primary_key=True), Column("count", Integer, nullable=False))


@dataclass(frozen=True, slots=True, kw_only=True)
class Trail:
    """One trail. Times are epoch seconds."""

    id: int
    account_id: str
    home_region: str
    name: str
    arn: str
    s3_bucket_name: str
    s3_key_prefix: str | None
    include_global_service_events: bool
    is_multi_region_trail: bool
    log_file_validation_enabled: bool
    recursive_logging: bool
    sns_topic_arn: str | None
    """The topic that hears of every log file."""
    kms_key_id: str | None
    """ARN of the key that log files and digest files are encrypted with; `None` for SSE-S3."""
    organization_id: str | None
    """The organization whose accounts the trail serves; `None` for an ordinary trail."""
    event_selectors: Mapping[str, Any] | None
    """`{"EventSelectors": […]}` or `{"AdvancedEventSelectors": […]}`; `None` for the default."""
    insight_selectors: Mapping[str, Any] | None
    """What PutInsightSelectors stored; `None` for nothing."""
    event_configuration: Mapping[str, Any] | None
    """What PutEventConfiguration stored; `None` for nothing."""
    is_logging: bool
    started_at: float | None
    stopped_at: float | None
    digests_since: float | None
    """Since when it is both logging and validated; `None` while it is not."""
    deleted_at: float | None
    """A deleted trail stays until its last file and its final digests are delivered; nobody can see it."""
    cloud_watch_logs_log_group_arn: str | None = None
    """The log group that records are streamed to, as the caller named it."""
    cloud_watch_logs_role_arn: str | None = None
    """The role with which CloudTrail does that."""
    log_group_since: int | None = None
    """Position of the last record from before the trail had a log group."""

    def covers(self, region: str) -> bool:
        """Whether the trail exists in `region`, at home or as a shadow."""
        return self.is_multi_region_trail or region == self.home_region

    def serves(self, account_id: str, copies: Container[int] = ()) -> bool:
        """Whether the trail takes events of this account, which has copies of the trails with the ids `copies`."""
        return account_id == self.account_id or self.id in copies


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A stretch of the journal during which a trail was logging: positions above `start`, up to `stop` where it has ended.

    The record of the very call that ended it (`stop_request_id`) comes later in the journal and still belongs to it.
    """

    id: int
    trail_id: int
    start: int
    stop: int | None
    stop_request_id: str | None
    stopped_at: float | None

    def holds(self, position: int, request_id: str | None) -> bool:
        """Whether the record at `position` was made while the trail was logging."""
        if position <= self.start:
            return False
        return self.stop is None or position <= self.stop or (request_id is not None and request_id == self.stop_request_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """What happened last to the files of a trail in one Region; `None` for never."""

    delivered_at: float | None = None
    delivery_error: str | None = None
    attempted_at: float | None = None
    digest_delivered_at: float | None = None
    digest_error: str | None = None
    notified_at: float | None = None
    notification_error: str | None = None
    notification_attempted_at: float | None = None


def _trail(row: Row[Any]) -> Trail:
    return Trail(**row._mapping)


def changes(connection: Connection) -> int:
    """How often a trail has been changed; equal numbers mean equal trails and windows."""
    return connection.scalar(select(CHANGES.c.count)) or 0


def latest_changes(database: Database) -> int:
    """The same as committed now, in microseconds: what followers ask all the time."""
    found = database.first("SELECT count FROM trail_changes", ())
    return found[0] if found else 0


def changed(connection: Connection) -> None:
    """Note that a trail or a window is different now."""
    row = upsert(CHANGES).values(id=1, count=1)
    connection.execute(row.on_conflict_do_update(index_elements=["id"], set_={"count": CHANGES.c.count + 1}))


def add_trail(connection: Connection, values: Mapping[str, Any]) -> int:
    """Keep a new trail; returns its id, which is never used again."""
    changed(connection)
    (key,) = connection.execute(insert(TRAILS).values(**values)).inserted_primary_key or (None,)
    assert isinstance(key, int)
    return key


def change_trail(connection: Connection, trail_id: int, values: Mapping[str, Any]) -> None:
    """Change columns of a trail."""
    if values:
        changed(connection)
        connection.execute(update(TRAILS).where(TRAILS.c.id == trail_id).values(**values))


def home_trail(connection: Connection, account_id: str, region: str, name: str) -> Trail | None:
    """The trail called `name` whose home is `region`."""
    where = and_(TRAILS.c.account_id == account_id, TRAILS.c.home_region == region, TRAILS.c.name == name, TRAILS.c.deleted_at.is_(None))
    row = connection.execute(select(TRAILS).where(where)).first()
    return _trail(row) if row else None


def trail(connection: Connection, trail_id: int) -> Trail | None:
    """One trail by its id, deleted or not."""
    row = connection.execute(select(TRAILS).where(TRAILS.c.id == trail_id)).first()
    return _trail(row) if row else None


def trails_of(connection: Connection, account_id: str) -> list[Trail]:
    """The trails of an account in all Regions, oldest first."""
    where = and_(TRAILS.c.account_id == account_id, TRAILS.c.deleted_at.is_(None))
    return [_trail(row) for row in connection.execute(select(TRAILS).where(where).order_by(TRAILS.c.id))]


def working_trails(connection: Connection) -> list[Trail]:
    """Every trail with work to do or to finish: all of them, deleted ones included."""
    return [_trail(row) for row in connection.execute(select(TRAILS).order_by(TRAILS.c.id))]


def deleted_trails(connection: Connection) -> list[Trail]:
    """The deleted trails among them."""
    query = select(TRAILS).where(TRAILS.c.deleted_at.is_not(None)).order_by(TRAILS.c.id)
    return [_trail(row) for row in connection.execute(query)]


def forget_trail(connection: Connection, trail_id: int) -> None:
    """Remove a deleted trail whose work is done, with all that hangs on it."""
    changed(connection)
    connection.execute(delete(TRAILS).where(TRAILS.c.id == trail_id))


def open_window(connection: Connection, trail_id: int, position: int) -> None:
    """Logging begins: records above `position` are the trail's."""
    changed(connection)
    connection.execute(insert(WINDOWS).values(trail_id=trail_id, start=position))


def close_window(connection: Connection, trail_id: int, position: int, request_id: str, at: float) -> None:
    """Logging ends at `position`, by the call `request_id`."""
    changed(connection)
    where = and_(WINDOWS.c.trail_id == trail_id, WINDOWS.c.stop.is_(None))
    connection.execute(update(WINDOWS).where(where).values(stop=position, stop_request_id=request_id, stopped_at=at))


def windows(connection: Connection, *, read: bool = False) -> list[Window]:
    """Every window that is open, or closed with records of it perhaps still unread by delivery; with `read`, those that it has read too,
    as long as they are kept for log groups and event rules."""
    columns = [column for column in WINDOWS.c if column.name != "read_to"]
    query = select(*columns) if read else select(*columns).where(WINDOWS.c.read_to.is_(None))
    return [Window(**row._mapping) for row in connection.execute(query.order_by(WINDOWS.c.id))]


def forget_windows(connection: Connection, ids: Sequence[int], position: int, *, watched: int | None = None) -> None:
    """Closed windows whose last record is in a plan, at or below `position`. Those of trails with a log group are kept until the records
    are there too, and all of them while the watch, which is done up to `watched`, has not read so far (`forget_read_windows`)."""
    if ids:
        changed(connection)
        if watched is not None and watched < position:
            connection.execute(update(WINDOWS).where(WINDOWS.c.id.in_(ids)).values(read_to=position))
            return
        streaming = select(TRAILS.c.id).where(TRAILS.c.cloud_watch_logs_log_group_arn.is_not(None))
        connection.execute(update(WINDOWS).where(WINDOWS.c.id.in_(ids), WINDOWS.c.trail_id.in_(streaming)).values(read_to=position))
        connection.execute(delete(WINDOWS).where(WINDOWS.c.id.in_(ids), WINDOWS.c.read_to.is_(None)))


def has_read_windows(database: Database, position: int) -> bool:
    """Whether `forget_read_windows` has anything to forget. Asked often, answered in microseconds."""
    return database.first(f"SELECT 1 FROM {WINDOWS.name} WHERE read_to <= ? LIMIT 1", (position,)) is not None


def forget_read_windows(connection: Connection, position: int) -> None:
    """Log groups and event rules have every record up to `position`: ended windows below are kept no longer."""
    changed(connection)
    connection.execute(delete(WINDOWS).where(WINDOWS.c.read_to <= position))


def has_window(connection: Connection, trail_id: int) -> bool:
    """Whether delivery, a log group or event rules may still have records of the trail to read."""
    return connection.scalar(select(WINDOWS.c.id).where(WINDOWS.c.trail_id == trail_id).limit(1)) is not None


def has_unread(connection: Connection, trail_id: int) -> bool:
    """Whether delivery may still have records of the trail to read."""
    where = and_(WINDOWS.c.trail_id == trail_id, WINDOWS.c.read_to.is_(None))
    return connection.scalar(select(WINDOWS.c.id).where(where).limit(1)) is not None


def tags(connection: Connection, trail_id: int) -> dict[str, str | None]:
    """The tags of a trail, by key."""
    found = connection.execute(select(TAGS.c.key, TAGS.c.value).where(TAGS.c.trail_id == trail_id).order_by(TAGS.c.key))
    return {row.key: row.value for row in found}


def put_tags(connection: Connection, trail_id: int, given: Mapping[str, str | None]) -> None:
    """Add tags; a key that is there gets the new value."""
    for key, value in given.items():
        row = upsert(TAGS).values(trail_id=trail_id, key=key, value=value)
        connection.execute(row.on_conflict_do_update(index_elements=["trail_id", "key"], set_={"value": value}))


def remove_tags(connection: Connection, trail_id: int, keys: Iterable[str]) -> None:
    """Remove tags by key; keys that are not there are passed over."""
    connection.execute(delete(TAGS).where(and_(TAGS.c.trail_id == trail_id, TAGS.c.key.in_(list(keys)))))


def status(connection: Connection, trail_id: int, region: str) -> Status:
    """What is known of deliveries of the trail in one Region."""
    row = connection.execute(select(STATUS).where(and_(STATUS.c.trail_id == trail_id, STATUS.c.region == region))).first()
    if row is None:
        return Status()
    return Status(**{name: value for name, value in row._mapping.items() if name not in ("trail_id", "region")})


def set_status(connection: Connection, trail_id: int, region: str, values: Mapping[str, Any]) -> None:
    """Change what the status of the trail in one Region says."""
    row = upsert(STATUS).values(trail_id=trail_id, region=region, **values)
    connection.execute(row.on_conflict_do_update(index_elements=["trail_id", "region"], set_=dict(values)))
