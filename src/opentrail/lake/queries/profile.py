"""From DuckDB's profile of a query to what Lake says of it. Pure.

A profile is a tree of operators, each with the rows that came out of it; scans of Parquet files also say how many row groups they opened.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from opentrail.lake.queries.query import Statistics


@dataclass(frozen=True, slots=True, kw_only=True)
class Cold:
    """The Parquet files of one store."""

    files: Sequence[str]
    rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Hot:
    """One Arrow table of a store."""

    rows: int
    sizes: Mapping[str, int]
    """Bytes of each column."""


def statistics(profile: Mapping[str, Any], cold: Sequence[Cold], hot: Sequence[Hot]) -> Statistics:
    """What was read, by `profile` as DuckDB gives it."""
    scanned = matched = 0
    read = int(profile.get("io", {}).get("total_bytes_read", 0))
    for scan, filtered in _scans(profile.get("operator") or ()):
        about = scan.get("extra_info") or {}
        rows = int(scan.get("intermediate_rows", 0))
        matched += rows if filtered is None else filtered
        if about.get("Function") == "READ_PARQUET":
            scanned += max(_opened(scan, about, cold), rows)
        else:
            table = min((one for one in hot if one.rows >= rows), key=lambda one: one.rows, default=None)
            scanned += rows if table is None else table.rows
            read += _size(about, table)
    return Statistics(events_scanned=scanned, events_matched=matched, bytes_scanned=read)


def _opened(scan: Mapping[str, Any], about: Mapping[str, Any], cold: Sequence[Cold]) -> int:
    """Rows of the row groups that were opened; those of one file are of one size, but the last."""
    total, opened = int(scan.get("total_row_groups_to_scan", 0)), int(scan.get("row_groups_scanned", 0))
    first = str(about.get("Filename(s)", "")).split(", ")[0]
    rows = next((one.rows for one in cold if first in one.files), cold[0].rows if len(cold) == 1 else 0)
    return rows if opened >= total else round(rows * opened / total)


def _size(about: Mapping[str, Any], table: Hot | None) -> int:
    if table is None:
        return 0
    named = about.get("Projections") or ()
    names = [named] if isinstance(named, str) else named
    return sum(table.sizes.get(str(name).strip('"'), 0) for name in names)


def _scans(operators: Sequence[Mapping[str, Any]]) -> Iterator[tuple[Mapping[str, Any], int | None]]:
    """Each scan, and how many rows the filters right above it let through, where there are any."""
    pending: list[tuple[Mapping[str, Any], int | None]] = [(operator, None) for operator in operators]
    while pending:
        operator, filtered = pending.pop()
        kind = operator.get("type")
        if kind == "TABLE_SCAN":
            yield operator, filtered
            continue
        if kind == "FILTER":
            filtered = int(operator.get("intermediate_rows", 0)) if filtered is None else filtered
        elif kind != "PROJECTION":
            filtered = None
        pending += [(child, filtered) for child in operator.get("children") or ()]
