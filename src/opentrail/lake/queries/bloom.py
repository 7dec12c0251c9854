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
        self._bits = sum(1 << (32 * at + (((key * salt) & _32) >> 27)) for at, salt in enumerate(_SALT))

    def may_be_in(self, file: int, begins: int, blocks: int) -> bool:
        """Whether the filter whose `blocks` begin at `begins` of the open `file` may hold the text. Raises `OSError`."""
        block = os.pread(file, _BLOCK, begins + ((self._high * blocks) >> 32) * _BLOCK)
        return int.from_bytes(block, "little") & self._bits == self._bits


def blocks(file: int, offset: int, length: int) -> tuple[int, int] | None:
    """Where the blocks of the filter at `offset` of the open `file` begin, `length` bytes with its header, and how many there are; `None`
    for one that is laid out otherwise than we write it. Raises `OSError`."""
    size, begins = _header(os.pread(file, 64, offset))
    return None if size + begins != length or size % _BLOCK else (offset + begins, size // _BLOCK)


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
