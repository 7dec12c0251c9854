"""The parts of the watch put together, on a clock that is moved by hand: a target that is down for an hour, a clock that jumps by hours."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from opentrail.messaging.queues import Queues
from opentrail.messaging.queues.names import Place
from opentrail.messaging.queues.receiving import Asking
from opentrail.messaging.queues.sealing import Party
from opentrail.rules.dispatching import retrying
from opentrail.server.roles import Orders
from opentrail.server.watching import alarms, logs, rules
from opentrail.server.watching.ground import ground
from simulators.crash_sink import CrashSink
from simulators.watch_doors import ACCOUNT, REGION, WatchDoors

HOUR = 3600.0
TICK = 30.0
FILTER = {"metricName": "Errors", "metricNamespace": "N", "metricValue": "1", "defaultValue": 0.0}
ALARM: dict[str, Any] = {
    "AlarmName": "errors", "Namespace": "N", "MetricName": "Errors", "Statistic": "Sum", "Period": 60, "EvaluationPeriods": 1,
    "Threshold": 1.0, "ComparisonOperator": "GreaterThanOrEqualToThreshold", "TreatMissingData": "missing",
}  # fmt: skip


class Parts:
    """The front's doors and all chores of the watch, on one data folder."""

    def __init__(self, folder: Path) -> None:
        self.doors = WatchDoors(folder)
        self.clock = self.doors.clock
        self.ground = ground(Orders(data_dir=folder, link=str(folder / "link")), self.clock)
        self._parts = [part(self.ground) for part in (logs.part, alarms.part, rules.part)]
        self._me = Party(principal=self.ground.identities.root(ACCOUNT))
        self.queues = Queues(
            self.ground.messages,
            self.clock,
            vault=self.ground.vault,
            secret=self.ground.folder.token_secret(),
            keys=self.ground.kms.service_keys,
        )

    def close(self) -> None:
        for part in self._parts:
            part.close()
        self.queues.close()
        self.ground.close()
        self.doors.close()

    def work(self) -> None:
        """Every chore once, and whatever it has begun."""
        for part in self._parts:
            for chore in part.chores.values():
                while chore.step():
                    pass
        for thread in threading.enumerate():
            if thread.name == "event-delivery":
                thread.join()

    def pass_time(self, seconds: float, tick: float = TICK) -> None:
        for _ in range(int(seconds / tick)):
            self.clock.advance(tick)
            self.work()

    def jump(self, seconds: float) -> None:
        """Somebody sets the clock."""
        self.clock.at += seconds

    def role(self) -> str:
        """The ARN of a role as which EventBridge may call HTTP endpoints."""
        identities = self.ground.identities
        trust = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sts:AssumeRole"}
        may = {"Effect": "Allow", "Action": "events:InvokeApiDestination", "Resource": "*"}
        made = identities.roles.create(ACCOUNT, "r", json.dumps({"Version": "2012-10-17", "Statement": [trust]}))
        policy = json.dumps({"Version": "2012-10-17", "Statement": [may]})
        identities.attachments.put_inline(ACCOUNT, "role", "r", "may", policy)
        return made.arn

    def queue(self, name: str) -> str:
        """The ARN of a new queue to which EventBridge may send."""
        arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"
        allow = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": arn}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
        self.queues.control.create(Place(account_id=ACCOUNT, region=REGION, name=name), {"Policy": policy}, {})
        return arn

    def heard(self, name: str) -> list[Any]:
        """What has come into a queue and was not heard yet, by the numbers of its events; other bodies as they are."""
        self.work()
        queue = self.queues.control.get(Place(account_id=ACCOUNT, region=REGION, name=name))
        found: list[Any] = []
        while taken := asyncio.run(self.queues.messages.receive(queue, Asking(party=self._me, most=10))).messages:
            for message in taken:
                body = json.loads(message.contents.body)
                attributes = {key: value.text for key, value in message.contents.attributes.items()}
                found.append(
                    (body["detail"].get("n"), attributes.get("EXHAUSTED_RETRY_CONDITION")) if attributes else body["detail"].get("n")
                )
            self.queues.messages.remove(queue, [message.receipt_handle for message in taken]).result()
        return found

    def target(self, rule: str, arn: str, **more: Any) -> None:
        """Give a rule a target of this ARN, beside those it has."""
        told = self.doors.json(
            "events", "PutTargets", Rule=rule, Targets=[{"Id": arn.rpartition(":")[2][-60:].replace("/", "-"), "Arn": arn, **more}]
        )
        assert told["FailedEntryCount"] == 0

    def put(self, *numbers: int) -> None:
        """Put events onto the default bus."""
        entries = [{"Source": "app", "DetailType": "t", "Detail": json.dumps({"n": number})} for number in numbers]
        assert self.doors.json("events", "PutEvents", Entries=entries)["FailedEntryCount"] == 0

    def state(self) -> str:
        (alarm,) = self.doors.json("monitoring", "DescribeAlarms", AlarmNames=["errors"])["MetricAlarms"]
        return str(alarm["StateValue"])


@pytest.fixture
def parts(tmp_path: Path) -> Iterator[Parts]:
    made = Parts(tmp_path)
    yield made
    made.close()


@pytest.fixture
def sink() -> Iterator[CrashSink]:
    made = CrashSink()
    yield made
    made.close()


def test_a_target_is_down_for_an_hour_and_back(parts: Parts, sink: CrashSink) -> None:
    sink.down.add("/down")
    ask = parts.doors.json
    key = {"ApiKeyAuthParameters": {"ApiKeyName": "x-key", "ApiKeyValue": "secret"}}
    link = ask("events", "CreateConnection", Name="link", AuthorizationType="API_KEY", AuthParameters=key)["ConnectionArn"]
    where = {"ConnectionArn": link, "InvocationEndpoint": f"{sink.url}/down", "HttpMethod": "POST"}
    down = ask("events", "CreateApiDestination", Name="down", **where)["ApiDestinationArn"]
    role = {"RoleArn": parts.role()}
    pattern = json.dumps({"source": ["app"]})
    for name in ("patient", "aged", "tried"):
        ask("events", "PutRule", Name=name, EventPattern=pattern)
    parts.target("patient", parts.queue("healthy"))
    parts.target("patient", down, **role)
    for name, policy in (("aged", {"MaximumEventAgeInSeconds": 600}), ("tried", {"MaximumRetryAttempts": 2})):
        parts.target(name, down, **role, RetryPolicy=policy, DeadLetterConfig={"Arn": parts.queue(f"dead-{name}")})
    for number in range(10):
        parts.put(number)
        parts.work()
        parts.work()
    assert sorted(parts.heard("healthy")) == list(range(10))  # whoever is down delays nobody
    parts.pass_time(HOUR)
    # Three targets, each asked at intervals that grow to the longest pause, whatever waits for it.
    assert sink.refused["/down"] <= 3 * (HOUR / retrying.LONGEST_PAUSE + 8)
    assert sorted(parts.heard("dead-aged")) == [(number, "MaximumEventAgeInSeconds") for number in range(10)]
    assert sorted(parts.heard("dead-tried")) == [(number, "MaximumRetryAttempts") for number in range(10)]
    sink.down.clear()
    parts.pass_time(3 * retrying.LONGEST_PAUSE, tick=1.0)
    assert sorted(body["detail"]["n"] for body in sink.got["/down"]) == list(range(10))
    assert sink.most["/down"] <= 3
    assert parts.heard("dead-aged") == parts.heard("dead-tried") == []


@pytest.mark.parametrize("hours", [-5, 5])
def test_a_clock_that_jumps_by_hours_stops_nothing_and_starts_no_storm(parts: Parts, hours: int) -> None:
    ask = parts.doors.json
    ask("events", "PutRule", Name="tick", ScheduleExpression="rate(1 minute)")
    parts.target("tick", parts.queue("ticks"))
    ask("events", "PutRule", Name="all", EventPattern=json.dumps({"source": ["app"]}))
    parts.target("all", parts.queue("all"))
    ask("logs", "CreateLogGroup", logGroupName="g")
    ask("logs", "CreateLogStream", logGroupName="g", logStreamName="s")
    ask("logs", "PutRetentionPolicy", logGroupName="g", retentionInDays=1)
    ask("logs", "PutMetricFilter", logGroupName="g", filterName="f", filterPattern="ERROR", metricTransformations=[FILTER])
    ask("monitoring", "PutMetricAlarm", **ALARM)

    def line(message: str) -> None:
        event = {"timestamp": int(parts.clock.time() * 1000), "message": message}
        ask("logs", "PutLogEvents", logGroupName="g", logStreamName="s", logEvents=[event])

    def minutes(count: int) -> None:
        for _ in range(count):
            line("fine")
            parts.pass_time(60, tick=10)

    minutes(5)
    assert len(parts.heard("ticks")) == 5
    assert parts.state() == "OK"
    parts.jump(hours * HOUR)
    parts.put(1)
    parts.work()
    parts.work()
    assert parts.heard("all") == [1]
    minutes(5)
    # Once for what was missed, then by the clock as it is.
    assert 4 <= len(parts.heard("ticks")) <= 7
    assert parts.state() == "OK"
    line("ERROR")
    parts.pass_time(20, tick=10)
    assert parts.state() == "ALARM"
    minutes(3)
    assert parts.state() == "OK"
    parts.jump(-hours * HOUR)
    parts.put(2)
    minutes(5)
    assert parts.heard("all") == [2]
    assert 4 <= len(parts.heard("ticks")) <= 7 + 3
    line("ERROR")
    parts.pass_time(20, tick=10)
    assert parts.state() == "ALARM"
    items = ask("monitoring", "DescribeAlarmHistory", AlarmName="errors", HistoryItemType="StateUpdate")["AlarmHistoryItems"]
    assert len(items) <= 10
    kept = ask("logs", "FilterLogEvents", logGroupName="g", limit=100)["events"]
    assert len(kept) == 20
