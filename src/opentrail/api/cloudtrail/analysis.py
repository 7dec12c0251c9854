"""Get/PutInsightSelectors and Get/PutEventConfiguration: what is made of the events that a trail logs.

Each takes a trail or an event data store. Event data stores are not served yet: none exists, so none is found.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opentrail.api.call import Call, Handler
from opentrail.trails.control import Trails
from opentrail.trails.faults import EventDataStoreNotFoundException, InvalidParameterCombinationException, InvalidParameterException
from opentrail.trails.store import Trail


class AnalysisOperations:
    """Insights selectors and event configurations."""

    def __init__(self, trails: Trails) -> None:
        self._trails = trails
        self.operations: Mapping[str, Handler] = {
            "GetInsightSelectors": self.get_insight_selectors,
            "PutInsightSelectors": self.put_insight_selectors,
            "GetEventConfiguration": self.get_event_configuration,
            "PutEventConfiguration": self.put_event_configuration,
        }

    def get_insight_selectors(self, call: Call) -> Mapping[str, Any]:
        name = _trail_name(call.parameters)
        if name is None:
            raise _no_such_store(call.parameters, InvalidParameterException)
        return _insights(self._trails.insight_selectors(call.account_id, call.region, name))

    def put_insight_selectors(self, call: Call) -> Mapping[str, Any]:
        given = call.parameters
        name = _trail_name(given)
        if name is None:
            if not given.get("InsightsDestination"):
                raise InvalidParameterCombinationException("Specify InsightsDestination together with EventDataStore.")
            raise _no_such_store(given, InvalidParameterException)
        if given.get("InsightsDestination"):
            raise InvalidParameterCombinationException("InsightsDestination cannot be used together with TrailName.")
        return _insights(self._trails.put_insight_selectors(call.account_id, call.region, name, given["InsightSelectors"]))

    def get_event_configuration(self, call: Call) -> Mapping[str, Any]:
        name = _trail_name(call.parameters)
        if name is None:
            raise _no_such_store(call.parameters, EventDataStoreNotFoundException)
        return _configuration(self._trails.at_home(call.account_id, call.region, name))

    def put_event_configuration(self, call: Call) -> Mapping[str, Any]:
        name = _trail_name(call.parameters)
        if name is None:
            raise _no_such_store(call.parameters, EventDataStoreNotFoundException)
        return _configuration(self._trails.put_event_configuration(call.account_id, call.region, name, call.parameters))


def _trail_name(given: Mapping[str, Any]) -> str | None:
    """The trail that is meant; `None` where it is an event data store. Raises `InvalidParameterCombinationException` unless it is one."""
    trail, event_data_store = given.get("TrailName"), given.get("EventDataStore")
    if bool(trail) == bool(event_data_store):
        raise InvalidParameterCombinationException("Specify either TrailName or EventDataStore.")
    return trail or None


def _no_such_store(
    given: Mapping[str, Any], kind: type[InvalidParameterException] | type[EventDataStoreNotFoundException]
) -> InvalidParameterException | EventDataStoreNotFoundException:
    return kind(f"The event data store {given['EventDataStore']} does not exist.")


def _insights(trail: Trail) -> dict[str, Any]:
    return {"TrailARN": trail.arn, **(trail.insight_selectors or {"InsightSelectors": []})}


def _configuration(trail: Trail) -> dict[str, Any]:
    return {"TrailARN": trail.arn, **(trail.event_configuration or {"AggregationConfigurations": []})}
