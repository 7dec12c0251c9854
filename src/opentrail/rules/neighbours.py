"""What rules need of others: where matched events go. `server/watching/rules.py` gives what serves them.

Each raises `OSError` when it may be tried again, and a `Fault` when trying again is of no use before somebody changes something.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from opentrail.identity.service_roles import RoleSession
from opentrail.journal import Entry


class Trails(Protocol):
    """Which records trails log: only those reach a bus."""

    def logged(self, entries: Sequence[Entry]) -> Sequence[bool]:
        """Of each record whether a trail of its account was logging at its position and selects it. Looks at the trails as they are now."""


class Topics(Protocol):
    """The topics, as EventBridge's service principal sees them."""

    def publish(self, *, topic_arn: str, message: str, source_arn: str, account_id: str, role: RoleSession | None = None) -> None:
        """Durable on return. With `role` it is that role which publishes, and not the service."""


class Queues(Protocol):
    """The queues, as EventBridge's service principal sees them; dead letters go the same way."""

    def deliver(
        self,
        *,
        queue_arn: str,
        body: str,
        source_arn: str,
        account_id: str,
        attributes: Mapping[str, str],
        group_id: str | None = None,
        role: RoleSession | None = None,
    ) -> None:
        """Durable on return. With `role` it is that role which sends, and not the service."""


class LogGroups(Protocol):
    """The log groups, as EventBridge's service principal sees them (`/aws/events/…`, by leave of a Logs resource policy)."""

    def put(self, *, log_group_arn: str, stream: str, message: str, timestamp: int, source_arn: str, account_id: str) -> None:
        """Durable on return; makes the stream when it is not there. `timestamp` in milliseconds since 1970."""


class Functions(Protocol):
    """Lambda functions behind the upstream."""

    def invoke(self, *, function_arn: str, payload: bytes, source_arn: str) -> None:
        """Invoke with InvocationType `Event`."""


class Web(Protocol):
    """HTTP endpoints (API destinations)."""

    def send(self, *, method: str, url: str, headers: Mapping[str, str], body: bytes, timeout: float) -> int:
        """The status of the answer."""


class Chat(Protocol):
    """Chat and mail, by the channels that the operator has set (`messaging.notify`)."""

    def send(self, *, channel: str, title: str, body: str) -> None:
        """Hand over."""
