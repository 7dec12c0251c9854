"""A journal in memory, records to fill it with, and what an event store over it should answer."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

NOW = 1_767_607_872
"""2026-01-05T10:11:12Z"""

ACCOUNT = "111122223333"
REGION = "us-east-1"
DAY = 86_400


@dataclass(frozen=True)
class Kept:
    """An entry of the journal."""

    position: int
    record: bytes


@dataclass
class EventJournal:
    """What a reader of the journal sees; positions count from 1."""

    records: list[bytes] = field(default_factory=list)
    trimmed: int = 0

    def append(self, *records: bytes) -> int:
        self.records += records
        return len(self.records)

    def trim(self, before: int) -> None:
        self.trimmed = before - 1

    def head(self) -> int:
        return len(self.records)

    def first(self) -> int:
        return self.trimmed + 1

    def read(self, after: int, limit: int) -> Sequence[Kept]:
        assert after >= self.trimmed, "a follower asks for records that were trimmed"
        return [Kept(after + 1 + index, record) for index, record in enumerate(self.records[after : after + limit])]


def made(number: int, *, age: int = 0, **members: Any) -> bytes:
    """The record of the event with id `event-<number>`, `age` seconds before NOW."""
    return json.dumps(
        {
            "eventVersion": "1.11",
            "userIdentity": {"type": "IAMUser", "userName": "ana", "accountId": ACCOUNT, "accessKeyId": "AKIAEXAMPLEKEY000002"},
            "eventTime": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(NOW - age)),
            "eventSource": "iam.amazonaws.com",
            "eventName": "CreateUser",
            "awsRegion": REGION,
            "requestParameters": {"userName": f"user-{number}"},
            "eventID": f"event-{number}",
            "readOnly": False,
            "eventType": "AwsApiCall",
            "managementEvent": True,
            "recipientAccountId": ACCOUNT,
            "eventCategory": "Management",
            **members,
        }
    ).encode()


def expected(records: Iterable[bytes], matches: Callable[[dict[str, Any]], bool] = lambda _: True) -> list[str]:
    """Ids of the events among `records` that match, newest first; the later written of one second first."""
    decoded = [(event["eventTime"], position, event) for position, event in enumerate(map(json.loads, records))]
    return [event["eventID"] for _, _, event in sorted(decoded, key=lambda row: row[:2], reverse=True) if matches(event)]
