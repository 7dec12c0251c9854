"""Targets of event rules that can be down, and a world of rules around them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from opentrail.clock import ManualClock
from opentrail.errors import JournalTrimmed
from opentrail.identity.service_roles import RoleSession
from opentrail.identity.vault import Vault
from opentrail.journal import Entry
from opentrail.journal.positions import Positions
from opentrail.rules import rows, spans
from opentrail.rules.dispatching.bus_targets import BusTargets
from opentrail.rules.dispatching.carrier import Carrier
from opentrail.rules.dispatching.dispatcher import Dispatcher
from opentrail.rules.dispatching.http_targets import HttpTargets
from opentrail.rules.following import InboxFollowing, JournalFollowing, opened
from opentrail.rules.intake import Intake
from opentrail.rules.names import BusName
from opentrail.rules.neighbours import Functions
from opentrail.rules.store import Store
from opentrail.rules.values import ENABLED, Rule, RuleState, Target
from opentrail.storage.database import Database
from simulators.target_roles import SimulatedRoles

ACCOUNT = "111122223333"
OTHER = "444455556666"
REGION = "us-east-1"
BUS = BusName(region=REGION, account_id=ACCOUNT)


class Died(BaseException):
    """The process was killed here."""


class Endpoint:
    """Serves every kind of target; keeps what has reached it."""

    def __init__(self) -> None:
        self.got: list[tuple[str, str]] = []
        """ARN or URL, and text."""
        self.buried: list[tuple[str, str, dict[str, str]]] = []
        self.calls = 0
        self.trouble: dict[str, Exception] = {}
        """What is raised for an ARN or URL."""
        self.status: dict[str, int] = {}
        self.requests: list[dict[str, Any]] = []
        self.groups: list[str | None] = []
        self.by: list[RoleSession | None] = []
        """With which role each message came to a topic or queue."""
        self.after: Callable[[], None] = lambda: None
        """Called once something has arrived."""

    def texts(self, arn: str) -> list[str]:
        return [text for place, text in self.got if place == arn]

    def ids(self, arn: str) -> list[str]:
        """Ids of the events that reached a target."""
        return [json.loads(text)["id"] for text in self.texts(arn)]

    def _take(self, arn: str, text: str) -> None:
        self.calls += 1
        if arn in self.trouble:
            raise self.trouble[arn]
        self.got.append((arn, text))
        self.after()

    def publish(self, *, topic_arn: str, message: str, source_arn: str, account_id: str, role: RoleSession | None = None) -> None:
        self.by.append(role)
        self._take(topic_arn, message)

    def deliver(
        self,
        *,
        queue_arn: str,
        body: str,
        source_arn: str,
        account_id: str,
        attributes: Mapping[str, str],
        group_id: str | None = None,
        role: RoleSession | None = None,
    ) -> None:
        if attributes:
            if queue_arn in self.trouble:
                raise self.trouble[queue_arn]
            self.buried.append((queue_arn, body, dict(attributes)))
            return
        self.groups.append(group_id)
        self.by.append(role)
        self._take(queue_arn, body)

    def put(self, *, log_group_arn: str, stream: str, message: str, timestamp: int, source_arn: str, account_id: str) -> None:
        self._take(log_group_arn, message)

    def invoke(self, *, function_arn: str, payload: bytes, source_arn: str) -> None:
        self._take(function_arn, payload.decode())


class EndpointWeb:
    """The HTTP side of an endpoint."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint

    def send(self, *, method: str, url: str, headers: Mapping[str, str], body: bytes, timeout: float) -> int:
        self._endpoint._take(url.partition("?")[0], body.decode())
        self._endpoint.requests.append({"method": method, "url": url, "headers": dict(headers), "body": body.decode()})
        return self._endpoint.status.get(url.partition("?")[0], 200)


class EndpointChat:
    """The chat side of an endpoint."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint

    def send(self, *, channel: str, title: str, body: str) -> None:
        self._endpoint._take(f"chat {channel}", f"{title}\n{body}")


class PlainJournal:
    """Records in a list; positions from 1."""

    def __init__(self) -> None:
        self.records: list[bytes] = []
        self.trimmed = 0

    def head(self) -> int:
        return len(self.records)

    def first(self) -> int:
        return self.trimmed + 1

    def read(self, after: int, limit: int) -> Sequence[Entry]:
        if after < self.trimmed:
            raise JournalTrimmed
        return [Entry(number, self.records[number - 1]) for number in range(after + 1, min(after + limit, len(self.records)) + 1)]


class AllTrails:
    """Trails that log everything but the positions named."""

    def __init__(self) -> None:
        self.unlogged: set[int] = set()

    def logged(self, entries: Sequence[Entry]) -> list[bool]:
        return [entry.position not in self.unlogged for entry in entries]


class RulesWorld:
    """One data folder's rules, with everything that carries events to targets; `restart` is a new process on the same files."""

    def __init__(self, path: Path, clock: ManualClock | None = None, functions: Functions | None = None) -> None:
        """`functions` stand behind targets that are Lambda functions; `endpoint` does when nothing else is said."""
        self.clock = clock or ManualClock()
        self.database = Database.at(path / "rules.db")
        self.store = Store(self.database)
        self.journal = PlainJournal()
        self.trails = AllTrails()
        self.endpoint = Endpoint()
        self.functions = functions or self.endpoint
        self.vault = Vault(b"k" * 32)
        self.intake = Intake(self.store, self.clock)
        self.woken = 0
        self.roles = SimulatedRoles()
        opened(self.database)
        self.restart()

    @contextmanager
    def changing(self, rule_arn: str) -> Iterator[Connection]:
        """A change of a rule or its targets."""
        with self.store.write() as connection:
            yield connection
            spans.change(connection, rule_arn, spans.now(connection, len(self.journal.records)))

    def restart(self) -> None:
        endpoint = self.endpoint
        carrier = Carrier(
            clock=self.clock,
            topics=endpoint,
            queues=endpoint,
            logs=endpoint,
            functions=self.functions,
            buses=BusTargets(self.store, self.clock),
            http=HttpTargets(EndpointWeb(endpoint), self.vault),
            chat=EndpointChat(endpoint),
            roles=self.roles,  # type: ignore[arg-type]
        )
        self.dispatcher = Dispatcher(self.database, self.clock, carrier=carrier, start=lambda call: call(), random=lambda: 1.0)
        self.following = JournalFollowing(
            self.database,
            self.clock,
            reader=self.journal,
            positions=Positions(self.database),
            trails=self.trails,
            promise=lambda position: None,
            wake=self._wake,
        )
        self.inbox = InboxFollowing(self.database, self.clock, wake=self._wake)

    def rule(
        self,
        name: str,
        *targets: Target,
        pattern: str | None = '{"source":["aws.iam"]}',
        state: RuleState = ENABLED,
        bus: BusName = BUS,
        **more: Any,
    ) -> str:
        """Make a rule with these targets; returns its ARN."""
        arn = bus.rule_arn(name)
        rule = Rule(
            arn=arn,
            bus_arn=bus.arn,
            account_id=bus.account_id,
            region=bus.region,
            bus=bus.name,
            name=name,
            pattern=pattern,
            state=state,
            created=self.clock.time(),
            **more,
        )
        with self.changing(arn) as connection:
            rows.keep_rule(connection, rule)
            for one in targets:
                rows.keep_target(connection, bus.arn, one)
        return arn

    def happens(self, name: str = "CreateUser", **more: Any) -> None:
        """A record comes into the journal."""
        number = len(self.journal.records) + 1
        record = {
            "eventTime": self.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ"),
            "eventSource": "iam.amazonaws.com",
            "eventName": name,
            "awsRegion": REGION,
            "eventID": f"event-{number}",
            "readOnly": False,
            "eventType": "AwsApiCall",
            "recipientAccountId": ACCOUNT,
            "eventCategory": "Management",
            "requestParameters": {"number": number},
            **more,
        }
        self.journal.records.append(json.dumps(record).encode())

    def follow(self) -> None:
        """Until there is nothing more to match."""
        while self.following.step() or self.inbox.step():
            pass

    def settle(self) -> None:
        """Until nothing more is due now."""
        while True:
            self.follow()
            waiting, calls = self.dispatcher.waiting(), self.endpoint.calls
            self.dispatcher.step()
            if (self.dispatcher.waiting(), self.endpoint.calls) == (waiting, calls) and not self.inbox.step():
                return

    def pass_time(self, seconds: float, step: float = 1.0) -> None:
        """Let time pass, and do what is due meanwhile."""
        for _ in range(int(seconds / step)):
            self.clock.advance(step)
            self.settle()

    def _wake(self) -> None:
        self.woken += 1


def queue_target(rule: str, name: str = "jobs", *, bus: BusName = BUS, target_id: str = "t", **more: Any) -> Target:
    """A queue as target of the rule of this name."""
    return Target(rule_arn=bus.rule_arn(rule), target_id=target_id, arn=queue(name), **more)


def queue(name: str) -> str:
    return f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"
