"""Event buses and their permissions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opentrail.api.call import Call, Handler, Result
from opentrail.api.eventbridge import reading
from opentrail.rules import tags
from opentrail.rules.control import EventBuses
from opentrail.rules.names import BusName
from opentrail.rules.values import Bus
from opentrail.wire.faults import ValidationException


class BusOperations:
    """One handler for each operation on event buses."""

    def __init__(self, buses: EventBuses) -> None:
        self._buses = buses.buses
        self.operations: Mapping[str, Handler] = {
            "CreateEventBus": self.create_event_bus,
            "DescribeEventBus": self.describe_event_bus,
            "UpdateEventBus": self.update_event_bus,
            "ListEventBuses": self.list_event_buses,
            "DeleteEventBus": self.delete_event_bus,
            "PutPermission": self.put_permission,
            "RemovePermission": self.remove_permission,
        }

    def create_event_bus(self, call: Call) -> Result:
        given = call.parameters
        made = self._buses.create(_own(call), given, tags.checked(given.get("Tags") or ()))
        settings = {name: value for name, value in _settings(made).items() if name in given}
        return {"EventBusArn": made.arn, **settings}

    def describe_event_bus(self, call: Call) -> Result:
        found = self._buses.get(reading.bus_of(call, "Name"))
        return _shape(found) | _settings(found)

    def update_event_bus(self, call: Call) -> Result:
        made = self._buses.update(_own(call), call.parameters)
        return {"Arn": made.arn, "Name": made.name, **_settings(made)}

    def list_event_buses(self, call: Call) -> Result:
        prefix = call.parameters.get("NamePrefix") or ""
        found = self._buses.of_account(call.account_id, call.region, prefix=prefix, after=reading.after(call), limit=reading.limit(call))
        return reading.page(call, "EventBuses", found, _shape, lambda bus: bus.name)

    def delete_event_bus(self, call: Call) -> Result:
        self._buses.delete(_own(call))
        return {}

    def put_permission(self, call: Call) -> Result:
        given, bus = call.parameters, reading.bus_of(call)
        statement = [given.get(member) for member in ("Action", "Principal", "StatementId")]
        policy = given.get("Policy")
        if policy is not None:
            if any(statement) or given.get("Condition"):
                raise ValidationException("Parameter Policy cannot be used together with Action, Principal, StatementId and Condition.")
            self._buses.put_policy(bus, policy)
            return {}
        if not all(statement):
            raise ValidationException("Parameters Action, Principal and StatementId, or else Policy, must be specified.")
        action, principal, statement_id = map(str, statement)
        self._buses.permit(bus, statement_id=statement_id, action=action, principal=principal, condition=given.get("Condition"))
        return {}

    def remove_permission(self, call: Call) -> Result:
        given, bus = call.parameters, reading.bus_of(call)
        statement_id, everything = given.get("StatementId"), bool(given.get("RemoveAllPermissions"))
        if not everything and not statement_id:
            raise ValidationException("Parameter StatementId or RemoveAllPermissions must be specified.")
        self._buses.forbid(bus, None if everything else statement_id)
        return {}


def _own(call: Call) -> BusName:
    return BusName(region=call.region, account_id=call.account_id, name=call.parameters["Name"])


def _shape(bus: Bus) -> dict[str, Any]:
    times = {"CreationTime": reading.moment(bus.created), "LastModifiedTime": reading.moment(bus.modified)}
    return reading.without_nothing({"Name": bus.name, "Arn": bus.arn, "Description": bus.description, "Policy": bus.policy, **times})


def _settings(bus: Bus) -> dict[str, Any]:
    dead_letters = None if bus.dead_letter_arn is None else {"Arn": bus.dead_letter_arn}
    return reading.without_nothing({"Description": bus.description, "DeadLetterConfig": dead_letters, "LogConfig": bus.log_config})
