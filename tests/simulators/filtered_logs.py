"""Log groups with filters: the real tables in a folder of its own, metric points that are only written down, destinations that can fail."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Column, Connection, Integer, MetaData, String, Table, insert, select

from opentrail.clock import ManualClock
from opentrail.monitoring.filters import Delivering, Following, Measuring, MetricFilters, Subscribing, SubscriptionFilters
from opentrail.monitoring.filters.measuring import FOLLOWER as MEASURING
from opentrail.monitoring.filters.subscribing import FOLLOWER as SUBSCRIBING
from opentrail.monitoring.logs import LogGroups
from opentrail.monitoring.neighbours import Functions
from opentrail.monitoring.values import MetricPoint
from opentrail.storage.database import Database

ACCOUNT = "111122223333"
REGION = "us-east-1"
GROUP = "app"
NOW = 1_767_607_860
"""2026-01-05T10:11:00Z, where a minute begins."""
LAMBDA = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:watch"
KINESIS = f"arn:aws:kinesis:{REGION}:{ACCOUNT}:stream/lines"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/logs"

_TABLES = MetaData()
_POINTS = Table("written_points", _TABLES, Column("id", Integer, primary_key=True), Column("point", String, nullable=False))


class Crash(Exception):
    """The process dies here."""


class WrittenPoints:
    """Takes metric points into a table beside everything else; `crash` makes the next one die after it."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.crash = False
        database.create(_TABLES)

    def put(self, connection: Connection, points: Sequence[MetricPoint]) -> None:
        for point in points:
            metric = point.metric
            text = json.dumps(
                {
                    "metric": f"{metric.namespace}/{metric.name}",
                    "dimensions": dict(metric.dimensions),
                    "minute": (int(point.time) - NOW) // 60,
                    "sum": point.sum,
                    "count": point.count,
                    "bounds": [point.minimum, point.maximum],
                    "unit": point.unit,
                }
            )
            connection.execute(insert(_POINTS).values(point=text))
        if self.crash:
            raise Crash

    def all(self) -> list[dict[str, Any]]:
        with self._database.read() as connection:
            return [json.loads(text) for text in connection.scalars(select(_POINTS.c.point).order_by(_POINTS.c.id))]


class ListedPoints:
    """Takes the metric points that deliveries give."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.values: dict[str, float] = {}
        """Sums by the names of metrics."""

    def put(self, connection: Connection, points: Sequence[MetricPoint]) -> None:
        for point in points:
            metric = point.metric
            where = dict(metric.dimensions)
            self.values[metric.name] = self.values.get(metric.name, 0.0) + point.sum
            self.names.append(f"{metric.namespace}/{metric.name} {where['LogGroupName']} {where['FilterName']} {where['DestinationType']}")


class NoKeys:
    """No group here is encrypted."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(name)


@dataclass
class Destinations:
    """Lambda, Kinesis and Firehose; `trouble` is raised instead of taking the next payload."""

    taken: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    trouble: dict[str, Exception] = field(default_factory=dict)

    def deliver(self, *, destination_arn: str, payload: bytes, partition_key: str, role_arn: str | None, source_arn: str) -> None:
        trouble = self.trouble.get(destination_arn)
        if trouble is not None:
            raise trouble
        base64.b64encode(payload)
        self.taken.append((destination_arn, json.loads(gzip.decompress(payload))))

    def messages(self, destination_arn: str) -> list[str]:
        """The messages of all log events that have come to a destination."""
        return [event["message"] for arn, one in self.taken if arn == destination_arn and one["logGroup"] for event in one["logEvents"]]


class FilteredLogs:
    """One data folder; `restart` begins again with what is on disk."""

    def __init__(self, folder: Path, functions: Functions | None = None) -> None:
        """`functions` are the destinations; `destinations` are when nothing else is said."""
        self.clock = ManualClock(at=float(NOW))
        self.database = Database.at(folder / "monitoring.db")
        self.logs = LogGroups(self.database, self.clock, keys=NoKeys())
        self.points = WrittenPoints(self.database)
        self.destinations = Destinations()
        self.functions = functions or self.destinations
        self.told = ListedPoints()
        self.metric_filters = MetricFilters(self.database, self.clock)
        self.subscription_filters = SubscriptionFilters(self.database, self.clock, functions=self.functions)
        self.group()
        self.restart()

    def restart(self) -> None:
        """A new process."""
        measuring = Measuring(self.database, self.clock, metrics=self.points)
        self.measuring = Following(MEASURING, self.database, reader=self.logs.reader, work=measuring)
        subscribing = Subscribing(self.database, self.clock)
        self.subscribing = Following(SUBSCRIBING, self.database, reader=self.logs.reader, work=subscribing)
        self.delivering = Delivering(self.database, self.clock, functions=self.functions, metrics=self.told, start=lambda call: call())

    def close(self) -> None:
        self.logs.close()
        self.database.close()

    def group(self, name: str = GROUP, log_group_class: str = "STANDARD") -> None:
        self.logs.control.create_group(
            ACCOUNT, REGION, name, partition="aws", log_group_class=log_group_class, kms_key_id=None, tags=None, deletion_protection=False
        )
        for stream in ("s", "t"):
            self.logs.control.create_stream(ACCOUNT, REGION, name, stream)

    def put(self, *messages: str, group: str = GROUP, at: float | None = None, stream: str = "s") -> None:
        """Put log events, all of the time `at`, or of now."""
        moment = int((self.clock.time() if at is None else at) * 1000)
        self.logs.putting.put(ACCOUNT, REGION, group, stream, [{"timestamp": moment, "message": message} for message in messages])

    def metric_filter(self, pattern: str, value: str = "1", *, name: str = "f", group: str = GROUP, **transformation: Any) -> None:
        made = {"metricName": "M", "metricNamespace": "N", "metricValue": value, **transformation}
        given = {"logGroupName": group, "filterName": name, "filterPattern": pattern, "metricTransformations": [made]}
        self.metric_filters.put(ACCOUNT, REGION, given)

    def subscription(self, pattern: str, arn: str = LAMBDA, *, name: str = "s", group: str = GROUP, **further: Any) -> None:
        given = {"logGroupName": group, "filterName": name, "filterPattern": pattern, "destinationArn": arn, **further}
        self.subscription_filters.put(ACCOUNT, REGION, given)

    def follow(self) -> list[dict[str, Any]]:
        """Let the metric filters catch up; every point there is."""
        self.clock.elapsed += 10  # the next look at the clock is due
        while self.measuring.step():
            pass
        return self.points.all()

    def deliver(self, after: float = 10.0) -> None:
        """So many seconds later, let the subscription filters catch up, and what is due be delivered."""
        self.clock.elapsed += after
        while self.subscribing.step():
            pass
        self.delivering.step()
