"""Something that a service did by itself, without a call (`eventType` `AwsServiceEvent`, `spec/records.md` §10)."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceEvent:
    """One event of a service, complete when it happens; its record is described from this alone, the same each time."""

    event_source: str
    """`kms.amazonaws.com`"""
    event_name: str
    """`RotateKey`"""
    account_id: str
    """Account in which it happened (`recipientAccountId`)."""
    region: str
    time: float
    """When, seconds since the epoch."""
    event_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    read_only: bool = False
    resources: Sequence[Mapping[str, str]] = ()
    """`resources` entries (`accountId`, `type`, `ARN`)."""
    details: Mapping[str, Any] = field(default_factory=dict)
    """`serviceEventDetails`; left out when empty."""
    data: bool = False
    """A data event (S3's `DeleteObject` of a `DeleteObjects`): recorded only when it is selected."""
    shared_event_id: str | None = None
    record: str | None = None
    """The record itself, where its service has made it (CloudTrail's Insights): nothing is described then."""
