"""A small world around the trails: a journal in memory, buckets in memory, a clock that is moved by hand, and processes that can die.

The state database, the spool and the signing keys are real files, so that a crash leaves exactly what a dead process leaves.
"""

from __future__ import annotations

import gzip
import json
import string
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa
from sqlalchemy import Connection, event

from opentrail import signing
from opentrail.clock import ManualClock, iso_seconds
from opentrail.config import TrailsSettings
from opentrail.errors import JournalTrimmed
from opentrail.journal.positions import Positions
from opentrail.storage.database import Database
from opentrail.trails.control import Trails, Wanted
from opentrail.trails.courier import Courier
from opentrail.trails.delivery import Delivery
from opentrail.trails.digests import Digests
from opentrail.trails.neighbours import Neighbours
from opentrail.trails.notifications import Notifications
from opentrail.trails.regions import Regions
from opentrail.trails.spool import Spool
from opentrail.wire.faults import Fault

ACCOUNT = "111122223333"
HOME = "us-east-1"
REGIONS = Regions({"aws": ("us-east-1", "eu-west-1", "us-west-2"), "aws-cn": ("cn-north-1",)})


class NoSuchBucket(Fault):
    """The specified bucket does not exist"""


class AccessDenied(Fault):
    """Access Denied"""


class DisabledKey(Fault):
    """The key is disabled"""

    code = "KMS.DisabledException"


class NotFound(Fault):
    """Topic does not exist"""

    status = 404


class AuthorizationError(Fault):
    """The service is not authorized to publish"""

    status = 403


class Crash(BaseException):
    """The process dies here."""


@dataclass
class Object:
    """One object of a bucket."""

    body: bytes
    metadata: Mapping[str, str]
    modified: float


@dataclass
class Buckets:
    """Buckets in memory; remembers every put."""

    clock: ManualClock
    objects: dict[tuple[str, str], Object] = field(default_factory=dict)
    missing: set[str] = field(default_factory=set)
    denied: set[str] = field(default_factory=set)
    broken: set[str] = field(default_factory=set)
    left_out: set[str] = field(default_factory=set)
    """Parts of keys that the bucket's policy does not allow."""
    disabled_keys: set[str] = field(default_factory=set)
    puts: list[tuple[str, str]] = field(default_factory=list)
    before_put: Callable[[], None] = lambda: None
    after_put: Callable[[], None] = lambda: None

    def check(
        self,
        *,
        bucket: str,
        prefix: str | None,
        account_id: str,
        source_arn: str,
        organization_id: str | None = None,
        kms_key_id: str | None = None,
    ) -> None:
        if bucket in self.missing:
            raise NoSuchBucket
        if bucket in self.denied:
            raise AccessDenied

    def put(
        self,
        *,
        bucket: str,
        key: str,
        body: bytes,
        metadata: Mapping[str, str],
        source_arn: str,
        account_id: str,
        kms_key_id: str | None = None,
    ) -> None:
        self.before_put()
        self.puts.append((bucket, key))
        self.check(bucket=bucket, prefix=None, account_id=account_id, source_arn=source_arn)
        if any(part in key for part in self.left_out):
            raise AccessDenied
        if kms_key_id is not None and kms_key_id in self.disabled_keys:
            raise DisabledKey
        if bucket in self.broken:
            raise TimeoutError("the bucket does not answer")
        there = self.objects.get((bucket, key))
        assert there is None or (there.body == body and there.metadata == metadata), "an object was replaced by another one"
        self.objects[bucket, key] = Object(body, dict(metadata), self.clock.time())
        self.after_put()

    def keys(self, bucket: str = "logs", part: str = "") -> list[str]:
        return sorted(key for of, key in self.objects if of == bucket and part in key)

    def log_files(self, bucket: str = "logs") -> list[str]:
        return self.keys(bucket, "/CloudTrail/")

    def digests(self, bucket: str = "logs", region: str = HOME) -> list[dict[str, Any]]:
        found = [self.json(bucket, key) for key in self.keys(bucket, f"/CloudTrail-Digest/{region}/")]
        return sorted(found, key=lambda digest: str(digest["digestEndTime"]))

    def json(self, bucket: str, key: str) -> Any:
        return json.loads(gzip.decompress(self.objects[bucket, key].body))

    def event_ids(self, bucket: str = "logs") -> list[str]:
        return [record["eventID"] for key in self.log_files(bucket) for record in self.json(bucket, key)["Records"]]


@dataclass
class Topics:
    """Topics in memory; remembers every notice by the name of its topic."""

    missing: set[str] = field(default_factory=set)
    denied: set[str] = field(default_factory=set)
    broken: set[str] = field(default_factory=set)
    messages: list[tuple[str, str]] = field(default_factory=list)
    before_publish: Callable[[], None] = lambda: None
    after_publish: Callable[[], None] = lambda: None

    def check(self, *, topic_arn: str, source_arn: str, account_id: str) -> None:
        name = topic_arn.rpartition(":")[2]
        if name in self.missing:
            raise NotFound
        if name in self.denied:
            raise AuthorizationError

    def publish(self, *, topic_arn: str, message: str, source_arn: str, account_id: str) -> None:
        self.before_publish()
        self.check(topic_arn=topic_arn, source_arn=source_arn, account_id=account_id)
        name = topic_arn.rpartition(":")[2]
        if name in self.broken:
            raise TimeoutError("the topic does not answer")
        if message != "CloudTrail validation message.":  # the greeting of a topic that is being connected
            self.messages.append((name, message))
        self.after_publish()

    def told(self, topic: str = "told") -> list[str]:
        """The keys that the messages of a topic named, in their order."""
        return [key for name, message in self.messages if name == topic for key in json.loads(message)["s3ObjectKey"]]


@dataclass(frozen=True)
class Entry:
    position: int
    record: bytes


@dataclass
class Journal:
    """A journal in memory that outlives every process."""

    entries: list[Entry] = field(default_factory=list)
    trimmed: int = 0

    def head(self) -> int:
        return len(self.entries)

    def first(self) -> int:
        return self.trimmed + 1

    def append(self, record: bytes) -> int:
        self.entries.append(Entry(len(self.entries) + 1, record))
        return len(self.entries)

    def read(self, after: int, limit: int) -> list[Entry]:
        if after < self.trimmed:
            raise JournalTrimmed
        return self.entries[after : after + limit]


@cache
def key_pair(number: int) -> rsa.RSAPrivateKey:
    """The n-th pair, made once for all tests; making one takes long."""
    return signing.generate()


class KeyStock:
    """Gives out pairs that were made for an earlier test."""

    def __init__(self) -> None:
        self.given = 0

    def __call__(self) -> rsa.RSAPrivateKey:
        self.given += 1
        return key_pair(self.given)


@dataclass
class World:
    """Everything a trail touches. `restart` is what a supervisor does after a crash."""

    folder: Path
    settings: TrailsSettings = field(default_factory=TrailsSettings)
    clock: ManualClock = field(default_factory=ManualClock)
    regions: Regions = REGIONS
    generate: Callable[[], rsa.RSAPrivateKey] = field(default_factory=KeyStock)

    def __post_init__(self) -> None:
        self.journal = Journal()
        self.buckets = Buckets(self.clock)
        self.random = Random(4747)
        self.database = Database.at(self.folder / "state.db")
        # A process that dies here takes no page cache with it, so nothing has to wait for the disk.
        event.listen(self.database.engine, "connect", lambda connection, _: connection.execute("PRAGMA synchronous=OFF"))
        self.topics = Topics()
        self.trails = Trails(
            self.database,
            self.clock,
            buckets=self.buckets,
            regions=self.regions,
            head=self.journal.head,
            neighbours=Neighbours(topics=self.topics),
        )
        self.keys = signing.SigningKeys(self.database, self.folder / "keys", self.clock, generate=self.generate)
        self.restart()

    def restart(self) -> None:
        """A new followers process over what the old one left."""
        spool = Spool(self.folder / "spool")
        limit = self.settings.retry_limit
        self.courier = Courier(self.database, self.clock, buckets=self.buckets, spool=spool, retry_limit=limit)
        self.notifications = Notifications(self.database, self.clock, topics=self.topics, retry_limit=limit)
        self.delivery = Delivery(
            self.database,
            self.clock,
            journal=self.journal,
            positions=Positions(self.database),
            spool=spool,
            courier=self.courier,
            settings=self.settings,
            regions=self.regions,
            unique=self._unique,
            cured=self._try_again,
        )
        self.digests = Digests(
            self.database,
            self.clock,
            keys=self.keys,
            spool=spool,
            courier=self.courier,
            settings=self.settings,
            regions=self.regions,
        )

    def _try_again(self) -> None:
        self.courier.try_again()
        self.notifications.try_again()

    def close(self) -> None:
        self.database.close()

    def run(self, seconds: float = 0.0, *, by: float = 1.0) -> None:
        """Let time pass in strides of `by` seconds, the followers working until they have nothing to do."""
        self.settle()
        while seconds > 0:
            stride = min(by, seconds)
            self.clock.advance(stride)
            seconds -= stride
            self.settle()

    def settle(self) -> None:
        for _ in range(1000):
            if not (self.delivery.step() | self.notifications.step() | self.digests.step()):
                return
        raise AssertionError("the followers never come to rest")

    def trail(self, name: str = "audit", *, start: bool = True, region: str = HOME, **settings: Any) -> str:
        """A new trail, logging; returns its ARN."""
        wanted = Wanted(**{"s3_bucket_name": "logs", **settings})
        made = self.trails.create(ACCOUNT, region, name, wanted, {})
        if start:
            self.trails.start_logging(ACCOUNT, region, name)
        return made.arn

    def stop(self, name: str = "audit") -> str:
        """StopLogging and its record, as the front makes them; returns the event id of the record."""
        request_id = f"stop-{self.journal.head()}"
        self.trails.stop_logging(ACCOUNT, HOME, name, request_id)
        return self.happen(request_id=request_id, name="StopLogging", source="cloudtrail.amazonaws.com")

    def happen(
        self,
        *,
        account: str = ACCOUNT,
        region: str = HOME,
        request_id: str | None = None,
        name: str = "CreateUser",
        source: str = "ec2.amazonaws.com",
        read_only: bool = False,
        category: str = "Management",
        more: Mapping[str, Any] | None = None,
    ) -> str:
        """A record enters the journal; returns its event id."""
        event_id = f"event-{self.journal.head() + 1}"
        record = {
            "eventVersion": "1.11",
            "eventTime": iso_seconds(self.clock.time()),
            "eventSource": source,
            "eventName": name,
            "awsRegion": region,
            "requestID": request_id or f"request-{event_id}",
            "eventID": event_id,
            "readOnly": read_only,
            "eventCategory": category,
            "recipientAccountId": account,
            **(more or {}),
        }
        self.journal.append(json.dumps(record, separators=(",", ":"), ensure_ascii=False).encode())
        return event_id

    def _unique(self) -> str:
        return "".join(self.random.choices(string.ascii_letters + string.digits, k=16))


@dataclass
class Deaths:
    """Kills the process at the n-th instruction that leaves a trace outside memory."""

    world: World
    after: int | None = None
    passed: int = 0

    def __post_init__(self) -> None:
        self.world.buckets.before_put = self.tick
        self.world.buckets.after_put = self.tick
        self.world.topics.before_publish = self.tick
        self.world.topics.after_publish = self.tick
        event.listen(self.world.database.engine, "before_cursor_execute", self._on_statement)
        event.listen(self.world.database.engine, "commit", self._on_commit)

    def tick(self) -> None:
        self.passed += 1
        if self.after is not None and self.passed > self.after:
            self.after = None
            raise Crash

    def _on_statement(self, _connection: Connection, _cursor: Any, statement: str, *_: Any) -> None:
        if statement.split(" ", 1)[0] in ("INSERT", "UPDATE", "DELETE", "BEGIN"):
            self.tick()

    def _on_commit(self, _connection: Connection) -> None:
        self.tick()
