"""Names of metrics and their parts, as requests give them: checked and put into the house's order. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

from opentrail.monitoring.metrics.faults import InvalidParameterValueException
from opentrail.monitoring.values import Metric

_UNITS: Final = (
    "Seconds Microseconds Milliseconds Bytes Kilobytes Megabytes Gigabytes Terabytes Bits Kilobits Megabits Gigabits Terabits Percent "
    "Count "
    "Bytes/Second Kilobytes/Second Megabytes/Second Gigabytes/Second Terabytes/Second Bits/Second Kilobits/Second Megabits/Second "
    "Gigabits/Second Terabits/Second Count/Second None"
)
UNITS: Final = frozenset(_UNITS.split())
MOST_DIMENSIONS: Final = 30
LARGEST: Final = 2.0**360
"""Values lie between this and its negative."""
SHORT_PERIODS: Final = (1, 5, 10, 20, 30)


def dimensions(given: Sequence[Mapping[str, Any]]) -> tuple[tuple[str, str], ...]:
    """In order of their names. Raises `InvalidParameterValue`."""
    if len(given) > MOST_DIMENSIONS:
        raise InvalidParameterValueException(f"The collection Dimensions must not have a size greater than {MOST_DIMENSIONS}.")
    found: dict[str, str] = {}
    for one in given:
        name, value = one["Name"], one["Value"]
        if not name.strip() or not value.strip() or name.startswith(":"):
            raise InvalidParameterValueException(
                "A dimension needs a name and a value with at least one character that is no blank; the name must not begin with a colon."
            )
        if not (name.isascii() and value.isascii()):
            raise InvalidParameterValueException(f"The dimension {name} has characters outside of ASCII.")
        if name in found:
            raise InvalidParameterValueException(f"The dimension {name} is given twice.")
        found[name] = value
    return tuple(sorted(found.items()))


def metric(given: Mapping[str, Any], *, account_id: str, region: str) -> Metric:
    """The metric that `Namespace`, `MetricName` and `Dimensions` name. Raises `InvalidParameterValue`."""
    namespace, name = given.get("Namespace") or "", given.get("MetricName") or ""
    if not namespace or namespace.startswith(":"):
        raise InvalidParameterValueException("Namespace must have 1 to 255 characters and must not begin with a colon.")
    if not name:
        raise InvalidParameterValueException("MetricName must have 1 to 255 characters.")
    return Metric(
        account_id=account_id, region=region, namespace=namespace, name=name, dimensions=dimensions(given.get("Dimensions") or ())
    )


def unit(given: Mapping[str, Any]) -> str | None:
    """The unit, where one is given. Raises `InvalidParameterValue`."""
    found: str | None = given.get("Unit")
    if found is not None and found not in UNITS:
        raise InvalidParameterValueException(
            f"The value {found[:100]} for parameter Unit is not valid. Choose of {', '.join(sorted(UNITS))}."
        )
    return found


def number(value: float, member: str) -> float:
    """`value`, when a metric can have it. Raises `InvalidParameterValue`."""
    if not math.isfinite(value) or abs(value) > LARGEST:
        raise InvalidParameterValueException(
            f"The value {value} for parameter {member} is not valid: it must lie between -2^360 and 2^360."
        )
    return float(value)


def is_period(period: int) -> bool:
    """Whether statistics can be asked for by this many seconds."""
    return period in SHORT_PERIODS or (period > 0 and period % 60 == 0)
