"""CloudTrail's own events to columns by the compiled kernel, where it is built (decision 0039).

The kernel takes the usual records, in one pass over their text, and says which it leaves; they go the way of `quick` and `plain`. It is
told the columns by the schema, so that what a column is stands in one place.
"""

from __future__ import annotations

import contextlib
import ctypes
import threading
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import compress
from pathlib import Path
from typing import Any, Final

import msgspec
import pyarrow as pa

from opentrail.lake.columns import buffers
from opentrail.lake.columns.arrow import ARROW, POSITION
from opentrail.lake.columns.native.build import FOLDER, library
from opentrail.lake.columns.plain import ORIGINAL
from opentrail.lake.families import Family
from opentrail.lake.schema import BOOLEAN, COLUMNS, TIMESTAMP, VARCHAR, Array, Column, Map, Row, Type

JSON = bytes | msgspec.Raw

_SCHEMA: Final = ARROW[Family.EVENTS]
_ORIGINAL, _CHECKSUM = ORIGINAL
_TEXT, _BOOLEAN, _TIME, _MAP, _ROW, _LIST = range(6)
_SCALARS: Final = {VARCHAR: _TEXT, BOOLEAN: _BOOLEAN, TIMESTAMP: _TIME}
_NAME: Final = 64
_OUT_OF_MEMORY: Final = -2
_DOUBTFUL: Final = -1
_NOTED: Final = 3
"""Numbers that the kernel notes of a record: where it begins and ends, and whether it was taken."""
_TOLD: Final = 6
"""Numbers that it tells of a column."""


@dataclass(frozen=True, slots=True)
class Found:
    """What the kernel made of some records."""

    table: pa.Table
    """Those that it took, in order; of the family's schema."""
    taken: Sequence[int]
    """Their indexes."""
    others: Sequence[tuple[int, bytes]]
    """Index and text of those that it left."""


class _Tree:
    """The columns as the kernel wants them: each node with its children side by side behind it."""

    def __init__(self, columns: Sequence[Column]) -> None:
        self.kinds = [_ROW]
        self.firsts = [0]
        self.counts = [0]
        self.names = [""]
        self._put(0, [("" if column.name in ORIGINAL else column.name, column.type) for column in columns])

    def _put(self, parent: int, children: Sequence[tuple[str, Type]]) -> None:
        first = len(self.kinds)
        self.firsts[parent], self.counts[parent] = first, len(children)
        for name, type_ in children:
            self.kinds.append(_kind(type_))
            self.firsts.append(0)
            self.counts.append(0)
            self.names.append(name)
        for number, (_, type_) in enumerate(children, first):
            if inner := _children(type_):
                self._put(number, inner)


def _kind(type_: Type) -> int:
    match type_:
        case Map():
            return _MAP
        case Row():
            return _ROW
        case Array():
            return _LIST
    return _SCALARS[type_]


def _children(type_: Type) -> list[tuple[str, Type]]:
    match type_:
        case Map():
            return [("", VARCHAR), ("", VARCHAR)]
        case Array(inner):
            return [("", inner)]
        case Row(fields):
            return [(field.name, field.type) for field in fields]
    return []


class Kernel:
    """The kernel of the library at a path. Any thread may call it. Raises `OSError` when it cannot be loaded."""

    def __init__(self, path: str) -> None:
        self._library = ctypes.CDLL(path)
        self._sums = bool(self._library.opentrail_can_sum())
        columns = [column for column in COLUMNS[Family.EVENTS] if self._sums or column.name != _CHECKSUM]
        self._tree = _Tree(columns)
        self._places = {column.name: number for number, column in enumerate(columns, self._tree.firsts[0])}
        count = len(self._tree.kinds)
        numbers = ctypes.c_int32 * count
        new = self._library.opentrail_new
        new.restype = ctypes.c_void_p
        for function in (self._library.opentrail_file, self._library.opentrail_records):
            function.restype = ctypes.c_int64
        self._library.opentrail_found.restype = None
        made = new(
            count,
            numbers(*self._tree.kinds),
            numbers(*self._tree.firsts),
            numbers(*self._tree.counts),
            b"".join(name.encode().ljust(_NAME, b"\0") for name in self._tree.names),
            self._places["eventtime"],
            self._places[_ORIGINAL],
            self._places.get(_CHECKSUM, -1),
        )
        if not made:
            raise OSError("the kernel does not take these columns")
        self._made = ctypes.c_void_p(made)
        self._told = (ctypes.c_int64 * (2 + _TOLD * count))()
        self._lock = threading.Lock()

    def columns(self) -> str:
        """What it was told of the columns, for those who look at it from outside: the fuzzer."""
        tree = self._tree
        nodes = zip(tree.kinds, tree.firsts, tree.counts, tree.names, strict=True)
        lines = [f"{kind} {first} {count} {name or '-'}" for kind, first, count, name in nodes]
        special = (self._places["eventtime"], self._places[_ORIGINAL], self._places.get(_CHECKSUM, -1))
        return "\n".join([" ".join(map(str, (len(lines), *special))), *lines, ""])

    def file(self, text: bytes, first: int) -> Found | None:
        """The events of a log file's text, at the positions from `first` on; `None` when there is anything doubtful about it."""
        with self._lock:
            rows = self._library.opentrail_file(self._made, text, ctypes.c_int64(len(text)))
            return None if rows == _DOUBTFUL else self._found(rows, text, first)

    def records(self, records: Sequence[JSON], positions: Sequence[int]) -> Found:
        """`records`, at these positions."""
        text = b"".join(records)
        sizes = array("q", map(len, records))
        with self._lock:
            rows = self._library.opentrail_records(self._made, text, _address(sizes), ctypes.c_int64(len(sizes)))
            return self._found(rows, text, positions)

    def _found(self, rows: int, text: bytes, positions: Sequence[int] | int) -> Found:
        if rows == _OUT_OF_MEMORY:
            raise MemoryError("there is no room for columns")
        self._library.opentrail_found(self._made, self._told)
        number = self._told[0]
        places = range(positions, positions + number) if isinstance(positions, int) else positions
        whole = rows == number
        records, taken = ([], array("q")) if whole and self._sums else self._noted(number, text)
        columns = {name: self._array(place, _SCHEMA.field(name).type, rows) for name, place in self._places.items()}
        columns[POSITION] = _numbers(places if whole else list(compress(places, taken)))
        if not self._sums:
            columns[_CHECKSUM] = buffers.checksums(records if whole else list(compress(records, taken)))
        table = pa.table([columns[field.name] for field in _SCHEMA], _SCHEMA)
        if whole:
            return Found(table, range(number), ())
        others = [(index, bytes(records[index])) for index in range(number) if not taken[index]]
        return Found(table, [index for index in range(number) if taken[index]], others)

    def _noted(self, number: int, text: bytes) -> tuple[Sequence[memoryview], Sequence[int]]:
        """The records in `text`, and which were taken."""
        noted = array("q")
        noted.frombytes(ctypes.string_at(self._told[1], 8 * _NOTED * number) if number else b"")
        view = memoryview(text)
        return [view[start:end] for start, end in zip(noted[::_NOTED], noted[1::_NOTED], strict=True)], noted[2::_NOTED]

    def _array(self, node: int, type_: pa.DataType, length: int) -> Any:
        """Column `node` as Arrow's, copied: the kernel writes over its own with the next text."""
        at = 2 + _TOLD * node
        written, nulls, valid, offsets, data, size = self._told[at : at + _TOLD]
        if not written:
            return pa.nulls(length, type_)
        kind = self._tree.kinds[node]
        first = self._tree.firsts[node]
        inner: list[Any] = []
        own = [_copied(valid, (length + 7) // 8) if nulls else None]
        if kind in (_TEXT, _MAP, _LIST):
            own.append(_copied(offsets, 4 * (length + 1)))
        if kind == _TEXT:
            own.append(_copied(data, size))
        elif kind == _BOOLEAN:
            own.append(_copied(data, (length + 7) // 8))
        elif kind == _TIME:
            own.append(_copied(data, 8 * length))
        elif kind == _MAP:
            names, values = self._array(first, pa.string(), size), self._array(first + 1, pa.string(), size)
            inner = [pa.StructArray.from_arrays([names, values], fields=[type_.key_field, type_.item_field])]
        elif kind == _LIST:
            inner = [self._array(first, type_.value_type, size)]
        else:
            inner = [self._array(first + number, field.type, length) for number, field in enumerate(type_)]
        return pa.Array.from_buffers(type_, length, own, nulls, children=inner)


def _numbers(numbers: Sequence[int]) -> pa.Array:
    return pa.arange(numbers.start, numbers.stop) if isinstance(numbers, range) else pa.array(numbers, pa.int64())


def _copied(address: int, size: int) -> pa.Buffer:
    return pa.py_buffer(ctypes.string_at(address, size) if size else b"")


def _address(numbers: array[int]) -> ctypes.c_void_p:
    return ctypes.c_void_p(numbers.buffer_info()[0])


def loaded(folder: Path = FOLDER) -> Kernel | None:
    """The kernel that is built in `folder`; `None` where it is not."""
    path = library(folder)
    if path.exists():
        with contextlib.suppress(OSError, AttributeError):
            return Kernel(str(path))
    return None


kernel: Kernel | None = None
"""The one that this process uses."""


def use() -> None:
    """Use the kernel in this process, where it is built. For a process that has nothing to lose: a worker of imports."""
    global kernel
    kernel = loaded()
