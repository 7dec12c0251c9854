"""The tables of metric data, and all that is asked of them. Other rooms put points by `MetricStore.put` in their own transaction.

Every point goes into the bucket of its minute. As long as it is recent it also goes into a finer one: that of its second where it has high
resolution, else that of its ten seconds. So alarms with a period of 10, 20 or 30 seconds work on all metrics; CloudWatch's would find
nothing in metrics of standard resolution.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Column, Connection, Float, Index, Integer, MetaData, String, Table, Text, UniqueConstraint
from sqlalchemy.dialects.sqlite import insert

from opentrail.clock import Clock
from opentrail.monitoring.metrics.buckets import Bucket, bucket, read
from opentrail.monitoring.values import Metric, MetricPoint
from opentrail.storage.database import Database

FINE_FOR: Final = 3 * 3600
"""Seconds that buckets finer than a minute are kept (CloudWatch User Guide, "Metrics retention")."""
FINE: Final = (1, 10)
COARSE: Final = (60, 300, 3600)

tables = MetaData()

metrics = Table(
    "metrics",
    tables,
    Column("number", Integer, primary_key=True),
    Column("key", Text, nullable=False, unique=True),
    Column("account_id", String(12), nullable=False),
    Column("region", String(64), nullable=False),
    Column("namespace", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("dimensions", Text, nullable=False),  # JSON, pairs in order of the names
    Column("newest", Float, nullable=False),  # time of the newest point
    Column("changed", Integer, nullable=False, index=True),  # the count of `metrics_changes` when the last point came in
    Index("metrics_of_account", "account_id", "region", "key"),
)

buckets = Table(
    "metric_buckets",
    tables,
    Column("metric", Integer, nullable=False),
    Column("resolution", Integer, nullable=False),  # seconds
    Column("start", Integer, nullable=False),
    Column("unit", String(32), nullable=False),
    Column("sum", Float, nullable=False),
    Column("count", Float, nullable=False),
    Column("minimum", Float, nullable=False),
    Column("maximum", Float, nullable=False),
    Column("values", Text),  # `Bucket.written`
    UniqueConstraint("metric", "resolution", "start", "unit"),
    Index("metric_buckets_by_age", "resolution", "start"),
)

changes = Table("metrics_changes", tables, Column("id", Integer, primary_key=True), Column("count", Integer, nullable=False))
"""Counts the times that points have come in."""

_PUT: Final = (
    'INSERT INTO metric_buckets (metric, resolution, start, unit, sum, count, minimum, maximum, "values") VALUES (?,?,?,?,?,?,?,?,?) '
    "ON CONFLICT (metric, resolution, start, unit) DO UPDATE SET sum = excluded.sum, count = excluded.count, "
    'minimum = excluded.minimum, maximum = excluded.maximum, "values" = excluded."values"'
)
_ONE: Final = (
    'SELECT sum, count, minimum, maximum, "values" FROM metric_buckets WHERE metric = ? AND resolution = ? AND start = ? AND unit = ?'
)


def key_of(metric: Metric) -> str:
    """What identifies a metric, as one text."""
    return json.dumps(
        [metric.account_id, metric.region, metric.namespace, metric.name, [list(pair) for pair in metric.dimensions]],
        ensure_ascii=False,
        separators=(",", ":"),
    )


class MetricStore:
    """Metric data of every account and Region. Thread-safe, and safe beside another process. Serves `neighbours.TakesMetrics`."""

    def __init__(self, database: Database, clock: Clock) -> None:
        """`database` is `DataFolder.monitoring`."""
        self.database = database
        self._clock = clock
        database.create(tables)
        with database.begin() as connection:
            connection.execute(insert(changes).values(id=1, count=0).on_conflict_do_nothing())

    def put(self, connection: Connection, points: Sequence[MetricPoint]) -> None:
        """Add points in the caller's transaction."""
        if not points:
            return
        fine_since = self._clock.time() - FINE_FOR
        merged: dict[tuple[str, int, int, str], Bucket] = {}
        newest: dict[str, tuple[Metric, float]] = {}
        for point in points:
            key = key_of(point.metric)
            newest[key] = (point.metric, max(point.time, newest[key][1] if key in newest else point.time))
            new = bucket(sum_=point.sum, count=point.count, minimum=point.minimum, maximum=point.maximum, values=point.values)
            sizes = (1 if point.high_resolution else 10, 60) if point.time >= fine_since else (60,)
            for size in sizes:
                place = (key, size, int(point.time // size * size), point.unit)
                merged[place] = merged[place].plus(new) if place in merged else new
        connection.exec_driver_sql(
            "INSERT INTO metrics_changes (id, count) VALUES (1, 1) ON CONFLICT (id) DO UPDATE SET count = metrics_changes.count + 1"
        )
        count = connection.exec_driver_sql("SELECT count FROM metrics_changes WHERE id = 1").scalar_one()
        numbers = {key: _number(connection, key, metric, time, count) for key, (metric, time) in newest.items()}
        put_buckets(connection, {(numbers[key], size, start, unit): new for (key, size, start, unit), new in merged.items()})

    def changes(self) -> int:
        """How often points have come in."""
        found = self.database.first("SELECT count FROM metrics_changes WHERE id = 1", ())
        return 0 if found is None else int(found[0])

    def changed(self, after: int) -> list[str]:
        """Keys of the metrics that got points after the count `after`."""
        with self.database.read() as connection:
            return list(connection.exec_driver_sql("SELECT key FROM metrics WHERE changed > ?", (after,)).scalars())

    def read(
        self, connection: Connection, key: str, start: int, end: int, *, sizes: Sequence[int], unit: str | None = None
    ) -> Iterator[tuple[int, str, Bucket]]:
        """Start, unit and content of the buckets of these sizes that begin in `[start, end)`, oldest first."""
        marks = ",".join("?" * len(sizes))
        of_unit, more = ("AND unit = ?", (unit,)) if unit is not None else ("", ())
        rows = connection.exec_driver_sql(
            f'SELECT b.start, b.unit, b.sum, b.count, b.minimum, b.maximum, b."values" FROM metrics m JOIN metric_buckets b '
            f"ON b.metric = m.number WHERE m.key = ? AND b.resolution IN ({marks}) AND b.start >= ? AND b.start < ? {of_unit} "
            "ORDER BY b.start",
            (key, *sizes, start, end, *more),
        )
        for row in rows:
            yield row[0], row[1], read(*row[2:])

    def list(
        self,
        *,
        account_id: str,
        region: str,
        namespace: str | None = None,
        name: str | None = None,
        dimensions: Mapping[str, str | None] | None = None,
        since: float = 0.0,
        after: str = "",
        limit: int,
    ) -> list[Metric]:
        """Metrics with points since then, in order of their keys; `dimensions`: name → value, or any where that is `None`."""
        wanted, values = ["account_id = ?", "region = ?", "newest >= ?"], [account_id, region, since]
        for column, value in (("namespace", namespace), ("name", name)):
            if value is not None:
                wanted.append(f"{column} = ?")
                values.append(value)
        query = f"SELECT key, namespace, name, dimensions FROM metrics WHERE {' AND '.join(wanted)} AND key > ? ORDER BY key LIMIT ?"
        found: list[Metric] = []
        with self.database.read() as connection:
            while len(found) < limit:
                rows = connection.exec_driver_sql(query, (*values, after, 1000)).all()
                for row in rows:
                    pairs: dict[str, str] = dict(json.loads(row[3]))
                    if all(key in pairs and value in (None, pairs[key]) for key, value in (dimensions or {}).items()):
                        found.append(
                            Metric(account_id=account_id, region=region, namespace=row[1], name=row[2], dimensions=tuple(pairs.items()))
                        )
                if len(rows) < 1000:
                    break
                after = rows[-1][0]
        return found[:limit]


def put_buckets(connection: Connection, new: Mapping[tuple[int, int, int, str], Bucket]) -> None:
    """Add to the buckets at these places (metric, size, start, unit)."""
    rows: list[tuple[Any, ...]] = []
    for place, content in new.items():
        there = connection.exec_driver_sql(_ONE, place).first()
        whole = content if there is None else read(*there).plus(content)
        rows.append((*place, whole.sum, whole.count, whole.minimum, whole.maximum, whole.written()))
    if rows:
        connection.exec_driver_sql(_PUT, rows)


def _number(connection: Connection, key: str, metric: Metric, newest: float, count: int) -> int:
    found = connection.exec_driver_sql(
        "UPDATE metrics SET newest = MAX(newest, ?), changed = ? WHERE key = ? RETURNING number", (newest, count, key)
    ).all()
    if found:
        return int(found[0][0])
    dimensions = json.dumps([list(pair) for pair in metric.dimensions], ensure_ascii=False, separators=(",", ":"))
    row = (key, metric.account_id, metric.region, metric.namespace, metric.name, dimensions, newest, count)
    made = connection.exec_driver_sql(
        "INSERT INTO metrics (key, account_id, region, namespace, name, dimensions, newest, changed) VALUES (?,?,?,?,?,?,?,?) "
        "RETURNING number",
        row,
    ).all()
    return int(made[0][0])
