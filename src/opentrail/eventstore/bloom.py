"""Asking a Parquet file's bloom filters which row groups may hold a value, by reading 32 bytes for each.

DuckDB asks them for plain columns only, not for the elements of a list, and resource names are a list. The filters are Parquet's
split-block filters (Parquet format, "Bloom Filter"): XXH64 of the value's bytes picks a block of eight words and a bit in each.
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

import pyarrow.parquet as pq

COLUMNS: Final = {"event_id": "event_id", "access_key_id": "access_key_id", "resource_name": "resource_names.list.element"}
"""Attribute → the Parquet column whose filter answers for it."""

_BLOCK: Final = 32
_WORDS: Final = struct.Struct("<8I")
_SALTS: Final = (0x47B6137B, 0x44974D91, 0x8824AD5B, 0xA2B7289D, 0x705495C7, 0x2DF1424B, 0x9EFC4947, 0x5C6BFB31)

_P1: Final = 0x9E3779B185EBCA87
_P2: Final = 0xC2B2AE3D27D4EB4F
_P3: Final = 0x165667B19E3779F9
_P4: Final = 0x85EBCA77C2B2AE63
_P5: Final = 0x27D4EB2F165667C5
_M64: Final = 0xFFFFFFFFFFFFFFFF


@dataclass(frozen=True, slots=True)
class Group:
    """A row group: the seconds it spans, and where the filter of each attribute begins and how many blocks it has."""

    time_low: int
    time_high: int
    filters: dict[str, tuple[int, int]]


def span(path: Path, attribute: str, value: str) -> tuple[int, int] | None:
    """First and last second of the row groups of `path` that may hold `value`; `None` when none does."""
    hashed = xxh64(value.encode())
    low: int | None = None
    high = 0
    descriptor = os.open(path, os.O_RDONLY)
    try:
        for group in groups(path):
            place = group.filters.get(attribute)
            if place is None or _may_hold(descriptor, place, hashed):
                low = group.time_low if low is None else min(low, group.time_low)
                high = max(high, group.time_high)
    finally:
        os.close(descriptor)
    return None if low is None else (low, high)


@lru_cache(maxsize=4096)
def groups(path: Path) -> tuple[Group, ...]:
    """The row groups of `path`, from its footer. Files never change, so the answer is kept."""
    metadata = pq.read_metadata(path)
    found = []
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        columns = {group.column(index).path_in_schema: group.column(index) for index in range(group.num_columns)}
        times = columns["event_time"].statistics
        filters = {}
        for attribute, name in COLUMNS.items():
            column = columns[name]
            if column.bloom_filter_offset is not None and column.bloom_filter_length is not None:
                # The bitset is a power of two long and comes after a header of some twenty bytes.
                size = 1 << (column.bloom_filter_length.bit_length() - 1)
                filters[attribute] = (column.bloom_filter_offset + column.bloom_filter_length - size, size // _BLOCK)
        found.append(Group(int(times.min.timestamp()), int(times.max.timestamp()), filters))
    return tuple(found)


def _may_hold(descriptor: int, place: tuple[int, int], hashed: int) -> bool:
    offset, blocks = place
    block = ((hashed >> 32) * blocks) >> 32
    words = _WORDS.unpack(os.pread(descriptor, _BLOCK, offset + block * _BLOCK))
    low = hashed & 0xFFFFFFFF
    return all(word & (1 << (((low * salt) & 0xFFFFFFFF) >> 27)) for word, salt in zip(words, _SALTS, strict=True))


def xxh64(data: bytes) -> int:
    """XXH64 of `data` with seed 0 (xxHash specification)."""
    length = len(data)
    index = 0
    if length >= 32:
        lanes = [(_P1 + _P2) & _M64, _P2, 0, -_P1 & _M64]
        while index + 32 <= length:
            lanes = [_round(lane, word) for lane, word in zip(lanes, struct.unpack_from("<4Q", data, index), strict=True)]
            index += 32
        total = sum(_rotated(lane, bits) for lane, bits in zip(lanes, (1, 7, 12, 18), strict=True)) & _M64
        for lane in lanes:
            total = ((total ^ _round(0, lane)) * _P1 + _P4) & _M64
    else:
        total = _P5
    total = (total + length) & _M64
    while index + 8 <= length:
        total = (_rotated(total ^ _round(0, int.from_bytes(data[index : index + 8], "little")), 27) * _P1 + _P4) & _M64
        index += 8
    if index + 4 <= length:
        total = (_rotated(total ^ (int.from_bytes(data[index : index + 4], "little") * _P1 & _M64), 23) * _P2 + _P3) & _M64
        index += 4
    for byte in data[index:]:
        total = (_rotated(total ^ (byte * _P5 & _M64), 11) * _P1) & _M64
    total = ((total ^ (total >> 33)) * _P2) & _M64
    total = ((total ^ (total >> 29)) * _P3) & _M64
    return total ^ (total >> 32)


def _round(lane: int, word: int) -> int:
    return (_rotated((lane + word * _P2) & _M64, 31) * _P1) & _M64


def _rotated(value: int, bits: int) -> int:
    return ((value << bits) | (value >> (64 - bits))) & _M64
