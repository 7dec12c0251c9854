"""Topics without a server: one data folder, a clock that stands still, endpoints that do as told."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from opentrail.clock import ManualClock
from opentrail.messaging.topics import Notifications, names
from opentrail.messaging.topics.dispatcher import Dispatcher
from opentrail.messaging.topics.envelopes import Envelopes
from opentrail.messaging.topics.messages import draft
from opentrail.messaging.topics.notifier import Notifier, Ways
from opentrail.messaging.topics.outcomes import Carrier
from opentrail.messaging.topics.signing import MessageSigner
from opentrail.messaging.topics.values import MessageAttribute
from opentrail.storage.database import Database
from opentrail.wire.faults import Fault
from simulators.kms import ACCOUNT, REGION

OTHER = "444455556666"
ADDRESS = "http://127.0.0.1:4747"
QUEUE = f"arn:aws:sqs:{REGION}:{ACCOUNT}:jobs"
DEAD = f"arn:aws:sqs:{REGION}:{ACCOUNT}:dead"


class NoSuchQueue(Fault):
    """The queue is not there."""


@dataclass
class SimulatedQueues:
    """Queues in memory. `raising` is raised instead of delivering to a queue."""

    bodies: dict[str, list[str]] = field(default_factory=dict)
    attributes: list[Mapping[str, MessageAttribute]] = field(default_factory=list)
    sources: list[str] = field(default_factory=list)
    raising: dict[str, BaseException] = field(default_factory=dict)
    after: Callable[[], None] = lambda: None
    """Called when a message is in the queue."""

    def deliver(self, *, queue_arn: str, body: str, attributes: Mapping[str, MessageAttribute], source_arn: str, account_id: str) -> None:
        if queue_arn in self.raising:
            raise self.raising[queue_arn]
        self.bodies.setdefault(queue_arn, []).append(body)
        self.attributes.append(attributes)
        assert account_id == source_arn.split(":")[4]
        self.sources.append(source_arn)
        self.after()

    def messages(self, queue_arn: str = QUEUE) -> list[str]:
        """What the envelopes in a queue say."""
        return [json.loads(body)["Message"] for body in self.bodies.get(queue_arn, [])]


@dataclass
class SimulatedWeb:
    """Takes posts. `answers` are statuses or errors by URL, used up one by one; then it answers 200."""

    posts: list[tuple[str, Mapping[str, str], str]] = field(default_factory=list)
    answers: dict[str, list[int | Exception]] = field(default_factory=dict)

    def post(self, url: str, headers: Mapping[str, str], body: bytes) -> int:
        self.posts.append((url, headers, body.decode()))
        waiting = self.answers.get(url)
        answer = waiting.pop(0) if waiting else 200
        if isinstance(answer, Exception):
            raise answer
        return answer


@dataclass
class SimulatedMail:
    """Takes what apprise would. `failing`: it takes nothing."""

    sent: list[tuple[str, str, str]] = field(default_factory=list)
    failing: bool = False

    def __call__(self, url: str, title: str, body: str) -> bool:
        self.sent.append((url, title, body))
        return not self.failing


@dataclass
class TopicHouse:
    """One data folder with topics; `reopened` is the same after a crash: only what was durable is there."""

    folder: Path
    clock: ManualClock = field(default_factory=ManualClock)
    queues: SimulatedQueues = field(default_factory=SimulatedQueues)
    web: SimulatedWeb = field(default_factory=SimulatedWeb)
    mail: SimulatedMail = field(default_factory=SimulatedMail)
    ways: Ways = field(default_factory=lambda: Ways(email="mailto://x?to={address}", sms="twilio://x/{address}", chat={"ops": "slack://x"}))

    def __post_init__(self) -> None:
        self.database = Database.at(self.folder / "messages.db")
        self.messages = Notifications(self.database, self.clock)
        self.signer = MessageSigner.open(self.folder / "keys", self.clock)
        notifier = Notifier(self.ways, self.mail)
        web: Any = self.web
        self.carrier = Carrier(self.clock, queues=self.queues, web=web, notifier=notifier, envelopes=Envelopes(self.signer, ADDRESS))
        self.dispatcher = Dispatcher(self.messages.store, self.clock, carrier=self.carrier, start=lambda call: call())

    def reopened(self) -> TopicHouse:
        self.database.close()
        return TopicHouse(self.folder, self.clock, self.queues, self.web, self.mail, self.ways)

    def topic(self, name: str = "news", **given: str) -> str:
        """A new topic; its ARN."""
        return self.messages.topics.create(names.new_topic(name, region=REGION, account_id=ACCOUNT), given, {}).arn

    def subscribed(self, topic: str, protocol: str = "sqs", endpoint: str = QUEUE, **given: str) -> str:
        """A confirmed subscription; its ARN."""
        return self.messages.subscriptions.subscribe(
            topic, owner=ACCOUNT, protocol=protocol, endpoint=endpoint, given=given, at_once=True
        ).arn

    def publish(self, topic: str, message: str = "hello", **more: Any) -> str:
        """Publish as Publish does; the message id."""
        return self.messages.publishing.publish(topic, [draft({"Message": message, **more})])[0]

    def deliver(self) -> None:
        """Deliver all that is due now."""
        self.dispatcher.step()

    def pass_time(self, seconds: float) -> None:
        """Let time pass, and deliver what is due then."""
        self.clock.advance(seconds)
        self.deliver()

    def attempts(self, within: float, *, step: float = 1.0) -> list[float]:
        """Seconds from now at which something was posted, over the next `within` seconds."""
        found, passed = [], 0.0
        while passed <= within:
            before = len(self.web.posts)
            self.deliver()
            found += [passed] * (len(self.web.posts) - before)
            self.clock.advance(step)
            passed += step
        return found
