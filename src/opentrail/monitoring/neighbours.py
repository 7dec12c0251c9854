"""What monitoring needs of others, and its own parts of each other. `server/watching/` gives what serves them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from sqlalchemy import Connection

from opentrail.monitoring.values import Chunk, MetricPoint


class Throttled(OSError):
    """The destination asks for patience."""


class TooLarge(Exception):
    """The destination takes no payload of that size."""


class LogReader(Protocol):
    """Every log event that has come in, in order of arrival."""

    def chunks(self, after: int, limit: int) -> list[Chunk]:
        """At most `limit` chunks above the position `after`, oldest first."""

    def newest(self) -> int:
        """Position of the newest chunk; 0 when there was never one."""


class TakesMetrics(Protocol):
    """The store of metric data."""

    def put(self, connection: Connection, points: Sequence[MetricPoint]) -> None:
        """Add points in the caller's transaction of `DataFolder.monitoring`."""


class Topics(Protocol):
    """The topics, as CloudWatch's service principal sees them."""

    def publish(
        self, *, topic_arn: str, message: str, source_arn: str, account_id: str, subject: str | None = None, once: str | None = None
    ) -> None:
        """Have a message delivered to all who subscribe, durably; what was published under the same `once` is not published again.

        Raises `NotFound`, `AuthorizationError`, faults of a key."""


class TakesEvents(Protocol):
    """The default event bus of an account and Region."""

    def put(self, *, account_id: str, region: str, event: Mapping[str, Any]) -> None:
        """Hand over one event as rules see it (`id`, `source`, `detail-type`, `time`, `account`, `region`, `resources`, `detail`).

        Durable on return. An event is not taken twice: it is known by its `id`."""


class Functions(Protocol):
    """Lambda functions, Kinesis streams and Firehose streams behind the upstream."""

    def deliver(self, *, destination_arn: str, payload: bytes, partition_key: str, role_arn: str | None, source_arn: str) -> None:
        """Hand over one payload (gzip).

        Raises `OSError` when there was no good answer, `Throttled` among them; `TooLarge` for a payload that will never do; and a fault
        when the destination refuses until somebody changes something. Payloads with the same `partition_key` stay in order."""
