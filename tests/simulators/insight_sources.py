"""What Insights stand on, in memory: a journal that is a list, and a trail that takes whatever happens."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from opentrail.clock import iso_seconds
from opentrail.insights.neighbours import Facts, Taker
from opentrail.insights.values import TRAILS, Series
from opentrail.journal import Entry
from opentrail.trails import facts

ACCOUNT, REGION = "111122223333", "us-east-1"
TRAIL_ARN = f"arn:aws:cloudtrail:{REGION}:{ACCOUNT}:trail/audit"
DELETE_ROLE = Series(TRAILS, ACCOUNT, REGION, "iam.amazonaws.com", "DeleteRole")


class _Facts(facts.Facts, gc=False, kw_only=True, rename="camel"):
    user_agent: str | None = None


_decoder = msgspec.json.Decoder(_Facts)


@dataclass
class OneTrail:
    """`Sources`: a trail with both types of Insights on management and data events."""

    is_on: bool = True
    has_changed: bool = False

    def renew(self, position: int) -> bool:
        changed, self.has_changed = self.has_changed, False
        return changed

    def switch(self, *, on: bool) -> None:
        self.is_on, self.has_changed = on, True

    def arns(self) -> Sequence[str]:
        return [TRAIL_ARN] if self.is_on else []

    def facts(self, entries: Sequence[Entry]) -> Sequence[Facts | None]:
        found: list[Facts | None] = []
        for entry in entries:
            try:
                found.append(_decoder.decode(entry.record))
            except msgspec.MsgspecError:
                found.append(None)
        return found

    def takers(self, position: int, facts: Facts) -> Sequence[Taker]:
        if not self.is_on:
            return ()
        return (Taker(TRAIL_ARN if facts.event_category == "Data" else TRAILS, True, True),)

    def is_lasting(self, position: int, facts: Facts) -> bool:
        return True

    def behind(self, series: Series) -> Sequence[str]:
        return self.arns()


@dataclass
class CallJournal:
    """`Journal`, filled call by call."""

    entries: list[Entry] = field(default_factory=list)
    page: int = 2000

    def head(self) -> int:
        return len(self.entries)

    def first(self) -> int:
        return 1

    def read(self, after: int, limit: int) -> Sequence[Entry]:
        return self.entries[after : after + min(limit, self.page)]

    def call(self, at: float, name: str = "DeleteRole", **members: Any) -> None:
        """Somebody called at `at` (epoch seconds)."""
        record = {
            "userIdentity": {"type": "IAMUser", "arn": f"arn:aws:iam::{ACCOUNT}:user/anna"},
            "eventTime": iso_seconds(at),
            "eventSource": "iam.amazonaws.com",
            "eventName": name,
            "awsRegion": REGION,
            "userAgent": "console",
            "readOnly": False,
            "eventType": "AwsApiCall",
            "recipientAccountId": ACCOUNT,
            "eventCategory": "Management",
            **members,
        }
        self.entries.append(Entry(len(self.entries) + 1, json.dumps(record).encode()))
