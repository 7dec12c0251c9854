"""Get/PutInsightSelectors and Get/PutEventConfiguration: what is made of the events that a trail logs, or an event data store collects."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opentrail.api.call import Call, Handler
from opentrail.api.cloudtrail.lake_sharing import LakeSharing
from opentrail.trails.control import Trails
from opentrail.trails.faults import EventDataStoreNotFoundException, InvalidParameterCombinationException, InvalidParameterException
from opentrail.trails.store import Trail


class AnalysisOperations:
    """Insights selectors and event configurations."""

    def __init__(self, trails: Trails, lake: LakeSharing | None = None) -> None:
        """Without `lake` no event data store exists, so none is found."""
        self._trails = trails
        self._lake = lake
        self.operations: Mapping[str, Handler] = {
            "GetInsightSelectors": self.get_insight_selectors,
            "PutInsightSelectors": self.put_insight_selectors,
            "GetEventConfiguration": self.get_event_configuration,
            "PutEventConfiguration": self.put_event_configuration,
        }

    def get_insight_selectors(self, call: Call) -> Mapping[str, Any]:
        name = _trail_name(call.parameters)
        if name is None:
            if self._lake is None:
                raise _no_such_store(call.parameters, InvalidParameterException)
            return self._lake.get_insight_selectors(call)
        return _insights(self._trails.insight_selectors(call.account_id, call.region, name))

    def put_insight_selectors(self, call: Call) -> Mapping[str, Any]:
        given = call.parameters
        name = _trail_name(given)
        if name is None:
            if given["InsightSelectors"] and not given.get("InsightsDestination"):
                raise InvalidParameterCombinationException("Specify InsightsDestination together with EventDataStore.")
            if self._lake is None:
                raise _no_such_store(given, InvalidParameterException)
            return self._lake.put_insight_selectors(call)
        if given.get("InsightsDestination"):
            raise InvalidParameterCombinationException("InsightsDestination cannot be used together with TrailName.")
        return _insights(self._trails.put_insight_selectors(call.account_id, call.region, name, given["InsightSelectors"]))

    def get_event_configuration(self, call: Call) -> Mapping[str, Any]:
        name = _trail_name(call.parameters)
        if name is None:
            if self._lake is None:
                raise _no_such_store(call.parameters, EventDataStoreNotFoundException)
            return self._lake.get_event_configuration(call)
        return _configuration(self._trails.at_home(call.account_id, call.region, name))

    def put_event_configuration(self, call: Call) -> Mapping[str, Any]:
        name = _trail_name(call.parameters)
        if name is None:
            if self._lake is None:
                raise _no_such_store(call.parameters, EventDataStoreNotFoundException)
            return self._lake.put_event_configuration(call)
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
