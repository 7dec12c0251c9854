"""Filters in `DataFolder.monitoring`, and what is on its way because of them.

A filter that is replaced or deleted stays, with the position up to which it holds, until the follower is past it: so each event is seen by
the filters that were there when it came in. Filters of a group that is gone are gone with it (their rows are removed later).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    ColumnElement,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    delete,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.dialects.sqlite import insert as upsert
from sqlalchemy.engine import Connection, Row
from sqlalchemy.sql import Select

from opentrail.monitoring.filters.values import MetricFilter, SubscriptionFilter, Transformation
from opentrail.monitoring.logs import store as logs
from opentrail.monitoring.logs.store import GROUPS
from opentrail.monitoring.logs.values import Group

METADATA = MetaData()

METRIC_FILTERS = Table(
    "metric_filters",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("group_id", Integer, nullable=False),
    Column("name", String, nullable=False),
    Column("pattern", String, nullable=False),
    Column("metric_name", String, nullable=False),
    Column("metric_namespace", String, nullable=False),
    Column("metric_value", String, nullable=False),
    Column("default_value", Float),
    Column("dimensions", String, nullable=False),  # JSON
    Column("unit", String),
    Column("system_fields", String, nullable=False),  # JSON
    Column("transformed_logs", Boolean),
    Column("creation_time", Integer, nullable=False),
    Column("since", Integer, nullable=False),
    Column("until", Integer),
    sqlite_autoincrement=True,
)
Index("metric_filters_name", METRIC_FILTERS.c.group_id, METRIC_FILTERS.c.name, unique=True, sqlite_where=METRIC_FILTERS.c.until.is_(None))

MINUTES = Table(
    "metric_filter_minutes",
    METADATA,
    Column("filter_id", Integer, primary_key=True),
    Column("minute", Integer, nullable=False),  # since 1970: the newest in which events came in
    Column("settled", Boolean, nullable=False),  # one has matched, or the default value is out
)

SUBSCRIPTION_FILTERS = Table(
    "subscription_filters",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("group_id", Integer, nullable=False),
    Column("name", String, nullable=False),
    Column("pattern", String, nullable=False),
    Column("destination_arn", String, nullable=False),
    Column("role_arn", String),
    Column("distribution", String, nullable=False),
    Column("transformed_logs", Boolean),
    Column("creation_time", Integer, nullable=False),
    Column("since", Integer, nullable=False),
    Column("until", Integer),
    sqlite_autoincrement=True,
)
Index(
    "subscription_filters_name",
    SUBSCRIPTION_FILTERS.c.group_id,
    SUBSCRIPTION_FILTERS.c.name,
    unique=True,
    sqlite_where=SUBSCRIPTION_FILTERS.c.until.is_(None),
)

DELIVERIES = Table(
    "subscription_deliveries",
    METADATA,
    Column("id", Integer, primary_key=True),  # in order for each filter
    Column("filter_id", Integer, nullable=False),
    Column("partition_key", String, nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Column("events", Integer, nullable=False),  # in the payload
    Column("attempts", Integer, nullable=False, default=0),
    Column("first_attempt", Float),
    Column("due", Float, nullable=False),
    sqlite_autoincrement=True,
)
Index("subscription_deliveries_order", DELIVERIES.c.filter_id, DELIVERIES.c.id)

GENERATION = Table("filter_generation", METADATA, Column("id", Integer, primary_key=True), Column("count", Integer, nullable=False))

_LIVE = GROUPS.c.deleted.is_(False)


def generation(connection: Connection) -> tuple[int, int]:
    """Equal pairs mean equal filters, of groups that are there."""
    return connection.scalar(select(GENERATION.c.count)) or 0, logs.generation(connection)


def _bump(connection: Connection) -> None:
    row = upsert(GENERATION).values(id=1, count=1)
    connection.execute(row.on_conflict_do_update(index_elements=["id"], set_={"count": GENERATION.c.count + 1}))


def metric_filters(connection: Connection, *, holding: bool = False) -> Select[Any]:
    """Query of the metric filters of groups that are there; `holding`: also of those that are replaced but still hold for some chunks."""
    return _of_groups(METRIC_FILTERS, holding)


def subscription_filters(connection: Connection, *, holding: bool = False) -> Select[Any]:
    """The same for subscription filters."""
    return _of_groups(SUBSCRIPTION_FILTERS, holding)


def _of_groups(table: Table, holding: bool) -> Select[Any]:
    place = (GROUPS.c.account_id, GROUPS.c.region, GROUPS.c.partition, GROUPS.c.name.label("log_group"))
    query = select(table, *place).join(GROUPS, GROUPS.c.id == table.c.group_id).where(_LIVE)
    return query if holding else query.where(table.c.until.is_(None))


def metric_filter(row: Row[Any]) -> MetricFilter:
    """The filter in a row of `metric_filters`."""
    return MetricFilter(
        id=row.id,
        group_id=row.group_id,
        account_id=row.account_id,
        region=row.region,
        log_group=row.log_group,
        name=row.name,
        pattern=row.pattern,
        transformation=Transformation(
            metric_name=row.metric_name,
            metric_namespace=row.metric_namespace,
            metric_value=row.metric_value,
            default_value=row.default_value,
            dimensions=json.loads(row.dimensions),
            unit=row.unit,
        ),
        system_fields=json.loads(row.system_fields),
        transformed_logs=row.transformed_logs,
        creation_time=row.creation_time,
        since=row.since,
        until=row.until,
    )


def subscription_filter(row: Row[Any]) -> SubscriptionFilter:
    """The filter in a row of `subscription_filters`."""
    return SubscriptionFilter(**row._mapping)


def transformation_row(given: Transformation) -> dict[str, Any]:
    """The columns of a transformation."""
    return {
        "metric_name": given.metric_name,
        "metric_namespace": given.metric_namespace,
        "metric_value": given.metric_value,
        "default_value": given.default_value,
        "dimensions": json.dumps(dict(given.dimensions)),
        "unit": given.unit,
    }


def put(connection: Connection, table: Table, group_id: int, name: str, values: Mapping[str, Any], now: int) -> None:
    """Keep a filter; from the next chunk on it stands in the place of one of the same name, whose creation time it keeps."""
    newest = logs.newest(connection)
    there = (table.c.group_id == group_id) & (table.c.name == name) & table.c.until.is_(None)
    created = connection.scalar(select(table.c.creation_time).where(there))
    connection.execute(update(table).where(there).values(until=newest))
    connection.execute(
        insert(table).values(group_id=group_id, name=name, creation_time=now if created is None else created, since=newest, **values)
    )
    _bump(connection)


def end(connection: Connection, table: Table, group_id: int, name: str) -> bool:
    """Delete a filter: it holds for what is there, and for nothing more. Whether there was one."""
    there = (table.c.group_id == group_id) & (table.c.name == name) & table.c.until.is_(None)
    ended = connection.execute(update(table).where(there).values(until=logs.newest(connection))).rowcount
    if ended:
        _bump(connection)
    return bool(ended)


def patterns(connection: Connection, table: Table, group_id: int) -> dict[str, str]:
    """Name → pattern of the filters of a group."""
    query = select(table.c.name, table.c.pattern).where(table.c.group_id == group_id, table.c.until.is_(None))
    return {row.name: row.pattern for row in connection.execute(query)}


def remove_past(connection: Connection, table: Table, position: int) -> None:
    """Remove the rows of filters that hold for no chunk above `position` and have nothing on its way, and of groups that are gone."""
    connection.execute(delete(table).where(_past(table, position)))


def is_past(connection: Connection, table: Table, position: int) -> bool:
    """Whether `remove_past` has anything to remove."""
    return bool(connection.scalar(select(func.count()).select_from(table).where(_past(table, position))))


def _past(table: Table, position: int) -> ColumnElement[bool]:
    over: ColumnElement[bool] = table.c.until <= position
    if table is SUBSCRIPTION_FILTERS:
        over &= table.c.id.not_in(select(DELIVERIES.c.filter_id))
    return over | table.c.group_id.not_in(select(GROUPS.c.id).where(_LIVE))


def minutes(connection: Connection) -> dict[int, tuple[int, bool]]:
    """Filter → the newest minute in which events came in, and whether it is settled."""
    return {row.filter_id: (row.minute, row.settled) for row in connection.execute(select(MINUTES))}


def put_minutes(connection: Connection, changed: Mapping[int, tuple[int, bool]]) -> None:
    """Keep what is new of `minutes`."""
    for filter_id, (minute, settled) in changed.items():
        row = upsert(MINUTES).values(filter_id=filter_id, minute=minute, settled=settled)
        connection.execute(row.on_conflict_do_update(index_elements=["filter_id"], set_={"minute": minute, "settled": settled}))


def remove_minutes(connection: Connection) -> None:
    """Remove the minutes of filters that are gone."""
    connection.execute(delete(MINUTES).where(MINUTES.c.filter_id.not_in(select(METRIC_FILTERS.c.id))))


def remove_deliveries(connection: Connection) -> None:
    """Remove what is on its way for filters that are gone."""
    connection.execute(delete(DELIVERIES).where(DELIVERIES.c.filter_id.not_in(select(SUBSCRIPTION_FILTERS.c.id))))


def drop_group(connection: Connection, group: Group) -> None:
    """A log group is deleted: its filters go with it, in the same transaction, and what is on its way for them."""
    for table in (METRIC_FILTERS, SUBSCRIPTION_FILTERS):
        connection.execute(delete(table).where(table.c.group_id == group.id))
    remove_minutes(connection)
    remove_deliveries(connection)
    _bump(connection)


def metric_filter_counts(connection: Connection, group_ids: Sequence[int]) -> dict[int, int]:
    """How many metric filters each group has."""
    columns = METRIC_FILTERS.c
    query = select(columns.group_id, func.count()).where(columns.group_id.in_(group_ids), columns.until.is_(None))
    return {row[0]: row[1] for row in connection.execute(query.group_by(columns.group_id))}
