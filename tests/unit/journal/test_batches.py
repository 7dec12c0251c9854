"""Batches come back as they were written, or are refused by name."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from opentrail.errors import JournalCorrupt
from opentrail.journal.batches import MAX_BATCH, Packer, Unpacker, batches, sealed

RECORDS = st.lists(st.binary(max_size=300), min_size=1, max_size=20)


@given(first=st.integers(1, 2**62), records=RECORDS)
def test_what_is_packed_is_unpacked(first: int, records: list[bytes]) -> None:
    data = sealed(first, len(records), Packer().pack(records))
    assert Unpacker().unpack(first, len(records), data) == records


@given(records=RECORDS, where=st.floats(0, 1, exclude_max=True), flip=st.integers(1, 255))
@example(records=[b"", b"\x02", bytes(12)], where=0.375, flip=4)
def test_a_changed_byte_is_named_or_harmless(records: list[bytes], where: float, flip: int) -> None:
    data = bytearray(sealed(7, len(records), Packer().pack(records)))
    data[int(where * len(data))] ^= flip
    named = ""
    try:
        found = Unpacker().unpack(7, len(records), bytes(data))
    except JournalCorrupt as error:
        found, named = [], str(error)
    # zstd has bits that readers ignore, and several ways to write the same content; its checksum is of the content.
    assert f"positions 7 to {6 + len(records)}" in named or found == records


@given(records=RECORDS, kept=st.floats(0, 1, exclude_max=True))
def test_a_batch_cut_short_is_noticed(records: list[bytes], kept: float) -> None:
    data = sealed(7, len(records), Packer().pack(records))
    with pytest.raises(JournalCorrupt):
        Unpacker().unpack(7, len(records), data[: int(kept * len(data))])


@pytest.mark.parametrize(("first", "count"), [(8, 2), (7, 1), (7, 3)], ids=["moved", "fewer", "more"])
def test_a_batch_in_the_place_of_another_is_noticed(first: int, count: int) -> None:
    data = sealed(7, 2, Packer().pack([b"one", b"two"]))
    with pytest.raises(JournalCorrupt):
        Unpacker().unpack(first, count, data)


SIZES = [
    ([], []),
    ([0], [1]),
    ([0, 0, 5], [3]),
    ([MAX_BATCH], [1]),
    ([MAX_BATCH, 1], [1, 1]),
    ([1, MAX_BATCH, 1], [1, 1, 1]),
    ([0, MAX_BATCH + 1, 0], [1, 1, 1]),
    ([MAX_BATCH // 2] * 5, [2, 2, 1]),
]


@pytest.mark.parametrize(("sizes", "runs"), SIZES)
def test_runs_stay_below_the_bound_and_lose_nothing(sizes: list[int], runs: list[int]) -> None:
    records = [bytes(size) for size in sizes]
    cut = list(batches(records))
    assert [len(run) for run in cut] == runs
    assert [record for run in cut for record in run] == records
