"""What may be asked of queries: lengths, ranges, and what goes together (reference of Lake, §6.1). Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from opentrail.lake.faults import (
    InvalidDateRangeException,
    InvalidMaxResultsException,
    InvalidParameterException,
    InvalidQueryStatementException,
    InvalidQueryStatusException,
)
from opentrail.lake.queries import places
from opentrail.lake.queries.query import STATUSES

LONGEST_STATEMENT: Final = 10_000
_ALIAS: Final = re.compile(r"[a-zA-Z][a-zA-Z0-9._\-]{0,255}")
_REFRESH: Final = re.compile(r"\d{10,20}")
_ACCOUNT: Final = re.compile(r"\d{12,16}")
_QUERY: Final = re.compile(r"[a-f0-9\-]{36}")
_MOST: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """A StartQuery whose parameters may be what they are."""

    statement: str
    """Empty where there is an alias."""
    alias: str | None
    parameters: Sequence[str]
    delivery_s3_uri: str | None
    owner: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """A ListQueries; times are epoch seconds."""

    start: float | None
    end: float | None
    status: str | None
    limit: int


def start(given: Mapping[str, Any]) -> Start:
    """Raises `InvalidParameterException`; for the bucket, what `places.bucket_and_prefix` raises."""
    statement, alias = given.get("QueryStatement"), given.get("QueryAlias")
    if (statement is None) == (alias is None):
        raise InvalidParameterException("Give either QueryStatement or QueryAlias.")
    parameters = given.get("QueryParameters") or ()
    if statement is not None and parameters:
        raise InvalidParameterException("QueryParameters go with QueryAlias: write the values into QueryStatement.")
    if alias is not None and not _ALIAS.fullmatch(alias):
        raise InvalidParameterException("A QueryAlias has 1 to 256 letters, digits, dots, hyphens and underscores, a letter first.")
    if len(parameters) > 10 or not all(1 <= len(parameter) <= 1024 for parameter in parameters):
        raise InvalidParameterException("There are at most 10 QueryParameters, each of 1 to 1024 characters.")
    uri = given.get("DeliveryS3Uri")
    if uri is not None:
        places.bucket_and_prefix(uri)
    return Start(
        statement=statement or "",
        alias=alias,
        parameters=tuple(parameters),
        delivery_s3_uri=uri,
        owner=_owner(given),
    )


def check_statement(statement: str) -> None:
    """Raises `InvalidQueryStatementException` for one that is too long, or nothing."""
    if not 1 <= len(statement) <= LONGEST_STATEMENT:
        raise InvalidQueryStatementException(f"A query has 1 to {LONGEST_STATEMENT} characters; this one has {len(statement)}.")


def describe(given: Mapping[str, Any]) -> None:
    """A DescribeQuery. Raises `InvalidParameterException`."""
    query_id, alias, refresh_id = given.get("QueryId"), given.get("QueryAlias"), given.get("RefreshId")
    if (query_id is None) == (alias is None):
        raise InvalidParameterException("Give either QueryId or QueryAlias.")
    if query_id is not None and not _QUERY.fullmatch(query_id):
        raise InvalidParameterException(f"{query_id[:100]!r} is no query ID.")
    if refresh_id is not None and (alias is None or not _REFRESH.fullmatch(refresh_id)):
        raise InvalidParameterException("RefreshId goes with QueryAlias, and has 10 to 20 digits.")
    _owner(given)


def listing(given: Mapping[str, Any]) -> Listing:
    """Raises `InvalidDateRangeException`, `InvalidQueryStatusException`, `InvalidMaxResultsException`."""
    begin, end, status = given.get("StartTime"), given.get("EndTime"), given.get("QueryStatus")
    if begin is not None and end is not None and begin > end:
        raise InvalidDateRangeException("StartTime is after EndTime.")
    if status is not None and status not in STATUSES:
        raise InvalidQueryStatusException(f"{status[:100]!r} is no query status: use one of {', '.join(STATUSES)}.")
    return Listing(
        start=begin.timestamp() if begin is not None else None,
        end=end.timestamp() if end is not None else None,
        status=status,
        limit=max_results(given, "MaxResults"),
    )


def max_results(given: Mapping[str, Any], member: str) -> int:
    """How many results a page may have. Raises `InvalidMaxResultsException`."""
    wanted = given.get(member)
    if wanted is None:
        return _MOST
    if not 1 <= wanted <= _MOST:
        raise InvalidMaxResultsException(f"{member} is from 1 to {_MOST}.")
    return int(wanted)


def _owner(given: Mapping[str, Any]) -> str | None:
    owner = given.get("EventDataStoreOwnerAccountId")
    if owner is not None and not _ACCOUNT.fullmatch(owner):
        raise InvalidParameterException(f"{owner[:50]!r} is no account ID.")
    return owner
