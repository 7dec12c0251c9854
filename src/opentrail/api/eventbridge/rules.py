"""Rules, and TestEventPattern."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from opentrail.api.call import Call, Handler, Result
from opentrail.api.eventbridge import reading
from opentrail.rules import tags
from opentrail.rules.control import EventBuses
from opentrail.rules.patterns import compiled
from opentrail.rules.values import Rule
from opentrail.wire.faults import ValidationException

FIELDS: Final = ("id", "account", "source", "time", "region", "resources", "detail-type")
"""What the event of TestEventPattern must have (API reference)."""


class RuleOperations:
    """One handler for each operation on rules themselves."""

    def __init__(self, buses: EventBuses) -> None:
        self._rules = buses.rules
        self.operations: Mapping[str, Handler] = {
            "PutRule": self.put_rule,
            "DescribeRule": self.describe_rule,
            "ListRules": self.list_rules,
            "EnableRule": self.enable_rule,
            "DisableRule": self.disable_rule,
            "DeleteRule": self.delete_rule,
            "TestEventPattern": self.test_event_pattern,
        }

    def put_rule(self, call: Call) -> Result:
        given = call.parameters
        marked = tags.checked(given.get("Tags") or ())
        made = self._rules.put(reading.bus_of(call), given["Name"], given, tags=marked, creator=call.caller.account_id)
        return {"RuleArn": made.arn}

    def describe_rule(self, call: Call) -> Result:
        found = self._rules.get(reading.bus_of(call), call.parameters["Name"])
        return _shape(found) | {"CreatedBy": found.created_by}

    def list_rules(self, call: Call) -> Result:
        prefix = call.parameters.get("NamePrefix") or ""
        found = self._rules.on_bus(reading.bus_of(call), prefix=prefix, after=reading.after(call), limit=reading.limit(call))
        return reading.page(call, "Rules", found, _shape, lambda rule: rule.name)

    def enable_rule(self, call: Call) -> None:
        self._rules.set_state(reading.bus_of(call), call.parameters["Name"], "ENABLED")

    def disable_rule(self, call: Call) -> None:
        self._rules.set_state(reading.bus_of(call), call.parameters["Name"], "DISABLED")

    def delete_rule(self, call: Call) -> None:
        self._rules.delete(reading.bus_of(call), call.parameters["Name"], force=bool(call.parameters.get("Force")))

    def test_event_pattern(self, call: Call) -> Result:
        pattern = compiled(call.parameters["EventPattern"])
        try:
            event = json.loads(call.parameters["Event"])
        except (ValueError, RecursionError):
            raise ValidationException("Parameter Event is not valid. Reason: It is not JSON.") from None
        if not isinstance(event, dict):
            raise ValidationException("Parameter Event is not valid. Reason: It is no JSON object.")
        missing = [name for name in FIELDS if name not in event]
        if missing:
            raise ValidationException(f"Parameter Event is not valid. Reason: It has no {', '.join(missing)}.")
        return {"Result": pattern.matches(event)}


def _shape(rule: Rule) -> dict[str, Any]:
    return reading.without_nothing(
        {
            "Name": rule.name,
            "Arn": rule.arn,
            "EventPattern": rule.pattern,
            "ScheduleExpression": rule.schedule,
            "State": rule.state,
            "Description": rule.description,
            "RoleArn": rule.role_arn,
            "ManagedBy": rule.managed_by,
            "EventBusName": rule.bus,
        }
    )
