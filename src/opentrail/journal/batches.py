"""How a batch of records is written: framed, compressed with zstd, and tied to its positions.

    first position u64 | count u32 | seal u32 | zstd( length u32, count times | record bytes )      little-endian

The zstd frame ends with a checksum of its content. The seal is a CRC of the positions, the frame's length and that checksum, so a
batch that was damaged, cut short, or put in the place of another one is noticed when it is read. Compressing needs no position, so it
can be done before one is known, in any thread. Pure: no file is opened here.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from zlib import crc32

from zstandard import CONTENTSIZE_UNKNOWN, ZstdCompressor, ZstdDecompressor, ZstdError, get_frame_parameters

from opentrail.errors import JournalCorrupt

LEVEL = -3
"""zstd level. Measured by bench/journal.py on records of 1.5 KB: higher levels save disk space but cost appends per second."""

MAX_RECORD = 64 << 20
"""Largest record, in bytes."""

MAX_BATCH = 1 << 20
"""Bytes of records (before compression) that go into one batch: what a reader decodes at most to get at one small record."""

_HEAD = struct.Struct("<QII")
_SEALED = struct.Struct("<QIQ4s")


class Packer:
    """Compresses records. For one thread."""

    def __init__(self, level: int = LEVEL) -> None:
        self._compress = ZstdCompressor(level=level, write_checksum=True, write_content_size=True).compress

    def pack(self, records: Sequence[bytes]) -> bytes:
        """The compressed part of a batch of `records`; `sealed` makes a batch of it."""
        return self._compress(b"".join((struct.pack(f"<{len(records)}I", *map(len, records)), *records)))


class Unpacker:
    """Turns the bytes of a batch back into records. For one thread."""

    def __init__(self) -> None:
        self._decompress = ZstdDecompressor().decompress

    def unpack(self, first: int, count: int, data: bytes) -> list[bytes]:
        """The `count` records from position `first` on. Raises `JournalCorrupt` when the bytes are not what was written for them."""
        packed = data[_HEAD.size :]
        if data != sealed(first, count, packed):
            raise JournalCorrupt(_said(first, count, "its seal is broken"))
        try:
            size = get_frame_parameters(packed).content_size
            if size == CONTENTSIZE_UNKNOWN or size > MAX_RECORD + MAX_BATCH + 4 * count:
                raise JournalCorrupt(_said(first, count, "its size is impossible"))
            content = self._decompress(packed)
        except ZstdError as error:
            raise JournalCorrupt(_said(first, count, str(error))) from error
        start = 4 * count
        lengths = struct.unpack_from(f"<{count}I", content) if start <= len(content) else ()
        if len(lengths) != count or start + sum(lengths) != len(content):
            raise JournalCorrupt(_said(first, count, "its lengths do not add up"))
        records = []
        for length in lengths:
            records.append(content[start : start + length])
            start += length
        return records


def sealed(first: int, count: int, packed: bytes) -> bytes:
    """The batch of `count` packed records that begins at the position `first`."""
    return _HEAD.pack(first, count, crc32(_SEALED.pack(first, count, len(packed), packed[-4:]))) + packed


def batches(records: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    """Cut `records` into runs of at most `MAX_BATCH` bytes; a larger record is a run of its own."""
    begin = size = 0
    for index, record in enumerate(records):
        if index > begin and size + len(record) > MAX_BATCH:
            yield records[begin:index]
            begin, size = index, 0
        size += len(record)
    if begin < len(records):
        yield records[begin:]


def _said(first: int, count: int, why: str) -> str:
    return f"The journal's batch of positions {first} to {first + count - 1} is damaged: {why}."
