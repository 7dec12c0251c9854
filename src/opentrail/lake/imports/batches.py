"""Files gathered into batches: large enough that an addition to a table is worth it, small enough for memory."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Final

from opentrail.lake.imports.conversion import Came, File
from opentrail.lake.imports.reading import Reading
from opentrail.lake.imports.settling import Outcome

BATCH_BYTES: Final = 6 << 20
"""Bytes of files, as they are stored, that close a batch: some ten times as much when they are unpacked."""
BATCH_FILES: Final = 500


@dataclass(kw_only=True)
class Batch:
    """Files that are converted and settled together."""

    token: str = field(default_factory=lambda: str(uuid.uuid4()))
    files: list[tuple[Reading, File]] = field(default_factory=list)
    """To be converted."""
    settled: list[Outcome] = field(default_factory=list)
    """What is known without."""
    same: list[Reading] = field(default_factory=list)
    """Files with the bytes of one in `files`: what becomes of that one becomes of them."""
    prefixes: list[str | None] = field(default_factory=list)
    """Of each file, whichever list it is in."""
    size: int = 0

    @property
    def is_full(self) -> bool:
        return self.size >= BATCH_BYTES or len(self.prefixes) >= BATCH_FILES

    def outcomes(self, came: Iterable[Came], location: Callable[[str], str]) -> list[Outcome]:
        """What became of every file, given what came of those in `files`."""
        found = [_outcome(reading, file, one, location) for (reading, file), one in zip(self.files, came, strict=True)]
        by_sum = {one.sha256: one for one in found}
        return [
            *self.settled,
            *found,
            *(
                replace(by_sum[one.sha256.hex()], key=one.wanted.key, location=location(one.wanted.key), events=0, known=True)
                for one in self.same
            ),
        ]


class Gathering:
    """Sorts what is read: to be converted, known already, or not readable. One thread."""

    def __init__(
        self, *, known: Callable[[bytes], Any], part: Callable[[str], bytes], oldest: float, location: Callable[[str], str]
    ) -> None:
        """`known` asks the ledger of the store for a file, `part` for the sums of what a damaged one at a location has given; `oldest` is
        the store's bound now."""
        self._known = known
        self._part = part
        self._oldest = oldest
        self._location = location
        self._under_way: dict[bytes, Batch] = {}

    def batches(self, read: Iterable[Reading]) -> Iterator[Batch]:
        """The batches, each when it is full; the last one as it is."""
        batch = Batch()
        for reading in read:
            self._sort(reading, batch)
            if batch.is_full:
                yield batch
                batch = Batch()
        if batch.prefixes:
            yield batch

    def settled(self, batch: Batch) -> None:
        """The batch is in the ledger: what is the same from now on is known there."""
        for reading, _ in batch.files:
            self._under_way.pop(reading.sha256, None)

    def _sort(self, reading: Reading, batch: Batch) -> None:
        same = self._under_way.get(reading.sha256) if reading.error is None else None
        if same is not None:
            same.same.append(reading)
            same.prefixes.append(reading.wanted.prefix)
            return
        batch.prefixes.append(reading.wanted.prefix)
        key = reading.wanted.key
        if reading.error is not None:
            batch.settled.append(Outcome(key=key, location=self._location(key), error=reading.error))
            return
        row = self._known(reading.sha256)
        before = None
        if row is not None:
            if not (row.too_old and self._oldest < row.oldest):
                outcome = Outcome(
                    key=key,
                    location=self._location(key),
                    sha256=reading.sha256.hex(),
                    oldest=row.oldest,
                    too_old=row.too_old,
                    damage=row.damage,
                    sums=self._part(self._location(key)).hex() if row.damage else "",
                    known=True,
                )
                batch.settled.append(outcome)
                return
            before = row.oldest  # the store keeps events longer than when it got this file
        skip = self._part(self._location(key)) if row is None else b""
        batch.files.append((reading, File(body=reading.body, oldest=self._oldest, before=before, skip=skip)))
        batch.size += len(reading.body)
        self._under_way[reading.sha256] = batch


def _outcome(reading: Reading, file: File, came: Came, location: Callable[[str], str]) -> Outcome:
    return Outcome(
        key=reading.wanted.key,
        location=location(reading.wanted.key),
        sha256=reading.sha256.hex(),
        oldest=file.oldest,
        events=came.events,
        too_old=came.too_old,
        damage=came.damage,
        sums=came.sums.hex(),
        error=came.error,
    )
