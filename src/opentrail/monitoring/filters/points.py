"""What metric filters make of log events: metric points, summed up by ten seconds. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

from opentrail.monitoring.filter_patterns import FilterPattern, Message, compiled
from opentrail.monitoring.filters.checking import literal
from opentrail.monitoring.filters.values import MetricFilter
from opentrail.monitoring.values import Metric, MetricPoint

MINUTE: Final = 60
STEP: Final = 10
"""Seconds over which values are summed up: the shortest period of an alarm, so that such an alarm sees them. AWS has a minute."""
LONGEST_DIMENSION: Final = 1024
"""Characters of a dimension's value; a longer or an empty one is none."""

Reader = Callable[[Message], str | None]
Place = tuple[Metric, str, int]
"""Metric, unit and steps since 1970."""


class Gauge:
    """A metric filter, ready to read values."""

    def __init__(self, given: MetricFilter) -> None:
        self.filter = given
        self.pattern: FilterPattern = compiled(given.pattern)
        made = given.transformation
        self._unit = made.unit or "None"
        self._literal = None if made.metric_value.startswith("$") else literal(made.metric_value)
        self._value: Reader | None = self.pattern.reader(made.metric_value) if made.metric_value.startswith("$") else None
        self._dimensions = [(name, self.pattern.reader(reference)) for name, reference in sorted(made.dimensions.items())]
        own = {"@aws.account": given.account_id, "@aws.region": given.region}
        self._system = tuple((name, own[name]) for name in given.system_fields)
        self._plain = self._metric(())

    def read(self, message: Message) -> tuple[Metric, str, float] | None:
        """Metric, unit and value of a message that matches; `None` when it has no value, or lacks a dimension."""
        value = self._literal if self._value is None else literal(self._value(message) or "")
        if value is None:
            return None
        if not self._dimensions:
            return self._plain, self._unit, value
        dimensions = []
        for name, read in self._dimensions:
            found = read(message)
            if not found or len(found) > LONGEST_DIMENSION:
                return None
            dimensions.append((name, found))
        return self._metric(dimensions), self._unit, value

    def default(self, minute: int) -> tuple[Place, float] | None:
        """The default value, if it has one, at a minute."""
        value = self.filter.transformation.default_value
        return None if value is None else ((self._plain, self._unit, minute * MINUTE // STEP), value)

    def _metric(self, dimensions: Iterable[tuple[str, str]]) -> Metric:
        made = self.filter.transformation
        return Metric(
            account_id=self.filter.account_id,
            region=self.filter.region,
            namespace=made.metric_namespace,
            name=made.metric_name,
            dimensions=tuple(sorted((*dimensions, *self._system))),
        )


@dataclass(slots=True)
class Sums:
    """Values by place."""

    values: dict[Place, dict[float, int]] = field(default_factory=dict)

    def add(self, place: Place, value: float) -> None:
        """One more value."""
        counts = self.values.setdefault(place, {})
        counts[value] = counts.get(value, 0) + 1

    def points(self) -> list[MetricPoint]:
        """One point for each."""
        return [
            MetricPoint(
                metric=metric,
                time=float(step * STEP),
                sum=math.fsum(value * count for value, count in counts.items()),
                count=float(sum(counts.values())),
                minimum=min(counts),
                maximum=max(counts),
                unit=unit,
                values=tuple((value, float(count)) for value, count in counts.items()),
            )
            for (metric, unit, step), counts in self.values.items()
        ]
