"""Which files, and which rows of them, a query has to read at all: by the Bloom filters of what it looks for.

Files of tables never change, so where their filters lie is read once from a footer and remembered. A filter says "not here" or "perhaps":
nothing that a query would find is left out.
"""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import pyarrow.parquet as pq

from opentrail.lake.neighbours import Snapshot
from opentrail.lake.queries.bloom import Probe, blocks
from opentrail.lake.sql.wanted import Wanted

REMEMBERED: Final = 4_096
"""Files whose footers are remembered: some 100 bytes for each column with filters and row group."""
MOST_RANGES: Final = 64
"""Stretches of rows above which whole files are read: a plan with many of them costs more than it saves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A file, and the rows of it that are read."""

    path: Path
    rows: int
    """Of the whole file."""
    ranges: tuple[tuple[int, int], ...] | None = None
    """First and last row of each stretch, from 0; `None`: all of them."""
    groups: int = field(default=1, compare=False)
    """Row groups in which something may be."""


@dataclass(frozen=True, slots=True)
class _Footer:
    ends: tuple[int, ...]
    """For each row group, the rows up to its end."""
    filters: Mapping[str, tuple[tuple[int, int] | None, ...]]
    """Column → where the blocks of each row group's filter begin, and how many there are; `None` for one that cannot be asked."""


class Narrowing:
    """Footers of files, remembered. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._footers: OrderedDict[Path, _Footer] = OrderedDict()

    def of(self, snapshot: Snapshot, wanted: Sequence[Wanted]) -> dict[str, list[Part]]:
        """By store: what is read of its files; stores that are read as they are have no entry. Raises `OSError`."""
        found: dict[str, list[Part]] = {}
        for source in snapshot.sources:
            parts = self.parts(source.files, [one for one in wanted if one.store_id == source.store_id])
            if parts is not None:
                found[source.store_id] = parts
        return found

    def parts(self, files: Sequence[Path], wanted: Sequence[Wanted]) -> list[Part] | None:
        """What of `files` may hold rows that have all that is `wanted`; `None` where that would be about everything. Raises `OSError`."""
        if not wanted:
            return None
        # The engine asks the filters for one text in a plain column itself, once it has a file: whole files are less to plan.
        by_rows = any(".list." in one.leaf or len(one.values) > 1 for one in wanted)
        probes = [(one.leaf, [Probe(value) for value in one.values]) for one in wanted]
        groups = kept = 0
        parts: list[Part] = []
        for path in files:
            footer = self._footer(path)
            numbers = _kept(path, footer, probes)
            groups += len(footer.ends)
            kept += len(numbers)
            if numbers:
                ranges = _ranges(footer, numbers) if by_rows else None
                parts.append(Part(path=path, rows=footer.ends[-1], ranges=ranges, groups=len(numbers)))
        if sum(len(part.ranges or ()) for part in parts) > MOST_RANGES or 2 * kept > groups:
            return [replace(part, ranges=None) for part in parts] if len(parts) < len(files) else None
        return parts

    def _footer(self, path: Path) -> _Footer:
        with self._lock:
            if path in self._footers:
                self._footers.move_to_end(path)
                return self._footers[path]
        footer = _read(path)
        with self._lock:
            self._footers[path] = footer
            while len(self._footers) > REMEMBERED:
                self._footers.popitem(last=False)
        return footer


def _read(path: Path) -> _Footer:
    metadata = pq.read_metadata(path)
    ends: list[int] = []
    filters: dict[str, list[tuple[int, int] | None]] = {}
    columns = [metadata.schema.column(number).path for number in range(metadata.num_columns)]
    with path.open("rb") as file:
        for number in range(metadata.num_row_groups):
            group = metadata.row_group(number)
            ends.append((ends[-1] if ends else 0) + group.num_rows)
            for at, name in enumerate(columns):
                column = group.column(at) if number == 0 or name in filters else None
                if column is None:
                    continue
                offset, length = column.bloom_filter_offset, column.bloom_filter_length
                if offset is not None and length is not None:
                    filters.setdefault(name, [None] * number).append(blocks(file.fileno(), offset, length))
                elif name in filters:
                    filters[name].append(None)
    return _Footer(tuple(ends), {name: tuple(places) for name, places in filters.items()})


def _kept(path: Path, footer: _Footer, probes: Sequence[tuple[str, Sequence[Probe]]]) -> list[int]:
    """The row groups that may have everything."""
    numbers = list(range(len(footer.ends)))
    asked = [(footer.filters[leaf], values) for leaf, values in probes if leaf in footer.filters]
    if not asked:
        return numbers
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        for places, values in asked:
            numbers = [number for number in numbers if _may_be(file, places[number], values)]
    finally:
        os.close(file)
    return numbers


def _may_be(file: int, place: tuple[int, int] | None, values: Sequence[Probe]) -> bool:
    return place is None or any(value.may_be_in(file, *place) for value in values)


def _ranges(footer: _Footer, numbers: Sequence[int]) -> tuple[tuple[int, int], ...]:
    found: list[tuple[int, int]] = []
    for number in numbers:
        first = footer.ends[number - 1] if number else 0
        last = footer.ends[number] - 1
        if found and found[-1][1] == first - 1:
            found[-1] = (found[-1][0], last)
        else:
            found.append((first, last))
    return tuple(found)
