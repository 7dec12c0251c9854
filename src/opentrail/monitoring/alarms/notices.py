"""What is said about a change of state: the message to a topic, and the event for the default bus. Pure."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from opentrail.monitoring.alarms.reasons import stamp
from opentrail.monitoring.alarms.settings import ACTION_LISTS
from opentrail.monitoring.alarms.store import COMPOSITE, Alarm

LONGEST_SUBJECT: Final = 100
"""Characters that SNS takes."""
_NAMESPACE: Final = uuid.UUID("8d5c6bd7-7d3d-4c0a-b6d6-1c8a4a4a7c55")


def subject(alarm: Alarm, region_name: str) -> str:
    """`ALARM: "<name>" in <long name of the Region>`. SNS takes printable ASCII: other characters become question marks."""
    text = f'{alarm.state}: "{alarm.name}" in {region_name}'
    return "".join(letter if " " <= letter <= "~" else "?" for letter in text)[:LONGEST_SUBJECT]


def message(alarm: Alarm, old_state: str, region_name: str) -> str:
    """The message for SNS: JSON."""
    settings = alarm.settings
    told: dict[str, Any] = {
        "AlarmName": alarm.name,
        "AlarmDescription": settings.get("AlarmDescription"),
        "AWSAccountId": alarm.account_id,
        "AlarmConfigurationUpdatedTimestamp": stamp(alarm.configured),
        "NewStateValue": alarm.state,
        "NewStateReason": alarm.reason,
        "StateChangeTime": stamp(alarm.transitioned),
        "Region": region_name,
        "AlarmArn": alarm.arn,
        "OldStateValue": old_state,
        **{name: settings.get(name) or [] for name in ACTION_LISTS},
    }
    if alarm.kind == COMPOSITE:
        told["AlarmRule"] = settings["AlarmRule"]
        told["TriggeringChildren"] = _children(alarm.reason_data)
    else:
        told["Trigger"] = _trigger(alarm)
    return json.dumps(told, ensure_ascii=False, separators=(",", ":"))


def _children(reason_data: str | None) -> list[dict[str, Any]]:
    """Those in the data that a composite alarm gives itself; whoever sets its state may have given others (SetAlarmState)."""
    try:
        return [
            {"Arn": child["arn"], "State": {"Value": child["state"]["value"], "Timestamp": child["state"]["timestamp"]}}
            for child in json.loads(reason_data or "{}").get("triggeringAlarms", [])
        ]
    except (ValueError, LookupError, TypeError, AttributeError):
        return []


def event(alarm: Alarm, before: Alarm) -> dict[str, Any]:
    """The event `CloudWatch Alarm State Change`; the same change always has the same id."""
    settings = alarm.settings
    configuration: dict[str, Any] = {"description": settings["AlarmDescription"]} if settings.get("AlarmDescription") else {}
    if alarm.kind == COMPOSITE:
        configuration["alarmRule"] = settings["AlarmRule"]
    else:
        configuration["metrics"] = [_queried(alarm)]
    return {
        "version": "0",
        "id": str(uuid.uuid5(_NAMESPACE, f"{alarm.arn} {alarm.number} {alarm.changed} {alarm.transitioned}")),
        "detail-type": "CloudWatch Alarm State Change",
        "source": "aws.cloudwatch",
        "account": alarm.account_id,
        "time": datetime.fromtimestamp(int(alarm.transitioned), UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": alarm.region,
        "resources": [alarm.arn],
        "detail": {
            "alarmName": alarm.name,
            "configuration": configuration,
            "previousState": _state(before),
            "state": _state(alarm),
        },
    }


def _state(alarm: Alarm) -> dict[str, str]:
    data = {} if alarm.reason_data is None else {"reasonData": alarm.reason_data}
    return {"value": alarm.state, "reason": alarm.reason, "timestamp": stamp(alarm.transitioned), **data}


def _trigger(alarm: Alarm) -> dict[str, Any]:
    watched, settings = alarm.watched, alarm.settings
    if watched.statistic.percent is None:
        name = "SAMPLE_COUNT" if watched.statistic.name == "SampleCount" else watched.statistic.name.upper()
        statistic = {"StatisticType": "Statistic", "Statistic": name}
    else:
        statistic = {"StatisticType": "ExtendedStatistic", "ExtendedStatistic": watched.statistic.name}
    return {
        "MetricName": watched.metric.name,
        "Namespace": watched.metric.namespace,
        **statistic,
        "Unit": watched.unit,
        "Dimensions": [{"value": value, "name": name} for name, value in watched.metric.dimensions],
        "Period": watched.period,
        "EvaluationPeriods": watched.periods,
        "DatapointsToAlarm": watched.to_alarm,
        "ComparisonOperator": watched.comparison,
        "Threshold": watched.threshold,
        "TreatMissingData": watched.treatment,
        "EvaluateLowSampleCountPercentile": settings.get("EvaluateLowSampleCountPercentile", ""),
    }


def _queried(alarm: Alarm) -> Mapping[str, Any]:
    watched = alarm.watched
    metric = watched.metric
    unit = {} if watched.unit is None else {"unit": watched.unit}
    named = {"namespace": metric.namespace, "name": metric.name, "dimensions": dict(metric.dimensions)}
    stat = {"metric": named, "period": watched.period, "stat": watched.statistic.name, **unit}
    return {"id": str(uuid.uuid5(_NAMESPACE, alarm.arn)), "metricStat": stat, "returnData": True}
