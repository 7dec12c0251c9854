"""ListInsightsData: the Insights events of the data events of a trail (reference of history and Insights, §10)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from opentrail.insights import pages, store
from opentrail.insights.faults import InvalidParameterException
from opentrail.insights.store import Listed
from opentrail.storage.database import Database

MOST: Final = 50
DIMENSIONS: Final = {"EventId": "event_id", "EventName": "event_name", "EventSource": "event_source"}
LONGEST: Final = 2000
"""Characters of a dimension's value."""


def page(database: Database, account_id: str, region: str, given: Mapping[str, Any], now: float) -> tuple[list[Listed], str | None]:
    """The newest first, and the token of the next page. Raises `InvalidParameterException`, saying what to change."""
    if given["DataType"] != "InsightsEvents":
        raise InvalidParameterException("DataType must be InsightsEvents.")
    most = given.get("MaxResults", MOST)
    if not 1 <= most <= MOST:
        raise InvalidParameterException(f"MaxResults must be a whole number from 1 to {MOST}.")
    first, last = given.get("StartTime"), given.get("EndTime")
    if first is not None and last is not None and first > last:
        raise InvalidParameterException("StartTime is after EndTime: swap them, or leave one out.")
    oldest = now - store.LISTED_FOR
    token = given.get("NextToken")
    before = None if token is None else pages.place(token, given, 2)
    with database.read() as connection:
        found = store.listed(
            connection,
            insight_source=given["InsightSource"],
            account_id=account_id,
            region=region,
            start=oldest if first is None else max(oldest, first.timestamp()),
            end=now if last is None else last.timestamp(),
            dimension=_dimension(given.get("Dimensions")),
            before=None if before is None else (before[0], before[1]),
            limit=most + 1,
        )
    shown = found[:most]
    return shown, pages.token((shown[-1].time, shown[-1].number), given) if len(found) > most else None


def _dimension(given: Mapping[str, str] | None) -> tuple[str, str] | None:
    if given is None:
        return None
    if len(given) != 1:
        raise InvalidParameterException("Dimensions must have exactly one entry, or be left out.")
    ((key, value),) = given.items()
    if key not in DIMENSIONS:
        raise InvalidParameterException(f"Value {key} for Dimensions is invalid: use {', '.join(DIMENSIONS)}.")
    if not 1 <= len(value) <= LONGEST:
        raise InvalidParameterException(f"The value of {key} must have 1 to {LONGEST} characters.")
    return DIMENSIONS[key], value
