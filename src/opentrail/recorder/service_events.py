"""The record of something that a service did by itself (`spec/records.md` §10): no caller, no request, no answer."""

from __future__ import annotations

from typing import Any

from opentrail.clock import iso_seconds
from opentrail.events import categories
from opentrail.events import record as records
from opentrail.events.service_event import ServiceEvent
from opentrail.recorder import limits

WHO = "AWS Internal"


def service_event(event: ServiceEvent) -> bytes:
    """The record's JSON bytes: the same each time for the same event, so that a repeat can be told."""
    if event.record is not None:
        return event.record.encode()
    record: dict[str, Any] = {
        "eventVersion": records.VERSION,
        "userIdentity": {"accountId": event.account_id, "invokedBy": WHO},
        "eventTime": iso_seconds(event.time),
        "eventSource": event.event_source,
        "eventName": event.event_name,
        "awsRegion": event.region,
        "sourceIPAddress": WHO,
        "userAgent": WHO,
        "requestParameters": None,
        "responseElements": None,
        "eventID": event.event_id,
        "readOnly": event.read_only,
    }
    if event.resources:
        record["resources"] = list(event.resources)
    record["eventType"] = "AwsServiceEvent"
    record["managementEvent"] = not event.data
    record["recipientAccountId"] = event.account_id
    if event.shared_event_id:
        record["sharedEventID"] = event.shared_event_id
    details = limits.printed("serviceEventDetails", dict(event.details))
    if details is not None:
        record["serviceEventDetails"] = details
    record["eventCategory"] = categories.DATA if event.data else categories.MANAGEMENT
    return records.encode(record)
