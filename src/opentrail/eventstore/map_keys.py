"""What maps say under some keys, as columns of their own: made of the maps whenever a file is written, so they say the same.

They stand in the files behind the columns of the table, which knows nothing of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

Keys = Mapping[str, tuple[str, str]]
"""Name of a column → the map that it is made of, and the key there."""

TYPE: Final = pa.string()


def with_keys(table: pa.Table, keys: Keys) -> pa.Table:
    """`table`, and behind its columns those of `keys`: NULL where the map is, or has no such key, or has NULL under it."""
    found: dict[str, pa.Array] = {}
    for column in dict.fromkeys(column for column, _ in keys.values()):
        own = {name: key for name, (of, key) in keys.items() if of == column}
        found |= zip(own, values(table[column].combine_chunks(), list(own.values())), strict=True)
    for name in keys:
        table = table.append_column(name, found[name])
    return table


def values(maps: pa.MapArray, keys: Sequence[str]) -> list[pa.Array]:
    """For each of `keys`, what `maps` say under it; of a key that a map has twice, which none of ours has, either value."""
    lists = maps.cast(pa.list_(pa.struct([maps.type.key_field, maps.type.item_field])))
    rows, entries = pc.list_parent_indices(lists), lists.flatten()
    if len(rows) != len(entries):  # something lies beneath a NULL
        return values(maps.take(pa.array(range(len(maps)), pa.int64())), keys)
    names, items = entries.flatten()
    wanted = pc.index_in(names, value_set=pa.array(keys, TYPE))
    known = pc.is_valid(wanted)
    wanted, items, rows = wanted.filter(known), items.filter(known), rows.filter(known)
    return [_scattered(items.filter(own), rows.filter(own), len(maps)) for own in (pc.equal(wanted, number) for number in range(len(keys)))]


def _scattered(items: pa.Array, rows: pa.Array, length: int) -> pa.Array:
    return pc.scatter(items, rows, max_index=length - 1) if len(items) else pa.nulls(length, TYPE)
