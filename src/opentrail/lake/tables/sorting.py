"""Rows in order: days out of the hot tail, and one order out of several files that have one each, a slice at a time."""

from __future__ import annotations

import bisect
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from opentrail.lake.tables.layouts import ORDER, TIME

DAY: Final = 86_400
SECOND: Final = 1_000_000
"""Microseconds, in which the column of time counts."""
SLICE: Final = 5_000
"""Rows that are put in order at a time; a second with more events than that is one slice."""
_EPOCH: Final = datetime(1970, 1, 1)
_ONE: Final = timedelta(seconds=1)
_BATCH: Final = 2_000
"""Rows that are read from a file at a time."""


def since(table: pa.Table, oldest: int) -> pa.Table:
    """The rows of `table` with a time of at least `oldest`, in seconds."""
    return table.filter(pc.greater_equal(_times(table), oldest * SECOND))


def seconds(table: pa.Table) -> list[int]:
    """The time of each row of `table`."""
    return [time // SECOND for time in _times(table).to_pylist()]


def span(path: Path) -> tuple[int, int] | None:
    """First and last second of the rows of a file of ours, by its footer; `None` when it has none."""
    told = pq.read_metadata(path)
    column = next(number for number in range(told.num_columns) if told.schema.column(number).path == TIME)
    bounds = [told.row_group(number).column(column).statistics for number in range(told.num_row_groups)]
    if not told.num_rows:
        return None
    first, last = min(bound.min for bound in bounds), max(bound.max for bound in bounds)
    return (first - _EPOCH) // _ONE, (last - _EPOCH) // _ONE


def days(table: pa.Table) -> list[tuple[int, pa.Table]]:
    """The rows of each day of `table`, in order; a day is a number since the epoch."""
    if not table.num_rows:
        return []
    ordered = table.sort_by(ORDER)
    # Floor, not towards zero: there are times before 1970.
    numbers = pc.cast(pc.floor(pc.divide(pc.cast(_times(ordered), pa.float64()), float(DAY * SECOND))), pa.int64()).to_pylist()
    found = []
    start = 0
    while start < len(numbers):
        stop = bisect.bisect_right(numbers, numbers[start], lo=start)
        found.append((numbers[start], ordered.slice(start, stop - start)))
        start = stop
    return found


def merged(paths: Sequence[Path], schema: pa.Schema, oldest: int | None = None) -> Iterator[pa.RecordBatch]:
    """The rows of files that are in order each, in one order, without those before `oldest` (seconds). Holds a slice of each at a time."""
    times = [_times(pq.read_table(path, columns=[TIME])).to_pylist() for path in paths]
    low = None if oldest is None else oldest * SECOND
    cursors = [_Cursor(path, schema) for path in paths]
    try:
        ends = [0] * len(paths)
        if low is not None:
            for number, own in enumerate(times):
                ends[number] = bisect.bisect_left(own, low)
                cursors[number].skip(ends[number])
        everything = sorted(time for own, end in zip(times, ends, strict=True) for time in own[end:])
        at = 0
        while at < len(everything):
            bound = everything[min(at + SLICE, len(everything)) - 1]
            at = bisect.bisect_right(everything, bound, lo=at)
            pieces = []
            for number, own in enumerate(times):
                end = bisect.bisect_right(own, bound, lo=ends[number])
                pieces += cursors[number].take(end - ends[number])
                ends[number] = end
            yield from pa.Table.from_batches(pieces, schema).combine_chunks().sort_by(ORDER).to_batches()
    finally:
        for cursor in cursors:
            cursor.close()


class _Cursor:
    """One file, read from its beginning to its end."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self._file = pq.ParquetFile(path)
        self._batches = self._file.iter_batches(batch_size=_BATCH, columns=schema.names)
        self._schema = schema
        self._rest: pa.RecordBatch | None = None

    def take(self, rows: int) -> list[pa.RecordBatch]:
        """The next `rows` rows."""
        taken = []
        while rows:
            batch = self._rest if self._rest is not None else next(self._batches)
            piece = batch.slice(0, rows)
            rows -= piece.num_rows
            self._rest = batch.slice(piece.num_rows) if piece.num_rows < batch.num_rows else None
            if piece.schema != self._schema:  # another engine has written it
                piece = pa.Table.from_batches([piece]).select(self._schema.names).cast(self._schema).combine_chunks().to_batches()[0]
            taken.append(piece)
        return taken

    def skip(self, rows: int) -> None:
        """Go on behind the next `rows` rows."""
        while rows:
            rows -= sum(piece.num_rows for piece in self.take(min(rows, _BATCH)))

    def close(self) -> None:
        self._batches = iter(())
        self._file.close()


def _times(table: pa.Table) -> pa.ChunkedArray:
    return pc.cast(table[TIME], pa.int64())
