"""Alarms: PutMetricAlarm to DeleteAlarms, their history, their actions."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from opentrail.api.call import Call, Handler, Result
from opentrail.api.cloudwatch import pages
from opentrail.monitoring.alarms.control import Alarms
from opentrail.monitoring.alarms.store import COMPOSITE, METRIC, Alarm, plain
from opentrail.monitoring.metrics import names
from opentrail.monitoring.metrics.faults import InvalidParameterCombinationException, ResourceNotFound

PAGE: Final = 50
MOST: Final = 100
MOST_DELETED: Final = 100


class AlarmOperations:
    """One handler for each operation on alarms."""

    def __init__(self, alarms: Alarms) -> None:
        self._alarms = alarms
        self.operations: Mapping[str, Handler] = {
            "PutMetricAlarm": self.put_metric_alarm,
            "PutCompositeAlarm": self.put_composite_alarm,
            "DescribeAlarms": self.describe_alarms,
            "DescribeAlarmsForMetric": self.describe_alarms_for_metric,
            "DescribeAlarmHistory": self.describe_alarm_history,
            "EnableAlarmActions": self.enable_alarm_actions,
            "DisableAlarmActions": self.disable_alarm_actions,
            "SetAlarmState": self.set_alarm_state,
            "DeleteAlarms": self.delete_alarms,
        }

    def put_metric_alarm(self, call: Call) -> None:
        self._alarms.put_metric_alarm(call.parameters, account_id=call.account_id, region=call.region)

    def put_composite_alarm(self, call: Call) -> None:
        self._alarms.put_composite_alarm(call.parameters, account_id=call.account_id, region=call.region)

    def describe_alarms(self, call: Call) -> Result:
        given = call.parameters
        if given.get("AlarmNames") and given.get("AlarmNamePrefix"):
            raise InvalidParameterCombinationException("AlarmNames and AlarmNamePrefix cannot both be given.")
        of_parents, of_children = given.get("ParentsOfAlarmName"), given.get("ChildrenOfAlarmName")
        if of_parents or of_children:
            return self._relatives(call, of_parents, of_children)
        limit = pages.size(given, "MaxRecords", MOST, PAGE)
        found = self._alarms.list(
            call.account_id,
            call.region,
            kinds=given.get("AlarmTypes") or (METRIC,),
            names=given.get("AlarmNames") or None,
            prefix=given.get("AlarmNamePrefix") or "",
            state=given.get("StateValue"),
            action_prefix=given.get("ActionPrefix"),
            after=pages.after(given, str) or "",
            limit=limit + 1,
        )
        shown = found[:limit]
        result: dict[str, Any] = {
            "MetricAlarms": [_shape(alarm) for alarm in shown if alarm.kind == METRIC],
            "CompositeAlarms": [_shape(alarm) for alarm in shown if alarm.kind == COMPOSITE],
        }
        if len(found) > limit:
            result["NextToken"] = pages.token(shown[-1].name)
        return result

    def describe_alarms_for_metric(self, call: Call) -> Result:
        given = call.parameters
        metric, unit = names.metric(given, account_id=call.account_id, region=call.region), names.unit(given)
        found = []
        for alarm in self._alarms.on_metric(call.account_id, call.region):
            watched = alarm.watched
            if (
                watched.metric != metric
                or (given.get("Period") not in (None, watched.period))
                or (unit is not None and watched.unit != unit)
            ):
                continue
            wanted = given.get("Statistic") or given.get("ExtendedStatistic")
            if wanted is None or wanted == watched.statistic.name:
                found.append(_shape(alarm))
        return {"MetricAlarms": found}

    def describe_alarm_history(self, call: Call) -> Result:
        given = call.parameters
        limit = pages.size(given, "MaxRecords", MOST, MOST)
        start, end = given.get("StartDate"), given.get("EndDate")
        found = self._alarms.history(
            call.account_id,
            call.region,
            name=given.get("AlarmName"),
            kinds=given.get("AlarmTypes") or (METRIC,),
            item=given.get("HistoryItemType"),
            start=None if start is None else start.timestamp(),
            end=None if end is None else end.timestamp(),
            oldest_first=given.get("ScanBy") == "TimestampAscending",
            after=pages.after(given, int),
            limit=limit + 1,
        )
        shown = found[:limit]
        result: dict[str, Any] = {
            "AlarmHistoryItems": [
                {
                    "AlarmName": one["name"],
                    "AlarmType": one["kind"],
                    "Timestamp": _moment(one["time"]),
                    "HistoryItemType": one["item"],
                    "HistorySummary": one["summary"],
                    "HistoryData": one["data"],
                }
                for one in shown
            ]
        }
        if len(found) > limit:
            result["NextToken"] = pages.token(shown[-1]["number"])
        return result

    def enable_alarm_actions(self, call: Call) -> None:
        self._alarms.enable_actions(call.account_id, call.region, call.parameters["AlarmNames"], enabled=True)

    def disable_alarm_actions(self, call: Call) -> None:
        self._alarms.enable_actions(call.account_id, call.region, call.parameters["AlarmNames"], enabled=False)

    def set_alarm_state(self, call: Call) -> None:
        given = call.parameters
        self._alarms.set_state(
            call.account_id,
            call.region,
            given["AlarmName"],
            state=given["StateValue"],
            reason=given["StateReason"],
            data=given.get("StateReasonData"),
        )

    def delete_alarms(self, call: Call) -> None:
        self._alarms.delete(call.account_id, call.region, call.parameters["AlarmNames"])

    def _relatives(self, call: Call, of_parents: str | None, of_children: str | None) -> Result:
        """Parents of an alarm, or the alarms that a composite one names: names, ARNs and states only."""
        others = ("AlarmNames", "AlarmNamePrefix", "StateValue", "ActionPrefix")
        if (of_parents and of_children) or any(call.parameters.get(name) for name in others):
            raise InvalidParameterCombinationException("ParentsOfAlarmName and ChildrenOfAlarmName stand alone.")
        if of_parents:
            found = list(self._alarms.parents(call.account_id, call.region, plain(of_parents)))
        else:
            assert of_children is not None
            parent = self._alarms.get(call.account_id, call.region, plain(of_children))
            if parent is None:
                raise ResourceNotFound(f"The alarm {of_children} does not exist.")
            found = list(self._alarms.children(parent))
        kinds = {METRIC: "MetricAlarms", COMPOSITE: "CompositeAlarms"}
        return {
            member: [{"AlarmName": one.name, "AlarmArn": one.arn, "StateValue": one.state} for one in found if one.kind == kind]
            for kind, member in kinds.items()
        }


def _shape(alarm: Alarm) -> dict[str, Any]:
    data = {} if alarm.reason_data is None else {"StateReasonData": alarm.reason_data}
    none: dict[str, Any] = {} if alarm.kind == COMPOSITE or alarm.settings.get("Metrics") else {"Dimensions": []}
    return {
        **none,
        "AlarmName": alarm.name,
        "AlarmArn": alarm.arn,
        "AlarmConfigurationUpdatedTimestamp": _moment(alarm.configured),
        **alarm.settings,
        "StateValue": alarm.state,
        "StateReason": alarm.reason,
        **data,
        "StateUpdatedTimestamp": _moment(alarm.updated),
        "StateTransitionedTimestamp": _moment(alarm.transitioned),
    }


def _moment(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC)
