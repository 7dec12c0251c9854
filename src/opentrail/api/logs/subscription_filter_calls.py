"""Subscription filters: PutSubscriptionFilter, DescribeSubscriptionFilters, DeleteSubscriptionFilter."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opentrail.api.call import Call, Handler, Result
from opentrail.api.logs.group_calls import PAGE, read_token, token
from opentrail.monitoring.filters import SubscriptionFilters
from opentrail.monitoring.filters.values import SubscriptionFilter

_KIND = "subscription-filters"


class SubscriptionFilterOperations:
    """One handler for each operation on subscription filters."""

    def __init__(self, filters: SubscriptionFilters) -> None:
        self._filters = filters
        self.operations: Mapping[str, Handler] = {
            "PutSubscriptionFilter": self.put_subscription_filter,
            "DescribeSubscriptionFilters": self.describe_subscription_filters,
            "DeleteSubscriptionFilter": self.delete_subscription_filter,
        }

    def put_subscription_filter(self, call: Call) -> Result:
        self._filters.put(call.account_id, call.region, call.parameters)
        return {}

    def describe_subscription_filters(self, call: Call) -> Result:
        given = call.parameters
        limit = given.get("limit", PAGE)
        found = self._filters.list(
            call.account_id,
            call.region,
            given["logGroupName"],
            prefix=given.get("filterNamePrefix", ""),
            after=read_token(given.get("nextToken"), _KIND),
            limit=limit + 1,
        )
        answer: dict[str, Any] = {"subscriptionFilters": [_shown(one) for one in found[:limit]]}
        if len(found) > limit:
            answer["nextToken"] = token(found[limit - 1].name, _KIND)
        return answer

    def delete_subscription_filter(self, call: Call) -> Result:
        given = call.parameters
        self._filters.delete(call.account_id, call.region, given["logGroupName"], given["filterName"])
        return {}


def _shown(one: SubscriptionFilter) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "filterName": one.name,
        "logGroupName": one.log_group,
        "filterPattern": one.pattern,
        "destinationArn": one.destination_arn,
        "distribution": one.distribution,
        "creationTime": one.creation_time,
    }
    if one.role_arn is not None:
        shown["roleArn"] = one.role_arn
    if one.transformed_logs is not None:
        shown["applyOnTransformedLogs"] = one.transformed_logs
    return shown
