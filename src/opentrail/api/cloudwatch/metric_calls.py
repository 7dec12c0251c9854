"""Metrics: PutMetricData, GetMetricStatistics, GetMetricData, ListMetrics."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

from opentrail.api.call import Call, Handler, Result
from opentrail.api.cloudwatch import pages
from opentrail.api.cloudwatch.queries import queries
from opentrail.clock import Clock
from opentrail.monitoring.metrics import names
from opentrail.monitoring.metrics.faults import (
    InvalidNextToken,
    InvalidParameterCombinationException,
    InvalidParameterValueException,
    MissingRequiredParameterException,
    ValidationError,
)
from opentrail.monitoring.metrics.putting import points
from opentrail.monitoring.metrics.series import first, series, series_by_unit
from opentrail.monitoring.metrics.statistics import SIMPLE, statistic
from opentrail.monitoring.metrics.store import FINE_FOR, MetricStore, key_of
from opentrail.monitoring.values import Metric
from opentrail.storage.writer import Writer

MOST_STATISTICS: Final = 1440
"""Points that one GetMetricStatistics gives."""
MOST_EXTENDED: Final = 10
MOST_DATA: Final = 100_800
"""Points in one page of GetMetricData."""
LIST_PAGE: Final = 500
LISTED_FOR: Final = 14 * 86_400
"""Seconds after its last point that a metric is listed."""
ACTIVE_FOR: Final = 3 * 3600


class MetricOperations:
    """One handler for each operation on metric data."""

    def __init__(self, metrics: MetricStore, clock: Clock, writer: Writer) -> None:
        self._metrics = metrics
        self._clock = clock
        self._writer = writer
        self.operations: Mapping[str, Handler] = {
            "PutMetricData": self.put_metric_data,
            "GetMetricStatistics": self.get_metric_statistics,
            "GetMetricData": self.get_metric_data,
            "ListMetrics": self.list_metrics,
        }

    def put_metric_data(self, call: Call) -> None:
        new = points(call.parameters, account_id=call.account_id, region=call.region, now=self._clock.time())
        self._writer.run(partial(self._metrics.put, points=new))

    def get_metric_statistics(self, call: Call) -> Result:
        given = call.parameters
        metric = names.metric(given, account_id=call.account_id, region=call.region)
        simple, extended = list(given.get("Statistics") or ()), list(given.get("ExtendedStatistics") or ())
        if not simple and not extended:
            raise MissingRequiredParameterException("Must specify either Statistics or ExtendedStatistics.")
        if simple and extended:
            raise InvalidParameterCombinationException("Statistics and ExtendedStatistics cannot both be given.")
        if len(extended) > MOST_EXTENDED:
            raise InvalidParameterValueException(f"ExtendedStatistics must not have more than {MOST_EXTENDED} items.")
        wanted = {name: statistic(name) for name in simple or extended}
        for name, found in wanted.items():
            if found is None or (found.percent is None) != bool(simple):
                raise InvalidParameterValueException(
                    f"The statistic {name[:100]} is not valid. Statistics are {', '.join(SIMPLE)}; extended ones percentiles, p0.0 to p100."
                )
        period = given["Period"]
        start, end = self._window(period, given["StartTime"], given["EndTime"])
        count = -(-(end - start) // period)
        if count > MOST_STATISTICS:
            raise InvalidParameterCombinationException(
                f"You have requested up to {count:,} datapoints, which exceeds the limit of {MOST_STATISTICS:,}. You may reduce the "
                "datapoints requested by increasing Period, or decreasing the time range."
            )
        with self._metrics.database.read() as connection:
            found_by = series_by_unit(
                self._metrics, connection, key_of(metric), start=start, end=end, period=period, unit=names.unit(given)
            )
        shown = []
        for (at, unit), bucket in sorted(found_by.items()):
            values = {name: found.of(bucket) for name, found in wanted.items() if found is not None}
            there = {name: value for name, value in values.items() if value is not None}
            if there:
                shown.append({"Timestamp": _moment(at), "Unit": unit, **(there if simple else {"ExtendedStatistics": there})})
        return {"Label": metric.name, "Datapoints": shown}

    def get_metric_data(self, call: Call) -> Result:
        given = call.parameters
        limit = given.get("MaxDatapoints", MOST_DATA)
        if not 1 <= limit <= MOST_DATA:
            raise ValidationError(f"MaxDatapoints must be between 1 and {MOST_DATA}.")
        asked = queries(given["MetricDataQueries"], account_id=call.account_id, region=call.region)
        descending = given.get("ScanBy", "TimestampDescending") == "TimestampDescending"
        place, offset = _place(given)
        results: list[dict[str, Any]] = []
        for number, query in enumerate(asked):
            if number < place:
                continue
            start, end = self._window(query.period, given["StartTime"], given["EndTime"], kind=ValidationError)
            with self._metrics.database.read() as connection:
                found = series(self._metrics, connection, key_of(query.metric), start=start, end=end, period=query.period, unit=query.unit)
            values = [(at, query.statistic.of(found[at])) for at in sorted(found, reverse=descending)]
            points_ = [(at, value) for at, value in values if value is not None][offset if number == place else 0 :]
            shown = points_[:limit]
            limit -= len(shown)
            whole = len(shown) == len(points_)
            results.append(
                {
                    "Id": query.id,
                    "Label": query.label,
                    "Timestamps": [_moment(at) for at, _ in shown],
                    "Values": [value for _, value in shown],
                    "StatusCode": "Complete" if whole else "PartialData",
                }
            )
            if not whole:
                gone = (offset if number == place else 0) + len(shown)
                return {"MetricDataResults": results, "NextToken": pages.token([number, gone]), "Messages": []}
        return {"MetricDataResults": results, "Messages": []}

    def list_metrics(self, call: Call) -> Result:
        given = call.parameters
        if given.get("OwningAccount") not in (None, call.account_id):
            raise InvalidParameterValueException("OwningAccount: OpenTrail links no monitoring accounts. Call with keys of that account.")
        filters = {one["Name"]: one.get("Value") for one in given.get("Dimensions") or ()}
        now = self._clock.time()
        found = self._metrics.list(
            account_id=call.account_id,
            region=call.region,
            namespace=given.get("Namespace"),
            name=given.get("MetricName"),
            dimensions=filters,
            since=now - (ACTIVE_FOR if given.get("RecentlyActive") else LISTED_FOR),
            after=pages.after(given, str) or "",
            limit=LIST_PAGE + 1,
        )
        shown = found[:LIST_PAGE]
        result: dict[str, Any] = {"Metrics": [_shape(metric) for metric in shown]}
        if given.get("IncludeLinkedAccounts"):
            result["OwningAccounts"] = [call.account_id for _ in shown]
        if len(found) > LIST_PAGE:
            result["NextToken"] = pages.token(key_of(shown[-1]))
        return result

    def _window(
        self,
        period: int,
        begin: datetime,
        until: datetime,
        *,
        kind: type[InvalidParameterValueException] | type[ValidationError] = InvalidParameterValueException,
    ) -> tuple[int, int]:
        """Start and end in seconds. Raises `kind` for a window or period that cannot be asked for."""
        if not names.is_period(period):
            raise kind("The parameter Period must be 1, 5, 10, 20, 30 or a multiple of 60.")
        if begin >= until:
            raise kind("The parameter StartTime must be less than the parameter EndTime.")
        if period < 60 and begin.timestamp() < self._clock.time() - FINE_FOR - 60:
            raise kind("A Period below 60 takes a StartTime of the last 3 hours: older data are kept by the minute.")
        return first(begin.timestamp(), period), int(-(-until.timestamp() // 1))


def _place(given: Mapping[str, Any]) -> tuple[int, int]:
    found = pages.after(given, list)
    if found is None:
        return 0, 0
    if len(found) != 2 or not all(type(one) is int and one >= 0 for one in found):
        raise InvalidNextToken("NextToken is not one that this operation has given out.")
    return found[0], found[1]


def _moment(at: int) -> datetime:
    return datetime.fromtimestamp(at, UTC)


def _shape(metric: Metric) -> dict[str, Any]:
    return {
        "Namespace": metric.namespace,
        "MetricName": metric.name,
        "Dimensions": [{"Name": name, "Value": value} for name, value in metric.dimensions],
    }
