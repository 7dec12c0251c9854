"""A metric filter and a subscription filter, as they were put: small frozen values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Transformation:
    """What a metric filter makes of an event that matches (shape `MetricTransformation`)."""

    metric_name: str
    metric_namespace: str
    metric_value: str
    """A number, or `$.field` or `$field`."""
    default_value: float | None = None
    """Value of a minute in which events came in and none matched; `None`: such a minute has none."""
    dimensions: Mapping[str, str] = field(default_factory=dict)
    """Name → `$.field` or `$field`."""
    unit: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricFilter:
    """A metric filter of a log group. Positions are those of chunks: it holds for those above `since` up to `until`."""

    id: int
    group_id: int
    account_id: str
    region: str
    log_group: str
    name: str
    pattern: str
    """Word for word as it was given: checkers compare it."""
    transformation: Transformation
    system_fields: Sequence[str] = ()
    """`@aws.account`, `@aws.region`: further dimensions."""
    transformed_logs: bool | None = None
    """`applyOnTransformedLogs`, as it was given."""
    creation_time: int
    """Milliseconds since 1970."""
    since: int
    until: int | None = None
    """Set when it was replaced or deleted: what came in before is still its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionFilter:
    """A subscription filter of a log group; positions as in `MetricFilter`."""

    id: int
    group_id: int
    account_id: str
    region: str
    partition: str
    log_group: str
    name: str
    pattern: str
    destination_arn: str
    role_arn: str | None = None
    distribution: str = "ByLogStream"
    transformed_logs: bool | None = None
    creation_time: int
    since: int
    until: int | None = None

    @property
    def source_arn(self) -> str:
        """The log group, as the destination's policy may ask for it."""
        return f"arn:{self.partition}:logs:{self.region}:{self.account_id}:log-group:{self.log_group}:*"
