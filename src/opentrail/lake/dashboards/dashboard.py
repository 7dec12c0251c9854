"""A dashboard as it is shown, and what a request wants of one. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from opentrail.lake.dashboards.widgets import Widget


@dataclass(frozen=True, slots=True, kw_only=True)
class Dashboard:
    """A dashboard as it is shown. Times are epoch seconds."""

    arn: str
    name: str
    type: str
    """`CUSTOM` or `MANAGED`."""
    status: str
    widgets: tuple[Widget, ...]
    refresh_schedule: Mapping[str, Any] | None
    """In botocore's spelling."""
    termination_protection_enabled: bool
    tags: Mapping[str, str]
    created_timestamp: float | None
    """`None` for a managed one that nobody made."""
    updated_timestamp: float | None
    last_refresh_id: str | None
    last_refresh_failure_reason: str | None
    resource_policy: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a request says of a dashboard; `None` is what it leaves out."""

    widgets: tuple[Widget, ...] | None = None
    refresh_schedule: Mapping[str, Any] | None = None
    termination_protection_enabled: bool | None = None
