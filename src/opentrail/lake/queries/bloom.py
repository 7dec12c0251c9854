"""Bloom filters of Parquet files, asked one block at a time (Parquet's format, `BloomFilter.md`: split blocks, XXH64)."""

from __future__ import annotations

import os
from typing import Final

from opentrail.eventstore.bloom import xxh64

_BLOCK: Final = 32
"""Bytes of a block: eight words, in each of which a value sets one bit."""
_SALT: Final = (0x47B6137B, 0x44974D91, 0x8824AD5B, 0xA2B7289D, 0x705495C7, 0x2DF1424B, 0x9EFC4947, 0x5C6BFB31)
_32: Final = (1 << 32) - 1


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
