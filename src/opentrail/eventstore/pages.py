"""Reading single records out of a Parquet file, without unpacking the row groups they are in.

The text of the records is nearly all of a file, and DuckDB unpacks all of a row group (20,000 records) for one of them. Here only the
pages (1,000 records) that hold a wanted row are unpacked. Their headers (Thrift's compact protocol; Parquet format, "Data Pages") are
walked once for each file and kept, since files never change. Understood is what `parquet.write` writes: zstd, plain encoding, no levels.
Other engines may write to the table too; what they do in another way is left to DuckDB.
"""

from __future__ import annotations

import os
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from pathlib import Path
from typing import Final

import pyarrow.parquet as pq
from zstandard import ZstdDecompressor, ZstdError

COLUMN: Final = "record"

_HEADER: Final = 4096
"""Bytes in which a page's header must end; it has some thirty."""

_INTEGERS: Final = (4, 5, 6)
_BINARY: Final = 8
_STRUCT: Final = 12


class Unreadable(ValueError):
    """The file is written in another way than ours."""


@dataclass(frozen=True, slots=True)
class _Page:
    first: int
    """Its first row, counted in the file."""
    rows: int
    offset: int
    packed: int
    """Bytes of it in the file, after the header."""
    size: int
    """Bytes when unpacked."""


def read(path: Path, rows: Iterable[int]) -> Iterator[tuple[int, bytes]]:
    """Each of `rows` (counted from 0 in the whole file) with the bytes of its record, in order.

    Raises `Unreadable` before the first one, or when the file is not what its headers say.
    """
    wanted = sorted(set(rows))
    pages = _pages(path)
    firsts = [page.first for page in pages]
    descriptor = os.open(path, os.O_RDONLY)
    try:
        begin = 0
        while begin < len(wanted):
            page = pages[bisect_right(firsts, wanted[begin]) - 1]
            end = bisect_right(wanted, page.first + page.rows - 1)
            if end == begin:
                raise Unreadable(f"{path} has no row {wanted[begin]}")
            yield from _records(descriptor, page, wanted[begin:end])
            begin = end
    finally:
        os.close(descriptor)


def _records(descriptor: int, page: _Page, rows: Iterable[int]) -> Iterator[tuple[int, bytes]]:
    try:
        content = ZstdDecompressor().decompress(os.pread(descriptor, page.packed, page.offset), max_output_size=page.size)
    except ZstdError as error:
        raise Unreadable(str(error)) from error
    at, row = 0, page.first
    for wanted in rows:
        while True:
            length = int.from_bytes(content[at : at + 4], "little")
            begin, at = at + 4, at + 4 + length
            if at > page.size or page.size != len(content):
                raise Unreadable("a page ends before its last record")
            row += 1
            if row > wanted:
                yield wanted, content[begin:at]
                break


@lru_cache(maxsize=4096)
def _pages(path: Path) -> tuple[_Page, ...]:
    """The pages of the records' column in `path`."""
    metadata = pq.read_metadata(path)
    if not metadata.num_rows:
        raise Unreadable("there are no rows")
    names = [metadata.schema.column(index).path for index in range(metadata.num_columns)]
    number = names.index(COLUMN) if COLUMN in names else -1
    if number < 0 or metadata.schema.column(number).max_definition_level or metadata.schema.column(number).physical_type != "BYTE_ARRAY":
        raise Unreadable("the records are not plain text")
    groups = [metadata.row_group(index) for index in range(metadata.num_row_groups)]
    starts = [0, *accumulate(group.num_rows for group in groups)]
    found: list[_Page] = []
    descriptor = os.open(path, os.O_RDONLY)
    try:
        for start, group in zip(starts, groups, strict=False):
            column = group.column(number)
            if column.compression != "ZSTD" or column.has_dictionary_page:
                raise Unreadable("the records are packed in another way")
            row, offset = start, column.data_page_offset
            end = offset + column.total_compressed_size
            while row < start + group.num_rows:
                page = _page(os.pread(descriptor, _HEADER, offset), offset, row)
                if page.offset + page.packed > end:
                    raise Unreadable("its pages do not add up")
                found.append(page)
                row, offset = row + page.rows, page.offset + page.packed
    finally:
        os.close(descriptor)
    return tuple(found)


def _page(header: bytes, offset: int, first: int) -> _Page:
    try:
        fields, length = _struct(header, 0)
    except (IndexError, RecursionError) as error:
        raise Unreadable("a page's header cannot be read") from error
    match fields:
        case {1: 0, 2: int(size), 3: int(packed), 5: {1: int(rows), 2: 0}} if rows > 0 and packed >= 0:  # a data page, plainly encoded
            return _Page(first, rows, offset + length, packed, size)
    raise Unreadable("its pages are of another kind")


_Fields = dict[int, "int | _Fields"]


def _struct(data: bytes, at: int) -> tuple[_Fields, int]:
    """A Thrift struct in the compact protocol: numbers and structs by their field ids, and where it ends."""
    fields: _Fields = {}
    number = 0
    while head := data[at]:
        kind, step = head & 15, head >> 4
        at += 1
        if step:
            number += step
        else:
            value, at = _varint(data, at)
            number = _signed(value)
        if kind in (1, 2):
            fields[number] = 2 - kind
        elif kind in _INTEGERS:
            value, at = _varint(data, at)
            fields[number] = _signed(value)
        elif kind == _BINARY:
            value, at = _varint(data, at)
            at += value
        elif kind == _STRUCT:
            fields[number], at = _struct(data, at)
        else:
            raise Unreadable("a page's header has members of another kind")
    return fields, at + 1


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
        shift += 7


def _signed(value: int) -> int:
    return (value >> 1) ^ -(value & 1)
