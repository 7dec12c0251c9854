"""A log file in the making."""

from __future__ import annotations

import hashlib
import zlib

import deflate

CHUNK = 256 << 10
"""Bytes of records that are compressed together once a batch has grown that long."""


class Batch:
    """A log file in the making: compressed as it grows, so that memory holds little and the compressed size is known."""

    def __init__(self, chunk: int = CHUNK) -> None:
        self.records = 0
        self.oldest = ""
        self.newest = ""
        self.uncompressed = 0
        self.compressed = 0
        self._chunk = chunk
        self._raw = [b'{"Records":[']
        self._raw_size = 0
        self._hash = hashlib.sha256()
        self._packer: zlib._Compress | None = None
        self._packed: list[bytes] = []

    @property
    def memory(self) -> int:
        """Bytes held."""
        return self._raw_size + self.compressed

    def add(self, record: bytes, event_time: str) -> None:
        """Take the bytes of one record."""
        if self.records:
            self._raw.append(b",")
        self._raw.append(record)
        self._raw_size += len(record) + 1
        self.uncompressed += len(record) + 1
        self.oldest = min(self.oldest, event_time) if self.records else event_time
        self.newest = max(self.newest, event_time)
        self.records += 1
        if self._raw_size >= self._chunk:
            self._packer = self._packer or zlib.compressobj(6, zlib.DEFLATED, 31)
            self._keep(self._packer.compress(self._take()))

    def finish(self) -> tuple[bytes, str]:
        """The file's bytes (gzip, no time in its head) and the SHA-256 of what they unpack to, hex."""
        self._raw.append(b"]}")
        if self._packer is None:
            return bytes(deflate.gzip_compress(self._take(), 6)), self._hash.hexdigest()
        self._keep(self._packer.compress(self._take()))
        self._keep(self._packer.flush())
        return b"".join(self._packed), self._hash.hexdigest()

    def _take(self) -> bytes:
        raw = b"".join(self._raw)
        self._hash.update(raw)
        self._raw = []
        self._raw_size = 0
        return raw

    def _keep(self, packed: bytes) -> None:
        self._packed.append(packed)
        self.compressed += len(packed)
