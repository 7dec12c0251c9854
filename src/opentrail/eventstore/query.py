"""What can be asked of the event store: a question, as a value, and its two readings: a test on an event, a condition in SQL."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from opentrail.eventstore.event import Event

Attribute = Literal[
    "event_id", "event_name", "event_source", "read_only", "username", "access_key_id", "resource_type", "resource_name", "error_code"
]

Key = tuple[int, int]
"""(event time in seconds, position): the order of history."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Which events, newest first. Everything given must hold; `None` asks for nothing."""

    account_id: str
    region: str
    category: str
    attribute: Attribute | None = None
    value: str | bool | None = None
    """What the attribute must equal exactly; a `bool` for `read_only`."""
    start: int | None = None
    """Earliest event time, seconds, inclusive."""
    end: int | None = None
    """Latest event time, inclusive."""
    before: Key | None = None
    """Only events that come after this key in the newest-first order."""
    up_to: int | None = None
    """Only events up to this journal position."""
    limit: int = 50


_FIELDS: Final[Mapping[Attribute, Callable[[Event], Any]]] = {
    "event_id": lambda event: event.event_id,
    "event_name": lambda event: event.event_name,
    "event_source": lambda event: event.event_source,
    "read_only": lambda event: event.read_only,
    "username": lambda event: event.username,
    "access_key_id": lambda event: event.access_key_id,
    "error_code": lambda event: event.error_code,
}


def test(question: Question) -> Callable[[Event], bool]:
    """Whether an event of the question's account, Region and time has the wanted category, attribute and position."""
    category, value, up_to, attribute = question.category, question.value, question.up_to, question.attribute
    if attribute is None:
        return lambda event: event.category == category and (up_to is None or event.position <= up_to)
    if attribute in ("resource_type", "resource_name"):
        place = 0 if attribute == "resource_type" else 1
        return lambda event: (
            event.category == category
            and any(resource[place] == value for resource in event.resources)
            and (up_to is None or event.position <= up_to)
        )
    field = _FIELDS[attribute]
    return lambda event: field(event) == value and event.category == category and (up_to is None or event.position <= up_to)


def condition(question: Question) -> tuple[str, dict[str, Any]]:
    """The same as a condition in DuckDB's SQL with named parameters, time and order included."""
    parts = ["account_id = $account_id", "region = $region", "category = $category"]
    parameters: dict[str, Any] = {"account_id": question.account_id, "region": question.region, "category": question.category}
    if question.start is not None:
        parts.append("event_time >= make_timestamptz($start)")
        parameters["start"] = question.start * 1_000_000
    end = question.end
    if question.before is not None:
        time, position = question.before
        parts.append("(event_time < make_timestamptz($before_time) OR position < $before_position)")
        parameters["before_time"] = time * 1_000_000
        parameters["before_position"] = position
        end = time if end is None else min(end, time)
    if end is not None:
        parts.append("event_time <= make_timestamptz($end)")
        parameters["end"] = end * 1_000_000
    if question.up_to is not None:
        parts.append("position <= $up_to")
        parameters["up_to"] = question.up_to
    if question.attribute is not None:
        column = {"resource_type": "resource_types", "resource_name": "resource_names"}.get(question.attribute)
        parts.append(f"list_contains({column}, $value)" if column else f"{question.attribute} = $value")
        parameters["value"] = question.value
    return " AND ".join(parts), parameters
