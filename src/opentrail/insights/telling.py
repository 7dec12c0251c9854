"""What was found is put down in `insights.db`, in the transaction of what it was found in; the announcer takes it on from there."""

from __future__ import annotations

import msgspec
from sqlalchemy.engine import Connection

from opentrail.events.service_event import ServiceEvent
from opentrail.insights import store
from opentrail.insights.detector import Turn
from opentrail.insights.values import DATA, Series


def tell(connection: Connection, series: Series, turn: Turn, record: bytes) -> None:
    """Have `record` announced and, when it is about data events, listed."""
    members = msgspec.json.decode(record)
    event = ServiceEvent(
        event_source=series.source,
        event_name=series.name,
        account_id=series.account_id,
        region=series.region,
        time=turn.minute * 60.0,
        event_id=members["eventID"],
        shared_event_id=members["sharedEventID"],
        record=record.decode(),
    )
    store.announce(connection, event.event_id, msgspec.json.encode(event))
    if series.category == DATA:
        store.list_event(
            connection,
            {
                "event_id": event.event_id,
                "insight_source": series.scope,
                "account_id": series.account_id,
                "region": series.region,
                "time": turn.minute * 60,
                "event_source": series.source,
                "event_name": series.name,
                "record": record,
            },
        )
