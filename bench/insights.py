"""What Insights cost per event: microseconds of one core for decoding, for counting beyond that, and for judging the minutes, amortised.

    python bench/insights.py [--quick] [--out FILE]

A mixed stream (half reads, a tenth errors, 20 APIs called all the time and 300 called seldom, 20 roles) of 5,000 events a minute goes
through a real trail's selection.
"""

from __future__ import annotations

import json
import random
import tempfile
import time
from pathlib import Path
from typing import Any

from part import Line, finish, options

from opentrail.clock import ManualClock, iso_seconds
from opentrail.insights.counts import TOGETHER
from opentrail.insights.follower import InsightsFollower
from opentrail.journal import Entry
from opentrail.server.role_process import collect_seldom
from opentrail.server.watching.analysed import Analysed
from opentrail.storage.database import Database
from opentrail.trails.control import Trails, Wanted
from opentrail.trails.regions import known_regions

ACCOUNT, REGION = "111122223333", "us-east-1"
PER_MINUTE = 5_000
GOAL = 2.0
"""Microseconds per event beyond decoding."""


class AnyBucket:
    """Lets every trail deliver."""

    def check(self, **_: Any) -> None: ...
    def put(self, **_: Any) -> None: ...


class Memory:
    """The journal, in memory."""

    def __init__(self, records: list[bytes]) -> None:
        self.entries = [Entry(position, record) for position, record in enumerate(records, 1)]

    def head(self) -> int:
        return len(self.entries)

    def first(self) -> int:
        return 1

    def read(self, after: int, limit: int) -> list[Entry]:
        return self.entries[after : after + limit]


def stream(begin: float, minutes: int) -> list[bytes]:
    """The records of so many minutes."""
    dice = random.Random(35)
    made = []
    for number in range(minutes * PER_MINUTE):
        record = {
            "eventVersion": "1.11",
            "userIdentity": {
                "type": "AssumedRole",
                "principalId": "AROAEXAMPLE:session",
                "arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/Role{dice.randrange(20)}/session-{number % 97}",
                "accountId": ACCOUNT,
                "accessKeyId": "ASIAEXAMPLE",
            },
            "eventTime": iso_seconds(begin + number * 60 / PER_MINUTE),
            "eventSource": "ec2.amazonaws.com",
            "eventName": f"Call{dice.randrange(20)}" if dice.random() < 0.99 else f"Rare{dice.randrange(300)}",
            "awsRegion": REGION,
            "sourceIPAddress": "192.0.2.7",
            "userAgent": f"client/{dice.randrange(5)}",
            "requestParameters": {"instancesSet": {"items": [{"instanceId": f"i-{number:017x}"}] * 8}},
            "responseElements": {"requestId": f"{number:032x}", "instancesSet": {"items": [{"instanceId": f"i-{number:017x}"}] * 8}},
            "requestID": f"{number:032x}",
            "eventID": f"{number:032x}",
            "readOnly": dice.random() < 0.5,
            "eventType": "AwsApiCall",
            "managementEvent": True,
            "recipientAccountId": ACCOUNT,
            "eventCategory": "Management",
        }
        if dice.random() < 0.1:
            record["errorCode"] = "AccessDenied"
        made.append(json.dumps(record).encode())
    return made


def main() -> None:
    chosen = options(__doc__)
    minutes = 6 if chosen.quick else 40
    with tempfile.TemporaryDirectory() as folder:
        state, insights = Database.at(Path(folder) / "state.db"), Database.at(Path(folder) / "insights.db")
        clock = ManualClock()
        trails = Trails(state, clock, buckets=AnyBucket(), regions=known_regions(), head=lambda: 0)
        trails.create(ACCOUNT, REGION, "audit", Wanted(s3_bucket_name="logs"), {})
        trails.put_insight_selectors(
            ACCOUNT, REGION, "audit", [{"InsightType": "ApiCallRateInsight"}, {"InsightType": "ApiErrorRateInsight"}]
        )
        trails.start_logging(ACCOUNT, REGION, "audit")
        records = stream(clock.time(), minutes)
        sources = Analysed(state, clock, known_regions())
        sources.renew(0)
        entries = Memory(records).entries
        collect_seldom()  # as the watch does, whose process this stands for
        begun = time.process_time()
        for at in range(0, len(entries), TOGETHER):
            sources.facts(entries[at : at + TOGETHER])
        decoding = (time.process_time() - begun) / len(records) * 1e6
        follower = InsightsFollower(insights, clock, journal=Memory(records), sources=sources)
        begun = time.process_time()
        while follower.step():
            clock.advance(24)  # as in real time: 2,000 records in 24 seconds
        clock.advance(70)
        follower.step()
        whole = (time.process_time() - begun) / len(records) * 1e6
        insights.close()
        state.close()
    beyond = whole - decoding
    lines = [
        Line(what="Insights: decoding an event", reached=f"{decoding:.2f} µs"),
        Line(
            what="Insights: selecting, counting, judging and committing it, amortised",
            reached=f"{beyond:.2f} µs",
            ratio=f"{beyond / GOAL:.2f} of the goal",
            goal=f"< {GOAL:g} µs",
            met=beyond < GOAL,
        ),
    ]
    finish(lines, {"decoding_us": decoding, "beyond_us": beyond, "events": len(records), "per_minute": PER_MINUTE}, chosen)


if __name__ == "__main__":
    main()
