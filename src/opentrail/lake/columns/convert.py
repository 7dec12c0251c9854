"""Records to a table: the good ones become rows, the others are named with what is wrong about them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import pyarrow as pa

from opentrail.lake.columns import compiled, outside, quick
from opentrail.lake.columns.arrow import ARROW, POSITION
from opentrail.lake.columns.buffers import JSON
from opentrail.lake.columns.plain import to_row
from opentrail.lake.columns.text import NotJSON
from opentrail.lake.families import Family

_QUICK: Final = {Family.EVENTS: quick, Family.ACTIVITY: outside}
BATCH: Final = 2_000
"""Records that are taken apart at a time: what lies between them and their rows is a few megabytes and stays in the processor's cache."""


@dataclass(frozen=True, slots=True)
class Refused:
    """A record that is no row."""

    index: int
    """Its place among the given records, from 0."""
    reason: str


@dataclass(frozen=True, slots=True)
class Converted:
    """What came of some records."""

    table: pa.Table
    """Of the family's schema, in the order of the records."""
    refused: tuple[Refused, ...]


def to_table(family: Family, records: Sequence[JSON], positions: Sequence[int] | range) -> Converted:
    """`records`, each the JSON text of one event at the position of the same index, as rows. Refused are those that are not a JSON object
    in UTF-8 or have no `eventTime`. Any `BATCH` of them must stay below 2 GiB."""
    if len(records) != len(positions):
        raise ValueError("each record needs a position")
    refused: list[Refused] = []
    tables = [
        _batch(family, start, records[start : start + BATCH], positions[start : start + BATCH], refused)
        for start in range(0, len(records), BATCH)
    ]
    return Converted(pa.concat_tables(tables) if tables else ARROW[family].empty_table(), tuple(refused))


def _batch(family: Family, start: int, records: Sequence[JSON], positions: Sequence[int], refused: list[Refused]) -> pa.Table:
    if family is not Family.EVENTS or compiled.kernel is None:
        return _in_python(family, range(start, start + len(records)), records, positions, refused)
    return completed(compiled.kernel.records(records, positions), start, positions, refused)


def completed(found: compiled.Found, start: int, positions: Sequence[int], refused: list[Refused]) -> pa.Table:
    """What the kernel has found, with the rows of the records that it left. `positions` are those of all records, whose indexes count from
    `start` where they are `refused`."""
    if not found.others:
        return found.table
    left = [index for index, _ in found.others]
    rest: list[Refused] = []
    records, places = [record for _, record in found.others], [positions[index] for index in left]
    tables = [
        _in_python(Family.EVENTS, left[at : at + BATCH], records[at : at + BATCH], places[at : at + BATCH], rest)
        for at in range(0, len(left), BATCH)
    ]
    refused += [Refused(start + one.index, one.reason) for one in rest]
    out = {one.index for one in rest}
    return _merged(found.table, found.taken, pa.concat_tables(tables), [index for index in left if index not in out])


def _in_python(
    family: Family, indexes: Sequence[int], records: Sequence[JSON], positions: Sequence[int], refused: list[Refused]
) -> pa.Table:
    """The rows of `records`, quickly those that are usual; `indexes` are theirs where they are `refused`."""
    way = _QUICK.get(family)
    quickly, read = way.usual(records) if way is not None and _is_text(records) else ((), [])
    if way is not None and len(quickly) == len(records):
        return way.to_table(records, read, positions)
    done = set(quickly)
    others, rows = [], []
    for index, record in enumerate(records):
        if index in done:
            continue
        try:
            rows.append(to_row(family, bytes(record)) | {POSITION: positions[index]})
        except NotJSON as error:
            refused.append(Refused(indexes[index], str(error)))
        else:
            others.append(index)
    table = pa.Table.from_pylist(rows, schema=ARROW[family])
    if way is None or not done:
        return table
    usual = way.to_table([records[index] for index in quickly], read, [positions[index] for index in quickly])
    return _merged(usual, quickly, table, others)


def _merged(one: pa.Table, its: Sequence[int], other: pa.Table, others: Sequence[int]) -> pa.Table:
    """The rows of two tables in the order of their indexes."""
    places = sorted(range(len(its) + len(others)), key=[*its, *others].__getitem__)
    return pa.concat_tables([one, other]).take(pa.array(places, pa.int64()))


def _is_text(records: Sequence[JSON]) -> bool:
    """Whether all are UTF-8."""
    joined = b"\0".join(records)
    try:
        return joined.isascii() or bool(joined.decode())
    except UnicodeDecodeError:
        return False
