"""An import as a value (reference of Lake, §5). Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

INITIALIZING: Final = "INITIALIZING"
IN_PROGRESS: Final = "IN_PROGRESS"
COMPLETED: Final = "COMPLETED"
FAILED: Final = "FAILED"
STOPPED: Final = "STOPPED"
ONGOING: Final = (INITIALIZING, IN_PROGRESS)
STATUSES: Final = (INITIALIZING, IN_PROGRESS, FAILED, STOPPED, COMPLETED)

RETRY: Final = "RETRY"
SUCCEEDED: Final = "SUCCEEDED"
"""Further statuses of a failure, beside `FAILED`."""

S3: Final = "s3"
DIRECTORY: Final = "directory"
"""Kinds of sources. A directory is named by the owner of the data folder on the owner's own socket, never by a call."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistics:
    """How far an import is. Nothing but `failed_entries` ever goes down, and that only when a retry has succeeded."""

    prefixes_found: int = 0
    prefixes_completed: int = 0
    """Prefixes that are listed to their end, with every file of them dealt with."""
    files_completed: int = 0
    """Files that are in the store: brought by this import, or there already."""
    events_completed: int = 0
    """Events that this import has added to the store."""
    failed_entries: int = 0
    """Files and prefixes that are not in the store whole."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Import:
    """One import. Times are epoch seconds."""

    id: str
    account_id: str
    """Who asked for it, and owns the store."""
    region: str
    """Where it was asked for."""
    store_id: str
    destination: str
    """The store's ARN."""
    kind: str
    """`S3` or `DIRECTORY`."""
    location: str
    """`s3://bucket[/prefix]`, or `file:///directory`."""
    bucket_region: str
    role_arn: str
    """The role that reads; empty for a directory."""
    start_event_time: float | None
    end_event_time: float | None
    """Files whose names tell a date outside of these are left alone; both inclusive."""
    status: str
    created_timestamp: float
    updated_timestamp: float
    statistics: Statistics


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A file or prefix that is not in the store, or only in part."""

    location: str
    status: str
    """`FAILED`; `RETRY` while it is tried again; `SUCCEEDED` when that has helped."""
    error_type: str
    error_message: str
    last_updated_time: float
