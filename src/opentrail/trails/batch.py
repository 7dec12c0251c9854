"""A log file in the making: the records themselves, packed when the file is closed.

libdeflate packs whole files at twice the speed of zlib, which packs as they grow; so the records stay as they are until the cut, shared
by all trails that take them, and what they will come to is told from samples.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import TypeVar

import deflate

_Name = TypeVar("_Name")

LEVEL = 6
"""Of gzip: the highest that costs next to nothing more than the ones below it."""
SAMPLE = 128 << 10
"""Bytes of records that are packed to see what the others will come to."""
MOST_UNSAMPLED = 8 << 20
"""Bytes of records after which another sample is taken at the latest."""


@dataclass(frozen=True, slots=True)
class Packed:
    """A finished file: its bytes (gzip, no time in its head) and the SHA-256 of what they unpack to, hex."""

    body: bytes
    hash: str


class Batch:
    """A log file in the making."""

    __slots__ = ("_next_sample", "_rate", "_sample", "newest", "oldest", "records", "uncompressed")

    def __init__(self, sample: int = SAMPLE) -> None:
        self.records: list[bytes] = []
        self.oldest = ""
        self.newest = ""
        self.uncompressed = 0
        """Bytes of the records, with what stands between them."""
        self._sample = self._next_sample = sample
        self._rate = 1.0

    @property
    def compressed(self) -> float:
        """Bytes of the file if it were closed now, as far as samples tell."""
        return self.uncompressed * self._rate

    def add(self, record: bytes, event_time: str) -> None:
        """Take the bytes of one record."""
        if not self.records:
            self.oldest = self.newest = event_time
        elif event_time > self.newest:
            self.newest = event_time
        elif event_time < self.oldest:
            self.oldest = event_time
        self.records.append(record)
        self.uncompressed += len(record) + 1
        if self.uncompressed >= self._next_sample:
            self._take_sample()

    def _take_sample(self) -> None:
        size, begin = 0, len(self.records)
        while begin and size < self._sample:
            begin -= 1
            size += len(self.records[begin]) + 1
        self._rate = len(deflate.gzip_compress(b",".join(self.records[begin:]), LEVEL)) / size
        self._next_sample = self.uncompressed + min(3 * self.uncompressed, MOST_UNSAMPLED)


def pack(records: Iterable[bytes]) -> Packed:
    """The file of these records. Leaves Python free for other threads nearly all of the time."""
    text = b'{"Records":[%b]}' % b",".join(records)
    return Packed(bytes(deflate.gzip_compress(text, LEVEL)), hashlib.sha256(text).hexdigest())


def pack_all(batches: Mapping[_Name, Batch], executor: Executor | None, meanwhile: Callable[[], bool]) -> dict[_Name, Packed]:
    """The finished files, by the names of their batches. Those with the very same records, of several trails, are packed once.

    With an `executor` they are packed beside each other, and beside `meanwhile`, which is called for as long as it did something.
    """
    alike: list[tuple[Batch, list[_Name]]] = []
    for name, batch in batches.items():
        for other, names in alike:
            if len(other.records) == len(batch.records) and other.records == batch.records:
                names.append(name)
                break
        else:
            alike.append((batch, [name]))
    if executor is None:
        return {name: one for batch, names in alike for one in (pack(batch.records),) for name in names}
    jobs = [(executor.submit(pack, batch.records), names) for batch, names in alike]
    while not all(job.done() for job, _ in jobs) and meanwhile():
        pass
    return {name: one for job, names in jobs for one in (job.result(),) for name in names}
