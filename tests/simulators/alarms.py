"""Metrics and alarms without a server: one data folder, a clock that stands still, topics that do as told."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from opentrail.clock import ManualClock
from opentrail.monitoring.alarms.control import Alarms
from opentrail.monitoring.alarms.evaluating import Evaluating
from opentrail.monitoring.alarms.outbox import ActionOutbox
from opentrail.monitoring.alarms.store import Alarm
from opentrail.monitoring.alarms.transitions import EVENT, TOPIC, Transitions
from opentrail.monitoring.metrics.putting import points
from opentrail.monitoring.metrics.store import MetricStore
from opentrail.storage.database import Database

ACCOUNT, REGION = "111122223333", "us-east-1"
TOPIC_ARN = f"arn:aws:sns:{REGION}:{ACCOUNT}:alerts"
REGION_NAMES = {REGION: "US East (N. Virginia)"}
METRIC = {"Namespace": "CISBenchmark", "MetricName": "RootUsage"}
ALARM: Mapping[str, Any] = {
    **METRIC,
    "AlarmName": "root-usage",
    "Statistic": "Sum",
    "Period": 60,
    "EvaluationPeriods": 1,
    "Threshold": 1.0,
    "ComparisonOperator": "GreaterThanOrEqualToThreshold",
    "AlarmActions": [TOPIC_ARN],
}
START = 1_767_607_800.0
"""2026-01-05T10:10:00Z"""


@dataclass
class SimulatedTopics:
    """Keeps what is published, once under each key. `raising` is raised instead, by topic."""

    sent: list[dict[str, Any]] = field(default_factory=list)
    raising: dict[str, Exception] = field(default_factory=dict)
    keys: set[str] = field(default_factory=set)

    def publish(
        self, *, topic_arn: str, message: str, source_arn: str, account_id: str, subject: str | None = None, once: str | None = None
    ) -> None:
        if topic_arn in self.raising:
            raise self.raising[topic_arn]
        if once is not None:
            if once in self.keys:
                return
            self.keys.add(once)
        told = {"topic": topic_arn, "subject": subject, "source": source_arn, "account": account_id, "message": json.loads(message)}
        self.sent.append(told)

    def states(self) -> list[str]:
        """The states told of, in order."""
        return [one["message"]["NewStateValue"] for one in self.sent]


@dataclass
class SimulatedBus:
    """Keeps the events put on the default bus."""

    events: list[Mapping[str, Any]] = field(default_factory=list)

    def put(self, *, account_id: str, region: str, event: Mapping[str, Any]) -> None:
        assert (event["account"], event["region"]) == (account_id, region)
        self.events.append(event)


class AlarmHouse:
    """The front's side and the watch's on one database; `restart` forgets whatever the watch had in memory."""

    def __init__(self, folder: Path, clock: ManualClock | None = None) -> None:
        self.clock = clock or ManualClock(at=START)
        self.database = Database.at(folder / "monitoring.db")
        self.metrics = MetricStore(self.database, self.clock)
        self.alarms = Alarms(self.database, self.clock, region_names=REGION_NAMES)
        self.topics, self.bus = SimulatedTopics(), SimulatedBus()
        self.restart()

    def restart(self) -> None:
        """The watch as after a start."""
        store = self.alarms.store
        self.evaluating = Evaluating(self.metrics, store, self.clock, transitions=Transitions(REGION_NAMES))
        self.messages = ActionOutbox(store, self.clock, kind=TOPIC, topics=self.topics, start=lambda call: call())
        self.events = ActionOutbox(store, self.clock, kind=EVENT, events=self.bus, start=lambda call: call())

    def alarm(self, **settings: Any) -> Alarm:
        """Put an alarm, and have it looked at."""
        self.alarms.put_metric_alarm({**ALARM, **settings}, account_id=ACCOUNT, region=REGION)
        self.work()
        return self.get(settings.get("AlarmName", "root-usage"))

    def composite(self, name: str, rule: str, **settings: Any) -> Alarm:
        """Put a composite alarm, and have it looked at."""
        given = {"AlarmName": name, "AlarmRule": rule, **settings}
        self.alarms.put_composite_alarm(given, account_id=ACCOUNT, region=REGION)
        self.work()
        return self.get(name)

    def put(self, value: float = 1.0, *, at: float | None = None, **datum: Any) -> None:
        """Put a point, without looking at any alarm yet."""
        time = datetime.fromtimestamp(self.clock.time() if at is None else at, UTC)
        given = {"Namespace": METRIC["Namespace"], "MetricData": [{"MetricName": "RootUsage", "Value": value, "Timestamp": time, **datum}]}
        new = points(given, account_id=ACCOUNT, region=REGION, now=self.clock.time())
        with self.database.begin() as connection:
            self.metrics.put(connection, new)

    def work(self) -> None:
        """Judge all that is due, and carry out what follows from it."""
        while self.evaluating.step():
            pass
        self.evaluating.step()
        while self.messages.step() or self.events.step():
            pass

    def pass_(self, seconds: float, step: float = 1.0) -> None:
        """Let time pass; the watch works all the while."""
        gone = 0.0
        while gone < seconds:
            self.clock.advance(step)
            gone += step
            self.work()

    def get(self, name: str = "root-usage") -> Alarm:
        """An alarm as it stands."""
        found = self.alarms.get(ACCOUNT, REGION, name)
        assert found is not None
        return found

    def state(self, name: str = "root-usage") -> str:
        return self.get(name).state

    def history(self, item: str | None = None, name: str = "root-usage") -> list[str]:
        """Summaries, oldest first."""
        found = self.alarms.history(ACCOUNT, REGION, name=name, kinds=(self.get(name).kind,), item=item, oldest_first=True, limit=1000)
        return [one["summary"] for one in found]
