"""Which permission each operation takes (service authorization reference, "Amazon EventBridge"): action, resource, conditions.

What other accounts may do with a bus, and with rules on it, its policy says. Condition keys: "Using IAM policy conditions" of the
EventBridge guide.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from opentrail.api.call import Call, Need
from opentrail.api.eventbridge import reading
from opentrail.rules import put_events, tagging
from opentrail.rules.control import EventBuses
from opentrail.rules.names import BusName, partition
from opentrail.rules.target_kinds import place_of
from opentrail.rules.values import EVENTS
from opentrail.wire.faults import ValidationException, fault

_RULES: Final[Mapping[str, str]] = {
    # operation → the member that names the rule
    "PutRule": "Name",
    "DescribeRule": "Name",
    "EnableRule": "Name",
    "DisableRule": "Name",
    "DeleteRule": "Name",
    "PutTargets": "Rule",
    "RemoveTargets": "Rule",
    "ListTargetsByRule": "Rule",
}
_OWN_BUS: Final = ("CreateEventBus", "UpdateEventBus", "DeleteEventBus")
_LISTS_OF_BUS: Final = ("ListRules", "ListRuleNamesByTarget")
_TAGS: Final = ("TagResource", "UntagResource", "ListTagsForResource")
_NAMED: Final[Mapping[str, str]] = {"Connection": "connection", "ApiDestination": "api-destination"}
_KEYS: Final[Mapping[str, tuple[str, ...]]] = {
    # condition key → where a pattern has its values
    "events:source": ("source",),
    "events:detail-type": ("detail-type",),
    "events:detail.service": ("detail", "service"),
    "events:detail.eventTypeCode": ("detail", "eventTypeCode"),
    "events:detail.userIdentity.principalId": ("detail", "userIdentity", "principalId"),
}


class Needs:
    """Works out the needs of calls; reads the bus or the rule that a call names."""

    def __init__(self, buses: EventBuses) -> None:
        self._buses = buses

    def of(self, call: Call) -> Sequence[Need]:
        """What the caller must be allowed. Raises the faults of names that cannot be."""
        operation, given, action = call.operation, call.parameters, f"events:{call.operation}"
        if operation in _RULES:
            return [*self._on_rule(call, action), *_passed_roles(call)]
        if operation == "PutEvents":
            # Entries for buses of others are judged one by one: one refusal is no reason to lose the rest.
            buses = [
                put_events.bus_named(entry.get("EventBusName"), account_id=call.account_id, region=call.region)
                for entry in given["Entries"]
            ]
            own = [(entry, bus) for entry, bus in zip(given["Entries"], buses, strict=True) if bus.account_id == call.account_id]
            return [self.put_event(call, entry, bus) for entry, bus in own]
        if operation in _OWN_BUS:
            bus = BusName(region=call.region, account_id=call.account_id, name=given["Name"])
            more = [self._on_bus(call, "events:TagResource", bus)] if given.get("Tags") else []
            return [self._on_bus(call, action, bus), *more]
        if operation == "DescribeEventBus":
            return [self._on_bus(call, action, reading.bus_of(call, "Name"))]
        if operation in ("PutPermission", "RemovePermission"):
            return [self._on_bus(call, action, reading.bus_of(call))]
        if operation in _LISTS_OF_BUS:
            bus = reading.bus_of(call)
            return [self._on_bus(call, action, bus, resource=bus.rule_arn("*"))]
        if operation in _TAGS:
            return [self._on_tagged(call, action)]
        return [Need(action=action, resource=self._named(call))]

    def put_event(self, call: Call, entry: Mapping[str, Any], bus: BusName) -> Need:
        """The need to put one entry on a bus."""
        context = {
            "events:source": (entry.get("Source") or "",),
            "events:detail-type": (entry.get("DetailType") or "",),
            "events:eventBusInvocation": ("false",),
        }
        return self._on_bus(call, "events:PutEvents", bus, context=context)

    def _on_bus(
        self, call: Call, action: str, bus: BusName, *, resource: str | None = None, context: Mapping[str, Sequence[str]] | None = None
    ) -> Need:
        found = self._buses.buses.find(bus)
        keys = dict(context or {}) | _tags_asked(call)
        if found is not None:
            keys |= {f"aws:ResourceTag/{key}": (value,) for key, value in found.tags.items()}
        return Need(
            action=action,
            resource=resource or bus.arn,
            context=keys,
            resource_policy=None if found is None or bus.account_id == call.account_id else found.policy,
            resource_account_id=bus.account_id,
        )

    def _on_rule(self, call: Call, action: str) -> list[Need]:
        given, bus = call.parameters, reading.bus_of(call)
        name = given[_RULES[call.operation]]
        rule = self._buses.rules.find(bus, name)
        keys: dict[str, Sequence[str]] = {}
        if rule is not None:
            keys |= {f"aws:ResourceTag/{key}": (value,) for key, value in rule.tags.items()}
            keys["events:creatorAccount"] = (rule.created_by,)
            if rule.managed_by is not None:
                keys["events:ManagedBy"] = (rule.managed_by,)
        elif call.operation == "PutRule":
            keys["events:creatorAccount"] = (call.caller.account_id,)
        if call.operation == "PutRule":
            keys |= _asked_of_pattern(given.get("EventPattern"))
        if call.operation == "PutTargets":
            keys["events:TargetArn"] = tuple(target["Arn"] for target in given["Targets"])
        resource = bus.rule_arn(name)
        needs = [self._on_bus(call, action, bus, resource=resource, context=keys)]
        if call.operation == "PutRule" and given.get("Tags"):
            needs.append(self._on_bus(call, "events:TagResource", bus, resource=resource, context=keys))
        return needs

    def _on_tagged(self, call: Call, action: str) -> Need:
        arn = call.parameters["ResourceARN"]
        bus, name = tagging.named(arn)
        if bus.region != call.region:
            raise ValidationException(f"Parameter ResourceARN is not valid. Reason: It is in {bus.region}; call EventBridge there.")
        rule = None if name is None else self._buses.rules.find(bus, name)
        keys = {} if rule is None else {f"aws:ResourceTag/{key}": (value,) for key, value in rule.tags.items()}
        return self._on_bus(call, action, bus, resource=arn, context=keys)

    def _named(self, call: Call) -> str:
        """ARN of the connection or destination that a call is about, before it exists without its last part. `*` for all else."""
        name = call.parameters.get("Name")
        kind = next((kind for word, kind in _NAMED.items() if call.operation.endswith(word)), None)
        if not name or kind is None:
            return "*"
        there = self._buses.connections if kind == "connection" else self._buses.destinations
        found = there.find(call.account_id, call.region, name)
        return f"arn:{partition(call.region)}:events:{call.region}:{call.account_id}:{kind}/{name}" if found is None else found.arn


def _passed_roles(call: Call) -> list[Need]:
    """`iam:PassRole` for each role that EventBridge is given. Nobody passes a role of another account (IAM guide, "PassRole")."""
    given = call.parameters
    roles = [role for role in (given.get("RoleArn"), *(target.get("RoleArn") for target in given.get("Targets") or ())) if role]
    if any(place_of(role)[1] != call.caller.account_id for role in roles):
        raise fault("AccessDeniedException", "Cross-account pass role is not allowed.")
    context = {"iam:PassedToService": (EVENTS,)}
    return [Need(action="iam:PassRole", resource=role, context=context) for role in dict.fromkeys(roles)]


def _asked_of_pattern(text: str | None) -> dict[str, Sequence[str]]:
    """Condition keys whose values are what a pattern names; an unreadable pattern names nothing, and is refused later."""
    try:
        pattern = json.loads(text or "")
    except (ValueError, RecursionError):
        return {}
    found: dict[str, Sequence[str]] = {}
    for key, path in _KEYS.items():
        value: Any = pattern
        for step in path:
            value = value.get(step) if isinstance(value, dict) else None
        if isinstance(value, list):
            found[key] = tuple(item for item in value if isinstance(item, str))
    return {key: values for key, values in found.items() if values}


def _tags_asked(call: Call) -> dict[str, Sequence[str]]:
    tags = call.parameters.get("Tags") or ()
    context: dict[str, Sequence[str]] = {f"aws:RequestTag/{tag['Key']}": (tag["Value"],) for tag in tags}
    keys = [tag["Key"] for tag in tags] + list(call.parameters.get("TagKeys") or ())
    return context | {"aws:TagKeys": tuple(keys)} if keys else context
