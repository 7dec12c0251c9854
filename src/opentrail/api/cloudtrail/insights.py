"""ListInsightsData and ListInsightsMetricData: what Insights found in the data events of a trail, and the counts that they stand on."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from opentrail.api.call import Call, Handler
from opentrail.insights import listing, metric_data
from opentrail.insights import store as insights_store
from opentrail.insights.faults import InvalidParameterException, OperationNotPermittedException
from opentrail.insights.rates import Rate
from opentrail.insights.store import Listed
from opentrail.storage.database import Database
from opentrail.trails.control import Trails
from opentrail.trails.faults import CloudTrailARNInvalidException, TrailNotFoundException
from opentrail.trails.store import Trail


class InsightsOperations:
    """`insights` is `DataFolder.insights`. Blocking: called in worker threads."""

    def __init__(self, insights: Database, trails: Trails) -> None:
        self._insights = insights
        self._trails = trails
        self._data_rate, self._metric_rate = Rate(2), Rate(1)
        insights.create(insights_store.METADATA)
        self.operations: Mapping[str, Handler] = {
            "ListInsightsData": self.list_insights_data,
            "ListInsightsMetricData": self.list_insights_metric_data,
        }

    def list_insights_data(self, call: Call) -> Mapping[str, Any]:
        """About an organization trail only the management account and delegated administrators may ask, and each hears of itself."""
        self._data_rate.take(call.account_id, call.region, call.time.timestamp())
        source = call.parameters["InsightSource"]
        if not source.startswith("arn:"):
            raise InvalidParameterException(f"InsightSource must be the ARN of a trail, not {source}.")
        self._trail(call, source)
        shown, token = listing.page(self._insights, call.account_id, call.region, call.parameters, call.time.timestamp())
        answer: dict[str, Any] = {"Events": [_event(found) for found in shown]}
        return answer if token is None else {**answer, "NextToken": token}

    def list_insights_metric_data(self, call: Call) -> Mapping[str, Any]:
        self._metric_rate.take(call.account_id, call.region, call.time.timestamp())
        given = call.parameters
        trail = self._trail(call, given["TrailName"]) if given.get("TrailName") is not None else None
        page = metric_data.page(
            self._insights, call.account_id, call.region, given, call.time.timestamp(), trail_arn=None if trail is None else trail.arn
        )
        answer: dict[str, Any] = {} if trail is None else {"TrailARN": trail.arn}
        answer |= {name: given[name] for name in ("EventSource", "EventName", "InsightType", "ErrorCode") if name in given}
        answer |= {"Timestamps": [datetime.fromtimestamp(time, UTC) for time in page.times], "Values": list(page.values)}
        return answer if page.next_token is None else {**answer, "NextToken": page.next_token}

    def _trail(self, call: Call, name_or_arn: str) -> Trail:
        """Raises `InvalidParameterException` for one that there is not, `InvalidTrailNameException` for a name that none can have."""
        try:
            trail = self._trails.get(call.account_id, call.region, name_or_arn)
        except (TrailNotFoundException, CloudTrailARNInvalidException) as fault:
            raise InvalidParameterException(fault.message) from None
        if trail.account_id not in (call.account_id, self._trails.organization.owner_if_any(call.account_id)):
            raise OperationNotPermittedException(
                "Only the management account and delegated administrators can list Insights of an organization trail."
            )
        return trail


def _event(found: Listed) -> dict[str, Any]:
    return {
        "EventId": found.event_id,
        "EventName": found.event_name,
        "EventTime": datetime.fromtimestamp(found.time, UTC),
        "EventSource": found.event_source,
        "CloudTrailEvent": found.record.decode(),
    }
