"""One question to the Lake through its API: started, waited for, read to its end; cancelled when nobody wants the answer any more."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from opentrail.cli.failures import CallFailed

PLACEHOLDER: Final = "$EDS_ID"
"""What stands for the store in sample queries."""
PAGE: Final = 1000
SHORTEST, LONGEST = 0.02, 1.0
"""Seconds between two looks at a query that is running."""
RUNNING: Final = ("QUEUED", "RUNNING")
_ID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Calls(Protocol):
    """The API, as `calls.Caller` has it."""

    def cloudtrail(self, operation: str, parameters: Mapping[str, Any], region: str) -> dict[str, Any]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What came of a query."""

    query_id: str
    columns: tuple[str, ...]
    """Names, as the query spells them; empty when there are no rows."""
    rows: tuple[tuple[str | None, ...], ...]
    statistics: Mapping[str, Any]
    """`EventsMatched`, `EventsScanned`, `BytesScanned`, `ExecutionTimeInMillis`."""
    note: str = ""
    """Why rows may be missing; empty when they are all there."""


def stores(calls: Calls, region: str) -> dict[str, str]:
    """Id → name of every event data store of the account. Raises `CallFailed`."""
    found: dict[str, str] = {}
    parameters: dict[str, Any] = {}
    while True:
        page = calls.cloudtrail("ListEventDataStores", parameters, region)
        for one in page.get("EventDataStores", ()):
            found[one["EventDataStoreArn"].rpartition("/")[2]] = one["Name"]
        if not page.get("NextToken"):
            return found
        parameters = {"NextToken": page["NextToken"]}


def chosen(wanted: str | None, known: Mapping[str, str]) -> str:
    """The id of the store that is meant by its name, id or ARN; without one the only store there is. Raises `CallFailed`."""
    if wanted is None:
        if len(known) == 1:
            return next(iter(known))
        names = ", ".join(sorted(known.values())) or "none yet: make one with `aws cloudtrail create-event-data-store`"
        raise CallFailed(f"Say with --store which event data store is meant. There are: {names}.")
    last = wanted.rpartition("/")[2]
    if last in known or _ID.fullmatch(last):  # an id that is not ours may be a store that another account shares
        return last
    found = [store for store, name in known.items() if name == wanted]
    if not found:
        raise CallFailed(f"There is no event data store {wanted!r}. There are: {', '.join(sorted(known.values())) or 'none'}.")
    return found[0]


def filled(statement: str, store: Callable[[], str]) -> str:
    """`statement` with the placeholder replaced by the store, which is only asked for where it stands."""
    return statement.replace(PLACEHOLDER, store()) if PLACEHOLDER in statement else statement


def ask(
    calls: Calls,
    region: str,
    statement: str,
    *,
    owner: str | None = None,
    pause: Callable[[float], None] = time.sleep,
    most: int | None = None,
) -> Reply:
    """Run `statement` and read at most `most` rows of its result. Raises `CallFailed` when it is refused or fails.

    An interruption (Ctrl-C) cancels the query, and is raised again.
    """
    whose = {"EventDataStoreOwnerAccountId": owner} if owner else {}
    query_id: str = calls.cloudtrail("StartQuery", {"QueryStatement": statement, **whose}, region)["QueryId"]
    named = {"QueryId": query_id, **whose}
    try:
        told = _ended(calls, region, named, pause)
    except KeyboardInterrupt:
        calls.cloudtrail("CancelQuery", named, region)
        raise
    status = told["QueryStatus"]
    if status not in ("FINISHED", "TIMED_OUT"):
        raise CallFailed(f"The query has {status.lower()}: {told.get('ErrorMessage') or 'no reason is given'}.")
    columns, rows = _rows(calls, region, named, most)
    note = "The query ran out of time: these are the rows it had by then." if status == "TIMED_OUT" else ""
    return Reply(query_id=query_id, columns=columns, rows=rows, statistics=told.get("QueryStatistics", {}), note=note)


def _ended(calls: Calls, region: str, named: Mapping[str, str], pause: Callable[[float], None]) -> dict[str, Any]:
    wait = SHORTEST
    while True:
        told = calls.cloudtrail("DescribeQuery", named, region)
        if told["QueryStatus"] not in RUNNING:
            return told
        pause(wait)
        wait = min(wait * 1.5, LONGEST)


def _rows(
    calls: Calls, region: str, named: Mapping[str, str], most: int | None
) -> tuple[tuple[str, ...], tuple[tuple[str | None, ...], ...]]:
    columns: tuple[str, ...] = ()
    rows: list[tuple[str | None, ...]] = []
    parameters: dict[str, Any] = {**named, "MaxQueryResults": PAGE}
    while True:
        page = calls.cloudtrail("GetQueryResults", parameters, region)
        for row in page.get("QueryResultRows", ()):
            columns = columns or tuple(name for cell in row for name in cell)
            rows.append(tuple(value for cell in row for value in cell.values()))
        if most is not None and len(rows) >= most:
            return columns, tuple(rows[:most])
        if not page.get("NextToken"):
            return columns, tuple(rows)
        parameters["NextToken"] = page["NextToken"]


def summary(reply: Reply, seconds: float) -> str:
    """`12 rows in 0.04 s, 1,234 events of 20,000 matched, 1.2 MB scanned.`"""
    told = reply.statistics
    parts = [f"{len(reply.rows):,} row{'' if len(reply.rows) == 1 else 's'} in {seconds:.2f} s"]
    if "EventsScanned" in told:
        parts.append(f"{told.get('EventsMatched', 0):,} of {told['EventsScanned']:,} events matched")
    if "BytesScanned" in told:
        parts.append(f"{size(told['BytesScanned'])} scanned")
    return ", ".join(parts) + "."


def size(count: float) -> str:
    """Bytes for a person: `1.2 MB`."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"


def names_once(columns: Sequence[str]) -> list[str]:
    """`columns` with repeated names numbered (`arn`, `arn_2`), for formats that have each name once."""
    seen: dict[str, int] = {}
    found = []
    for name in columns:
        seen[name] = seen.get(name, 0) + 1
        found.append(name if seen[name] == 1 else f"{name}_{seen[name]}")
    return found
