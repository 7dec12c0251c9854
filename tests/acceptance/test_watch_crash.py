"""Processes are killed under load while a trail streams, filters count, an alarm tells and rules deliver: then everything is there.

`OPENTRAIL_KILLS` says how often; the more, the longer.
"""

from __future__ import annotations

import collections
import json
import os
import random
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError
from sqlalchemy import insert

from opentrail.rules import spans, store
from opentrail.rules.names import BusName
from opentrail.rules.values import Rule
from opentrail.storage.database import Database
from simulators.buckets import trail_policy
from simulators.crash_sink import CrashSink
from simulators.running import RunningOpenTrail, wait_for

KILLS = int(os.environ.get("OPENTRAIL_KILLS", "4"))
CALLS = 15
"""Calls of each caller between two kills."""
PATIENCE = 180.0
"""Seconds for each thing that is waited for, on a machine that is busy with others."""
RULES = 10_000
MOST_MEMORY = 300 << 20
"""Bytes by which the watch may grow for them; it is a third of that."""
ACCOUNT = "123456789012"
REGION = "us-east-1"
TRAIL_GROUP = "CloudTrail/crash"
RULE_GROUP = "/aws/events/crash"

pytestmark = pytest.mark.timeout(300 + 60 * KILLS)


@pytest.fixture(scope="module")
def sink() -> Iterator[CrashSink]:
    made = CrashSink()
    yield made
    made.close()


@pytest.fixture(scope="module")
def opentrail(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningOpenTrail]:
    running = RunningOpenTrail(tmp_path_factory.mktemp("watch-crash"))
    try:
        yield running.start(patience=PATIENCE)
        assert running.stop() == 0
    finally:
        running.kill()


def allow(service: str, actions: list[str], resource: str) -> str:
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": actions, "Resource": resource}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def queue(running: RunningOpenTrail, name: str) -> tuple[str, str]:
    """URL and ARN of a new queue to which EventBridge may send."""
    arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"
    attributes = {"Policy": allow("events.amazonaws.com", ["sqs:SendMessage"], arn)}
    return running.client("sqs").create_queue(QueueName=name, Attributes=attributes)["QueueUrl"], arn


def stream_a_trail(running: RunningOpenTrail) -> None:
    """A trail with a bucket, a role and a log group to which it streams."""
    iam, s3, logs, trails = (running.client(name) for name in ("iam", "s3", "logs", "cloudtrail"))
    logs.create_log_group(logGroupName=TRAIL_GROUP)
    trust = {"Effect": "Allow", "Principal": {"Service": ["cloudtrail.amazonaws.com", "events.amazonaws.com"]}, "Action": "sts:AssumeRole"}
    role = iam.create_role(RoleName="crash", AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]}))
    stream = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{TRAIL_GROUP}:log-stream:*"
    statement = {"Effect": "Allow", "Action": ["logs:CreateLogStream", "logs:PutLogEvents"], "Resource": stream}
    invoke = {"Effect": "Allow", "Action": "events:InvokeApiDestination", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement, invoke]})
    iam.put_role_policy(RoleName="crash", PolicyName="stream", PolicyDocument=document)
    s3.create_bucket(Bucket="watch-crash")
    policy = trail_policy("watch-crash", f"arn:aws:cloudtrail:{REGION}:{ACCOUNT}:trail/crash", ACCOUNT)
    s3.put_bucket_policy(Bucket="watch-crash", Policy=json.dumps(policy))
    trails.create_trail(
        Name="crash",
        S3BucketName="watch-crash",
        CloudWatchLogsLogGroupArn=f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{TRAIL_GROUP}:*",
        CloudWatchLogsRoleArn=role["Role"]["Arn"],
    )
    trails.start_logging(Name="crash")


def alarm_on_a_deletion(running: RunningOpenTrail, sink: CrashSink) -> None:
    """Metric filter, alarm, topic, webhook: told when a log group is deleted."""
    sns, logs, cloudwatch = (running.client(name) for name in ("sns", "logs", "cloudwatch"))
    topic = sns.create_topic(Name="crash")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=f"{sink.url}/alarms")
    wait_for(
        lambda: all(one["SubscriptionArn"].startswith("arn:") for one in sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"])
    )
    metric = {"metricName": "Deletions", "metricNamespace": "Crash", "metricValue": "1"}
    logs.put_metric_filter(
        logGroupName=TRAIL_GROUP,
        filterName="deletions",
        filterPattern='{ $.eventName = "DeleteLogGroup" }',
        metricTransformations=[metric],
    )
    cloudwatch.put_metric_alarm(
        AlarmName="deletions", Namespace="Crash", MetricName="Deletions", Statistic="Sum", Period=10, EvaluationPeriods=1080,
        DatapointsToAlarm=1, Threshold=1, ComparisonOperator="GreaterThanOrEqualToThreshold", TreatMissingData="notBreaching",
        AlarmActions=[topic],
    )  # fmt: skip


def destination(running: RunningOpenTrail, name: str, url: str) -> str:
    events = running.client("events")
    key = {"ApiKeyName": "x-key", "ApiKeyValue": "secret"}
    link = events.create_connection(Name=name, AuthorizationType="API_KEY", AuthParameters={"ApiKeyAuthParameters": key})
    made = events.create_api_destination(Name=name, ConnectionArn=link["ConnectionArn"], InvocationEndpoint=url, HttpMethod="POST")
    arn: str = made["ApiDestinationArn"]
    return arn


def rules(running: RunningOpenTrail, sink: CrashSink) -> dict[str, str]:
    """Rules with targets of many kinds, one of which is down and one not there; name → URL of the queues."""
    events, logs = running.client("events"), running.client("logs")
    urls, arns = {}, {}
    for name in ("calls", "dead", "own", "tried"):
        urls[name], arns[name] = queue(running, name)
    logs.create_log_group(logGroupName=RULE_GROUP)
    group = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{RULE_GROUP}"
    put = ["logs:CreateLogStream", "logs:PutLogEvents"]
    logs.put_resource_policy(policyName="events", policyDocument=allow("events.amazonaws.com", put, f"{group}:*"))
    role = f"arn:aws:iam::{ACCOUNT}:role/crash"
    missing = f"arn:aws:sqs:{REGION}:{ACCOUNT}:never-made"
    flaky = destination(running, "flaky", f"{sink.url}/flaky")
    events.put_rule(Name="calls", EventPattern=json.dumps({"source": ["aws.logs"], "detail": {"eventName": ["CreateLogStream"]}}))
    targets = [
        {"Id": "queue", "Arn": arns["calls"]},
        {"Id": "group", "Arn": group},
        {"Id": "web", "Arn": destination(running, "web", f"{sink.url}/web"), "RoleArn": role},
        {"Id": "flaky", "Arn": flaky, "RoleArn": role},
        {"Id": "missing", "Arn": missing, "DeadLetterConfig": {"Arn": arns["dead"]}},
    ]
    assert events.put_targets(Rule="calls", Targets=targets)["FailedEntryCount"] == 0
    events.create_event_bus(Name="own")
    events.put_rule(Name="own", EventBusName="own", EventPattern=json.dumps({"source": ["app"]}))
    few = {"MaximumRetryAttempts": 1, "MaximumEventAgeInSeconds": 3600}
    tried = {"Id": "down", "Arn": flaky, "RoleArn": role, "RetryPolicy": few, "DeadLetterConfig": {"Arn": arns["tried"]}}
    assert events.put_targets(Rule="own", EventBusName="own", Targets=[{"Id": "queue", "Arn": arns["own"]}])["FailedEntryCount"] == 0
    events.put_rule(Name="last", EventBusName="own", EventPattern=json.dumps({"source": ["app"], "detail": {"n": [0]}}))
    assert events.put_targets(Rule="last", EventBusName="own", Targets=[tried])["FailedEntryCount"] == 0
    return urls


class Callers:
    """What is called while processes die: what was asked, and what was answered."""

    def __init__(self, running: RunningOpenTrail) -> None:
        self._running = running
        self.up = threading.Event()
        """Whether there is somebody to call; cleared before a front is killed."""
        self.up.set()
        self.asked: collections.Counter[str] = collections.Counter()
        self.answered: collections.defaultdict[str, list[str]] = collections.defaultdict(list)

    def round(self, turn: int) -> list[threading.Thread]:
        """Begin the calls of one round, a thread for each kind."""
        kinds: dict[str, Callable[[int], str]] = {
            "calls": self._caller(turn, "calls"), "lines": self._caller(turn, "lines"),
            "events": self._caller(turn, "events"), "points": self._caller(turn, "points"),
        }  # fmt: skip
        threads = [threading.Thread(target=self._work, args=one) for one in kinds.items()]
        for thread in threads:
            thread.start()
        return threads

    def _work(self, kind: str, call: Callable[[int], str]) -> None:
        for number in range(CALLS):
            self.asked[kind] += 1
            try:
                self.answered[kind].append(call(number))
            except (BotoCoreError, ClientError, ResponseParserError):
                self.up.wait()

    def _caller(self, turn: int, kind: str) -> Callable[[int], str]:
        logs, events, cloudwatch = (self._running.client(name) for name in ("logs", "events", "cloudwatch"))

        def calls(number: int) -> str:
            told = logs.create_log_stream(logGroupName="app", logStreamName=f"{turn}-{number}")
            return str(told["ResponseMetadata"]["RequestId"])

        def lines(number: int) -> str:
            message = f"line {turn} {number}"
            logs.put_log_events(
                logGroupName="app", logStreamName="lines", logEvents=[{"timestamp": int(time.time() * 1000), "message": message}]
            )
            return message

        def own(number: int) -> str:
            detail = json.dumps({"n": turn * CALLS + number})
            (told,) = events.put_events(Entries=[{"Source": "app", "DetailType": "t", "Detail": detail, "EventBusName": "own"}])["Entries"]
            return str(told["EventId"])

        def points(number: int) -> str:
            cloudwatch.put_metric_data(Namespace="Crash", MetricData=[{"MetricName": "Points", "Value": 1}])
            return f"{turn} {number}"

        return {"calls": calls, "lines": lines, "events": own, "points": points}[kind]


class Received:
    """Takes messages out of a queue, bodies and attributes, by id of the event."""

    def __init__(self, running: RunningOpenTrail, url: str) -> None:
        self._sqs, self._url = running.client("sqs"), url
        self.found: dict[str, dict[str, Any]] = {}
        self.attributes: dict[str, dict[str, str]] = {}
        self.requests: set[str] = set()

    def have(self, wanted: set[str]) -> bool:
        """Whether all these have come, by id of the event or of the request."""
        while True:
            answer = self._sqs.receive_message(
                QueueUrl=self._url, MaxNumberOfMessages=10, MessageAttributeNames=["All"], VisibilityTimeout=600
            )
            messages = answer.get("Messages", [])
            for message in messages:
                body = json.loads(message["Body"])
                self.found[body["id"]] = body
                self.requests.add(body["detail"].get("requestID", ""))
                told = message.get("MessageAttributes", {})
                self.attributes[body["id"]] = {name: one["StringValue"] for name, one in told.items()}
            if not messages:
                return wanted <= self.found.keys() | self.requests


def records(running: RunningOpenTrail, group: str) -> list[str]:
    """Every message in a log group."""
    pages = running.client("logs").get_paginator("filter_log_events").paginate(logGroupName=group)
    return [event["message"] for page in pages for event in page["events"]]


def total(running: RunningOpenTrail, metric: str) -> float:
    """Sum of all that a metric of the last hours has."""
    now = datetime.now(UTC)
    found = running.client("cloudwatch").get_metric_statistics(
        Namespace="Crash", MetricName=metric, StartTime=now - timedelta(hours=20), EndTime=now + timedelta(hours=1), Period=3600,
        Statistics=["Sum"],
    )  # fmt: skip
    return float(sum(point["Sum"] for point in found["Datapoints"]))


def kill(running: RunningOpenTrail, who: str) -> None:
    """SIGKILL, and wait until all is up again."""
    if who == "all":
        running.kill()
        running.start(patience=PATIENCE)
        return
    killed = wait_for(lambda: running.role(who))
    killed.kill()

    def back() -> bool:
        found = running.role(who)
        try:
            return found is not None and found.pid != killed.pid and running.health()["status"] == "ok"
        except (OSError, ValueError):
            return False

    wait_for(back, patience=PATIENCE, pause=0.2)


def test_whatever_dies_nothing_acknowledged_is_lost_and_nothing_storms(opentrail: RunningOpenTrail, sink: CrashSink) -> None:
    logs = opentrail.client("logs")
    for name in ("app", "to-be-deleted"):
        logs.create_log_group(logGroupName=name)
    logs.create_log_stream(logGroupName="app", logStreamName="lines")
    counted = {"metricName": "Lines", "metricNamespace": "Crash", "metricValue": "1"}
    logs.put_metric_filter(logGroupName="app", filterName="lines", filterPattern="", metricTransformations=[counted])
    stream_a_trail(opentrail)
    alarm_on_a_deletion(opentrail, sink)
    urls = rules(opentrail, sink)
    sink.down.add("/flaky")
    callers, dice, lives = Callers(opentrail), random.Random(20260105), 1
    began = time.monotonic()
    for turn in range(KILLS):
        threads = callers.round(turn)
        if turn == KILLS // 2:
            opentrail.client("logs").delete_log_group(logGroupName="to-be-deleted")
        time_to_kill = threading.Event()
        time_to_kill.wait(dice.uniform(0.0, 0.6))
        who = "all" if turn == KILLS - 1 else ("watch", "front")[turn % 2]
        if who != "watch":
            callers.up.clear()
        kill(opentrail, who)
        lives += 1
        callers.up.set()
        for thread in threads:
            thread.join()
    # The target that was down is back; the watch dies once more while it hears of everything.
    refused, lasted = sink.refused["/flaky"], time.monotonic() - began
    sink.down.clear()
    kill(opentrail, "watch")

    calls, events = set(callers.answered["calls"]), set(callers.answered["events"])
    assert len(calls) > CALLS * KILLS // 2
    streamed: collections.Counter[str] = collections.Counter()

    def all_streamed() -> bool:
        streamed.clear()
        found = [json.loads(message) for message in records(opentrail, TRAIL_GROUP)]
        streamed.update(record["requestID"] for record in found if record["eventName"] == "CreateLogStream" and "requestID" in record)
        return calls <= streamed.keys()

    wait_for(all_streamed, patience=PATIENCE, pause=0.3)
    assert [one for one, times in streamed.items() if times > 1] == []

    queued, dead, own, tried = (Received(opentrail, urls[name]) for name in ("calls", "dead", "own", "tried"))
    wait_for(lambda: queued.have(calls), patience=PATIENCE, pause=0.3)
    wait_for(lambda: dead.have(calls), patience=PATIENCE, pause=0.3)
    wait_for(lambda: own.have(events), patience=PATIENCE, pause=0.3)
    assert {one["ERROR_CODE"] for one in dead.attributes.values()} == {"NO_RESOURCE"}
    for path in ("/web", "/flaky"):
        wait_for(lambda path=path: calls <= {body["detail"].get("requestID") for body in list(sink.got[path])}, patience=PATIENCE)
    wait_for(
        lambda: calls <= {json.loads(message)["detail"].get("requestID") for message in records(opentrail, RULE_GROUP)},
        patience=PATIENCE,
        pause=0.3,
    )
    # One that was tried as often as its policy says lies in its dead-letter queue, and is not tried again.
    first = {one for one, body in own.found.items() if body["detail"]["n"] == 0}
    wait_for(lambda: tried.have(first), patience=PATIENCE, pause=0.3)
    assert [one.get("EXHAUSTED_RETRY_CONDITION") for one in tried.attributes.values()] == ["MaximumRetryAttempts"] * len(first)
    # While it was down it was asked seldom, however much waited; when it was back it was asked one by one.
    assert 0 < refused <= 2 * (7 * lives + lasted / 30)
    assert sink.most["/flaky"] <= 4

    lines = collections.Counter(records(opentrail, "app"))
    assert set(callers.answered["lines"]) <= lines.keys()
    assert set(lines.values()) == {1}
    wait_for(lambda: total(opentrail, "Lines") == len(lines), patience=PATIENCE, pause=0.3)
    assert len(callers.answered["points"]) <= total(opentrail, "Points") <= callers.asked["points"]

    wait_for(lambda: [one for one in list(sink.got["/alarms"]) if one.get("Type") == "Notification"], patience=PATIENCE)
    cloudwatch = opentrail.client("cloudwatch")
    changes = cloudwatch.describe_alarm_history(AlarmName="deletions", HistoryItemType="StateUpdate", ScanBy="TimestampAscending")
    assert [one["HistorySummary"] for one in changes["AlarmHistoryItems"]] == [
        "Alarm updated from INSUFFICIENT_DATA to OK",
        "Alarm updated from OK to ALARM",
    ]
    told = [json.loads(one["Message"])["NewStateValue"] for one in sink.got["/alarms"] if one.get("Type") == "Notification"]
    assert set(told) == {"ALARM"}
    assert len(told) <= 3
    assert total(opentrail, "Deletions") == 1
    trouble = opentrail.health()
    assert trouble["status"] == "ok"


def test_ten_thousand_rules_fit_and_change_at_once(opentrail: RunningOpenTrail) -> None:
    events, sqs = opentrail.client("events"), opentrail.client("sqs")
    url, arn = queue(opentrail, "many")
    bus = BusName(region=REGION, account_id=ACCOUNT, name="many")
    events.create_event_bus(Name="many")
    watch = wait_for(lambda: opentrail.role("watch"))
    before = watch.memory_info().rss
    made: list[dict[str, Any]] = []
    targets: list[dict[str, Any]] = []
    for number in range(RULES):
        name = f"rule-{number}"
        rule = Rule(
            arn=bus.rule_arn(name), bus_arn=bus.arn, account_id=ACCOUNT, region=REGION, bus="many", name=name,
            pattern=json.dumps({"detail": {"n": [number]}}), created=1.0,
        )  # fmt: skip
        made.append(asdict(rule))
        targets.append(
            {
                "rule_arn": rule.arn, "target_id": "q", "bus_arn": bus.arn, "arn": arn, "input": json.dumps(name),
                "attempts": 185, "max_age": 86_400, "retry_given": False, "created": 1.0,
            }
        )  # fmt: skip
    database = Database.at(opentrail.data / "rules.db")
    try:
        with store.Store(database).write() as connection:  # 20,000 calls would take a minute
            connection.execute(insert(store.rules), made)
            connection.execute(insert(store.targets), targets)
            held = [
                {"rule_arn": rule["arn"], "bus_arn": bus.arn, "pattern": rule["pattern"], "state": rule["state"], "targets": ["q"]}
                for rule in made
            ]
            connection.execute(insert(spans.spans).values(since_record=0, since_event=0), held)
    finally:
        database.close()

    def put(*numbers: int) -> None:
        entries = [{"Source": "app", "DetailType": "t", "Detail": json.dumps({"n": n}), "EventBusName": "many"} for n in numbers]
        assert events.put_events(Entries=entries)["FailedEntryCount"] == 0

    heard: list[str] = []

    def hears(*names: str) -> None:
        def heard_all() -> bool:
            answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=600, WaitTimeSeconds=1)
            heard.extend(json.loads(message["Body"]) for message in answer.get("Messages", []))
            return set(names) <= set(heard)

        wait_for(heard_all, patience=PATIENCE)

    put(0, 17, RULES - 1, RULES)
    hears("rule-0", "rule-17", f"rule-{RULES - 1}")
    # What is answered counts for the next event: a new rule, one that is changed, one that is disabled, one that is gone.
    events.put_rule(Name="new", EventBusName="many", EventPattern=json.dumps({"detail": {"n": [RULES]}}))
    events.put_targets(Rule="new", EventBusName="many", Targets=[{"Id": "q", "Arn": arn, "Input": '"new"'}])
    events.put_rule(Name="rule-1", EventBusName="many", EventPattern=json.dumps({"detail": {"n": [-1]}}))
    events.disable_rule(Name="rule-2", EventBusName="many")
    events.remove_targets(Rule="rule-3", EventBusName="many", Ids=["q"])
    put(1, 2, 3, -1, RULES, 4)
    hears("rule-1", "new", "rule-4")
    assert sorted(set(heard)) == sorted({"rule-0", "rule-17", f"rule-{RULES - 1}", "rule-1", "new", "rule-4"})
    after = wait_for(lambda: opentrail.role("watch"))
    assert after.pid == watch.pid
    assert after.memory_info().rss - before < MOST_MEMORY
