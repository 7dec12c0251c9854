"""Results: rows in packed chunks with an index, and what is delivered to a bucket as it is; on disk, a folder per query.

    rows            chunks, one behind the other: zlib over MessagePack, a list of rows, a row a list of texts and nulls
    index           for each chunk, rows and bytes up to its end (two u64, big-endian)
    result_N.csv.gz, result_sign.json    where the results are delivered

Few rows are no files: index and chunks are kept in the database beside the query (`store.ROWS`), so that one commit makes both durable.

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
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, Final

import msgspec

from opentrail.lake.queries import places
from opentrail.lake.queries.query import FewRows

PAGE_BYTES: Final = 8 << 20
"""Bytes of text at which a page of results ends early, after at least one row."""

FEW: Final = 64 << 10
"""Packed bytes up to which the rows of a result are kept beside their query."""

_ENTRY: Final = struct.Struct(">QQ")
Row = list[str | None]


class ResultWriter:
    """Takes in the results of one query. Nothing is on disk before there are more rows than `FEW`, or something to deliver."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._is_there = False
        """`folder`, and new."""
        self._index = bytearray()
        self._packed = bytearray()
        """What is in no file yet."""
        self._files: tuple[BinaryIO, BinaryIO] | None = None
        """Index and rows."""
        self._part: BinaryIO | None = None
        self._hash = hashlib.sha256()
        self.hashes: list[str] = []
        """Hex SHA-256 of each part that is complete."""
        self.rows = 0
        self.size = 0
        """Packed bytes so far."""

    def chunk(self, rows: int, packed: bytes) -> None:
        """The next `rows` rows."""
        self.rows += rows
        self.size += len(packed)
        self._index += _ENTRY.pack(self.rows, self.size)
        self._packed += packed
        if self._files is None and self.size > FEW:
            self._files = (self._new("index"), self._new("rows"))
        if self._files is not None:
            for file, pending in zip(self._files, (self._index, self._packed), strict=True):
                file.write(pending)
                pending.clear()

    def csv(self, packed: bytes) -> None:
        """More of the current part."""
        if self._part is None:
            self._part = self._new(places.part_name(len(self.hashes) + 1))
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
        _settle(self._new(places.SIGN_FILE), document)
        _sync_folder(self._folder)

    def close(self, *, durable: bool) -> FewRows | None:
        """No more comes; what is in files is on disk when `durable`. The rows, unless they are in files, or there are none."""
        for file in self._files or ():
            if durable:
                _settle(file)
            else:
                file.close()
        if self._part is not None:
            self._part.close()
        if durable and self._is_there:
            _sync_folder(self._folder)
            _sync_folder(self._folder.parent)
        return FewRows(index=bytes(self._index), packed=bytes(self._packed)) if self.rows and self._files is None else None

    def _new(self, name: str) -> BinaryIO:
        if not self._is_there:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder.mkdir(mode=0o700, parents=True)
            self._is_there = True
        return (self._folder / name).open("wb")


@dataclass(frozen=True, slots=True)
class Page:
    """Some rows of a result."""

    rows: list[Row]
    after: int
    """Number of the first row behind them, from 0."""


def page(kept: FewRows | Path, start: int, limit: int, total: int) -> Page:
    """Rows from number `start` on, at most `limit` and no more than fit into `PAGE_BYTES`; `total` is how many there are.

    `kept` is the result itself, or the folder of its files. Raises `OSError` when the files are gone.
    """
    found: list[Row] = []
    if start >= total:
        return Page(found, start)
    index = kept.index if isinstance(kept, FewRows) else (kept / "index").read_bytes()
    entries = [_ENTRY.unpack_from(index, at) for at in range(0, len(index) - len(index) % _ENTRY.size, _ENTRY.size)]
    number = bisect_right([rows for rows, _ in entries], start)
    size = 0
    with BytesIO(kept.packed) if isinstance(kept, FewRows) else (kept / "rows").open("rb") as file:
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


def _settle(file: BinaryIO, last: bytes = b"") -> None:
    file.write(last)
    file.flush()
    os.fsync(file.fileno())
    file.close()


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
