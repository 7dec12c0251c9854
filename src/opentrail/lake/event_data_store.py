"""An event data store as a value, and the stretches of the journal that it takes in (reference of Lake, §2). Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from opentrail.lake.families import Family

CREATED: Final = "CREATED"
ENABLED: Final = "ENABLED"
STARTING_INGESTION: Final = "STARTING_INGESTION"
STOPPING_INGESTION: Final = "STOPPING_INGESTION"
STOPPED_INGESTION: Final = "STOPPED_INGESTION"
PENDING_DELETION: Final = "PENDING_DELETION"

EXTENDABLE: Final = "EXTENDABLE_RETENTION_PRICING"
FIXED: Final = "FIXED_RETENTION_PRICING"


@dataclass(frozen=True, slots=True, kw_only=True)
class EventDataStore:
    """One store, as it is now."""

    id: str
    """The UUID at the end of its ARN; the table's name in SQL."""
    partition: str
    region: str
    account_id: str
    """The owner; of an organization store always the management account."""
    name: str
    status: str
    family: Family
    advanced_event_selectors: tuple[Mapping[str, Any], ...]
    """In botocore's spelling."""
    multi_region_enabled: bool
    organization_enabled: bool
    retention_period: int
    """Age of an event, by its own time, at which it leaves; days."""
    billing_mode: str
    termination_protection_enabled: bool
    kms_key_id: str | None = None
    """The key's ARN."""
    created_timestamp: float
    """Epoch seconds; likewise below."""
    updated_timestamp: float
    deleted_timestamp: float | None = None
    """When its deletion was asked for; it is gone seven days later."""
    federation_status: str | None = None
    """`ENABLED` or `DISABLED`; `None` when it never was."""
    federation_role_arn: str | None = None
    max_event_size: str = "Standard"
    context_key_selectors: tuple[Mapping[str, Any], ...] = ()
    resource_policy: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    organization_id: str | None = None
    """Of an organization store: the organization."""
    insights: Mapping[str, Any] | None = None
    """What PutInsightSelectors stored (`InsightSelectors`, `InsightsDestination`); `None` for nothing."""

    @property
    def arn(self) -> str:
        return f"arn:{self.partition}:cloudtrail:{self.region}:{self.account_id}:eventdatastore/{self.id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """A stretch of the journal, and what of it a store takes in. A change of a store ends one and begins another in the transaction of the
    change, so that each record is judged by what held when it was written, however late it is read."""

    store_id: str
    start: int
    """Records after this position."""
    stop: int | None
    """Up to this one; `None` while it goes on."""
    account_id: str
    region: str
    family: Family
    advanced_event_selectors: tuple[Mapping[str, Any], ...]
    multi_region_enabled: bool
    accounts: frozenset[str] = frozenset()
    """Further accounts whose events are taken in: those of the organization."""
    max_event_size: str = "Standard"
    context_key_selectors: tuple[Mapping[str, Any], ...] = ()
    kms_key_id: str | None = None
