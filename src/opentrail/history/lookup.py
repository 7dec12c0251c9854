"""`LookupEvents` as a value: validated once, at the door, and carried to wherever the events are.

Rules: spec/history-and-insights.md §2 and §5. Pure.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final, Self

import msgspec

from opentrail.eventstore import Question
from opentrail.eventstore.query import Attribute
from opentrail.history import tokens
from opentrail.history.faults import (
    InvalidEventCategoryException,
    InvalidLookupAttributesException,
    InvalidMaxResultsException,
    InvalidNextTokenException,
    InvalidTimeRangeException,
)

MAX_RESULTS: Final = 50
MAX_VALUE: Final = 2000
"""Longest attribute value, in characters as AWS counts them."""

_COUNT_TWICE: Final = frozenset("_ ,\n")

ATTRIBUTES: Final[Mapping[str, Attribute]] = {
    "EventId": "event_id",
    "EventName": "event_name",
    "ReadOnly": "read_only",
    "Username": "username",
    "ResourceType": "resource_type",
    "ResourceName": "resource_name",
    "EventSource": "event_source",
    "AccessKeyId": "access_key_id",
}
WITH_INSIGHT: Final = frozenset(("EventId", "EventName", "EventSource"))
"""Attributes that Insights events have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookup:
    """One `LookupEvents` request of one account in one Region. Its fields are plain values, so `asdict` and JSON can carry it."""

    account_id: str
    region: str
    category: str = "Management"
    """`eventCategory` of the events. `LookupEvents` asks for management and Insights events only."""
    key: str | None = None
    """The lookup attribute's wire name."""
    value: str | None = None
    start: int | None = None
    """Earliest event time, epoch seconds, inclusive; events have whole seconds."""
    end: int | None = None
    """Latest event time, inclusive."""
    max_results: int = MAX_RESULTS
    after_time: int | None = None
    """With the next two: where the previous page stopped. `None` on the first page."""
    after_position: int | None = None
    up_to: int | None = None

    @classmethod
    def from_parameters(cls, parameters: Mapping[str, Any], account_id: str, region: str, now: datetime, *, secret: bytes = b"") -> Self:
        """Read a request as botocore spells it. `secret` seals the page tokens (see `tokens`); it must be the one given to `answer`.

        Raises one of the faults of `LookupEvents`, saying what to change. A range wholly in the future or older than the retention is
        no mistake; it has no events.
        """
        key, value = _attribute(parameters.get("LookupAttributes"))
        category = parameters.get("EventCategory")
        if category not in (None, "insight"):
            raise InvalidEventCategoryException(f"The event category {category!r} is not valid: use insight, or leave it out.")
        if category and key is not None and key not in WITH_INSIGHT:
            raise InvalidLookupAttributesException(
                f"Insights events cannot be looked up by {key}: use one of {', '.join(sorted(WITH_INSIGHT))}."
            )
        start, end = _range(parameters.get("StartTime"), parameters.get("EndTime"), now)
        lookup = cls(
            account_id=account_id,
            region=region,
            category="Management" if category is None else "Insight",
            key=key,
            value=value,
            start=start,
            end=end,
            max_results=_max_results(parameters.get("MaxResults")),
        )
        token = parameters.get("NextToken")
        return lookup if token is None else lookup._continued(token, secret)

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> Self:
        """The lookup whose `as_dict` is `fields`. Raises `msgspec.ValidationError` for anything else."""
        return msgspec.convert(dict(fields), cls, strict=True)

    def as_dict(self) -> dict[str, Any]:
        """Plain values, to be sent to another process."""
        return asdict(self)

    def question(self, up_to: int) -> Question:
        """What the event store is asked about events up to journal position `up_to`.

        One event more than the page holds, to know whether there is a next page.
        """
        before = None
        if self.after_time is not None and self.after_position is not None:
            before = (self.after_time, self.after_position)
        return Question(
            account_id=self.account_id,
            region=self.region,
            category=self.category,
            attribute=ATTRIBUTES[self.key] if self.key is not None else None,
            value={"true": True, "false": False}.get(self.value or "") if self.key == "ReadOnly" else self.value,
            start=self.start,
            end=self.end,
            before=before,
            up_to=up_to,
            limit=self.max_results + 1,
        )

    def next_token(self, time: int, position: int, up_to: int, secret: bytes) -> str:
        """The token of the page after the event at (`time`, `position`), in a listing of events up to journal position `up_to`."""
        return tokens.seal(tokens.Place(time, position, up_to), self._identity(), secret)

    def _continued(self, token: Any, secret: bytes) -> Self:
        try:
            place = tokens.unseal(str(token), self._identity(), secret)
        except tokens.BadToken:
            raise InvalidNextTokenException from None
        fields = {**asdict(self), "after_time": place.time, "after_position": place.position, "up_to": place.up_to}
        return type(self)(**fields)

    def _identity(self) -> bytes:
        """What must be the same on every page."""
        members = (self.account_id, self.region, self.category, self.key, self.value, self.start, self.end, self.max_results)
        return msgspec.json.encode(members)


def _attribute(given: Any) -> tuple[str | None, str | None]:
    if not given:
        return None, None
    if not isinstance(given, list) or len(given) > 1:
        raise InvalidLookupAttributesException("You can only use one lookup attribute: send the most selective one.")
    item = given[0]
    key, value = (item.get("AttributeKey"), item.get("AttributeValue")) if isinstance(item, Mapping) else (None, None)
    if key is None or value is None:
        raise InvalidLookupAttributesException("A lookup attribute needs both an AttributeKey and an AttributeValue.")
    if not isinstance(key, str) or key not in ATTRIBUTES:
        raise InvalidLookupAttributesException(f"{key!r} is no lookup attribute: use one of {', '.join(ATTRIBUTES)}.")
    if not isinstance(value, str) or not 1 <= _length(value) <= MAX_VALUE:
        raise InvalidLookupAttributesException(
            f"The value of {key} must have 1 to {MAX_VALUE} characters, where underscores, spaces, commas and line breaks count twice."
        )
    return key, value


def _length(value: str) -> int:
    return len(value) + sum(character in _COUNT_TWICE for character in value)


def _max_results(given: Any) -> int:
    if given is None:
        return MAX_RESULTS
    if not isinstance(given, int) or isinstance(given, bool) or not 1 <= given <= MAX_RESULTS:
        raise InvalidMaxResultsException(f"MaxResults is {given!r}; it must be a whole number from 1 to {MAX_RESULTS}.")
    return given


def _range(start: Any, end: Any, now: datetime) -> tuple[int | None, int | None]:
    first, last = _seconds("StartTime", start, now), _seconds("EndTime", end, now)
    if first is not None and last is not None and first > last:
        raise InvalidTimeRangeException("The start time is after the end time: swap them, or leave one out.")
    return (None if first is None else math.ceil(first)), (None if last is None else math.floor(last))


def _seconds(member: str, given: Any, now: datetime) -> float | None:
    if given is None:
        return None
    if not isinstance(given, datetime):
        raise InvalidTimeRangeException(f"{member} is not a time: send seconds since 1970-01-01T00:00:00Z.")
    aware = given if given.tzinfo is not None else given.replace(tzinfo=now.tzinfo)
    return aware.timestamp()
