"""What `LookupEvents` refuses (spec/history-and-insights.md §5)."""

from __future__ import annotations

from opentrail.wire.faults import Fault


class InvalidLookupAttributesException(Fault):
    """The lookup attribute is not valid: give at most one, with a key of the list and a value of 1 to 2000 characters."""


class InvalidTimeRangeException(Fault):
    """The start time is after the end time."""


class InvalidMaxResultsException(Fault):
    """MaxResults must be a whole number from 1 to 50."""


class InvalidNextTokenException(Fault):
    """The token does not belong to this request: send it with the same parameters as the call that returned it, or leave it out."""


class InvalidEventCategoryException(Fault):
    """The event category must be `insight`; leave it out to look up management events."""
