"""Which permission each operation takes (service authorization reference, "Amazon CloudWatch"): action, alarm, conditions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from opentrail.api.call import Call, Need
from opentrail.monitoring.alarms.control import Alarms
from opentrail.monitoring.alarms.settings import ACTION_LISTS
from opentrail.monitoring.alarms.store import alarm_arn, plain


class Needs:
    """Works out the needs of calls; a small read of the state for the tags of an alarm."""

    def __init__(self, alarms: Alarms) -> None:
        self._alarms = alarms

    def of(self, call: Call) -> Sequence[Need]:
        """What the caller must be allowed."""
        given, operation = call.parameters, call.operation
        match operation:
            case "PutMetricData":
                return [Need(action="cloudwatch:PutMetricData", context={"cloudwatch:namespace": (given["Namespace"],)})]
            case "PutMetricAlarm" | "PutCompositeAlarm":
                return self._put(call)
            case "SetAlarmState":
                return [self._on(call, given["AlarmName"])]
            case "DeleteAlarms" | "EnableAlarmActions" | "DisableAlarmActions":
                return [self._on(call, name) for name in dict.fromkeys(given["AlarmNames"])]
            case "DescribeAlarms":
                return [self._on(call, name) for name in dict.fromkeys(given.get("AlarmNames") or ("*",))]
            case "DescribeAlarmHistory":
                return [self._on(call, given.get("AlarmName") or "*")]
            case "TagResource" | "UntagResource" | "ListTagsForResource":
                keys = [tag["Key"] for tag in given.get("Tags") or ()] + list(given.get("TagKeys") or ())
                context = _requested(given.get("Tags") or ()) | ({"aws:TagKeys": tuple(keys)} if keys else {})
                return [self._on(call, plain(given["ResourceARN"]), arn=given["ResourceARN"], context=context)]
        return [Need(action=f"cloudwatch:{operation}")]

    def _put(self, call: Call) -> list[Need]:
        given = call.parameters
        tags = given.get("Tags") or ()
        context = dict(_requested(tags))
        actions = tuple(arn for member in ACTION_LISTS for arn in given.get(member) or ())
        if actions:
            context["cloudwatch:AlarmActions"] = actions
        needs = [self._on(call, given["AlarmName"], context=context)]
        if tags:
            needs.append(self._on(call, given["AlarmName"], action="TagResource", context=_requested(tags)))
        return needs

    def _on(
        self,
        call: Call,
        name: str,
        *,
        action: str | None = None,
        arn: str | None = None,
        context: Mapping[str, Sequence[str]] | None = None,
    ) -> Need:
        found: dict[str, Sequence[str]] = dict(context or {})
        alarm = None if name == "*" else self._alarms.get(call.account_id, call.region, name)
        if alarm is not None:
            found |= {f"aws:ResourceTag/{key}": (value,) for key, value in alarm.tags.items()}
        return Need(
            action=f"cloudwatch:{action or call.operation}",
            resource=arn or alarm_arn(call.account_id, call.region, name),
            context=found,
            resource_account_id=call.account_id,
        )


def _requested(tags: Sequence[Mapping[str, Any]]) -> dict[str, Sequence[str]]:
    found: dict[str, Sequence[str]] = {f"aws:RequestTag/{tag['Key']}": (tag["Value"],) for tag in tags}
    if tags:
        found["aws:TagKeys"] = tuple(tag["Key"] for tag in tags)
    return found
