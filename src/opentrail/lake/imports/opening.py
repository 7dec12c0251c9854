"""A file's bytes as rows: unpacked, taken apart, and turned into columns. For workers."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import pyarrow as pa

from opentrail.lake import columns
from opentrail.lake.columns import Refused
from opentrail.lake.families import Family
from opentrail.lake.imports import configuration

MAX_UNPACKED: Final = 200 << 20
"""Bytes that a file of AWS Config may have when it is unpacked."""
MOST_TOLD: Final = 5
"""Damaged places of a file that are named one by one."""
_GZIP: Final = b"\x1f\x8b"


class Damaged(Exception):
    """Nothing of the file can be imported. `kind` is the error type that is told."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """What is in a file."""

    table: pa.Table
    damage: str | None
    """Which of its records are no events, and what else could not be read; `None` for a sound file."""


def opened(body: bytes, family: Family) -> Opened:
    """The rows of a file. Raises `Damaged` when there are none because of what is wrong with it."""
    if family is Family.CONFIGURATION:
        items = configuration.records(_unpacked(body))
        if items is None:
            raise Damaged("NotALogFile", "It is no file of AWS Config: it has no list configurationItems.")
        found = columns.to_table(family, items, range(len(items)))
        return Opened(table=found.table, damage=_told(found.table.num_rows, found.refused, ()))
    imported = columns.import_file(body, family)
    if imported.damage and not imported.table.num_rows and not imported.refused:
        gzip = body.startswith(_GZIP) and "gzip" in imported.damage[0]
        raise Damaged("DamagedGzip" if gzip else "NotALogFile", "; ".join(imported.damage)[:900])
    return Opened(table=imported.table, damage=_told(imported.table.num_rows, imported.refused, imported.damage))


def _told(rows: int, refused: Sequence[Refused], damage: Sequence[str]) -> str | None:
    if not refused and not damage:
        return None
    places = [*(f"record {one.index + 1}: {one.reason}" for one in refused[:MOST_TOLD]), *damage[:MOST_TOLD]]
    more = len(refused) + len(damage) - len(places)
    of = f"{len(refused)} of {rows + len(refused)} records cannot be imported: " if refused else ""
    return of + "; ".join(places) + (f"; and {more} more" if more else "")


def _unpacked(body: bytes) -> bytes:
    """The JSON text of a file, gzip or not. Raises `Damaged`."""
    if not body.startswith(_GZIP):
        return body
    pieces: list[bytes] = []
    size = 0
    rest = body
    try:
        while rest.startswith(_GZIP):  # members one behind the other
            unpacking = zlib.decompressobj(wbits=31)
            pieces.append(unpacking.decompress(rest, MAX_UNPACKED + 1 - size))
            size += len(pieces[-1])
            if size > MAX_UNPACKED:
                raise Damaged("EntityTooLarge", f"Unpacked it has more than {MAX_UNPACKED >> 20} MiB.")
            if not unpacking.eof:
                raise Damaged("DamagedGzip", f"The gzip data end early, after {size} bytes of text.")
            rest = unpacking.unused_data
    except zlib.error as error:
        raise Damaged("DamagedGzip", f"The gzip data are damaged after {size} bytes of text: {error}.") from error
    return b"".join(pieces)
