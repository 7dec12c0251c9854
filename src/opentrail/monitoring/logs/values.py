"""A log group, a log stream, a resource policy: small frozen values."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A log group. Moments are milliseconds since 1970."""

    id: int
    account_id: str
    region: str
    partition: str
    name: str
    log_group_class: str
    kms_key_id: str | None
    """ARN of the key that events are sealed with from now on."""
    retention_in_days: int | None
    """`None`: events are kept for ever."""
    deletion_protection: bool
    creation_time: int

    @property
    def arn(self) -> str:
        """The ARN without the `:*` of its streams."""
        return f"arn:{self.partition}:logs:{self.region}:{self.account_id}:log-group:{self.name}"

    def stream_arn(self, stream: str) -> str:
        """The ARN of a stream of it."""
        return f"{self.arn}:log-stream:{stream}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """A log stream. Moments are milliseconds since 1970, `None` before the first event."""

    id: int
    group_id: int
    name: str
    creation_time: int
    first_event: int | None
    last_event: int | None
    last_ingestion: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourcePolicy:
    """What lets AWS services put events into log groups: for the account (`resource_arn` empty), or for one group."""

    name: str
    document: str
    updated: int
    resource_arn: str
    revision: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Log events that go into one stream together, in order of time."""

    events: tuple[tuple[int, str], ...]
    """Timestamp in milliseconds and message of each."""

    @property
    def first(self) -> int:
        """The earliest timestamp."""
        return self.events[0][0]

    @property
    def last(self) -> int:
        """The latest timestamp."""
        return self.events[-1][0]

    @property
    def bytes(self) -> int:
        """What PutLogEvents counts: the messages in UTF-8, and 26 for each event."""
        return sum(len(message.encode()) for _, message in self.events) + EVENT_OVERHEAD * len(self.events)


EVENT_OVERHEAD = 26
"""Bytes that an event counts besides its message."""
