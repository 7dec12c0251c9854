"""What is kept of Insights, in `DataFolder.insights`: series, what is remembered of each, points, what is to be announced.

Methods take the connection of the caller's transaction: what belongs together is written together.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import (
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    UniqueConstraint,
    and_,
    bindparam,
    delete,
    exists,
    func,
    insert,
    or_,
    select,
    true,
    tuple_,
)
from sqlalchemy.dialects.sqlite import insert as upsert
from sqlalchemy.engine import Connection

from opentrail.insights.values import Series

METADATA = MetaData()

_NAMES: Final = Series._fields
SERIES = Table(
    "insights_series",
    METADATA,
    Column("id", Integer, primary_key=True),
    *(Column(name, String, nullable=False) for name in _NAMES),
    UniqueConstraint(*_NAMES),
    sqlite_autoincrement=True,
)
MEMORIES = Table(
    "insights_memories",
    METADATA,
    Column("series_id", Integer, primary_key=True),
    Column("data", LargeBinary, nullable=False),
    Column("wakes", Integer),
    Column("latest", Integer, nullable=False),
)
POINTS = Table(
    "insights_points",
    METADATA,
    Column("series_id", Integer, primary_key=True),
    Column("period", Integer, primary_key=True),
    Column("time", Integer, primary_key=True),
    Column("count", Integer, nullable=False),
    sqlite_with_rowid=False,
)
PROGRESS = Table(
    "insights_progress",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("closed", Integer, nullable=False),
    Column("open", LargeBinary, nullable=False),
)
SOURCES = Table("insights_sources", METADATA, Column("arn", String, primary_key=True), Column("since", Integer, nullable=False))
ANNOUNCEMENTS = Table(
    "insights_announcements",
    METADATA,
    Column("number", Integer, primary_key=True),
    Column("event_id", String, nullable=False, unique=True),
    Column("event", LargeBinary, nullable=False),
    sqlite_autoincrement=True,
)
LISTED = Table(
    "insights_listed",
    METADATA,
    Column("number", Integer, primary_key=True),
    Column("event_id", String, nullable=False, unique=True),
    Column("insight_source", String, nullable=False),
    Column("account_id", String, nullable=False),
    Column("region", String, nullable=False),
    Column("time", Integer, nullable=False, index=True),
    Column("event_source", String, nullable=False),
    Column("event_name", String, nullable=False),
    Column("record", LargeBinary, nullable=False),
    sqlite_autoincrement=True,
)
Index("insights_listed_source", LISTED.c.insight_source, LISTED.c.account_id, LISTED.c.region, LISTED.c.time)

_FIND: Final = select(SERIES.c.id).where(*(SERIES.c[name] == bindparam(name) for name in _NAMES))
# For the driver itself: hundreds of rows at a time, for each of which SQLAlchemy would take longer than SQLite does.
_REMEMBER: Final = (
    "INSERT INTO insights_memories (series_id, data, wakes, latest) VALUES (?, ?, ?, ?) "
    "ON CONFLICT (series_id) DO UPDATE SET data = excluded.data, wakes = excluded.wakes, latest = excluded.latest"
)
_ADD_POINT: Final = (
    "INSERT INTO insights_points (series_id, period, time, count) VALUES (?, ?, ?, ?) "
    "ON CONFLICT (series_id, period, time) DO UPDATE SET count = count + excluded.count"
)

KEPT: Final[Mapping[int, int]] = {60: 15 * 86_400, 300: 63 * 86_400, 3600: 90 * 86_400}
"""Period of points and how long they are kept, seconds (reference of history and Insights, §11)."""
LISTED_FOR: Final = 90 * 86_400
"""How long ListInsightsData tells of an event, seconds."""
_SOME: Final = 500
"""Numbers in one statement."""


@dataclass(slots=True)
class Known:
    """As much of a series as is always in memory."""

    id: int
    wakes: int | None
    """The minute at which silence may tell something."""
    latest: int
    """The last minute with calls."""


def known(connection: Connection) -> dict[Series, Known]:
    """The series of which something is remembered."""
    columns = [SERIES.c[name] for name in _NAMES]
    rows = connection.execute(
        select(SERIES.c.id, MEMORIES.c.wakes, MEMORIES.c.latest, *columns).join(MEMORIES, SERIES.c.id == MEMORIES.c.series_id)
    )
    return {Series(*row[3:]): Known(row.id, row.wakes, row.latest) for row in rows}


def series_ids(connection: Connection, wanted: Iterable[Series]) -> dict[Series, int]:
    """The numbers of these series; those that have none get one."""
    given = list(wanted)
    if given:
        connection.execute(upsert(SERIES).on_conflict_do_nothing(), [series._asdict() for series in given])
    columns = [SERIES.c[name] for name in _NAMES]
    found: dict[Series, int] = {}
    for at in range(0, len(given), _SOME):
        rows = connection.execute(select(SERIES.c.id, *columns).where(tuple_(*columns).in_(given[at : at + _SOME])))
        found.update({Series(*row[1:]): row.id for row in rows})
    return found


def find(connection: Connection, series: Series) -> int | None:
    """The number of a series, if it has one."""
    return connection.scalar(_FIND, series._asdict())


def memories(connection: Connection, ids: Iterable[int]) -> dict[int, bytes]:
    """What is remembered of these."""
    found: dict[int, bytes] = {}
    for some in _some(ids):
        rows = connection.execute(select(MEMORIES.c.series_id, MEMORIES.c.data).where(MEMORIES.c.series_id.in_(some)))
        found.update({row.series_id: row.data for row in rows})
    return found


def _some(ids: Iterable[int]) -> Iterator[Sequence[int]]:
    given = list(ids)
    return (given[at : at + _SOME] for at in range(0, len(given), _SOME))


def remember(connection: Connection, rows: Sequence[tuple[int, bytes, int | None, int]]) -> None:
    """Keep (series, data, wakes, latest)."""
    if not rows:
        return
    connection.exec_driver_sql(_REMEMBER, list(rows))


def forget(connection: Connection, ids: Iterable[int]) -> None:
    """What was remembered of these is not needed any more; their points stay."""
    for some in _some(ids):
        connection.execute(delete(MEMORIES).where(MEMORIES.c.series_id.in_(some)))


def add_points(connection: Connection, points: Mapping[tuple[int, int, int], int]) -> None:
    """Add counts by (series, period, time)."""
    if not points:
        return
    connection.exec_driver_sql(_ADD_POINT, [(*place, count) for place, count in points.items()])


def points(connection: Connection, ids: Collection[int], period: int, start: int, end: int, limit: int) -> list[tuple[int, int]]:
    """Time and count of at most `limit` points from `start` up to but not with `end`, of several series added up, oldest first."""
    rows = connection.execute(
        select(POINTS.c.time, func.sum(POINTS.c.count).label("sum"))
        .where(POINTS.c.series_id.in_(list(ids)), POINTS.c.period == period, POINTS.c.time >= start, POINTS.c.time < end)
        .group_by(POINTS.c.time)
        .order_by(POINTS.c.time)
        .limit(limit)
    )
    return [(row.time, row.sum) for row in rows]


def progress(connection: Connection) -> tuple[int, bytes] | None:
    """The last minute that is closed, and the open ones as `save_progress` was given them."""
    row = connection.execute(select(PROGRESS)).first()
    return None if row is None else (row.closed, row.open)


def save_progress(connection: Connection, closed: int, open_minutes: bytes) -> None:
    """Keep what `progress` gives."""
    values = {"closed": closed, "open": open_minutes}
    connection.execute(upsert(PROGRESS).values(id=1, **values).on_conflict_do_update(index_elements=["id"], set_=values))


def sources(connection: Connection) -> dict[str, int]:
    """ARN of each trail and store with Insights, and the minute since which its events are counted."""
    return {row.arn: row.since for row in connection.execute(select(SOURCES))}


def save_sources(connection: Connection, since: Mapping[str, int]) -> None:
    """Keep what `sources` gives."""
    connection.execute(delete(SOURCES))
    if since:
        connection.execute(insert(SOURCES), [{"arn": arn, "since": minute} for arn, minute in since.items()])


def announce(connection: Connection, event_id: str, event: bytes) -> None:
    """Keep an encoded `ServiceEvent` until it is in the outbox; one that is kept already changes nothing."""
    connection.execute(upsert(ANNOUNCEMENTS).values(event_id=event_id, event=event).on_conflict_do_nothing())


def announcements(connection: Connection, limit: int) -> list[tuple[str, bytes]]:
    """The oldest of those that are kept: id and event."""
    rows = connection.execute(select(ANNOUNCEMENTS.c.event_id, ANNOUNCEMENTS.c.event).order_by(ANNOUNCEMENTS.c.number).limit(limit))
    return [(row.event_id, row.event) for row in rows]


def announced(connection: Connection, event_ids: Sequence[str]) -> None:
    """These are in the outbox."""
    connection.execute(delete(ANNOUNCEMENTS).where(ANNOUNCEMENTS.c.event_id.in_(event_ids)))


def list_event(connection: Connection, values: Mapping[str, object]) -> None:
    """Have ListInsightsData tell of an Insights event (columns of `LISTED`)."""
    connection.execute(upsert(LISTED).values(**values).on_conflict_do_nothing())


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """An Insights event of a trail's data events."""

    number: int
    event_id: str
    time: int
    event_source: str
    event_name: str
    record: bytes


def listed(
    connection: Connection,
    *,
    insight_source: str,
    account_id: str,
    region: str,
    start: float,
    end: float,
    dimension: tuple[str, str] | None,
    before: tuple[int, int] | None,
    limit: int,
) -> list[Listed]:
    """The newest first. `dimension`: a column and its value; `before`: time and number of the last one that was shown."""
    rows = connection.execute(
        select(*(LISTED.c[name] for name in Listed.__slots__))
        .where(
            LISTED.c.insight_source == insight_source,
            LISTED.c.account_id == account_id,
            LISTED.c.region == region,
            LISTED.c.time >= start,
            LISTED.c.time <= end,
            true() if dimension is None else LISTED.c[dimension[0]] == dimension[1],
            true() if before is None else or_(LISTED.c.time < before[0], and_(LISTED.c.time == before[0], LISTED.c.number < before[1])),
        )
        .order_by(LISTED.c.time.desc(), LISTED.c.number.desc())
        .limit(limit)
    )
    return [Listed(**row._mapping) for row in rows]


def forget_old(connection: Connection, now: float) -> None:
    """Remove points and events that have outlived their time, and series of which nothing is left."""
    for period, kept in KEPT.items():
        connection.execute(delete(POINTS).where(POINTS.c.period == period, POINTS.c.time < now - kept))
    connection.execute(delete(LISTED).where(LISTED.c.time < now - LISTED_FOR))
    has_points = exists().where(POINTS.c.series_id == SERIES.c.id)
    has_memory = exists().where(MEMORIES.c.series_id == SERIES.c.id)
    connection.execute(delete(SERIES).where(~has_points, ~has_memory))
