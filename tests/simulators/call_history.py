"""Days of calls, put into the journal of a data folder whose server is stopped."""

from __future__ import annotations

import asyncio
import json
import random
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from opentrail.clock import SystemClock, iso_seconds
from opentrail.config import JournalSettings
from opentrail.journal import Journal
from opentrail.server.folder import DataFolder

ACCOUNT = "123456789012"
REGION = "us-east-1"


def call(at: float, source: str, name: str, **members: Any) -> dict[str, Any]:
    """The record of one call, of a user unless `members` say otherwise."""
    return {
        "eventVersion": "1.11",
        "userIdentity": {"type": "IAMUser", "arn": f"arn:aws:iam::{ACCOUNT}:user/anna", "accountId": ACCOUNT, "userName": "anna"},
        "eventTime": iso_seconds(at),
        "eventSource": source,
        "eventName": name,
        "awsRegion": REGION,
        "sourceIPAddress": "192.0.2.7",
        "userAgent": "console",
        "requestParameters": None,
        "responseElements": None,
        "requestID": str(uuid.uuid4()),
        "eventID": str(uuid.uuid4()),
        "readOnly": False,
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": ACCOUNT,
        "eventCategory": "Management",
        **members,
    }


def times(start: float, end: float, per_minute: float, seed: int) -> Iterator[float]:
    """Moments at random, so many per minute on average."""
    dice, at = random.Random(seed), start
    while (at := at + dice.expovariate(per_minute / 60)) < end:
        yield at


def fill(data: Path, records: list[dict[str, Any]]) -> None:
    """Append the records in the order of their times."""
    ordered = [json.dumps(record).encode() for record in sorted(records, key=lambda record: str(record["eventTime"]))]

    async def work() -> None:
        journal = Journal.open(DataFolder(data).journal, settings=JournalSettings(min_free=0), clock=SystemClock())
        for at in range(0, len(ordered), 1000):
            await journal.append(ordered[at : at + 1000])
        journal.close()

    asyncio.run(work())
