"""A file's bytes as rows: unpacked, taken apart, and turned into columns. For workers."""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass
from typing import Final

import msgspec
import pyarrow as pa

from opentrail.lake import columns
from opentrail.lake.families import Family
from opentrail.lake.imports import configuration

MAX_UNPACKED: Final = 1 << 30
"""Bytes that a file may have when it is unpacked."""
MOST_TOLD: Final = 5
"""Damaged records of a file that are named one by one."""
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
    """Which of its records are no events, and why."""


class _LogFile(msgspec.Struct):
    records: list[msgspec.Raw] = msgspec.field(name="Records")


_LIST: Final = re.compile(rb'"Records"\s*:\s*\[')
_RECORD: Final = re.compile(rb'[\[,]\s*(\{\s*"eventVersion"\s*:)')
"""Where a record begins; inside of a text such quotation marks would have a backslash."""
_END: Final = re.compile(rb"\]\s*\}\s*$")
_log_file: Final = msgspec.json.Decoder(_LogFile)


def opened(body: bytes, family: Family) -> Opened:
    """The rows of a file. Raises `Damaged`."""
    text = unpacked(body)
    records = configuration.records(text) if family is Family.CONFIGURATION else _records(text)
    if records is None:
        raise Damaged("NotALogFile", "It has no list of records of the kind that the event data store holds.")
    found = columns.to_table(family, records, range(len(records)))
    if not found.refused:
        return Opened(table=found.table, damage=None)
    told = "; ".join(f"record {one.index + 1}: {one.reason}" for one in found.refused[:MOST_TOLD])
    more = f"; and {len(found.refused) - MOST_TOLD} more" if len(found.refused) > MOST_TOLD else ""
    return Opened(table=found.table, damage=f"{len(found.refused)} of {len(records)} records cannot be imported: {told}{more}")


def unpacked(body: bytes) -> bytes:
    """The JSON text of a file, gzip or not. Raises `Damaged`."""
    if not body.startswith(_GZIP):
        if body[:1] in b"{[ \r\n\t" and body:
            return body
        raise Damaged("DamagedGzip", "It is not gzip." if body else "It is empty.")
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


def _records(text: bytes) -> list[bytes] | None:
    try:
        return [bytes(record) for record in _log_file.decode(text).records]
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        if isinstance(error, msgspec.ValidationError):
            return None
        return _salvaged(text, error)


def _salvaged(text: bytes, error: Exception) -> list[bytes]:
    """The records of a file whose text is damaged somewhere: cut where records begin, so that the damage is in one of them. Raises
    `Damaged` if it has no such place."""
    start = _LIST.search(text)
    cuts = [one.start(1) for one in _RECORD.finditer(text, start.end() - 1)] if start else []
    if not cuts:
        raise Damaged("DamagedJSON", f"Its text is not JSON: {error}.") from error
    pieces = [text[here:there].rstrip(b" ,\r\n\t") for here, there in zip(cuts, [*cuts[1:], len(text)], strict=True)]
    pieces[-1] = _END.sub(b"", pieces[-1])
    return pieces
