"""The record of an event from outside AWS (`spec/lake.md` §3.1): what the application said, and the facts of its taking in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from opentrail.clock import iso_seconds
from opentrail.events import record as records

_HEAD: Final = records.FROM_OUTSIDE + b'"eventID":"'


class ActivityRecords:
    """Makes the records of the events that come by one channel at one moment: all but the events themselves is written once."""

    def __init__(self, *, region: str, account_id: str, channel_arn: str, ingested: float) -> None:
        """`ingested` in epoch seconds."""
        place = records.encode({"awsRegion": region, "recipientAccountId": account_id})
        metadata = records.encode({"metadata": {"ingestionTime": iso_seconds(ingested), "channelARN": channel_arn}})
        self._place = b'","' + place[2:-1]
        self._metadata = b"," + metadata[1:-1] + b',"eventData":'
        self._usual = self._place + self._metadata

    def record(self, data: Mapping[str, Any], event_id: str, event_time: str, original_event_id: str | None = None) -> bytes:
        """The record's JSON bytes. `data` is an `eventData` that `activity.problem` finds nothing wrong with, `event_id` a UUID,
        `event_time` what `activity.normal_time` gives. `original_event_id` names an event that told of the same deed (`UID`) in other
        words: this one updates it."""
        rest = self._usual
        if original_event_id is not None:
            told = {"reason": "UPDATED_DATA", "originalUID": data["UID"], "originalEventID": original_event_id}
            rest = self._place + b"," + records.encode({"addendum": told})[1:-1] + self._metadata
        return b"".join((_HEAD, event_id.encode(), b'","eventTime":"', event_time.encode(), rest, records.encode(data), b"}"))
