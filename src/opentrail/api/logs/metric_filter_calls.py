"""Metric filters: PutMetricFilter, DescribeMetricFilters, DeleteMetricFilter, TestMetricFilter."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opentrail.api.call import Call, Handler, Result
from opentrail.api.logs.group_calls import PAGE, read_token, token
from opentrail.monitoring.faults import InvalidParameterException
from opentrail.monitoring.filters import MetricFilters, tested
from opentrail.monitoring.filters.values import MetricFilter

_KIND = "metric-filters"


class MetricFilterOperations:
    """One handler for each operation on metric filters."""

    def __init__(self, filters: MetricFilters) -> None:
        self._filters = filters
        self.operations: Mapping[str, Handler] = {
            "PutMetricFilter": self.put_metric_filter,
            "DescribeMetricFilters": self.describe_metric_filters,
            "DeleteMetricFilter": self.delete_metric_filter,
            "TestMetricFilter": self.test_metric_filter,
        }

    def put_metric_filter(self, call: Call) -> Result:
        self._filters.put(call.account_id, call.region, call.parameters)
        return {}

    def describe_metric_filters(self, call: Call) -> Result:
        given = call.parameters
        name, namespace = given.get("metricName"), given.get("metricNamespace")
        if (name is None) != (namespace is None):
            raise InvalidParameterException("metricName and metricNamespace must be specified together.")
        log_group, limit = given.get("logGroupName"), given.get("limit", PAGE)
        last, _, last_group = read_token(given.get("nextToken"), _KIND).partition(":")
        found = self._filters.list(
            call.account_id,
            call.region,
            log_group=log_group,
            prefix=given.get("filterNamePrefix", "") if log_group is not None else "",
            metric=None if name is None or namespace is None else (namespace, name),
            after=(last, last_group),
            limit=limit + 1,
        )
        answer: dict[str, Any] = {"metricFilters": [_shown(one) for one in found[:limit]]}
        if len(found) > limit:
            answer["nextToken"] = token(f"{found[limit - 1].name}:{found[limit - 1].log_group}", _KIND)
        return answer

    def delete_metric_filter(self, call: Call) -> Result:
        given = call.parameters
        self._filters.delete(call.account_id, call.region, given["logGroupName"], given["filterName"])
        return {}

    def test_metric_filter(self, call: Call) -> Result:
        matches = tested(call.parameters["filterPattern"], call.parameters["logEventMessages"])
        return {
            "matches": [{"eventNumber": one.number, "eventMessage": one.message, "extractedValues": dict(one.extracted)} for one in matches]
        }


def _shown(one: MetricFilter) -> dict[str, Any]:
    made = one.transformation
    transformation: dict[str, Any] = {
        "metricName": made.metric_name,
        "metricNamespace": made.metric_namespace,
        "metricValue": made.metric_value,
    }
    if made.default_value is not None:
        transformation["defaultValue"] = made.default_value
    if made.dimensions:
        transformation["dimensions"] = dict(made.dimensions)
    if made.unit is not None:
        transformation["unit"] = made.unit
    shown: dict[str, Any] = {
        "filterName": one.name,
        "filterPattern": one.pattern,
        "metricTransformations": [transformation],
        "creationTime": one.creation_time,
        "logGroupName": one.log_group,
    }
    if one.transformed_logs is not None:
        shown["applyOnTransformedLogs"] = one.transformed_logs
    if one.system_fields:
        shown["emitSystemFieldDimensions"] = list(one.system_fields)
    return shown
