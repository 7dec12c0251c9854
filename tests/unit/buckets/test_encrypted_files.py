"""Encrypted files give back what was written, in any range, or an error; never anything else."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from itertools import pairwise

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from opentrail.buckets.encrypted import CHUNK, HEAD, TAG, Decrypter, Encrypter, encrypted_size, new_identity
from opentrail.buckets.faults import InternalError

KEY = bytes(range(32))
IDENTITY = "0123456789abcdef" * 2
SIZES = st.builds(lambda chunks, more: max(0, chunks * CHUNK + more), st.integers(0, 3), st.integers(-3, 3)) | st.integers(0, 3 * CHUNK)
"""Sizes, many of them around the ends of chunks."""


def data_of(size: int) -> bytes:
    return random.Random(size).randbytes(size)


def file_of(data: bytes, cuts: Sequence[int] = (), *, key: bytes = KEY, identity: str = IDENTITY) -> bytes:
    """The file that data make when they come in pieces, cut at `cuts`."""
    encrypter = Encrypter(key, identity)
    bounds = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    made = [encrypter.update(data[start:end]) for start, end in pairwise(bounds)]
    return b"".join([*made, encrypter.finish()])


def reader(file: bytes, size: int, *, key: bytes = KEY, identity: str = IDENTITY) -> Decrypter:
    return Decrypter(lambda start, length: file[start : start + length], size, key, identity)


def refused(file: bytes, size: int, *, key: bytes = KEY, identity: str = IDENTITY) -> bool:
    """Whether neither opening the file nor reading it gives anything."""
    found = reader(file, size, key=key, identity=identity)
    try:
        found.check()
        found.read(0, size)
    except InternalError:
        return True
    return False


@given(SIZES, st.lists(st.integers(0, 4 * CHUNK), max_size=6))
def test_what_was_written_is_read_however_it_came_in(size: int, cuts: list[int]) -> None:
    data = data_of(size)
    file = file_of(data, cuts)
    assert len(file) == encrypted_size(size)
    found = reader(file, size)
    found.check()
    assert found.read(0, size + 1) == data


@given(SIZES, st.integers(0, 4 * CHUNK), st.integers(0, 4 * CHUNK))
def test_any_range_is_that_of_the_data(size: int, start: int, length: int) -> None:
    data = data_of(size)
    assert reader(file_of(data), size).read(start, length) == data[start : start + length]


def test_a_range_reads_only_the_chunks_that_it_touches() -> None:
    size = 10 * CHUNK
    file = file_of(data_of(size))
    asked: list[int] = []

    def read(start: int, length: int) -> bytes:
        asked.append(length)
        return file[start : start + length]

    Decrypter(read, size, KEY, IDENTITY).read(5 * CHUNK - 1, 2)
    assert sum(asked) == 2 * (CHUNK + TAG)


@given(SIZES, st.integers(0), st.integers(1, 255))
def test_no_byte_of_the_file_can_be_changed(size: int, place: int, change: int) -> None:
    file = bytearray(file_of(data_of(size)))
    file[place % len(file)] ^= change
    assert refused(bytes(file), size)


@given(SIZES, st.integers(0))
def test_a_file_that_ends_early_is_refused(size: int, end: int) -> None:
    file = file_of(data_of(size))
    assert refused(file[: end % len(file)], size)


@pytest.mark.parametrize("chunks", [1, 2])
def test_whole_chunks_without_the_last_are_refused_even_if_that_size_is_believed(chunks: int) -> None:
    file = file_of(data_of(3 * CHUNK))
    cut = file[: encrypted_size(chunks * CHUNK)]
    assert len(cut) == len(HEAD) + chunks * (CHUNK + TAG)
    assert refused(cut, chunks * CHUNK)


@given(SIZES, st.binary(min_size=1, max_size=100))
def test_a_file_that_goes_on_is_refused(size: int, more: bytes) -> None:
    assert refused(file_of(data_of(size)) + more, size)


@given(SIZES, SIZES)
def test_no_other_size_is_read_from_a_file(size: int, other: int) -> None:
    assume(size != other)
    assert refused(file_of(data_of(size)), other)


def swapped(file: bytes) -> bytes:
    step, start = CHUNK + TAG, len(HEAD)
    return file[:start] + file[start + step : start + 2 * step] + file[start : start + step] + file[start + 2 * step :]


def repeated(file: bytes) -> bytes:
    step, start = CHUNK + TAG, len(HEAD)
    return file[: start + step] + file[start : start + step] + file[start + 2 * step :]


@pytest.mark.parametrize("change", [swapped, repeated])
def test_chunks_stay_where_they_are(change: Callable[[bytes], bytes]) -> None:
    size = 3 * CHUNK
    file = file_of(data_of(size))
    changed = change(file)
    assert len(changed) == len(file)
    assert refused(changed, size)


def test_a_file_opens_under_its_own_key_and_identity_only() -> None:
    file = file_of(b"secret")
    assert refused(file, 6, identity=new_identity())
    assert refused(file, 6, key=bytes(32))
    assert file_of(b"secret", identity=new_identity())[len(HEAD) :] != file[len(HEAD) :]


def test_a_person_who_looks_at_the_file_sees_what_it_is() -> None:
    file = file_of(b'{"Records":[]}')
    assert file.startswith(b"OpenTrail encrypted object, form 1\n")
    assert b"Records" not in file
