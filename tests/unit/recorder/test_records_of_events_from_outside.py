"""The record of an event from outside AWS, and that nobody mistakes it for a call."""

from __future__ import annotations

import json
from typing import Any

from opentrail.events import activity
from opentrail.events.record import FROM_OUTSIDE
from opentrail.recorder.activity import ActivityRecords
from opentrail.trails.facts import facts
from simulators.audit_events import CHANNEL, event_data
from simulators.front_door import ACCOUNT

ID = "11111111-2222-5333-8444-555555555555"
BEFORE = "99999999-2222-5333-8444-555555555555"


def record(data: dict[str, Any], **more: Any) -> bytes:
    made = ActivityRecords(region="us-east-1", account_id=ACCOUNT, channel_arn=CHANNEL, ingested=1_767_607_872.9)
    return made.record(data, event_id=ID, event_time="2026-01-05T10:11:12Z", **more)


def test_a_record_says_what_the_application_said_and_how_it_came() -> None:
    text = record(event_data(7))
    assert json.loads(text) == {
        "eventVersion": "1.11",
        "eventCategory": activity.CATEGORY,
        "eventType": activity.TYPE,
        "eventID": ID,
        "eventTime": "2026-01-05T10:11:12Z",
        "awsRegion": "us-east-1",
        "recipientAccountId": ACCOUNT,
        "metadata": {"ingestionTime": "2026-01-05T10:11:12Z", "channelARN": CHANNEL},
        "eventData": event_data(7),
    }
    assert text == json.dumps(json.loads(text), separators=(",", ":"), ensure_ascii=False).encode()


def test_an_event_that_tells_of_a_deed_anew_names_the_first() -> None:
    told = json.loads(record(event_data(7, UID='a "quoted" ü'), original_event_id=BEFORE))
    assert told["addendum"] == {"reason": "UPDATED_DATA", "originalUID": 'a "quoted" ü', "originalEventID": BEFORE}
    assert list(told) == [*list(json.loads(record(event_data(7))))[:7], "addendum", "metadata", "eventData"]


def test_no_trail_takes_it_and_none_reads_it() -> None:
    text = record(event_data(7))
    assert text.startswith(FROM_OUTSIDE)
    assert facts(text) is None
    assert facts(text.replace(b"ActivityAuditLog", b"Management")) is not None
