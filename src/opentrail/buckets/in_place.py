"""Buckets of a data folder read in place: nothing is opened for writing, nothing swept, no session begun.

    buckets = BucketsInPlace(ReadOnlyDatabase(state), data_folder / "buckets")

For `opentrail validate --local`, which must begin at once: queries on the tables of `store`, for plain `sqlite3`. A server may be writing
meanwhile; an object is always read as one of its committed states.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import orjson

from opentrail.storage.read_only import ReadOnlyDatabase

PAGE = 1000
"""Objects of a listing that are held at once."""
_IN_ORDER = "SELECT key, modified FROM bucket_objects WHERE bucket = ? AND key > ? AND key < ? AND is_current = 1 ORDER BY key LIMIT ?"
_SOME = "SELECT size FROM bucket_objects WHERE bucket = ? AND key > ? AND key < ? AND is_current = 1 ORDER BY key LIMIT 100"
_SIZE = f"SELECT avg(size) FROM ({_SOME})"
_FIND = "SELECT sequence, file, attributes FROM bucket_objects WHERE bucket = ? AND key = ? AND is_current = 1"
_CURRENT = "SELECT sequence FROM bucket_objects WHERE bucket = ? AND key = ? AND is_current = 1"
_LAST = b"\xff"
"""Behind every key: UTF-8 has no such byte."""


@dataclass(frozen=True, slots=True)
class Content:
    """An object whole: its data as they lie on disk, and its user metadata with names in lower case."""

    body: bytes
    metadata: Mapping[str, str]


class Encrypted(Exception):
    """The object is encrypted under a KMS key, so only a server can read it, for somebody who may use the key."""

    def __init__(self, key_arn: str) -> None:
        super().__init__(f"it is encrypted under the KMS key {key_arn}")


class BucketsInPlace:
    """The buckets below `folder`, as `database` has them. Any thread may use it."""

    def __init__(self, database: ReadOnlyDatabase, folder: Path) -> None:
        self._database = database
        self._folder = str(folder)

    def list(self, bucket: str, prefix: str, after: str) -> Iterator[tuple[str, float]]:
        """Key and time of change (epoch seconds) of the objects below `prefix` and behind `after`, in byte order of their keys."""
        first = prefix.encode()
        position = max(first, after.encode())
        while True:
            page = self._database.rows(_IN_ORDER, (bucket, position, first + _LAST, PAGE))
            for key, modified in page:
                yield key.decode(), modified
            if len(page) < PAGE:
                return
            position = page[-1][0]

    def exists(self, bucket: str) -> bool:
        """Whether there is such a bucket."""
        return bool(self._database.rows("SELECT 1 FROM buckets WHERE name = ?", (bucket,)))

    def usual_size(self, bucket: str, prefix: str) -> int:
        """Bytes that the first objects below `prefix` have on average; 0 when there are none."""
        first = prefix.encode()
        found = self._database.rows(_SIZE, (bucket, first, first + _LAST))
        return int(found[0][0] or 0)

    def folders(self, bucket: str, prefix: str) -> Iterator[str]:
        """The names between `prefix` and the next `/` of the keys below it, in byte order; costs one look-up each."""
        first = position = prefix.encode()
        while page := self._database.rows(_IN_ORDER, (bucket, position, first + _LAST, 1)):
            name, slash, _ = page[0][0][len(first) :].partition(b"/")
            if slash:
                yield name.decode()
                position = first + name + b"0"  # the byte behind the slash
                continue
            position = page[0][0]

    def read(self, bucket: str, key: str) -> Content | None:
        """One object; `None` when there is none, or when a foreign hand has removed its data from the folder. Raises `OSError`, and
        `Encrypted` for an object whose key is not to be had here.

        Its file may be removed, and the name given to other data, while it is read: so the row is looked at again afterwards.
        """
        place = (bucket, key.encode())
        while found := self._database.rows(_FIND, place):
            sequence, file, text = found[0]
            attributes = orjson.loads(text)
            if "sse_kms" in attributes:
                raise Encrypted(attributes["sse_kms"]["key_arn"])
            body = _data(f"{self._folder}/{bucket}/{file}")
            if self._database.rows(_CURRENT, place) == [(sequence,)]:
                return None if body is None else Content(body, attributes.get("metadata", {}))
        return None


def _data(path: str) -> bytes | None:
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        return None
    try:
        size = os.fstat(file).st_size
        pieces = []
        while piece := os.read(file, size + 1):
            pieces.append(piece)
            size = max(size - len(piece), 1 << 16)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)
    finally:
        os.close(file)
