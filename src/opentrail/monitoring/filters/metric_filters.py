"""Metric filters: PutMetricFilter, DescribeMetricFilters, DeleteMetricFilter, TestMetricFilter."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, and_, func, or_

from opentrail.clock import Clock
from opentrail.monitoring.faults import LimitExceededException, ResourceNotFoundException
from opentrail.monitoring.filter_patterns import Message, compiled
from opentrail.monitoring.filters import checking, store
from opentrail.monitoring.filters.store import METRIC_FILTERS, SUBSCRIPTION_FILTERS
from opentrail.monitoring.filters.values import MetricFilter
from opentrail.monitoring.logs import store as logs
from opentrail.monitoring.logs.store import GROUPS
from opentrail.monitoring.logs.values import Group
from opentrail.storage.database import Database

MOST: Final = 100
"""Metric filters of one log group."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """A tested message that matches."""

    number: int
    """From 1, as it stands in the request."""
    message: str
    extracted: Mapping[str, str]


class MetricFilters:
    """Thread-safe. Makes its tables, which need those of the log groups."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        database.create(logs.METADATA)
        database.create(store.METADATA)

    def put(self, account_id: str, region: str, given: Mapping[str, Any]) -> None:
        """PutMetricFilter: the members of its request, checked against the model.

        Raises `InvalidParameterException`, `InvalidOperationException`, `LimitExceededException`, `ResourceNotFoundException`.
        """
        pattern, name = compiled(given["filterPattern"]), given["filterName"]
        transformation = checking.transformation(given["metricTransformations"][0], pattern)
        system_fields = checking.system_fields(given, transformation)
        checking.options(given)
        with self._database.begin() as connection:
            group = group_named(connection, account_id, region, given["logGroupName"])
            checking.standard(group)
            there = store.patterns(connection, METRIC_FILTERS, group.id)
            if name not in there and len(there) >= MOST:
                raise LimitExceededException(f"Resource limit exceeded: a log group has at most {MOST} metric filters.")
            there.pop(name, None)
            checking.regexes(pattern, [*there.values(), *store.patterns(connection, SUBSCRIPTION_FILTERS, group.id).values()])
            values = {
                "pattern": given["filterPattern"],
                "system_fields": json.dumps(system_fields),
                "transformed_logs": given.get("applyOnTransformedLogs"),
                **store.transformation_row(transformation),
            }
            store.put(connection, METRIC_FILTERS, group.id, name, values, int(self._clock.time() * 1000))

    def counts(self, group_ids: Sequence[int]) -> dict[int, int]:
        """How many there are of each group that has any (`metricFilterCount`)."""
        with self._database.read() as connection:
            return store.metric_filter_counts(connection, group_ids)

    def delete(self, account_id: str, region: str, log_group: str, name: str) -> None:
        """Raises `ResourceNotFoundException`."""
        with self._database.begin() as connection:
            group = group_named(connection, account_id, region, log_group)
            if not store.end(connection, METRIC_FILTERS, group.id, name):
                raise ResourceNotFoundException("The specified metric filter does not exist.")

    def list(
        self,
        account_id: str,
        region: str,
        *,
        log_group: str | None = None,
        prefix: str = "",
        metric: tuple[str, str] | None = None,
        after: tuple[str, str] = ("", ""),
        limit: int,
    ) -> list[MetricFilter]:
        """At most `limit` filters behind `after` (name, log group), by name: of one group or all, of one metric (namespace, name) or all.

        Raises `ResourceNotFoundException` for a group that is not there.
        """
        columns = METRIC_FILTERS.c
        with self._database.read() as connection:
            query = store.metric_filters(connection).where(GROUPS.c.account_id == account_id, GROUPS.c.region == region)
            if log_group is not None:
                query = query.where(columns.group_id == group_named(connection, account_id, region, log_group).id)
            if prefix:
                query = query.where(columns.name >= prefix, func.substr(columns.name, 1, len(prefix)) == prefix)
            if metric is not None:
                query = query.where(columns.metric_namespace == metric[0], columns.metric_name == metric[1])
            query = query.where(or_(columns.name > after[0], and_(columns.name == after[0], GROUPS.c.name > after[1])))
            rows = connection.execute(query.order_by(columns.name, GROUPS.c.name).limit(limit))
            return [store.metric_filter(row) for row in rows]


def tested(text: str, messages: Sequence[str]) -> list[Match]:
    """TestMetricFilter: which messages match, and what is extracted. Raises `InvalidParameterException`."""
    pattern = compiled(text)
    read = [(number, Message(message)) for number, message in enumerate(messages, 1)]
    return [
        Match(number=number, message=message.text, extracted=pattern.extracted(message))
        for number, message in read
        if pattern.matches(message)
    ]


def group_named(connection: Connection, account_id: str, region: str, name: str) -> Group:
    """The log group. Raises `ResourceNotFoundException`."""
    group = logs.group(connection, account_id, region, name)
    if group is None:
        raise ResourceNotFoundException("The specified log group does not exist.")
    return group
