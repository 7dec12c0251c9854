"""A query as a value, and its states (reference of Lake, §6.1). Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

QUEUED: Final = "QUEUED"
RUNNING: Final = "RUNNING"
FINISHED: Final = "FINISHED"
FAILED: Final = "FAILED"
CANCELLED: Final = "CANCELLED"
TIMED_OUT: Final = "TIMED_OUT"

STATUSES: Final = (QUEUED, RUNNING, FINISHED, FAILED, CANCELLED, TIMED_OUT)
UNDER_WAY: Final = (QUEUED, RUNNING)

PENDING: Final = "PENDING"
SUCCESS: Final = "SUCCESS"
DELIVERY_FAILED: Final = "FAILED"
FAILED_SIGNING_FILE: Final = "FAILED_SIGNING_FILE"
RESOURCE_NOT_FOUND: Final = "RESOURCE_NOT_FOUND"
ACCESS_DENIED: Final = "ACCESS_DENIED"
ACCESS_DENIED_SIGNING_FILE: Final = "ACCESS_DENIED_SIGNING_FILE"
DELIVERY_CANCELLED: Final = "CANCELLED"
UNKNOWN: Final = "UNKNOWN"

CONCURRENT: Final = 10
"""Queries of one account and Region that may be under way at the same time."""
KEPT: Final = 7 * 86400.0
"""Seconds for which a query and its results are kept."""

TOO_LARGE: Final = "Query response is too large"
EXHAUSTED: Final = "Query exhausted resources at this scale factor"
INTERRUPTED: Final = "The query was interrupted because the server that ran it ended. Run it again."


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """One query. Times are epoch seconds."""

    id: str
    account_id: str
    """Whose caller asked for it."""
    region: str
    owner_account_id: str
    """Whose event data stores it reads."""
    store_ids: tuple[str, ...]
    source_arn: str
    """ARN of the first of them: what the service names when it writes into a bucket."""
    statement: str
    """As it runs: the parameters of an alias are filled in."""
    alias: str | None = None
    refresh_id: str | None = None
    """The dashboard refresh that it is part of."""
    prompt: str | None = None
    """The question that its statement was generated from."""
    delivery_s3_uri: str | None = None
    delivery_status: str | None = None
    status: str = QUEUED
    error_message: str | None = None
    created: float
    ended: float | None = None
    """When it reached its last status; of a delivered one the `queryCompleteTime`."""
    execution_time: float | None = None
    """Seconds between its start and its end."""
    events_matched: int = 0
    events_scanned: int = 0
    bytes_scanned: int = 0
    columns: tuple[str, ...] = ()
    """Names of the result, in order; several may be the same."""
    results: int = 0
    """Rows of the result that can be read."""
    cancelled_by: str | None = None
    """Id of the request that cancelled it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistics:
    """What a query has read, measured by the engine that read it."""

    events_scanned: int = 0
    """Rows of the row groups that were opened, and of the tables that are not committed yet."""
    events_matched: int = 0
    """Rows that the filters of the scans let through."""
    bytes_scanned: int = 0
    """Bytes that were read from files, and of the columns used of what is not committed yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FewRows:
    """A result that is kept beside its query: no larger than `results.FEW`."""

    index: bytes
    packed: bytes
    """Both as in the files of `results`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a query ended."""

    status: str
    error_message: str | None = None
    statistics: Statistics = field(default_factory=Statistics)
    results: int = 0
    few: FewRows | None = None
    """The result, unless it lies in files, or nobody may read it."""
