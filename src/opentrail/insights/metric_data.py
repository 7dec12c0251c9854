"""ListInsightsMetricData: the counts behind Insights as a series of points (reference of history and Insights, §11)."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from opentrail.insights import pages, store
from opentrail.insights.faults import InvalidParameterException
from opentrail.insights.values import CALL_RATE, ERROR_RATE, STORES, TRAILS, Series
from opentrail.storage.database import Database

MOST: Final = 21_600
"""Points of one page."""
DEFAULT_PERIOD: Final = 3600
FILLED, NON_ZERO = "FillWithZeros", "NonZeroData"
_FORMS: Final = {
    "EventSource": (256, re.compile(r"[a-z0-9_-]+\.amazonaws\.com", re.ASCII)),
    "EventName": (128, re.compile(r"[A-Za-z0-9_]+", re.ASCII)),
    "ErrorCode": (128, re.compile(r"[\w\d\s_.,\-:\[\]]+")),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request, checked. Times are epoch seconds, both on the grid of the period."""

    source: str
    name: str
    error_code: str
    period: int
    start: int
    end: int
    """Exclusive."""
    is_filled: bool
    most: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Times and values (calls or errors per minute, averaged over the period) of the points, and the token of the next page."""

    times: tuple[int, ...]
    values: tuple[float, ...]
    next_token: str | None


def read(given: Mapping[str, Any], now: float) -> Request:
    """The request as botocore spells it. Raises `InvalidParameterException`, saying what to change."""
    for member, (longest, form) in _FORMS.items():
        value = given.get(member)
        if value is not None and (len(value) > longest or not form.fullmatch(value)):
            raise InvalidParameterException(f"{member} must have at most {longest} characters and match ^{form.pattern}$.")
    kind, code = given["InsightType"], given.get("ErrorCode")
    if kind not in (CALL_RATE, ERROR_RATE):
        raise InvalidParameterException(f"InsightType must be {CALL_RATE} or {ERROR_RATE}.")
    if kind == ERROR_RATE and not code:
        raise InvalidParameterException(f"ErrorCode is required for the InsightType {ERROR_RATE}.")
    if kind == CALL_RATE and code is not None:
        raise InvalidParameterException(f"ErrorCode cannot be used with the InsightType {CALL_RATE}: leave it out.")
    period = given.get("Period", DEFAULT_PERIOD)
    if period not in store.KEPT:
        raise InvalidParameterException("Period must be 60, 300 or 3600.")
    data_type = given.get("DataType", NON_ZERO)
    if data_type not in (FILLED, NON_ZERO):
        raise InvalidParameterException(f"DataType must be {FILLED} or {NON_ZERO}.")
    most = given.get("MaxResults", MOST)
    if not 1 <= most <= MOST:
        raise InvalidParameterException(f"MaxResults must be a whole number from 1 to {MOST}.")
    start, end = _range(given.get("StartTime"), given.get("EndTime"), now, period)
    return Request(
        source=given["EventSource"],
        name=given["EventName"],
        error_code=code or "",
        period=period,
        start=start,
        end=end,
        is_filled=data_type == FILLED,
        most=most,
    )


def _range(start: datetime | None, end: datetime | None, now: float, period: int) -> tuple[int, int]:
    first = now - store.KEPT[3600] if start is None else start.timestamp()
    last = now if end is None else end.timestamp()
    if first > last:
        raise InvalidParameterException("StartTime is after EndTime: swap them, or leave one out.")
    oldest = now - store.KEPT[period]
    # Inclusive: the point whose time is the start rounded down to the grid. What has outlived its time is left out.
    return max(math.floor(first / period), math.ceil(oldest / period)) * period, math.ceil(min(last, now) / period) * period


def page(database: Database, account_id: str, region: str, given: Mapping[str, Any], now: float, *, trail_arn: str | None) -> Page:
    """The points of an account in a Region; with `trail_arn` those of the data events of the trail."""
    request = read(given, now)
    start, end = request.start, request.end
    if (token := given.get("NextToken")) is not None:
        start, end = pages.place(token, given, 2)
        start = max(start, request.start)
    scopes = (TRAILS, STORES) if trail_arn is None else (trail_arn,)
    with database.read() as connection:
        wanted = (Series(scope, account_id, region, request.source, request.name, request.error_code) for scope in scopes)
        ids = [number for series in wanted if (number := store.find(connection, series)) is not None]
        points = store.points(connection, ids, request.period, start, end, MOST + 1 if request.is_filled else request.most + 1)
    if request.is_filled:
        counts = dict(points)
        points = [(time, counts.get(time, 0)) for time in range(start, end, request.period)][: request.most + 1]
    shown = points[: request.most]
    following = points[request.most : request.most + 1]
    minutes = request.period / 60
    return Page(
        times=tuple(time for time, _ in shown),
        values=tuple(count / minutes for _, count in shown),
        next_token=pages.token((following[0][0], end), given) if following else None,
    )
