"""API destinations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opentrail.api.call import Call, Handler, Result
from opentrail.api.eventbridge import reading
from opentrail.rules.control import EventBuses
from opentrail.rules.values import ApiDestination


class DestinationOperations:
    """One handler for each operation on API destinations."""

    def __init__(self, buses: EventBuses) -> None:
        self._destinations = buses.destinations
        self.operations: Mapping[str, Handler] = {
            "CreateApiDestination": self.create_api_destination,
            "DescribeApiDestination": self.describe_api_destination,
            "UpdateApiDestination": self.update_api_destination,
            "ListApiDestinations": self.list_api_destinations,
            "DeleteApiDestination": self.delete_api_destination,
        }

    def create_api_destination(self, call: Call) -> Result:
        return self._brief(self._destinations.create(call.account_id, call.region, call.parameters))

    def describe_api_destination(self, call: Call) -> Result:
        found = self._destinations.get(call.account_id, call.region, call.parameters["Name"])
        return reading.without_nothing({**self._listed(found), "Description": found.description})

    def update_api_destination(self, call: Call) -> Result:
        return self._brief(self._destinations.update(call.account_id, call.region, call.parameters))

    def list_api_destinations(self, call: Call) -> Result:
        given = call.parameters
        found = self._destinations.of_account(
            call.account_id,
            call.region,
            prefix=given.get("NamePrefix") or "",
            connection_arn=given.get("ConnectionArn"),
            after=reading.after(call),
            limit=reading.limit(call),
        )
        return reading.page(call, "ApiDestinations", found, self._listed, lambda one: one.name)

    def delete_api_destination(self, call: Call) -> Result:
        self._destinations.delete(call.account_id, call.region, call.parameters["Name"])
        return {}

    def _brief(self, destination: ApiDestination) -> dict[str, Any]:
        return {
            "ApiDestinationArn": destination.arn,
            "ApiDestinationState": "ACTIVE" if self._destinations.is_active(destination) else "INACTIVE",
            "CreationTime": reading.moment(destination.created),
            "LastModifiedTime": reading.moment(destination.modified),
        }

    def _listed(self, destination: ApiDestination) -> dict[str, Any]:
        return reading.without_nothing(
            {
                **self._brief(destination),
                "Name": destination.name,
                "ConnectionArn": destination.connection_arn,
                "InvocationEndpoint": destination.endpoint,
                "HttpMethod": destination.method,
                "InvocationRateLimitPerSecond": destination.rate_limit,
            }
        )
