"""Metric filters and subscription filters end to end, told by the real AWS CLI and boto3."""

from __future__ import annotations

import base64
import gzip
import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from botocore.exceptions import ClientError

from simulators.running import RunningOpenTrail, wait_for

ACCOUNT = "123456789012"
FUNCTION = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:watch"
CONSOLE = '{ ($.eventName = "ConsoleLogin") && ($.additionalEventData.MFAUsed != "Yes") }'


class _Lambda(BaseHTTPRequestHandler):
    """Takes invocations, and writes down the log events in them."""

    taken: list[dict[str, Any]]

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.taken.append(json.loads(gzip.decompress(base64.b64decode(body["awslogs"]["data"]))))
        self.send_response(202)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture(scope="module")
def functions() -> Iterator[HTTPServer]:
    _Lambda.taken = []
    server = HTTPServer(("127.0.0.1", 0), _Lambda)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def opentrail(tmp_path_factory: pytest.TempPathFactory, functions: HTTPServer) -> Iterator[RunningOpenTrail]:
    folder: Path = tmp_path_factory.mktemp("metric-filters")
    running = RunningOpenTrail(folder, options=["--upstream", f"lambda=http://127.0.0.1:{functions.server_port}"])
    running.start()
    yield running
    running.stop()


def put(running: RunningOpenTrail, group: str, *messages: str) -> None:
    now = int(time.time() * 1000)
    events = [{"timestamp": now, "message": message} for message in messages]
    running.client("logs").put_log_events(logGroupName=group, logStreamName="s", logEvents=events)


def new_group(running: RunningOpenTrail, group: str) -> None:
    logs = running.client("logs")
    logs.create_log_group(logGroupName=group)
    logs.create_log_stream(logGroupName=group, logStreamName="s")


def told(running: RunningOpenTrail, *words: str) -> Any:
    """What `aws logs …` prints."""
    return json.loads(running.aws("logs", *words, "--output", "json").stdout)


def test_a_metric_filter(opentrail: RunningOpenTrail) -> None:
    new_group(opentrail, "trail")
    transformation = [{"metricName": "NoMFA", "metricNamespace": "CISBenchmark", "metricValue": "1", "defaultValue": 0}]
    asked = ["--log-group-name", "trail", "--filter-name", "no-mfa", "--filter-pattern", CONSOLE]
    opentrail.aws("logs", "put-metric-filter", *asked, "--metric-transformations", json.dumps(transformation))

    (shown,) = told(opentrail, "describe-metric-filters", "--log-group-name", "trail")["metricFilters"]
    assert shown["filterPattern"] == CONSOLE
    assert shown["metricTransformations"] == [{**transformation[0], "defaultValue": 0.0}]

    assert told(opentrail, "describe-log-groups", "--log-group-name-prefix", "trail")["logGroups"][0]["metricFilterCount"] == 1
    sign_in = json.dumps({"eventName": "ConsoleLogin", "additionalEventData": {"MFAUsed": "No"}})
    with_mfa = json.dumps({"eventName": "ConsoleLogin", "additionalEventData": {"MFAUsed": "Yes"}})
    tested = told(opentrail, "test-metric-filter", "--filter-pattern", CONSOLE, "--log-event-messages", with_mfa, sign_in, "x")
    assert tested["matches"] == [
        {
            "eventNumber": 2,
            "eventMessage": sign_in,
            "extractedValues": {"$.eventName": "ConsoleLogin", "$.additionalEventData.MFAUsed": "No"},
        }
    ]

    put(opentrail, "trail", sign_in, with_mfa, "x", sign_in)
    cloudwatch = opentrail.client("cloudwatch")

    def total() -> float:
        now = datetime.now(UTC)
        answer = cloudwatch.get_metric_statistics(
            Namespace="CISBenchmark",
            MetricName="NoMFA",
            StartTime=now - timedelta(hours=1),
            EndTime=now + timedelta(hours=1),
            Period=3600,
            Statistics=["Sum"],
        )
        return sum(point["Sum"] for point in answer["Datapoints"])

    wait_for(lambda: total() == 2.0)


def test_filters_are_listed_in_pages_and_refused_with_reasons(opentrail: RunningOpenTrail) -> None:
    new_group(opentrail, "many")
    logs = opentrail.client("logs")
    made = {"metricName": "M", "metricNamespace": "N", "metricValue": "$size"}
    for name in ("c", "a", "b"):
        logs.put_metric_filter(logGroupName="many", filterName=name, filterPattern="[..., size]", metricTransformations=[made])
    pages = logs.get_paginator("describe_metric_filters").paginate(logGroupName="many", PaginationConfig={"PageSize": 2})
    assert [[one["filterName"] for one in page["metricFilters"]] for page in pages] == [["a", "b"], ["c"]]
    for pattern, says in (("{ $.a = }", "a value is expected at character"), ("a:b", "Invalid character(s) in term 'a:b'")):
        with pytest.raises(ClientError) as refused:
            logs.put_metric_filter(logGroupName="many", filterName="d", filterPattern=pattern, metricTransformations=[made])
        assert refused.value.response["Error"]["Code"] == "InvalidParameterException"
        assert says in refused.value.response["Error"]["Message"]
    logs.delete_metric_filter(logGroupName="many", filterName="b")
    with pytest.raises(logs.exceptions.ResourceNotFoundException):
        logs.delete_metric_filter(logGroupName="many", filterName="b")


def test_a_subscription_filter(opentrail: RunningOpenTrail, functions: HTTPServer) -> None:
    new_group(opentrail, "lines")
    asked = ["--log-group-name", "lines", "--filter-name", "errors", "--filter-pattern", "ERROR", "--destination-arn", FUNCTION]
    opentrail.aws("logs", "put-subscription-filter", *asked)
    assert [one["messageType"] for one in _Lambda.taken] == ["CONTROL_MESSAGE"]
    put(opentrail, "lines", "fine", "ERROR 1", "ERROR 2")
    wait_for(lambda: len(_Lambda.taken) == 2)
    data = _Lambda.taken[1]
    assert (data["owner"], data["logGroup"], data["logStream"], data["subscriptionFilters"]) == (ACCOUNT, "lines", "s", ["errors"])
    assert [one["message"] for one in data["logEvents"]] == ["ERROR 1", "ERROR 2"]

    (shown,) = told(opentrail, "describe-subscription-filters", "--log-group-name", "lines")["subscriptionFilters"]
    assert (shown["destinationArn"], shown["distribution"]) == (FUNCTION, "ByLogStream")
    with pytest.raises(ClientError, match=r"no endpoint of it\. Start it with --upstream kinesis=URL"):
        opentrail.client("logs").put_subscription_filter(
            logGroupName="lines",
            filterName="stream",
            filterPattern="",
            destinationArn=f"arn:aws:kinesis:us-east-1:{ACCOUNT}:stream/s",
            roleArn=f"arn:aws:iam::{ACCOUNT}:role/r",
        )
    opentrail.aws("logs", "delete-subscription-filter", "--log-group-name", "lines", "--filter-name", "errors")
    assert told(opentrail, "describe-subscription-filters", "--log-group-name", "lines")["subscriptionFilters"] == []
