"""PutMetricData: what comes in, as points. Pure.

Limits are those of the API reference: 1,000 metrics a call, 150 values in one, timestamps from two weeks back to two hours ahead.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from opentrail.monitoring.metrics import names
from opentrail.monitoring.metrics.faults import (
    InvalidParameterCombinationException,
    InvalidParameterValueException,
    MissingRequiredParameterException,
)
from opentrail.monitoring.values import MetricPoint

MOST_DATA: Final = 1000
MOST_VALUES: Final = 150
BACK: Final = 14 * 86_400
AHEAD: Final = 2 * 3600


def points(given: Mapping[str, Any], *, account_id: str, region: str, now: float) -> list[MetricPoint]:
    """The points of a whole request: all of it can be stored, or nothing is. Raises the faults of the operation."""
    data = list(given.get("MetricData") or ())
    for entity in given.get("EntityMetricData") or ():
        data += entity.get("MetricData") or ()
    if not data:
        raise MissingRequiredParameterException("The parameter MetricData is required.")
    if len(data) > MOST_DATA:
        raise InvalidParameterValueException(f"The collection MetricData must not have a size greater than {MOST_DATA}.")
    namespace = given["Namespace"]
    if namespace.startswith("AWS/"):
        raise InvalidParameterValueException(
            "The value AWS/ for parameter Namespace is invalid: such namespaces are kept for AWS services."
        )
    return [
        _point({"Namespace": namespace, **datum}, f"MetricData.member.{place}", account_id, region, now)
        for place, datum in enumerate(data, 1)
    ]


def _point(datum: Mapping[str, Any], place: str, account_id: str, region: str, now: float) -> MetricPoint:
    metric = names.metric(datum, account_id=account_id, region=region)
    unit = names.unit(datum) or "None"
    resolution = datum.get("StorageResolution", 60)
    if resolution not in (1, 60):
        raise InvalidParameterValueException(f"The value {resolution} for parameter {place}.StorageResolution is not valid: it is 1 or 60.")
    time = _time(datum.get("Timestamp"), place, now)
    value, statistics, values = datum.get("Value"), datum.get("StatisticValues"), datum.get("Values")
    if values and (value is not None or statistics):
        raise InvalidParameterCombinationException(
            f"The parameters {place}.Values and {place}.Value or StatisticValues are mutually exclusive."
        )
    if value is not None and statistics:
        raise InvalidParameterCombinationException(f"The parameters {place}.Value and {place}.StatisticValues are mutually exclusive.")
    if datum.get("Counts") and not values:
        raise InvalidParameterCombinationException(f"The parameter {place}.Counts takes {place}.Values, one for each.")
    if value is not None:
        only = names.number(value, f"{place}.Value")
        kept: dict[str, Any] = {"sum": only, "minimum": only, "maximum": only}
    elif statistics:
        kept = _statistics(statistics, f"{place}.StatisticValues")
    elif values:
        kept = _values(values, datum.get("Counts"), place)
    else:
        raise MissingRequiredParameterException(f"At least one of the parameters {place}.Value, Values and StatisticValues is required.")
    return MetricPoint(metric=metric, time=time, unit=unit, high_resolution=resolution == 1, **kept)


def _time(given: datetime | None, place: str, now: float) -> float:
    if given is None:
        return now
    time = given.timestamp()
    if not now - BACK <= time <= now + AHEAD:
        raise InvalidParameterValueException(
            f"The parameter {place}.Timestamp must specify a time within the past two weeks or up to two hours in the future."
        )
    return time


def _statistics(given: Mapping[str, float], place: str) -> dict[str, Any]:
    sum_, count, low, high = (names.number(given[name], f"{place}.{name}") for name in ("Sum", "SampleCount", "Minimum", "Maximum"))
    if count <= 0:
        raise InvalidParameterValueException(f"The parameter {place}.SampleCount must be greater than 0.")
    if low > high:
        raise InvalidParameterValueException(f"The parameter {place}.Minimum must not be greater than {place}.Maximum.")
    return {"sum": sum_, "count": count, "minimum": low, "maximum": high}


def _values(values: list[float], counts: list[float] | None, place: str) -> dict[str, Any]:
    if len(values) > MOST_VALUES:
        raise InvalidParameterValueException(f"The collection {place}.Values must not have a size greater than {MOST_VALUES}.")
    if counts and len(counts) != len(values):
        raise InvalidParameterValueException(f"The parameters {place}.Values and {place}.Counts must have the same size.")
    pairs = []
    for value, count in zip(values, counts or [1.0] * len(values), strict=True):
        if names.number(count, f"{place}.Counts") < 0:
            raise InvalidParameterValueException(f"The parameter {place}.Counts must have no negative count.")
        if count:
            pairs.append((names.number(value, f"{place}.Values"), float(count)))
    if not pairs:
        raise InvalidParameterValueException(f"The parameter {place}.Counts must have a count greater than 0.")
    only = [value for value, _ in pairs]
    return {
        "sum": sum(value * count for value, count in pairs),
        "count": sum(count for _, count in pairs),
        "minimum": min(only),
        "maximum": max(only),
        "values": pairs,
    }
