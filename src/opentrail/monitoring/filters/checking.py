"""What a filter must be to be put. Pure. Limits: reference of filter patterns; model of `logs`."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any, Final

from opentrail.monitoring.faults import InvalidOperationException, InvalidParameterException, LimitExceededException
from opentrail.monitoring.filter_patterns import FilterPattern, compiled
from opentrail.monitoring.filter_patterns.values import number
from opentrail.monitoring.filters.values import Transformation
from opentrail.monitoring.logs.values import Group

MOST_DIMENSIONS: Final = 3
MOST_REGEX_FILTERS: Final = 5
"""Filters with regular expressions of one log group."""
SYSTEM_FIELDS: Final = ("@aws.account", "@aws.region")


def transformation(given: Mapping[str, Any], pattern: FilterPattern) -> Transformation:
    """Read a `MetricTransformation` that the model has checked. Raises `InvalidParameterException`."""
    found = Transformation(
        metric_name=given["metricName"],
        metric_namespace=given["metricNamespace"],
        metric_value=given["metricValue"],
        default_value=given.get("defaultValue"),
        dimensions=given.get("dimensions") or {},
        unit=given.get("unit"),
    )
    if not found.metric_name or not found.metric_namespace:
        raise _wrong("metricName and metricNamespace must not be empty")
    if found.metric_namespace.startswith("AWS/"):
        raise _wrong("namespaces that begin with AWS/ are those of AWS services; choose another")
    if found.metric_value.startswith("$"):
        pattern.reader(found.metric_value)
    elif literal(found.metric_value) is None:
        raise _wrong(f"metricValue '{found.metric_value}' is neither a number nor a field ($.field, $field)")
    if found.default_value is not None and not math.isfinite(found.default_value):
        raise _wrong("defaultValue must be a finite number")
    if found.dimensions and found.default_value is not None:
        raise _wrong("dimensions and default value are mutually exclusive properties.")
    for name, reference in found.dimensions.items():
        if not name or len(name) > 255 or name.startswith(":"):
            raise _wrong("a dimension's name has 1 to 255 characters and does not begin with ':'")
        if not reference.startswith("$"):
            raise _wrong(f"the value of the dimension {name} must be a field ($.field, $field)")
        pattern.reader(reference)
    return found


def literal(text: str) -> float | None:
    """The finite number that `text` is."""
    found = number(text.strip())
    if found is None:
        return None
    try:
        return float(found) if math.isfinite(found) else None
    except OverflowError:
        return None


def system_fields(given: Mapping[str, Any], chosen: Transformation | None) -> list[str]:
    """`emitSystemFieldDimensions`. Raises `InvalidParameterException`."""
    found = list(dict.fromkeys(given.get("emitSystemFieldDimensions") or ()))
    unknown = [name for name in found if name not in SYSTEM_FIELDS]
    if unknown:
        raise InvalidParameterException(f"emitSystemFieldDimensions knows {' and '.join(SYSTEM_FIELDS)}, not {unknown[0][:100]}.")
    if chosen is not None and len(chosen.dimensions) + len(found) > MOST_DIMENSIONS:
        raise _wrong(f"a metric filter has at most {MOST_DIMENSIONS} dimensions, those of emitSystemFieldDimensions included")
    if chosen is not None and found and chosen.default_value is not None:
        raise _wrong("dimensions and default value are mutually exclusive properties.")
    return found


def options(given: Mapping[str, Any]) -> None:
    """Raises `InvalidParameterException` for what asks for log transformers or for logs of other accounts: there are none here."""
    if given.get("applyOnTransformedLogs"):
        raise InvalidParameterException(
            "applyOnTransformedLogs is valid only for log groups that have an active log transformer; this one has none. Leave it out."
        )
    if given.get("fieldSelectionCriteria"):
        raise InvalidParameterException(
            "fieldSelectionCriteria is not served: all events of a log group are of its own account and Region. Leave it out."
        )


def standard(group: Group) -> None:
    """Raises `InvalidOperationException` for a group whose class has no filters."""
    if group.log_group_class != "STANDARD":
        raise InvalidOperationException(f"Log groups of class {group.log_group_class} have no filters; only those of class STANDARD do.")


def regexes(pattern: FilterPattern, others: Iterable[str]) -> None:
    """Raises `LimitExceededException` when too many filters of a group, the `others` among them, would have regular expressions."""
    if pattern.regexes and sum(bool(compiled(text).regexes) for text in others) >= MOST_REGEX_FILTERS:
        raise LimitExceededException(
            f"Resource limit exceeded: at most {MOST_REGEX_FILTERS} filters of a log group can have regular expressions."
        )


def _wrong(why: str) -> InvalidParameterException:
    return InvalidParameterException(f"Invalid metric transformation: {why}")
