"""A delivered log file, as it lies in its bucket, to columns: what an import does with each of its files.

A damaged file gives what can be read of it, and says what could not: bytes that gzip cannot make sense of, records that are no JSON.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import deflate
import msgspec
import pyarrow as pa

from opentrail.lake.columns import compiled
from opentrail.lake.columns.buffers import JSON
from opentrail.lake.columns.convert import Refused, completed, to_table
from opentrail.lake.columns.text import NotJSON, as_object, mended
from opentrail.lake.families import Family

LARGEST: Final = 200 << 20
"""Bytes that a file may hold unpacked; of a larger one nothing is taken. CloudTrail's are a hundredth of it."""

_GZIP: Final = b"\x1f\x8b"
_MARK: Final = b"\xef\xbb\xbf"
_BEGINS: Final = re.compile(rb'\s*(?:\{\s*"Records"\s*:\s*)?\[\s*(?=\{\s*(?P<name>"[^"]*"))')
_END: Final = re.compile(rb"\s*\]\s*\}?\s*\Z")
_TOGETHER: Final = 8
"""Pieces that may belong to one record."""
_STEPS: Final = (1 << 20, 1 << 10, 1)
"""Bytes to unpack at a time."""
_SAID: Final = 10
"""Damages of a file that are told; of more only the number."""


class _LogFile(msgspec.Struct):
    records: list[msgspec.Raw] = msgspec.field(name="Records")


_envelope: Final = msgspec.json.Decoder(_LogFile)
_bare: Final = msgspec.json.Decoder(list[msgspec.Raw])


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What came of one log file."""

    table: pa.Table
    """Its events in the order of the file, of the family's schema."""
    refused: tuple[Refused, ...]
    """Records that are no events, by their place in the file."""
    damage: tuple[str, ...]
    """What could not be read, each with the byte (of the unpacked file) where it begins; empty for a sound file."""


def import_file(body: bytes, family: Family, *, first: int = 0) -> Imported:
    """The events of the log file `body`, gzip or plain JSON: `{"Records":[…]}` or a bare array. Positions count from `first`, a place in
    the file each, so that they are the same whenever the file is read."""
    text, damage = _unpacked(body)
    text = text.removeprefix(_MARK)
    if family is Family.EVENTS and compiled.kernel is not None and (found := compiled.kernel.file(text, first)) is not None:
        refused: list[Refused] = []
        table = completed(found, 0, range(first, first + len(found.taken) + len(found.others)), refused)
        return Imported(table=table, refused=tuple(refused), damage=tuple(damage))
    records, more = _records(text)
    converted = to_table(family, records, range(first, first + len(records)))
    damage += more if len(more) <= _SAID else [*more[:_SAID], f"{len(more) - _SAID} more such places"]
    return Imported(table=converted.table, refused=converted.refused, damage=tuple(damage))


def _unpacked(body: bytes) -> tuple[bytes, list[str]]:
    """What `body` holds, as far as it can be unpacked, and what is wrong with the rest."""
    if not body.startswith(_GZIP):
        return (body, []) if len(body) <= LARGEST else (b"", [_TOO_LARGE])
    size: int = struct.unpack("<I", body[-4:])[0] if len(body) >= 18 else 0
    if 0 < size <= min(LARGEST, 1032 * len(body)):
        try:
            found = deflate.gzip_decompress(body, size)
        except deflate.DeflateError:
            pass
        else:
            if len(found) == size:
                return bytes(found), []
    return _slowly(body)


_TOO_LARGE: Final = f"it holds more than {LARGEST >> 20} MiB: nothing of it was taken"


def _slowly(body: bytes) -> tuple[bytes, list[str]]:
    """Several members one behind the other, damage, and bombs."""
    found = bytearray()
    rest = body
    while rest.startswith(_GZIP):
        unpacker = zlib.decompressobj(31)
        step = _STEPS[0]
        while not unpacker.eof:
            before = unpacker.copy()
            try:
                piece = unpacker.decompress(rest, step)
            except zlib.error as error:  # what came before it in this piece is lost with it: smaller ones
                if step == _STEPS[-1]:
                    return bytes(found), [f"gzip is damaged after {len(found)} bytes: {error}"]
                step, unpacker = _STEPS[_STEPS.index(step) + 1], before
                continue
            found += piece
            if len(found) > LARGEST:
                return b"", [_TOO_LARGE]
            rest = unpacker.unconsumed_tail
            if not rest and not piece and not unpacker.eof:
                return bytes(found), [f"gzip is broken off after {len(found)} bytes"]
        rest = unpacker.unused_data
    if rest.strip(b"\0"):
        return bytes(found), [f"{len(rest)} bytes behind the gzip file that are none"]
    return bytes(found), []


def _records(text: bytes) -> tuple[Sequence[JSON], list[str]]:
    """The records of a log file, each as it is spelled; where that fails, one by one."""
    if not text.strip():
        return [], ["the file is empty"]
    try:
        return _bare.decode(text) if text.lstrip()[:1] == b"[" else _envelope.decode(text).records, []
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return _one_by_one(text)


def _one_by_one(text: bytes) -> tuple[list[JSON], list[str]]:
    """Those records that are JSON. The next one begins where, behind a comma between braces, stands the name of the first one's first
    member; a place within a record may look like that, so what is no record by itself is tried together with what follows."""
    begin = _BEGINS.match(text)
    if begin is None:
        return [], ['byte 0: this is not {"Records":[…]}']
    separator = re.compile(rb"(?<=\})\s*,\s*(?=\{\s*" + re.escape(begin["name"]) + rb"\s*:)")
    cuts = [(match.start(), match.end()) for match in separator.finditer(text, begin.end())]
    starts = [begin.end(), *(end for _, end in cuts)]
    ends = [*(start for start, _ in cuts), len(text)]
    records: list[JSON] = []
    damage: list[str] = []
    number = 0
    while number < len(starts):
        for last in range(number, min(number + _TOGETHER, len(ends))):
            record = _record(text[starts[number] : ends[last]], is_last=last == len(ends) - 1)
            if record is not None:
                records.append(record)
                number = last + 1
                break
        else:
            damage.append(f"byte {starts[number]}: the record there is damaged")
            number += 1
    return records, damage


def _record(piece: bytes, *, is_last: bool) -> bytes | None:
    """`piece` if it is one JSON object; without the end of the file, if that is behind it."""
    for one in (piece, _END.sub(b"", piece)) if is_last else (piece,):
        try:
            as_object(mended(one))
        except NotJSON:
            continue
        return one
    return None
