"""Targets of rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from opentrail.api.call import Call, Handler, Result
from opentrail.api.eventbridge import reading
from opentrail.rules.control import EventBuses
from opentrail.rules.rule_control import MOST_ENTRIES
from opentrail.rules.values import Target
from opentrail.wire.faults import ValidationException


class TargetOperations:
    """One handler for each operation on targets."""

    def __init__(self, buses: EventBuses) -> None:
        self._rules = buses.rules
        self.operations: Mapping[str, Handler] = {
            "PutTargets": self.put_targets,
            "RemoveTargets": self.remove_targets,
            "ListTargetsByRule": self.list_targets_by_rule,
            "ListRuleNamesByTarget": self.list_rule_names_by_target,
        }

    def put_targets(self, call: Call) -> Result:
        given = call.parameters
        _check_count(given["Targets"], "targets")
        self._rules.put_targets(reading.bus_of(call), given["Rule"], given["Targets"])
        return {"FailedEntryCount": 0, "FailedEntries": []}

    def remove_targets(self, call: Call) -> Result:
        given = call.parameters
        _check_count(given["Ids"], "ids")
        rule = given["Rule"]
        absent = self._rules.remove_targets(reading.bus_of(call), rule, given["Ids"], force=bool(given.get("Force")))
        message = f"Rule '{rule}' does not have a target with the Id '{{}}'."
        failed = [{"TargetId": one, "ErrorCode": "ResourceNotFoundException", "ErrorMessage": message.format(one)} for one in absent]
        return {"FailedEntryCount": len(failed), "FailedEntries": failed}

    def list_targets_by_rule(self, call: Call) -> Result:
        bus, rule = reading.bus_of(call), call.parameters["Rule"]
        found = self._rules.targets(bus, rule, after=reading.after(call), limit=reading.limit(call))
        return reading.page(call, "Targets", found, _shape, lambda target: target.target_id)

    def list_rule_names_by_target(self, call: Call) -> Result:
        bus, arn = reading.bus_of(call), call.parameters["TargetArn"]
        found = self._rules.names_by_target(bus, arn, after=reading.after(call), limit=reading.limit(call))
        return reading.page(call, "RuleNames", found, lambda name: name, lambda name: name)


def _check_count(given: Sequence[Any], member: str) -> None:
    if len(given) > MOST_ENTRIES:
        raise ValidationException(
            f"1 validation error detected: Value at '{member}' failed to satisfy constraint: Member must have length less than or equal to "
            f"{MOST_ENTRIES}"
        )


def _shape(target: Target) -> dict[str, Any]:
    made, http, retry = target.transformer, target.http, target.retry
    return reading.without_nothing(
        {
            "Id": target.target_id,
            "Arn": target.arn,
            "RoleArn": target.role_arn,
            "Input": target.input,
            "InputPath": target.input_path,
            "InputTransformer": None if made is None else {"InputPathsMap": dict(made.paths), "InputTemplate": made.template},
            "SqsParameters": None if target.message_group_id is None else {"MessageGroupId": target.message_group_id},
            "HttpParameters": None
            if http is None
            else {
                "PathParameterValues": list(http.path_values),
                "HeaderParameters": dict(http.headers),
                "QueryStringParameters": dict(http.query),
            },
            "DeadLetterConfig": None if target.dead_letter_arn is None else {"Arn": target.dead_letter_arn},
            "RetryPolicy": {"MaximumRetryAttempts": retry.attempts, "MaximumEventAgeInSeconds": retry.max_age}
            if target.retry_given
            else None,
        }
    )
