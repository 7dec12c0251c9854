"""What CloudWatch takes and what it refuses, without HTTP; and which permission each operation needs."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.loaders import Loader
from botocore.model import ServiceModel

from opentrail.api.call import Call
from opentrail.api.cloudwatch import CloudWatch
from opentrail.identity import Principal
from opentrail.storage.writer import Writer
from opentrail.wire.faults import Fault
from opentrail.wire.http import Headers, Request
from simulators.alarms import ACCOUNT, ALARM, REGION, START, TOPIC_ARN, AlarmHouse

MODEL = ServiceModel(Loader().load_service_model("cloudwatch", "service-2"), "cloudwatch")
ROOT = Principal(type="Root", account_id=ACCOUNT, principal_id=ACCOUNT, arn=f"arn:aws:iam::{ACCOUNT}:root")


class Door:
    """CloudWatch as one caller sees it."""

    def __init__(self, folder: Path) -> None:
        self.house = AlarmHouse(folder)
        writer = Writer(self.house.database, name="metric-writer")
        self.service = CloudWatch(self.house.metrics, self.house.alarms, MODEL, self.house.clock, writer)

    def call(self, operation: str, **given: Any) -> Call:
        return Call(
            service="cloudwatch", operation=operation, parameters=given, caller=ROOT, account_id=ACCOUNT, region=REGION, request_id="r",
            source_ip="127.0.0.1", user_agent="test", time=self.house.clock.now(), secure=True,
            request=Request(method="POST", path="/", query="", headers=Headers(()), body=b""),
        )  # fmt: skip

    def __call__(self, operation: str, **given: Any) -> Any:
        call = self.call(operation, **given)
        self.service.needs(call)
        return self.service.operations[operation](call)

    def refused(self, operation: str, **given: Any) -> Fault:
        with pytest.raises(Fault) as caught:
            self(operation, **given)
        return caught.value


@pytest.fixture
def door(tmp_path: Path) -> Door:
    return Door(tmp_path)


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"Period": 7}, "InvalidParameterValue"),
        ({"Period": 90}, "InvalidParameterValue"),
        ({"Period": 5}, "InvalidParameterValue"),
        ({"Period": None}, "MissingParameter"),
        ({"Statistic": None}, "MissingParameter"),
        ({"Threshold": None}, "MissingParameter"),
        ({"Threshold": math.nan}, "InvalidParameterValue"),
        ({"ExtendedStatistic": "p99"}, "InvalidParameterCombination"),
        ({"Statistic": None, "ExtendedStatistic": "p101"}, "InvalidParameterValue"),
        ({"Statistic": None, "ExtendedStatistic": "Sum"}, "InvalidParameterValue"),
        ({"Statistic": "p99"}, "ValidationError"),
        ({"Period": 60, "EvaluationPeriods": 1441}, "InvalidParameterCombination"),
        ({"Period": 3600, "EvaluationPeriods": 169}, "InvalidParameterCombination"),
        ({"DatapointsToAlarm": 2}, "ValidationError"),
        ({"TreatMissingData": "Missing"}, "ValidationError"),
        ({"EvaluateLowSampleCountPercentile": "ignore"}, "InvalidParameterCombination"),
        ({"ComparisonOperator": "LessThanLowerThreshold"}, "ValidationError"),
        ({"ComparisonOperator": "Equals"}, "ValidationError"),
        ({"ThresholdMetricId": "t"}, "ValidationError"),
        ({"AlarmActions": ["nonsense"]}, "ValidationError"),
        ({"AlarmActions": ["arn:aws:sns:eu-west-1:111122223333:alerts"]}, "ValidationError"),
        ({"AlarmActions": ["arn:aws:automate:us-east-1:ec2:stop"]}, "ValidationError"),
        ({"AlarmActions": ["arn:aws:lambda:us-east-1:111122223333:function:f"]}, "ValidationError"),
        ({"AlarmActions": [f"{TOPIC_ARN}{n}" for n in range(6)]}, "ValidationError"),
        ({"AlarmName": ""}, "ValidationError"),
        ({"AlarmName": "ä"}, "InvalidParameterValue"),
        ({"Dimensions": [{"Name": "a", "Value": "1"}, {"Name": "a", "Value": "2"}]}, "InvalidParameterValue"),
        ({"Namespace": None}, "InvalidParameterValue"),
        ({"Metrics": [{"Id": "e", "Expression": "1+1"}]}, "InvalidParameterCombination"),
        ({"Tags": [{"Key": "aws:x", "Value": ""}]}, "InvalidParameterValue"),
    ],
)
def test_settings_that_no_alarm_can_have(door: Door, changed: dict[str, Any], code: str) -> None:
    fault = door.refused("PutMetricAlarm", **{name: value for name, value in {**ALARM, **changed}.items() if value is not None})
    assert fault.code == code
    assert len(fault.message) > 20
    assert door("DescribeAlarms")["MetricAlarms"] == []


def test_an_alarm_is_described_as_it_was_put(door: Door) -> None:
    given = {
        **ALARM,
        "AlarmDescription": "x",
        "EvaluationPeriods": 3,
        "DatapointsToAlarm": 2,
        "Unit": "Count",
        "TreatMissingData": "ignore",
    }
    door("PutMetricAlarm", **given)
    (shown,) = door("DescribeAlarms")["MetricAlarms"]
    assert given.items() <= shown.items()
    assert (shown["ActionsEnabled"], shown["Dimensions"], shown["OKActions"]) == (True, [], [])
    assert shown["AlarmArn"] == f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:root-usage"
    door("PutMetricAlarm", **ALARM)
    (shown,) = door("DescribeAlarms")["MetricAlarms"]
    assert not {"AlarmDescription", "DatapointsToAlarm", "Unit", "TreatMissingData"} & shown.keys()


def test_a_metric_may_stand_in_a_query(door: Door) -> None:
    stat = {"Metric": {"Namespace": "CISBenchmark", "MetricName": "RootUsage"}, "Period": 60, "Stat": "Sum"}
    rest = {name: ALARM[name] for name in ("AlarmName", "EvaluationPeriods", "Threshold", "ComparisonOperator", "AlarmActions")}
    door("PutMetricAlarm", Metrics=[{"Id": "m", "MetricStat": stat}], **rest)
    door.house.put()
    door.house.work()
    (shown,) = door("DescribeAlarms")["MetricAlarms"]
    assert (shown["StateValue"], shown["Metrics"]) == ("ALARM", [{"Id": "m", "MetricStat": stat}])
    assert "Dimensions" not in shown
    math_ = [{"Id": "m", "MetricStat": stat, "ReturnData": False}, {"Id": "e", "Expression": "m * 2"}]
    assert "no metric math" in door.refused("PutMetricAlarm", Metrics=math_, **rest).message


def test_alarms_come_in_pages_and_by_what_is_asked(door: Door) -> None:
    for number in range(7):
        actions = [TOPIC_ARN] if number % 2 else []
        door("PutMetricAlarm", **{**ALARM, "AlarmName": f"a{number}", "AlarmActions": actions})
    door("PutMetricAlarm", **{**ALARM, "AlarmName": "b", "MetricName": "other", "Statistic": "Average"})
    names: list[str] = []
    token: dict[str, str] = {}
    while True:
        page = door("DescribeAlarms", MaxRecords=3, **token)
        names += [one["AlarmName"] for one in page["MetricAlarms"]]
        if "NextToken" not in page:
            break
        token = {"NextToken": page["NextToken"]}
    assert names == [*(f"a{number}" for number in range(7)), "b"]

    def shown(**given: Any) -> list[str]:
        return [one["AlarmName"] for one in door("DescribeAlarms", **given)["MetricAlarms"]]

    assert shown(AlarmNamePrefix="a", ActionPrefix="arn:aws:sns") == ["a1", "a3", "a5"]
    assert shown(AlarmNames=["b", "none", "a0"]) == ["a0", "b"]
    assert shown(StateValue="OK") == []
    assert shown(AlarmTypes=["CompositeAlarm"]) == []
    assert door.refused("DescribeAlarms", AlarmNames=["a"], AlarmNamePrefix="a").code == "InvalidParameterCombination"
    assert door.refused("DescribeAlarms", NextToken="x").code == "InvalidNextToken"
    on_metric = door("DescribeAlarmsForMetric", Namespace="CISBenchmark", MetricName="other", Statistic="Average", Period=60)
    assert [one["AlarmName"] for one in on_metric["MetricAlarms"]] == ["b"]
    assert door("DescribeAlarmsForMetric", Namespace="CISBenchmark", MetricName="other", Statistic="Sum")["MetricAlarms"] == []
    assert door.refused("DeleteAlarms", AlarmNames=["a0", "none"]).code == "ResourceNotFound"
    assert "a0" in shown()
    door("DeleteAlarms", AlarmNames=["a0", "a0"])
    assert "a0" not in shown()
    history = door("DescribeAlarmHistory", AlarmName="a0", ScanBy="TimestampAscending", MaxRecords=1)
    assert history["AlarmHistoryItems"][0]["HistorySummary"] == 'Alarm "a0" created'
    history = door("DescribeAlarmHistory", AlarmName="a0", ScanBy="TimestampAscending", NextToken=history["NextToken"])
    assert [one["HistorySummary"] for one in history["AlarmHistoryItems"]] == ['Alarm "a0" deleted']


def test_composite_alarms_show_their_relatives(door: Door) -> None:
    door("PutMetricAlarm", **ALARM)
    door("PutCompositeAlarm", AlarmName="all", AlarmRule="ALARM(root-usage)")
    (shown,) = door("DescribeAlarms", AlarmTypes=["CompositeAlarm", "MetricAlarm"])["CompositeAlarms"]
    assert (shown["AlarmRule"], shown["StateValue"]) == ("ALARM(root-usage)", "INSUFFICIENT_DATA")
    (parent,) = door("DescribeAlarms", ParentsOfAlarmName="root-usage")["CompositeAlarms"]
    (child,) = door("DescribeAlarms", ChildrenOfAlarmName="all")["MetricAlarms"]
    assert (parent["AlarmName"], child["AlarmName"]) == ("all", "root-usage")
    assert door.refused("PutCompositeAlarm", AlarmName="x", AlarmRule="TRUE", ActionsSuppressor="all").code == "ValidationError"


def test_tags(door: Door) -> None:
    door("PutMetricAlarm", Tags=[{"Key": "a", "Value": "1"}], **ALARM)
    arn = door.house.get().arn
    door("TagResource", ResourceARN=arn, Tags=[{"Key": "b", "Value": "2"}, {"Key": "a", "Value": "3"}])
    assert door("ListTagsForResource", ResourceARN=arn)["Tags"] == [{"Key": "a", "Value": "3"}, {"Key": "b", "Value": "2"}]
    door("UntagResource", ResourceARN=arn, TagKeys=["a", "none"])
    assert door("ListTagsForResource", ResourceARN=arn)["Tags"] == [{"Key": "b", "Value": "2"}]
    for wrong in (arn + "x", arn.replace(REGION, "eu-west-1"), "arn:aws:sns:x"):
        assert door.refused("ListTagsForResource", ResourceARN=wrong).code == "ResourceNotFoundException"


NOW = datetime.fromtimestamp(START, UTC)


@pytest.mark.parametrize(
    ("datum", "code"),
    [
        ({}, "MissingParameter"),
        ({"Value": math.inf}, "InvalidParameterValue"),
        ({"Value": math.nan}, "InvalidParameterValue"),
        ({"Value": 2.0**361}, "InvalidParameterValue"),
        ({"Value": 1, "Unit": "Apples"}, "InvalidParameterValue"),
        ({"Value": 1, "StorageResolution": 5}, "InvalidParameterValue"),
        ({"Value": 1, "Timestamp": NOW - timedelta(days=15)}, "InvalidParameterValue"),
        ({"Value": 1, "Timestamp": NOW + timedelta(hours=3)}, "InvalidParameterValue"),
        ({"Value": 1, "StatisticValues": {"SampleCount": 1, "Sum": 1, "Minimum": 1, "Maximum": 1}}, "InvalidParameterCombination"),
        ({"Value": 1, "Values": [1.0]}, "InvalidParameterCombination"),
        ({"Value": 1, "Counts": [1.0]}, "InvalidParameterCombination"),
        ({"Values": [1.0, 2.0], "Counts": [1.0]}, "InvalidParameterValue"),
        ({"Values": [1.0], "Counts": [-1.0]}, "InvalidParameterValue"),
        ({"Values": [1.0] * 151}, "InvalidParameterValue"),
        ({"StatisticValues": {"SampleCount": 0, "Sum": 1, "Minimum": 1, "Maximum": 1}}, "InvalidParameterValue"),
        ({"StatisticValues": {"SampleCount": 1, "Sum": 1, "Minimum": 2, "Maximum": 1}}, "InvalidParameterValue"),
        ({"Value": 1, "Dimensions": [{"Name": f"d{n}", "Value": "v"} for n in range(31)]}, "InvalidParameterValue"),
    ],
)
def test_data_that_are_refused_are_refused_whole(door: Door, datum: dict[str, Any], code: str) -> None:
    good = {"MetricName": "m", "Value": 1.0}
    assert door.refused("PutMetricData", Namespace="n", MetricData=[good, {"MetricName": "m", **datum}]).code == code
    assert door("ListMetrics")["Metrics"] == []


def test_what_can_be_asked_of_metrics(door: Door) -> None:
    door("PutMetricData", Namespace="n", MetricData=[{"MetricName": "m", "Value": 1.0}] * 1000)
    assert (
        door.refused("PutMetricData", Namespace="n", MetricData=[{"MetricName": "m", "Value": 1.0}] * 1001).code == "InvalidParameterValue"
    )
    asked: dict[str, Any] = {
        "Namespace": "n", "MetricName": "m", "Period": 60, "StartTime": NOW - timedelta(hours=1), "EndTime": NOW + timedelta(hours=1),
    }  # fmt: skip
    (point,) = door("GetMetricStatistics", Statistics=["SampleCount"], **asked)["Datapoints"]
    assert point == {"Timestamp": NOW, "Unit": "None", "SampleCount": 1000.0}
    for changed, code in (
        ({}, "MissingParameter"),
        ({"Statistics": ["Sum"], "ExtendedStatistics": ["p1"]}, "InvalidParameterCombination"),
        ({"ExtendedStatistics": ["Sum"]}, "InvalidParameterValue"),
        ({"Statistics": ["Sum"], "Period": 61}, "InvalidParameterValue"),
        ({"Statistics": ["Sum"], "EndTime": asked["StartTime"]}, "InvalidParameterValue"),
        ({"Statistics": ["Sum"], "Period": 1}, "InvalidParameterCombination"),
        ({"Statistics": ["Sum"], "Period": 10, "StartTime": NOW - timedelta(hours=4)}, "InvalidParameterValue"),
    ):
        assert door.refused("GetMetricStatistics", **{**asked, **changed}).code == code, changed
    window = {"StartTime": asked["StartTime"], "EndTime": asked["EndTime"]}
    stat = {"Metric": {"Namespace": "n", "MetricName": "m"}, "Period": 60, "Stat": "Sum"}
    for query, words in (
        ({"Id": "A", "MetricStat": stat}, "is not valid"),
        ({"Id": "a", "Expression": "SUM(METRICS())"}, "no metric math"),
        ({"Id": "a", "MetricStat": {**stat, "Stat": "tm99"}}, "is not valid"),
        ({"Id": "a"}, "MetricStat"),
    ):
        fault = door.refused("GetMetricData", MetricDataQueries=[query], **window)
        assert (fault.code, words in fault.message) == ("ValidationError", True)
    found = door("GetMetricData", MetricDataQueries=[{"Id": "a", "MetricStat": stat}], **window)["MetricDataResults"]
    assert found == [{"Id": "a", "Label": "m", "Timestamps": [NOW], "Values": [1000.0], "StatusCode": "Complete"}]


def test_metrics_come_in_pages_and_the_quiet_ones_are_left_out(door: Door) -> None:
    data = [{"MetricName": f"m{number:04}", "Value": 1.0} for number in range(750)]
    door("PutMetricData", Namespace="n", MetricData=data)
    first = door("ListMetrics")
    second = door("ListMetrics", NextToken=first["NextToken"])
    names = [one["MetricName"] for one in (*first["Metrics"], *second["Metrics"])]
    assert (names, "NextToken" in second) == ([one["MetricName"] for one in data], False)
    door.house.clock.advance(4 * 3600)
    assert door("ListMetrics", RecentlyActive="PT3H")["Metrics"] == []
    assert len(door("ListMetrics", MetricName="m0001")["Metrics"]) == 1
    door.house.clock.advance(15 * 86_400)
    assert door("ListMetrics")["Metrics"] == []


@pytest.mark.parametrize(
    ("operation", "given", "needs"),
    [
        ("PutMetricData", {"Namespace": "n", "MetricData": []}, [("cloudwatch:PutMetricData", "*")]),
        ("PutMetricAlarm", dict(ALARM), [("cloudwatch:PutMetricAlarm", "alarm:root-usage")]),
        (
            "PutMetricAlarm",
            {**ALARM, "Tags": [{"Key": "a", "Value": "b"}]},
            [("cloudwatch:PutMetricAlarm", "alarm:root-usage"), ("cloudwatch:TagResource", "alarm:root-usage")],
        ),
        ("DeleteAlarms", {"AlarmNames": ["a", "b"]}, [("cloudwatch:DeleteAlarms", "alarm:a"), ("cloudwatch:DeleteAlarms", "alarm:b")]),
        ("DescribeAlarms", {}, [("cloudwatch:DescribeAlarms", "alarm:*")]),
        ("DescribeAlarmsForMetric", {"Namespace": "n", "MetricName": "m"}, [("cloudwatch:DescribeAlarmsForMetric", "*")]),
        ("ListMetrics", {}, [("cloudwatch:ListMetrics", "*")]),
        ("SetAlarmState", {"AlarmName": "a", "StateValue": "OK", "StateReason": ""}, [("cloudwatch:SetAlarmState", "alarm:a")]),
    ],
)
def test_needs(door: Door, operation: str, given: dict[str, Any], needs: list[tuple[str, str]]) -> None:
    prefix = f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:"
    found = door.service.needs(door.call(operation, **given))
    assert [(need.action, need.resource.removeprefix(prefix)) for need in found] == needs
    if operation == "PutMetricData":
        assert found[0].context == {"cloudwatch:namespace": ("n",)}
    if operation == "PutMetricAlarm":
        assert found[0].context["cloudwatch:AlarmActions"] == (TOPIC_ARN,)
