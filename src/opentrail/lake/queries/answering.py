"""What the process of a query sends of its result: rows in chunks, and the parts of a delivery."""

from __future__ import annotations

import socket
import zlib
from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec
import pyarrow as pa

from opentrail.lake.queries import frames

ROWS: Final = 1000
"""Rows of a chunk, as of a page."""
CHUNK: Final = 8 << 20
"""Bytes of a chunk before it is packed, where it has more than one row."""
PART: Final = 32 << 20
"""Packed bytes at which a part of what is delivered ends and the next one begins."""


class TooLarge(Exception):
    """The result is larger than it may be."""


class Result:
    """The result of one query on its way; `largest` in bytes, `deliver` asks for the parts of a delivery too."""

    def __init__(self, channel: socket.socket, columns: Sequence[str], *, largest: int, deliver: bool) -> None:
        self._channel = channel
        self._largest = largest
        self._size = 0
        self._csv = _Csv(channel, columns) if deliver else None

    def add(self, batch: pa.RecordBatch) -> None:
        """Some more rows, texts all of them. Raises `TooLarge`, `frames.Ended`."""
        for chunk in _small(batch):
            self.rows(list(zip(*[column.to_pylist() for column in chunk.columns], strict=True)))

    def rows(self, rows: Sequence[Sequence[str | None]]) -> None:
        """Some more rows, at most `ROWS`. Raises `TooLarge`, `frames.Ended`."""
        plain = msgspec.msgpack.encode(rows)
        if len(plain) > CHUNK and len(rows) > 1:
            self.rows(rows[: len(rows) // 2])
            self.rows(rows[len(rows) // 2 :])
            return
        self._size += len(plain)
        if self._size > self._largest:
            raise TooLarge
        frames.send(self._channel, frames.ROWS, frames.COUNT.pack(len(rows)) + zlib.compress(plain, 1))
        if self._csv is not None:
            self._csv.rows(rows)

    def close(self) -> None:
        """No more comes."""
        if self._csv is not None:
            self._csv.close()


class _Csv:
    """The parts that are delivered: each begins with the names, every value in quotes, NULL as nothing at all."""

    def __init__(self, channel: socket.socket, columns: Sequence[str]) -> None:
        self._channel = channel
        self._head = _line(columns)
        self._packer = self._new()
        self._size = 0
        self._is_open = False
        self._parts = 0

    def rows(self, rows: Sequence[Sequence[str | None]]) -> None:
        """Some more rows."""
        self._write("".join(map(_line, rows)))
        if self._size >= PART:
            self._end()

    def close(self) -> None:
        """No more comes. A result without rows has a part too."""
        if not self._parts or self._is_open:
            self._write("")
            self._end()

    def _write(self, lines: str) -> None:
        if not self._is_open:
            self._packer, self._is_open = self._new(), True
            lines = self._head + lines
        self._send(self._packer.compress(lines.encode()))

    def _end(self) -> None:
        self._send(self._packer.flush())
        frames.send(self._channel, frames.PART)
        self._is_open, self._size, self._parts = False, 0, self._parts + 1

    def _send(self, packed: bytes) -> None:
        self._size += len(packed)
        if packed:
            frames.send(self._channel, frames.CSV, packed)

    @staticmethod
    def _new() -> Any:
        return zlib.compressobj(6, zlib.DEFLATED, 31)


def _line(values: Sequence[str | None]) -> str:
    return ",".join("" if value is None else '"' + value.replace('"', '""') + '"' for value in values) + "\n"


def _small(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    """`batch` in pieces of about `CHUNK` bytes."""
    if batch.num_rows <= 1 or (batch.nbytes <= CHUNK and batch.num_rows <= ROWS):
        if batch.num_rows:
            yield batch
        return
    half = batch.num_rows // 2
    yield from _small(batch.slice(0, half))
    yield from _small(batch.slice(half))
