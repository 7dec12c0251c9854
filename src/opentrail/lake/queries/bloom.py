"""Bloom filters of Parquet files, asked one block at a time (Parquet's format, `BloomFilter.md`: split blocks, XXH64)."""

from __future__ import annotations

import os
from typing import Final

_BLOCK: Final = 32
"""Bytes of a block: eight words, in each of which a value sets one bit."""
_SALT: Final = (0x47B6137B, 0x44974D91, 0x8824AD5B, 0xA2B7289D, 0x705495C7, 0x2DF1424B, 0x9EFC4947, 0x5C6BFB31)
_64: Final = (1 << 64) - 1
_32: Final = (1 << 32) - 1
_P1, _P2, _P3, _P4, _P5 = 0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0x85EBCA77C2B2AE63, 0x27D4EB2F165667C5


class Probe:
    """One text, looked for in many filters."""

    def __init__(self, value: str) -> None:
        hashed = xxh64(value.encode())
        self._high = hashed >> 32
        key = hashed & _32
        self._bits = tuple(1 << (((key * salt) & _32) >> 27) for salt in _SALT)

    def may_be_in(self, file: int, offset: int, length: int) -> bool:
        """Whether the filter at `offset` of the open `file`, `length` bytes with its header, may hold the text. Raises `OSError`."""
        size, begins = _header(os.pread(file, 64, offset))
        if size + begins != length or size % _BLOCK:
            return True  # laid out otherwise than we write it
        number = (self._high * (size // _BLOCK)) >> 32
        block = os.pread(file, _BLOCK, offset + begins + number * _BLOCK)
        return all(int.from_bytes(block[at * 4 : at * 4 + 4], "little") & bit for at, bit in enumerate(self._bits))


def _header(data: bytes) -> tuple[int, int]:
    """Bytes of the filter, and of the header before it (Thrift's compact protocol); nothing that fits where it is no such header."""
    if data[:1] != b"\x15":
        return 0, 0
    number = shift = 0
    at = 1
    while at < 8:
        number |= (data[at] & 0x7F) << shift
        shift += 7
        at += 1
        if not data[at - 1] & 0x80:
            break
    # algorithm BLOCK, hash XXHASH, no compression: three unions of an empty structure each, and the end
    plain = data[at : at + 13]
    return (number >> 1, at + 13) if plain == b"\x1c\x1c\x00\x00" * 3 + b"\x00" else (0, 0)


def xxh64(data: bytes) -> int:
    """XXH64 of `data`, without a seed."""
    length, at = len(data), 0
    if length >= 32:
        lanes = [(_P1 + _P2) & _64, _P2, 0, -_P1 & _64]
        while at + 32 <= length:
            for lane in range(4):
                lanes[lane] = _round(lanes[lane], int.from_bytes(data[at : at + 8], "little"))
                at += 8
        found = sum(_turned(lane, by) for lane, by in zip(lanes, (1, 7, 12, 18), strict=True)) & _64
        for lane in lanes:
            found = ((found ^ _round(0, lane)) * _P1 + _P4) & _64
    else:
        found = _P5
    found = (found + length) & _64
    while at + 8 <= length:
        found = (_turned(found ^ _round(0, int.from_bytes(data[at : at + 8], "little")), 27) * _P1 + _P4) & _64
        at += 8
    if at + 4 <= length:
        found = (_turned(found ^ (int.from_bytes(data[at : at + 4], "little") * _P1 & _64), 23) * _P2 + _P3) & _64
        at += 4
    for byte in data[at:]:
        found = _turned(found ^ (byte * _P5 & _64), 11) * _P1 & _64
    found = (found ^ found >> 33) * _P2 & _64
    found = (found ^ found >> 29) * _P3 & _64
    return found ^ found >> 32


def _round(lane: int, value: int) -> int:
    return _turned((lane + value * _P2) & _64, 31) * _P1 & _64


def _turned(value: int, by: int) -> int:
    return (value << by | value >> (64 - by)) & _64
