"""Which events of a PutLogEvents are taken (API reference, PutLogEvents). Pure; moments are milliseconds since 1970."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from opentrail.monitoring.faults import InvalidParameterException
from opentrail.monitoring.logs.values import EVENT_OVERHEAD, Batch

HOUR: Final = 3_600_000
DAY: Final = 24 * HOUR
MOST_EVENTS: Final = 10_000
MOST_BYTES: Final = 1_048_576
"""Of all messages in UTF-8, and 26 for each event."""
AHEAD: Final = 2 * HOUR
"""An event further in the future is too new."""
BEHIND: Final = 14 * DAY
"""An event further in the past is too old."""
SPAN: Final = DAY
"""From the first to the last event that is taken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """What is kept, and the `rejectedLogEventsInfo` of the answer (empty when everything is kept)."""

    batch: Batch | None
    rejected: Mapping[str, int]


def accept(events: Sequence[Mapping[str, Any]], now: int, retention_in_days: int | None) -> Accepted:
    """Sort out what is too old, expired or too new. Raises `InvalidParameterException` for what cannot be put at all."""
    if not 1 <= len(events) <= MOST_EVENTS:
        raise InvalidParameterException(
            f"1 validation error detected: Value at 'logEvents' failed to satisfy constraint: Member must have length between 1 and "
            f"{MOST_EVENTS}"
        )
    for place, event in enumerate(events, 1):
        for member in ("timestamp", "message"):
            if member not in event:
                raise InvalidParameterException(
                    f"1 validation error detected: Value null at 'logEvents.{place}.member.{member}' failed to satisfy constraint: Member "
                    "must not be null"
                )
    size, before = 0, events[0]["timestamp"]
    for event in events:
        length = len(event["message"].encode())
        if not length:
            raise InvalidParameterException(
                "1 validation error detected: Value '' at 'logEvents.member.message' failed to satisfy constraint: Member must have length "
                "greater than or equal to 1"
            )
        if length + EVENT_OVERHEAD > MOST_BYTES:
            raise InvalidParameterException(f"Log event too large: {length + EVENT_OVERHEAD} bytes exceeds limit of {MOST_BYTES}")
        size += length + EVENT_OVERHEAD
        if event["timestamp"] < before:
            raise InvalidParameterException("Log events in a single PutLogEvents request must be in chronological order.")
        before = event["timestamp"]
    if before < 0 or events[0]["timestamp"] < 0:
        raise InvalidParameterException("The timestamp of a log event is a number of milliseconds since 1970.")
    if size > MOST_BYTES:
        raise InvalidParameterException(f"Upload too large: {size} bytes exceeds limit of {MOST_BYTES}")
    return _sorted_out([(event["timestamp"], event["message"]) for event in events], now, retention_in_days)


def _sorted_out(events: Sequence[tuple[int, str]], now: int, retention_in_days: int | None) -> Accepted:
    stamps = [stamp for stamp, _ in events]
    too_old = _first_from(stamps, now - BEHIND)
    expired = 0 if retention_in_days is None else _first_from(stamps, now - retention_in_days * DAY)
    too_new = _first_from(stamps, now + AHEAD + 1)
    rejected: dict[str, int] = {}
    if too_new < len(events):
        rejected["tooNewLogEventStartIndex"] = too_new
    if too_old:
        rejected["tooOldLogEventEndIndex"] = too_old
    if expired > too_old:
        rejected["expiredLogEventEndIndex"] = expired
    kept = tuple(events[max(too_old, expired) : too_new])
    if kept and kept[-1][0] - kept[0][0] > SPAN:
        raise InvalidParameterException("The batch of log events in a single PutLogEvents request cannot span more than 24 hours.")
    return Accepted(batch=Batch(events=kept) if kept else None, rejected=rejected)


def _first_from(stamps: Sequence[int], moment: int) -> int:
    """Index of the first event at `moment` or later."""
    return bisect_left(stamps, moment)
