"""The record of an event from outside AWS (`spec/lake.md` §3.1): what the application said, and the facts of its taking in."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from opentrail.clock import iso_seconds
from opentrail.events import activity
from opentrail.events import record as records

_second = lru_cache(maxsize=16)(iso_seconds)
"""The events of one request, and of many, come in the same second."""


def activity_event(
    data: Mapping[str, Any],
    *,
    event_id: str,
    event_time: str,
    region: str,
    account_id: str,
    channel_arn: str,
    ingested: float,
    original_event_id: str | None = None,
) -> bytes:
    """The record's JSON bytes. `data` is an `eventData` that `activity.problem` finds nothing wrong with, `ingested` epoch seconds.
    `original_event_id` names an event that told of the same deed (`UID`) in other words: this one updates it."""
    addendum = {"reason": "UPDATED_DATA", "originalUID": data["UID"], "originalEventID": original_event_id} if original_event_id else None
    return records.encode(
        {
            "eventVersion": records.VERSION,
            "eventCategory": activity.CATEGORY,
            "eventType": activity.TYPE,
            "eventID": event_id,
            "eventTime": event_time,
            "awsRegion": region,
            "recipientAccountId": account_id,
            **({"addendum": addendum} if addendum else {}),
            "metadata": {"ingestionTime": _second(int(ingested)), "channelARN": channel_arn},
            "eventData": data,
        }
    )
