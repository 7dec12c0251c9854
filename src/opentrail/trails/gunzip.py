"""Unpacking gzip files that somebody may have tampered with: exactly one member, nothing behind it, no bombs. Pure.

libdeflate does the work, being much faster than zlib, but says nothing about bytes behind the member (another member there would be
read by `zcat`, and is how records could be slipped into a valid file). So the last eight bytes must be this member's check sum and
length, and the member must not end before them. Whatever is not plain is left to zlib, which tells what is wrong.
"""

from __future__ import annotations

import hashlib
import struct
import zlib

import deflate

LARGEST = 64 << 20
"""Bytes up to which a file is unpacked in memory at once; larger ones (CloudTrail writes none) are hashed as they stream."""

_HEAD = b"\x1f\x8b\x08\x00"
_HEAD_SIZE, _TAIL_SIZE = 10, 8
_MOST_PACKED = 1032
"""Deflate never packs more bytes than this into one."""


class NotGzip(ValueError):
    """The bytes are not gzip, or are broken off or damaged."""


class TrailingData(ValueError):
    """There is something behind the gzip member."""


def unpacked(body: bytes) -> bytes | bytearray:
    """What the gzip file `body` holds. Raises `NotGzip` (also when it holds more than `LARGEST` bytes) or `TrailingData`."""
    quick = _quickly(body)
    if quick is not None:
        return quick
    unpacker = zlib.decompressobj(31)
    try:
        found = unpacker.decompress(body, LARGEST)
    except zlib.error as error:
        raise NotGzip(str(error)) from error
    if not unpacker.eof:
        raise NotGzip("the gzip file is broken off, or too large")
    if unpacker.unused_data:
        raise TrailingData
    return found


def content_hash(body: bytes) -> str:
    """SHA-256, hex, of what the gzip file `body` holds, in bounded memory. Raises `NotGzip` or `TrailingData`."""
    quick = _quickly(body)
    if quick is not None:
        return hashlib.sha256(quick).hexdigest()
    unpacker = zlib.decompressobj(31)
    digest = hashlib.sha256()
    rest = body
    try:
        while rest and not unpacker.eof:
            digest.update(unpacker.decompress(rest, 1 << 20))
            rest = unpacker.unconsumed_tail
    except zlib.error as error:
        raise NotGzip(str(error)) from error
    if not unpacker.eof:
        raise NotGzip("the gzip file is broken off")
    if unpacker.unused_data:
        raise TrailingData
    return digest.hexdigest()


def _quickly(body: bytes) -> bytearray | None:
    """What `body` holds, if it is beyond doubt one plain gzip member of moderate size; else `None`."""
    if len(body) <= _HEAD_SIZE + _TAIL_SIZE or not body.startswith(_HEAD):
        return None
    check, size = struct.unpack("<II", body[-_TAIL_SIZE:])
    # Whether it ends early comes first: two unpacked copies at a time cost more than the unpacking.
    if size > min(LARGEST, _MOST_PACKED * len(body)) or _ends_early(body, size):
        return None
    try:
        found = deflate.gzip_decompress(body, max(1, size))
    except deflate.DeflateError:
        return None
    if len(found) != size or deflate.crc32(found) != check:
        return None
    return found


def _ends_early(body: bytes, size: int) -> bool:
    """Whether the deflate stream ends before the last eight bytes: it is then whole even without its supposed last byte."""
    try:
        deflate.deflate_decompress(body[_HEAD_SIZE : -_TAIL_SIZE - 1], max(1, size))
    except deflate.DeflateError:
        return False
    return True
