"""Where subscription filters can send to, and what they send (user guide, "Real-time processing of log data with subscriptions"). Pure."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

import orjson

from opentrail.monitoring.faults import InvalidParameterException
from opentrail.monitoring.filters.values import SubscriptionFilter
from opentrail.monitoring.values import LogEvent

MOST_BYTES: Final = 192 << 10
"""Bytes of messages in one payload, so that it stays below what a function takes; one message may be alone."""
_OWNER: Final = "CloudwatchLogs"
_ARN: Final = re.compile(
    r"arn:(?P<partition>aws[a-z-]*):(?P<service>lambda|kinesis|firehose):(?P<region>[a-z0-9-]+):(?P<account>\d{12}):"
    r"(?P<kind>function:|stream/|deliverystream/)(?P<name>[A-Za-z0-9_.:$-]+)"
)
_KINDS: Final = {"lambda": "function:", "kinesis": "stream/", "firehose": "deliverystream/"}


class Destination(NamedTuple):
    """What the ARN of a destination says."""

    service: str
    """`lambda`, `kinesis`, `firehose`."""
    region: str
    account_id: str
    name: str


def destination(arn: str) -> Destination:
    """Read the ARN of a destination. Raises `InvalidParameterException`."""
    found = _ARN.fullmatch(arn)
    if found is None or _KINDS[found["service"]] != found["kind"]:
        raise InvalidParameterException(
            "destinationArn must be the ARN of a Lambda function, a Kinesis data stream or a Firehose delivery stream; "
            "logical destinations of other accounts are not served."
        )
    return Destination(found["service"], found["region"], found["account"], found["name"])


def checked(arn: str, *, account_id: str, region: str, role_arn: str | None, distribution: str | None) -> Destination:
    """The destination of a filter of this account and Region. Raises `InvalidParameterException`."""
    found = destination(arn)
    if (found.account_id, found.region) != (account_id, region):
        raise InvalidParameterException("The destination must be of the same account and Region as the log group.")
    if found.service == "lambda" and role_arn is not None:
        raise InvalidParameterException("destinationArn for vendor lambda cannot be used with roleArn")
    if found.service != "lambda" and role_arn is None:
        raise InvalidParameterException(f"destinationArn for vendor {found.service} requires a roleArn")
    if distribution is not None and found.service != "kinesis":
        raise InvalidParameterException("distribution is applicable only when the destination is a Kinesis data stream.")
    return found


def control_message(now: int, kind: str) -> bytes:
    """What a destination gets before anything else."""
    text = f"CWL CONTROL MESSAGE: Checking health of destination {kind}."
    return _packed("CONTROL_MESSAGE", _OWNER, "", "", [], [{"id": "", "timestamp": now, "message": text}])


def data_messages(to: SubscriptionFilter, log_stream: str, events: Sequence[LogEvent]) -> Iterator[tuple[bytes, int]]:
    """Events of one stream that match, in payloads that are not too big, and how many are in each."""
    for some in _portions(events):
        shown = [{"id": event.event_id, "timestamp": event.timestamp, "message": event.message} for event in some]
        yield _packed("DATA_MESSAGE", to.account_id, to.log_group, log_stream, [to.name], shown), len(shown)


def _portions(events: Sequence[LogEvent]) -> Iterator[list[LogEvent]]:
    portion: list[LogEvent] = []
    size = 0
    for event in events:
        length = len(event.message.encode())
        if portion and size + length > MOST_BYTES:
            yield portion
            portion, size = [], 0
        portion.append(event)
        size += length
    if portion:
        yield portion


def _packed(kind: str, owner: str, group: str, stream: str, filters: list[str], events: list[dict[str, Any]]) -> bytes:
    content = {
        "messageType": kind,
        "owner": owner,
        "logGroup": group,
        "logStream": stream,
        "subscriptionFilters": filters,
        "logEvents": events,
    }
    return gzip.compress(orjson.dumps(content), mtime=0)
