"""The log file: `{"Records":[<record>,…]}`, UTF-8, no blanks between tokens (`spec/delivery.md` §3).

Writing joins the records' own bytes; reading gives each record back as the slice of bytes it was, so a record is the same wherever it
is met.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from opentrail.events import record as records

_HEAD = b'{"Records":['
_TAIL = b"]}"


class LogFileError(ValueError):
    """The bytes are not a CloudTrail log file."""


class _LogFile(msgspec.Struct):
    records: list[msgspec.Raw] = msgspec.field(name="Records")


_envelope = msgspec.json.Decoder(_LogFile)
_bare = msgspec.json.Decoder(list[msgspec.Raw])


def write(entries: Iterable[bytes]) -> bytes:
    """The log file (not yet compressed) of these records, in this order. Each must be the JSON of one record."""
    return _HEAD + b",".join(entries) + _TAIL


def size(lengths: Sequence[int]) -> int:
    """Length in bytes of the log file of records of these lengths, without writing it."""
    return len(_HEAD) + sum(lengths) + max(0, len(lengths) - 1) + len(_TAIL)


def read(text: bytes) -> list[bytes]:
    """The records of a log file (already decompressed), as the bytes they are in it.

    A UTF-8 byte order mark is skipped, further keys beside `Records` are ignored, and a bare array of records, as written for
    aggregated events, is taken too. Raises `LogFileError` saying what is wrong and where.
    """
    text = text.removeprefix(b"\xef\xbb\xbf")
    if text[:2] == b"\x1f\x8b":
        raise LogFileError("This is still gzip; decompress it first.")
    if not text.strip():
        raise LogFileError("The file is empty.")
    try:
        raw = _bare.decode(text) if text.lstrip()[:1] == b"[" else _envelope.decode(text).records
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise LogFileError(f'This is not {{"Records":[…]}}: {error}') from error
    entries = [bytes(entry).strip() for entry in raw]
    for number, entry in enumerate(entries):
        if entry[:1] != b"{":
            raise LogFileError(f"Records[{number}] is not an object.")
    return entries


def views(text: bytes) -> Iterator[tuple[bytes, records.Record]]:
    """Each record of a log file as its bytes and its view. Raises `LogFileError`, naming the record that cannot be read."""
    for number, entry in enumerate(read(text)):
        try:
            view = records.read(entry)
        except ValueError as error:
            raise LogFileError(f"Records[{number}]: {error}") from error
        yield entry, view
