"""Whatever strangers send to log groups, metrics, alarms and buses: an answer or a documented fault, and the watch goes on behind it."""

from __future__ import annotations

import copy
import json
import urllib.parse
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from opentrail.wire import cbor
from opentrail.wire.faults import Fault
from simulators.watch_doors import ACCOUNT, NAMES, REGION, WatchDoors

QUEUE = f"arn:aws:sqs:{REGION}:{ACCOUNT}:q"
TOPIC = f"arn:aws:sns:{REGION}:{ACCOUNT}:t"
METRIC = {"Namespace": "N", "MetricName": "m"}
STAT = {"Metric": {**METRIC, "Dimensions": [{"Name": "a", "Value": "b"}]}, "Period": 60, "Stat": "p99"}
ALARM: dict[str, Any] = {
    **METRIC, "AlarmName": "a", "Statistic": "Sum", "Period": 60, "EvaluationPeriods": 1, "Threshold": 1.0,
    "ComparisonOperator": "GreaterThanThreshold", "AlarmActions": [TOPIC],
}  # fmt: skip
DETAIL = '{"a": [1, "b", {"c": null}], "n": 1.5}'
NOW = 1_767_607_872
SEEDS: dict[str, tuple[str, dict[str, Any]]] = {
    "PutEvents": (
        "events",
        {"Entries": [{"Source": "app", "DetailType": "t", "Detail": DETAIL, "Resources": ["r"], "Time": NOW, "EventBusName": "default"}]},
    ),
    "PutRule": ("events", {"Name": "r", "EventPattern": '{"source":["app"],"detail":{"n":[{"numeric":[">",0]}]}}', "State": "ENABLED"}),
    "PutRule schedule": ("events", {"Name": "s", "ScheduleExpression": "cron(0/5 8-17 ? * MON-FRI *)", "Description": "d"}),
    "PutTargets": (
        "events",
        {
            "Rule": "all",
            "Targets": [
                {
                    "Id": "x",
                    "Arn": QUEUE,
                    "InputTransformer": {"InputPathsMap": {"a": "$.detail.a"}, "InputTemplate": '{"x": <a>, "y": "<a>"}'},
                    "RetryPolicy": {"MaximumRetryAttempts": 3, "MaximumEventAgeInSeconds": 60},
                    "DeadLetterConfig": {"Arn": QUEUE},
                }
            ],
        },
    ),
    "TestEventPattern": (
        "events",
        {
            "EventPattern": '{"detail":{"a":[{"wildcard":"*b*"}]}}',
            "Event": '{"id":"1","account":"1","source":"s","time":"2026-01-05T10:11:12Z","region":"r","resources":[],"detail-type":"t",'
            '"detail":{"a":"abc"}}',
        },
    ),
    "PutLogEvents": (
        "logs",
        {
            "logGroupName": "g",
            "logStreamName": "s",
            "logEvents": [
                {"timestamp": NOW * 1000, "message": '{"a": 1, "b": ["x"]}'},
                {"timestamp": NOW * 1000, "message": '1 [a b] "c" 2'},
            ],
        },
    ),
    "PutMetricFilter": (
        "logs",
        {
            "logGroupName": "g",
            "filterName": "f",
            "filterPattern": '{ ($.a = 1) && ($.b[0] != "x*") }',
            "metricTransformations": [
                {"metricName": "m", "metricNamespace": "N", "metricValue": "$.a", "defaultValue": 0.0, "unit": "Count"}
            ],
        },
    ),
    "TestMetricFilter": (
        "logs",
        {"filterPattern": "[ip, user, code = 4*, last = %a[0-9]+%]", "logEventMessages": ['1 [a b] "c" 2', '{"a": 1}']},
    ),
    "FilterLogEvents": (
        "logs",
        {"logGroupName": "g", "filterPattern": "ERROR -WARN ?x", "startTime": 0, "endTime": NOW * 1000, "limit": 5},
    ),
    "PutMetricData": (
        "monitoring",
        {
            "Namespace": "N",
            "MetricData": [
                {"MetricName": "m", "Dimensions": [{"Name": "a", "Value": "b"}], "Value": 1.5, "StorageResolution": 1, "Unit": "Count"},
                {"MetricName": "m", "StatisticValues": {"SampleCount": 2.0, "Sum": 3.0, "Minimum": 1.0, "Maximum": 2.0}},
                {"MetricName": "m", "Values": [1.0, 2.0], "Counts": [1.0, 3.0]},
            ],
        },
    ),
    "PutMetricAlarm": ("monitoring", ALARM),
    "PutCompositeAlarm": ("monitoring", {"AlarmName": "c", "AlarmRule": "ALARM(a) AND NOT OK(a)", "AlarmActions": [TOPIC]}),
    "SetAlarmState": ("monitoring", {"AlarmName": "a", "StateValue": "ALARM", "StateReason": "why", "StateReasonData": DETAIL}),
    "GetMetricData": (
        "monitoring",
        {"MetricDataQueries": [{"Id": "q", "MetricStat": STAT}], "StartTime": NOW, "EndTime": NOW + 60},
    ),
}
ANYWHERE = frozenset(
    {
        "SerializationException", "MalformedInput", "MalformedQueryString", "ValidationException", "ValidationError",
        "InvalidParameterValue", "InvalidParameterException", "InvalidParameterCombination", "MissingParameter", "MissingAction",
        "InvalidAction", "UnknownOperationException", "UnsupportedOperationException", "ResourceNotFoundException",
        "LimitExceededException", "ResourceNotFound", "InvalidFormat", "InvalidNextToken", "LimitExceeded",
        "InvalidEventPatternException", "ManagedRuleException", "OperationDisabledException", "OperationAbortedException",
    }
)  # fmt: skip
"""Codes that the services document for all their operations, or for these."""
ODD: list[Any] = [
    "", " ", "\ud800", "é", "\x00", "a" * 3000, "$", "$.a", "*", "%", "<a>", "-1", "NaN", "1e400", "[" * 400, '{"a":' * 300, '"\\ud800"',
    '{"a":"\\ud800"}', '{"a":1e400}', '{"a":NaN}', "{ $.a[99999999999] = 1 }", "cron(* * * * * *)", "rate(99999999 days)",
    "arn:aws:sqs:::x", 0, 1, -1, 1.5, 1e300, -1e300, 5e-324, 2**31, 2**63, 2**70, 253_402_300_800, -62_135_596_801,
    True, None, [], {}, [[]], [None],
]  # fmt: skip


@pytest.fixture(scope="module")
def doors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WatchDoors]:
    made = WatchDoors(tmp_path_factory.mktemp("watch-fuzz"))
    made.json("logs", "CreateLogGroup", logGroupName="g")
    made.json("logs", "CreateLogStream", logGroupName="g", logStreamName="s")
    for number, pattern in enumerate(("", "ERROR", "{ $.a = * }", "[a, b, ...]")):
        read = {"metricName": "m", "metricNamespace": "N", "metricValue": "$.a" if pattern.startswith("{") else "1", "defaultValue": 0.0}
        made.json("logs", "PutMetricFilter", logGroupName="g", filterName=f"f{number}", filterPattern=pattern, metricTransformations=[read])
    made.json("monitoring", "PutMetricAlarm", **ALARM)
    made.json("events", "PutRule", Name="all", EventPattern='{"version":["0"]}')
    made.json("events", "PutTargets", Rule="all", Targets=[{"Id": "q", "Arn": QUEUE}])
    yield made
    made.close()


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The paths of everything in `value`."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield (*path, key)
        yield from places(item, (*path, key))


@st.composite
def odd(draw: st.DrawFn, seed: dict[str, Any]) -> dict[str, Any]:
    """`seed` with one or two things replaced, removed or spoilt."""
    made = copy.deepcopy(seed)
    for _ in range(draw(st.integers(1, 2))):
        path = draw(st.sampled_from(list(places(made)) or [("x",)]))
        around: Any = made
        for key in path[:-1]:
            around = around[key]
        there = around[path[-1]] if isinstance(around, list) or path[-1] in around else None
        new: Any = draw(st.sampled_from(ODD) | st.text(max_size=20) | st.floats(allow_nan=True))
        if isinstance(there, str) and draw(st.booleans()):
            cut = draw(st.integers(0, len(there)))
            new = there[:cut] + (new if isinstance(new, str) else json.dumps(new)) + there[cut + draw(st.integers(0, 2)) :]
        around[path[-1]] = copy.deepcopy(new)
    return made


def form(value: Any, name: str = "") -> list[tuple[str, str]]:
    """Parameters of the query protocol."""
    if isinstance(value, dict):
        return [pair for key, item in value.items() for pair in form(item, f"{name}.{key}" if name else str(key))]
    if isinstance(value, list):
        return [pair for number, item in enumerate(value, 1) for pair in form(item, f"{name}.member.{number}")]
    return [(name, "" if value is None else str(value).lower() if isinstance(value, bool) else str(value))]


def octets(operation: str, made: dict[str, Any], kind: str) -> bytes:
    match kind:
        case "json":
            return json.dumps(made).encode()
        case "cbor":
            text = json.dumps(made).replace("\\ud800", "\\ufffd")  # neither half a pair nor a larger number can be said in it
            return cbor.dumps(json.loads(text, parse_int=lambda digits: max(-(2**63), min(int(digits), 2**63))))
        case _:
            pairs = [("Action", operation), ("Version", "2010-08-01"), *form(made)]
            return urllib.parse.urlencode(pairs, errors="surrogatepass").encode()


def answered(doors: WatchDoors, signing_name: str, operation: str, body: bytes, kind: str) -> None:
    refused: Fault | None = None
    try:
        doors.ask(signing_name, operation, body, kind)
    except Fault as fault:
        refused = fault
    if refused is not None:
        assert 400 <= refused.status < 500
        assert refused.code in ANYWHERE, f"{NAMES[signing_name]} {operation}: {refused.code}"
        assert refused.message
    doors.work()


CASES = [(name, kind) for name, (service, _) in SEEDS.items() for kind in (("cbor", "query") if service == "monitoring" else ("json",))]
FUZZ = settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.mark.parametrize(("name", "kind"), CASES)
def test_a_seed_is_taken(doors: WatchDoors, name: str, kind: str) -> None:
    service, seed = SEEDS[name]
    doors.ask(service, name.partition(" ")[0], octets(name.partition(" ")[0], seed, kind), kind)
    doors.work()


@pytest.mark.parametrize(("name", "kind"), CASES)
@FUZZ
@given(data=st.data())
def test_something_odd_is_answered_and_stops_nothing(doors: WatchDoors, name: str, kind: str, data: st.DataObject) -> None:
    service, seed = SEEDS[name]
    operation = name.partition(" ")[0]
    answered(doors, service, operation, octets(operation, data.draw(odd(seed)), kind), kind)
