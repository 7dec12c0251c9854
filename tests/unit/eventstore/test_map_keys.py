"""What maps say under some keys becomes columns that say the same."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from opentrail.eventstore.map_keys import values, with_keys

MAP = pa.map_(pa.string(), pa.string())
MAPS = st.lists(st.none() | st.dictionaries(st.sampled_from(["a", "A", "b", "", "é"]), st.none() | st.sampled_from(["", "x", "é\0"])))


def _maps(given: list[dict[str, str | None] | None]) -> pa.MapArray:
    return pa.array([None if one is None else list(one.items()) for one in given], MAP)


@given(MAPS, st.integers(0, 3), st.integers(0, 3))
def test_each_row_says_what_its_map_says(given: list[dict[str, str | None] | None], start: int, less: int) -> None:
    found = values(_maps(given).slice(start, max(0, len(given) - start - less)), ["a", "é", "", "missing"])
    rows = given[start : max(start, len(given) - less)]
    assert [one.to_pylist() for one in found] == [[row.get(key) if row else None for row in rows] for key in ("a", "é", "", "missing")]


def test_what_lies_beneath_a_null_is_not_said() -> None:
    three = _maps([{"a": "1"}, {"a": "2"}, {"a": "3"}])
    valid, offsets = pa.array([True, False, True]).buffers()[1], three.buffers()[1]
    entries = pa.StructArray.from_arrays([three.keys, three.items], fields=[MAP.key_field, MAP.item_field])
    hollow = pa.Array.from_buffers(MAP, 3, [valid, offsets], children=[entries])
    assert values(hollow, ["a"])[0].to_pylist() == ["1", None, "3"]


@pytest.mark.parametrize("chunks", [[], [[{"a": "1"}, None]], [[{"a": "1"}], [{"b": "2"}], [{"a": "3", "b": ""}]]])
def test_the_columns_stand_behind_the_others_in_their_order(chunks: list[list[dict[str, str | None] | None]]) -> None:
    maps = pa.chunked_array([_maps(chunk) for chunk in chunks], MAP)
    table = with_keys(pa.table({"m": maps, "n": maps}), {"m b": ("m", "b"), "n a": ("n", "a"), "m a": ("m", "a")})
    assert table.column_names == ["m", "n", "m b", "n a", "m a"]
    for name in ("m b", "n a", "m a"):
        column, key = name.split()
        expected = pc.map_lookup(table[column].combine_chunks(), query_key=key, occurrence="first")
        assert table[name].combine_chunks().equals(expected)
