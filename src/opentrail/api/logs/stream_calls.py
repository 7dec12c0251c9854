"""Log streams: create, delete, describe."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opentrail.api.call import Call, Handler, Result
from opentrail.api.logs.group_calls import PAGE, read_token, token
from opentrail.api.logs.naming import required_group
from opentrail.monitoring.faults import InvalidParameterException
from opentrail.monitoring.logs import LogGroups
from opentrail.monitoring.logs.values import Group, Stream


class StreamOperations:
    """One handler for each operation on streams."""

    def __init__(self, logs: LogGroups) -> None:
        self._control = logs.control
        self.operations: Mapping[str, Handler] = {
            "CreateLogStream": self.create_log_stream,
            "DeleteLogStream": self.delete_log_stream,
            "DescribeLogStreams": self.describe_log_streams,
        }

    def create_log_stream(self, call: Call) -> Result:
        self._control.create_stream(call.account_id, call.region, call.parameters["logGroupName"], call.parameters["logStreamName"])
        return {}

    def delete_log_stream(self, call: Call) -> Result:
        self._control.delete_stream(call.account_id, call.region, call.parameters["logGroupName"], call.parameters["logStreamName"])
        return {}

    def describe_log_streams(self, call: Call) -> Result:
        given = call.parameters
        by_time, prefix = given.get("orderBy") == "LastEventTime", given.get("logStreamNamePrefix", "")
        if by_time and prefix:
            raise InvalidParameterException("Cannot order by LastEventTime with a logStreamNamePrefix.")
        kind = "streams by time" if by_time else "streams"
        after = read_token(given.get("nextToken"), kind)
        limit = given.get("limit", PAGE)
        group, found = self._control.streams(
            call.account_id,
            call.region,
            required_group(call),
            prefix=prefix,
            by_last_event=by_time,
            descending=bool(given.get("descending")),
        )
        first = 0
        if after:
            at = next((number for number, stream in enumerate(found) if stream.name == after), None)
            if at is None:
                raise InvalidParameterException("The specified nextToken is invalid.")
            first = at + 1
        page = found[first : first + limit]
        answer: dict[str, Any] = {"logStreams": [_described(group, stream) for stream in page]}
        if first + limit < len(found):
            answer["nextToken"] = token(page[-1].name, kind)
        return answer


def _described(group: Group, stream: Stream) -> dict[str, Any]:
    optional = {
        "firstEventTimestamp": stream.first_event,
        "lastEventTimestamp": stream.last_event,
        "lastIngestionTime": stream.last_ingestion,
    }
    return {
        "logStreamName": stream.name,
        "creationTime": stream.creation_time,
        **{name: value for name, value in optional.items() if value is not None},
        "uploadSequenceToken": sequence_token(stream.id),
        "arn": group.stream_arn(stream.name),
        "storedBytes": 0,  # "no longer supported ... always reported as zero" (API reference, LogStream)
    }


def sequence_token(seed: int) -> str:
    """A token as it looks; nobody reads it ("the sequence token is now ignored in PutLogEvents actions")."""
    return f"{49_000_000 + seed:056d}"
