"""Results on disk, a folder per query: rows in packed chunks with an index, and what is delivered to a bucket as it is.

    rows            chunks, one behind the other: zlib over MessagePack, a list of rows, a row a list of texts and nulls
    index           for each chunk, rows and bytes up to its end (two u64, big-endian)
    result_N.csv.gz, result_sign.json    where the results are delivered

The lake writes, the front reads; nobody unpacks what a query's process has packed but who shows it.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import struct
import zlib
from bisect import bisect_right
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

import msgspec

from opentrail.lake.queries import places

PAGE_BYTES: Final = 8 << 20
"""Bytes of text at which a page of results ends early, after at least one row."""

_ENTRY: Final = struct.Struct(">QQ")
Row = list[str | None]


class ResultWriter:
    """Takes in the results of one query."""

    def __init__(self, folder: Path) -> None:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(mode=0o700, parents=True)
        self._folder = folder
        self._rows = (folder / "rows").open("wb")
        self._index = (folder / "index").open("wb")
        self._part: BinaryIO | None = None
        self._hash = hashlib.sha256()
        self.hashes: list[str] = []
        """Hex SHA-256 of each part that is complete."""
        self.rows = 0
        self.size = 0
        """Packed bytes so far."""

    def chunk(self, rows: int, packed: bytes) -> None:
        """The next `rows` rows."""
        self._rows.write(packed)
        self.rows += rows
        self.size += len(packed)
        self._index.write(_ENTRY.pack(self.rows, self.size))

    def csv(self, packed: bytes) -> None:
        """More of the current part."""
        if self._part is None:
            self._part = (self._folder / places.part_name(len(self.hashes) + 1)).open("wb")
            self._hash = hashlib.sha256()
        self._part.write(packed)
        self._hash.update(packed)

    def end_part(self) -> None:
        """The current part is complete."""
        if self._part is not None:
            _settle(self._part)
            self._part = None
            self.hashes.append(self._hash.hexdigest())

    def sign_file(self, document: bytes) -> None:
        """What vouches for the parts, durably."""
        with (self._folder / places.SIGN_FILE).open("wb") as file:
            file.write(document)
            file.flush()
            os.fsync(file.fileno())
        _sync_folder(self._folder)

    def close(self, *, durable: bool) -> None:
        """No more comes; what is there is on disk when `durable`."""
        for file in (self._rows, self._index):
            if durable:
                _settle(file)
            else:
                file.close()
        if self._part is not None:
            self._part.close()
        if durable:
            _sync_folder(self._folder)
            _sync_folder(self._folder.parent)


@dataclass(frozen=True, slots=True)
class Page:
    """Some rows of a result."""

    rows: list[Row]
    after: int
    """Number of the first row behind them, from 0."""


def page(folder: Path, start: int, limit: int, total: int) -> Page:
    """Rows from number `start` on, at most `limit` and no more than fit into `PAGE_BYTES`; `total` is how many there are.

    Raises `OSError` when the files are gone.
    """
    found: list[Row] = []
    if start >= total:
        return Page(found, start)
    index = (folder / "index").read_bytes()
    entries = [_ENTRY.unpack_from(index, at) for at in range(0, len(index) - len(index) % _ENTRY.size, _ENTRY.size)]
    number = bisect_right([rows for rows, _ in entries], start)
    size = 0
    with (folder / "rows").open("rb") as file:
        while number < len(entries) and len(found) < limit:
            first, begin = entries[number - 1] if number else (0, 0)
            file.seek(begin)
            rows: list[Row] = msgspec.msgpack.decode(zlib.decompress(file.read(entries[number][1] - begin)), type=list[Row])
            for row in rows[start + len(found) - first :]:
                size += sum(len(value) for value in row if value is not None)
                if len(found) == limit or start + len(found) == total or (found and size > PAGE_BYTES):
                    return Page(found, start + len(found))
                found.append(row)
            number += 1
    return Page(found, start + len(found))


def _settle(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())
    file.close()


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
