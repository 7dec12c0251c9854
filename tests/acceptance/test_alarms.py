"""Metrics and alarms from a client's side: data come in, the alarm is seen, whoever subscribes is told once; in every protocol."""

from __future__ import annotations

import json
import threading
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from simulators.running import RunningOpenTrail, wait_for

ACCOUNT = "123456789012"


class Webhook:
    """An HTTP endpoint that confirms its subscription and keeps the messages that it is sent."""

    def __init__(self) -> None:
        self.got: list[dict[str, Any]] = []
        webhook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                self.send_response(200)
                self.send_header("content-length", "0")
                self.end_headers()
                if body["Type"] == "SubscriptionConfirmation":
                    urllib.request.urlopen(body["SubscribeURL"], timeout=90).close()
                else:
                    webhook.got.append(body)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/in"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def about(self, alarm: str) -> list[str]:
        """The states that it was told of."""
        messages = [json.loads(body["Message"]) for body in list(self.got)]
        return [message["NewStateValue"] for message in messages if message["AlarmName"] == alarm]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningOpenTrail]:
    with RunningOpenTrail(tmp_path_factory.mktemp("alarms")) as opentrail:
        yield opentrail


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    made = Webhook()
    yield made
    made.close()


def topic(running: RunningOpenTrail, name: str, webhook: Webhook | None = None) -> tuple[str, str]:
    """A topic with a queue, and a webhook, that subscribe to it; its policy is the one it comes with."""
    sns, sqs = running.client("sns"), running.client("sqs")
    arn = sns.create_topic(Name=name)["TopicArn"]
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    queue = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    let = {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": queue}
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps({"Version": "2012-10-17", "Statement": [let]})})
    sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=queue)
    if webhook is not None:
        sns.subscribe(TopicArn=arn, Protocol="http", Endpoint=webhook.url)

        def confirmed() -> bool:
            found = sns.list_subscriptions_by_topic(TopicArn=arn)["Subscriptions"]
            return all(one["SubscriptionArn"].startswith("arn:") for one in found)

        wait_for(confirmed)
    return arn, url


def state(running: RunningOpenTrail, name: str) -> str:
    (found,) = running.client("cloudwatch").describe_alarms(AlarmNames=[name])["MetricAlarms"]
    told: str = found["StateValue"]
    return told


def test_a_point_turns_an_alarm_and_reaches_queue_and_webhook_once(running: RunningOpenTrail, webhook: Webhook) -> None:
    arn, url = topic(running, "alerts", webhook)
    running.aws(
        "cloudwatch", "put-metric-alarm", "--alarm-name", "root-usage", "--namespace", "CISBenchmark", "--metric-name", "RootUsage",
        "--statistic", "Sum", "--period", "10", "--evaluation-periods", "30", "--datapoints-to-alarm", "1", "--threshold", "1",
        "--comparison-operator", "GreaterThanOrEqualToThreshold", "--treat-missing-data", "notBreaching", "--alarm-actions", arn,
        "--tags", "Key=team,Value=blue",
    )  # fmt: skip
    wait_for(lambda: state(running, "root-usage") == "OK")
    running.aws("cloudwatch", "put-metric-data", "--namespace", "CISBenchmark", "--metric-name", "RootUsage", "--value", "1")
    wait_for(lambda: webhook.about("root-usage"))
    (message,) = wait_for(lambda: running.client("sqs").receive_message(QueueUrl=url, WaitTimeSeconds=20).get("Messages"))
    envelope = json.loads(message["Body"])
    assert (envelope["Subject"], envelope["TopicArn"]) == ('ALARM: "root-usage" in US East (N. Virginia)', arn)
    told = json.loads(envelope["Message"])
    assert list(told) == [
        "AlarmName", "AlarmDescription", "AWSAccountId", "AlarmConfigurationUpdatedTimestamp", "NewStateValue", "NewStateReason",
        "StateChangeTime", "Region", "AlarmArn", "OldStateValue", "OKActions", "AlarmActions", "InsufficientDataActions", "Trigger",
    ]  # fmt: skip
    assert (told["OldStateValue"], told["NewStateValue"], told["AWSAccountId"]) == ("OK", "ALARM", ACCOUNT)
    assert told["NewStateReason"].startswith("Threshold Crossed: 1 out of the last 30 datapoints [1.0 (")
    assert told["Trigger"]["Statistic"] == "SUM"
    cloudwatch = running.client("cloudwatch")
    cloudwatch.put_metric_data(Namespace="CISBenchmark", MetricData=[{"MetricName": "RootUsage", "Value": 1}])
    # A second alarm on the same metric comes after whatever the second point did to the first one.
    cloudwatch.put_metric_alarm(
        AlarmName="later", Namespace="CISBenchmark", MetricName="RootUsage", Statistic="Sum", Period=60, EvaluationPeriods=1,
        Threshold=1, ComparisonOperator="GreaterThanOrEqualToThreshold", AlarmActions=[arn],
    )  # fmt: skip
    wait_for(lambda: webhook.about("later"))
    assert webhook.about("root-usage") == ["ALARM"]
    history = json.loads(running.aws("cloudwatch", "describe-alarm-history", "--alarm-name", "root-usage").stdout)["AlarmHistoryItems"]
    kinds = [item["HistoryItemType"] for item in history]
    assert kinds == ["Action", "StateUpdate", "StateUpdate", "ConfigurationUpdate"]
    assert json.loads(history[0]["HistoryData"])["actionState"] == "Succeeded"
    assert cloudwatch.list_tags_for_resource(ResourceARN=told["AlarmArn"])["Tags"] == [{"Key": "team", "Value": "blue"}]


def test_a_killed_watch_tells_what_happened_and_nothing_twice(running: RunningOpenTrail, webhook: Webhook) -> None:
    arn, _ = topic(running, "crash", webhook)
    cloudwatch = running.client("cloudwatch")
    given = {
        "Namespace": "crash", "MetricName": "m", "Statistic": "Sum", "Period": 60, "EvaluationPeriods": 5, "DatapointsToAlarm": 1,
        "Threshold": 1, "ComparisonOperator": "GreaterThanOrEqualToThreshold", "AlarmActions": [arn], "TreatMissingData": "notBreaching",
    }  # fmt: skip
    for name in ("before", "during"):
        cloudwatch.put_metric_alarm(AlarmName=name, **{**given, "MetricName": name})
    wait_for(lambda: state(running, "during") == "OK")
    cloudwatch.put_metric_data(Namespace="crash", MetricData=[{"MetricName": "before", "Value": 1}])
    wait_for(lambda: webhook.about("before"))
    done = {"AlarmName": "before", "HistoryItemType": "Action"}
    wait_for(lambda: cloudwatch.describe_alarm_history(**done)["AlarmHistoryItems"])  # else it would be told once more
    watch = running.role("watch")
    assert watch is not None
    watch.kill()
    cloudwatch.put_metric_data(Namespace="crash", MetricData=[{"MetricName": "during", "Value": 1}])
    cloudwatch.set_alarm_state(AlarmName="before", StateValue="OK", StateReason="a drill")
    wait_for(lambda: webhook.about("during"))
    wait_for(lambda: len(webhook.about("before")) == 2)  # it still breaches
    assert webhook.about("during") == ["ALARM"]
    assert webhook.about("before") == ["ALARM", "ALARM"]


def test_statistics_of_what_was_put(running: RunningOpenTrail) -> None:
    cloudwatch = running.client("cloudwatch")
    minute = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(minutes=10)
    dimensions = [{"Name": "host", "Value": "a"}]
    at = {"MetricName": "latency", "Dimensions": dimensions, "Timestamp": minute, "Unit": "Milliseconds"}
    cloudwatch.put_metric_data(
        Namespace="app",
        MetricData=[
            {**at, "Values": [1.0, 2.0, 3.0], "Counts": [1, 1, 2]},
            {**at, "Timestamp": minute + timedelta(minutes=1), "StatisticValues": {"SampleCount": 4, "Sum": 8, "Minimum": 1, "Maximum": 5}},
        ],
    )
    asked = {
        "Namespace": "app",
        "MetricName": "latency",
        "Dimensions": dimensions,
        "StartTime": minute,
        "EndTime": minute + timedelta(hours=1),
    }
    simple = cloudwatch.get_metric_statistics(Period=60, Statistics=["Sum", "Average", "Minimum", "Maximum", "SampleCount"], **asked)
    assert simple["Label"] == "latency"
    assert simple["Datapoints"] == [
        {"Timestamp": minute, "Unit": "Milliseconds", "Sum": 9.0, "Average": 2.25, "Minimum": 1.0, "Maximum": 3.0, "SampleCount": 4.0},
        {
            "Timestamp": minute + timedelta(minutes=1), "Unit": "Milliseconds",
            "Sum": 8.0, "Average": 2.0, "Minimum": 1.0, "Maximum": 5.0, "SampleCount": 4.0,
        },
    ]  # fmt: skip
    (point,) = cloudwatch.get_metric_statistics(Period=60, ExtendedStatistics=["p50"], **asked)["Datapoints"]
    assert point["ExtendedStatistics"] == {"p50": 2.5}
    metric = {"Namespace": "app", "MetricName": "latency", "Dimensions": dimensions}
    queries = [
        {"Id": "a", "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Sum"}},
        {"Id": "b", "MetricStat": {"Metric": metric, "Period": 300, "Stat": "Maximum"}, "Label": "worst"},
    ]
    window = {"StartTime": minute, "EndTime": minute + timedelta(hours=1)}
    got = [
        (result["Id"], result["Values"])
        for page in cloudwatch.get_paginator("get_metric_data").paginate(
            MetricDataQueries=queries, ScanBy="TimestampAscending", PaginationConfig={"PageSize": 1}, **window
        )
        for result in page["MetricDataResults"]
    ]
    assert [value for id_, values in got for value in values if id_ == "a"] == [9.0, 8.0]
    assert [value for id_, values in got for value in values if id_ == "b"] == [5.0]
    listed = json.loads(running.aws("cloudwatch", "list-metrics", "--namespace", "app", "--recently-active", "PT3H").stdout)["Metrics"]
    assert listed == [{"Namespace": "app", "MetricName": "latency", "Dimensions": dimensions}]
    assert cloudwatch.list_metrics(Dimensions=[{"Name": "host", "Value": "b"}])["Metrics"] == []


def signed(running: RunningOpenTrail, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
    request = AWSRequest(method="POST", url=running.endpoint + path, data=body, headers=headers)
    SigV4Auth(Credentials(*running.key), "monitoring", "us-east-1").add_auth(request)
    sent = urllib.request.Request(running.endpoint + path, data=body, headers=dict(request.headers), method="POST")
    try:
        with urllib.request.urlopen(sent, timeout=90) as response:
            return response.status, response.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


def query(running: RunningOpenTrail, action: str, **fields: str) -> tuple[int, str]:
    form = urllib.parse.urlencode({"Action": action, "Version": "2010-08-01", **fields}).encode()
    status, body = signed(running, "/", form, {"content-type": "application/x-www-form-urlencoded"})
    return status, body.decode()


def in_json(running: RunningOpenTrail, action: str, given: dict[str, Any]) -> tuple[int, Any]:
    headers = {"content-type": "application/x-amz-json-1.0", "x-amz-target": f"GraniteServiceVersion20100801.{action}"}
    status, body = signed(running, "/", json.dumps(given).encode(), headers)
    return status, json.loads(body) if body else None


def test_every_protocol_is_spoken(running: RunningOpenTrail) -> None:
    fields = {
        "AlarmName": "old-school", "Namespace": "q", "MetricName": "m", "Statistic": "Sum", "Period": "60", "EvaluationPeriods": "1",
        "Threshold": "1.5", "ComparisonOperator": "GreaterThanThreshold", "Dimensions.member.1.Name": "a", "Dimensions.member.1.Value": "b",
    }  # fmt: skip
    assert query(running, "PutMetricAlarm", **fields)[0] == 200
    status, xml = query(running, "DescribeAlarms", **{"AlarmNames.member.1": "old-school"})
    assert status == 200
    assert "<Threshold>1.5</Threshold>" in xml
    assert "<ActionsEnabled>true</ActionsEnabled>" in xml
    status, found = in_json(running, "DescribeAlarms", {"AlarmNames": ["old-school"]})
    assert (status, found["MetricAlarms"][0]["Dimensions"]) == (200, [{"Name": "a", "Value": "b"}])
    data = {"MetricData.member.1.MetricName": "m", "MetricData.member.1.Value": "2", "Namespace": "q"}
    assert query(running, "PutMetricData", **data)[0] == 200
    assert in_json(running, "ListMetrics", {"Namespace": "q"})[1]["Metrics"][0]["MetricName"] == "m"

    status, xml = query(running, "SetAlarmState", AlarmName="none", StateValue="OK", StateReason="x")
    assert (status, "<Code>ResourceNotFound</Code>" in xml, "<Type>Sender</Type>" in xml) == (404, True, True)
    status, xml = query(running, "PutMetricAlarm", **{**fields, "Period": "7"})
    assert (status, "<Code>InvalidParameterValue</Code>" in xml) == (400, True)
    status, found = in_json(
        running, "PutMetricAlarm", {"AlarmName": "x", "ComparisonOperator": "GreaterThanUpperThreshold", "EvaluationPeriods": 1}
    )
    assert (status, found["__type"].rpartition("#")[2]) == (400, "ValidationException")
    assert "anomaly detection model" in found["message"]


@pytest.mark.parametrize(
    ("operation", "given", "code"),
    [
        ("put_metric_data", {"Namespace": "AWS/EC2", "MetricData": [{"MetricName": "m", "Value": 1}]}, "InvalidParameterValue"),
        ("put_metric_data", {"Namespace": "n", "MetricData": []}, "MissingParameter"),
        (
            "put_metric_data",
            {"Namespace": "n", "MetricData": [{"MetricName": "m", "Value": 1, "Values": [1.0]}]},
            "InvalidParameterCombination",
        ),
        ("put_metric_data", {"Namespace": "n", "MetricData": [{"MetricName": "m", "Value": 1, "Timestamp": 1}]}, "InvalidParameterValue"),
        ("delete_alarms", {"AlarmNames": ["none"]}, "ResourceNotFound"),
        ("set_alarm_state", {"AlarmName": "none", "StateValue": "ALARM", "StateReason": "x", "StateReasonData": "{"}, "InvalidFormat"),
        ("describe_alarms", {"NextToken": "?"}, "InvalidNextToken"),
        ("list_tags_for_resource", {"ResourceARN": f"arn:aws:cloudwatch:us-east-1:{ACCOUNT}:alarm:none"}, "ResourceNotFoundException"),
    ],
)
def test_errors_have_their_codes(running: RunningOpenTrail, operation: str, given: dict[str, Any], code: str) -> None:
    with pytest.raises(ClientError) as caught:
        getattr(running.client("cloudwatch"), operation)(**given)
    assert caught.value.response["Error"]["Code"] == code


def test_a_user_needs_the_permission_and_the_namespace(running: RunningOpenTrail) -> None:
    iam = running.client("iam")
    iam.create_user(UserName="meter")
    only = {"StringEquals": {"cloudwatch:namespace": "mine"}}
    allow = [
        {"Effect": "Allow", "Action": "cloudwatch:PutMetricData", "Resource": "*", "Condition": only},
        {"Effect": "Allow", "Action": "cloudwatch:PutMetricAlarm", "Resource": f"arn:aws:cloudwatch:*:{ACCOUNT}:alarm:mine-*"},
    ]
    document = json.dumps({"Version": "2012-10-17", "Statement": allow})
    iam.put_user_policy(UserName="meter", PolicyName="p", PolicyDocument=document)
    key = iam.create_access_key(UserName="meter")["AccessKey"]
    mine = running.client("cloudwatch", key=(key["AccessKeyId"], key["SecretAccessKey"]))
    data = [{"MetricName": "m", "Value": 1.0}]
    mine.put_metric_data(Namespace="mine", MetricData=data)
    alarm: dict[str, Any] = {
        "Namespace": "mine", "MetricName": "m", "Statistic": "Sum", "Period": 60, "EvaluationPeriods": 1, "Threshold": 5,
        "ComparisonOperator": "GreaterThanThreshold",
    }  # fmt: skip
    mine.put_metric_alarm(AlarmName="mine-1", **alarm)
    for refused in (
        lambda: mine.put_metric_data(Namespace="other", MetricData=data),
        lambda: mine.put_metric_alarm(AlarmName="other", **alarm),
        lambda: mine.put_metric_alarm(AlarmName="mine-2", Tags=[{"Key": "a", "Value": "b"}], **alarm),
        mine.list_metrics,
    ):
        with pytest.raises(ClientError) as caught:
            refused()
        assert caught.value.response["Error"]["Code"].startswith("AccessDenied")


def test_alarms_are_recorded(running: RunningOpenTrail) -> None:
    running.client("cloudwatch").disable_alarm_actions(AlarmNames=["recorded"])

    def found() -> Any:
        given = [{"AttributeKey": "EventName", "AttributeValue": "DisableAlarmActions"}]
        return running.client("cloudtrail").lookup_events(LookupAttributes=given)["Events"]

    record = json.loads(wait_for(found)[0]["CloudTrailEvent"])
    assert (record["eventSource"], record["eventCategory"], record["readOnly"]) == ("monitoring.amazonaws.com", "Management", False)
    assert record["requestParameters"] == {"alarmNames": ["recorded"]}
