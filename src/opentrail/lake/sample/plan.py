"""What a sample is to be: how much, when, and where. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from random import Random
from typing import Final

from opentrail.errors import OpenTrailError

MOST_ACCOUNTS: Final = 9
HOME: Final = "us-east-1"
"""Where global services write their events."""
_REGIONS: Final = (("us-east-1", 5), ("eu-west-1", 3), ("ap-southeast-2", 1))
"""Region and its share of the events."""
_USUAL_FILE: Final = 25
"""Events of a file, unless told otherwise."""
_HOURS: Final = (2, 2, 2, 2, 2, 3, 5, 8, 12, 14, 14, 13, 12, 13, 14, 13, 12, 10, 7, 5, 4, 3, 3, 2)
"""Activity by hour of the day, UTC."""
DAY: Final = 86_400


class BadPlan(OpenTrailError):
    """The sample cannot be made as asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A sample: the same plan gives the same bytes."""

    until: datetime
    """Midnight (UTC) after the last day."""
    days: int = 3
    events: int = 20_000
    """In all; those of the incident come on top."""
    accounts: int = 3
    files: int | None = None
    """`None`: as many as the events ask for."""
    seed: int = 0

    def __post_init__(self) -> None:
        if not (1 <= self.days <= 3_650 and 0 <= self.events <= 1_000_000_000 and 1 <= self.accounts <= MOST_ACCOUNTS):
            raise BadPlan(f"A sample has 1 to 3650 days, 0 to 10^9 events and 1 to {MOST_ACCOUNTS} accounts.")
        if self.files is not None and self.files < len(self.places()):
            raise BadPlan(f"{self.accounts} accounts deliver at least {len(self.places())} files.")

    @property
    def start(self) -> datetime:
        return self.until - timedelta(days=self.days)

    def account_ids(self) -> tuple[str, ...]:
        """Account ids as documentation uses them."""
        return (*("111122223333", "444455556666", "777788889999"), *(f"{digit}" * 12 for digit in range(1, 7)))[: self.accounts]

    def places(self) -> tuple[tuple[str, str, float], ...]:
        """Account, Region, share of the events."""
        shares = [
            (account, region, weight / (1 + number)) for number, account in enumerate(self.account_ids()) for region, weight in _REGIONS
        ]
        total = sum(share for _, _, share in shares)
        return tuple((account, region, share / total) for account, region, share in shares)

    def slots(self) -> tuple[Slot, ...]:
        """The files to write, place by place, oldest first."""
        places = self.places()
        files = self.files or max(len(places), self.events // _USUAL_FILE)
        counts = _shared(files, [share for _, _, share in places], least=1)
        events = iter(_shared(self.events, [1.0] * files))
        found = []
        for (account, region, _), count in zip(places, counts, strict=True):
            bounds = [self._at(number / count) for number in range(count + 1)]
            found += [
                Slot(account_id=account, region=region, number=number, start=start, end=end, events=next(events))
                for number, (start, end) in enumerate(pairwise(bounds))
            ]
        return tuple(found)

    def _at(self, share: float) -> int:
        """The epoch second at which `share` of the activity is over: nights are quieter than days."""
        days, rest = divmod(share * self.days, 1)
        left = rest * sum(_HOURS)
        second = 0.0
        for weight in _HOURS:
            if left <= weight:
                second += 3_600 * left / weight
                break
            left -= weight
            second += 3_600
        return int(self.start.timestamp()) + int(days) * DAY + math.floor(second)


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """One log file to be written."""

    account_id: str
    region: str
    number: int
    """Among those of its account and Region, from 0."""
    start: int
    """Its events happen from here, epoch seconds."""
    end: int
    """Before this."""
    events: int

    @property
    def delivered(self) -> datetime:
        """When it is delivered: on the five minutes after its last event may have happened."""
        return datetime.fromtimestamp(-(-self.end // 300) * 300 + 300, UTC)

    def key(self, random: Random) -> str:
        """Where it lies in the bucket."""
        unique = "".join(random.choices("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", k=16))
        at = self.delivered
        folder = f"AWSLogs/{self.account_id}/CloudTrail/{self.region}/{at:%Y/%m/%d}"
        return f"{folder}/{self.account_id}_CloudTrail_{self.region}_{at:%Y%m%dT%H%MZ}_{unique}.json.gz"


def _shared(whole: int, shares: Sequence[float], *, least: int = 0) -> list[int]:
    """`whole` in parts as `shares` say, each at least `least`, the sum exact."""
    free = whole - least * len(shares)
    total = sum(shares)
    parts, given, over = [], 0, 0.0
    for share in shares:
        over += share
        upto = round(free * over / total)
        parts.append(least + upto - given)
        given = upto
    return parts
