"""Log events: PutLogEvents, GetLogEvents, FilterLogEvents."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opentrail.api.call import Call, Handler, Result
from opentrail.api.logs.naming import required_group
from opentrail.api.logs.stream_calls import sequence_token
from opentrail.monitoring.faults import InvalidParameterException
from opentrail.monitoring.logs import LogGroups
from opentrail.monitoring.logs.reading import MOST, Range


class EventOperations:
    """One handler for each operation on events."""

    def __init__(self, logs: LogGroups) -> None:
        self._putting = logs.putting
        self._reading = logs.reading
        self.operations: Mapping[str, Handler] = {
            "PutLogEvents": self.put_log_events,
            "GetLogEvents": self.get_log_events,
            "FilterLogEvents": self.filter_log_events,
        }

    def put_log_events(self, call: Call) -> Result:
        given = call.parameters
        rejected = self._putting.put(call.account_id, call.region, given["logGroupName"], given["logStreamName"], given["logEvents"])
        answer: dict[str, Any] = {"nextSequenceToken": sequence_token(int(call.time.timestamp() * 1000))}
        if rejected:
            answer["rejectedLogEventsInfo"] = rejected
        return answer

    def get_log_events(self, call: Call) -> Result:
        given = call.parameters
        span = Range(start=given.get("startTime"), end=given.get("endTime"))
        _check_span(span)
        events, forward, backward = self._reading.get(
            call.account_id,
            call.region,
            required_group(call),
            given["logStreamName"],
            span,
            token=given.get("nextToken"),
            limit=given.get("limit", MOST),
            from_head=bool(given.get("startFromHead")),
        )
        shown = [{"timestamp": found.gap.timestamp, "message": found.message, "ingestionTime": found.ingestion_time} for found in events]
        return {"events": shown, "nextForwardToken": forward, "nextBackwardToken": backward}

    def filter_log_events(self, call: Call) -> Result:
        given = call.parameters
        names, prefix = given.get("logStreamNames") or (), given.get("logStreamNamePrefix", "")
        if names and prefix:
            raise InvalidParameterException("LogStreamNames and LogStreamNamePrefix are mutually exclusive parameters.")
        end = given.get("endTime")
        span = Range(start=given.get("startTime"), end=None if end is None else end + 1)  # here an event of that very moment is wanted
        _check_span(span)
        events, token = self._reading.filter(
            call.account_id,
            call.region,
            required_group(call),
            span,
            streams=names,
            prefix=prefix,
            pattern=given.get("filterPattern", ""),
            token=given.get("nextToken"),
            limit=given.get("limit", MOST),
            from_head=given.get("startFromHead") is not False,
        )
        shown = [
            {
                "logStreamName": found.stream,
                "timestamp": found.gap.timestamp,
                "message": found.message,
                "ingestionTime": found.ingestion_time,
                "eventId": found.event.event_id,
            }
            for found in events
        ]
        return {"events": shown, "searchedLogStreams": []} | ({} if token is None else {"nextToken": token})


def _check_span(span: Range) -> None:
    if span.start is not None and span.end is not None and span.start > span.end:
        raise InvalidParameterException("The end time is before the start time.")
