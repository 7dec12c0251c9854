"""CBOR (RFC 8949) as Smithy's RPC v2 protocol uses it: definite and indefinite items, tag 1 for times, no other tags.

`loads` trusts nothing: declared lengths are checked against what is left before anything is made, depth is bounded, text must be UTF-8.
"""

from __future__ import annotations

import struct
from datetime import datetime
from typing import Any

from opentrail.wire.malformed import MAX_DEPTH, Malformed
from opentrail.wire.timestamps import as_datetime, from_epoch

_HALF = struct.Struct(">e")
_SINGLE = struct.Struct(">f")
_DOUBLE = struct.Struct(">d")
_FLOATS = {25: _HALF, 26: _SINGLE, 27: _DOUBLE}
_WIDTHS = {24: 1, 25: 2, 26: 4, 27: 8}
_SIMPLE = {20: False, 21: True, 22: None, 23: None}
_BREAK = object()


def _broken(what: str) -> Malformed:
    return Malformed(f"Invalid CBOR: {what}", "body")


class _Reader:
    __slots__ = ("at", "data", "end")

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0
        self.end = len(data)

    def argument(self, info: int) -> int:
        if info < 24:
            return info
        width = _WIDTHS.get(info)
        if width is None:
            raise _broken(f"additional information {info}")
        return int.from_bytes(self.take(width), "big")

    def take(self, count: int) -> bytes:
        start = self.at
        if count > self.end - start:
            raise _broken("it ends in the middle of an item")
        self.at = start + count
        return self.data[start : start + count]

    def item(self, depth: int) -> Any:
        if depth > MAX_DEPTH:
            raise _broken("nested too deeply")
        if self.at >= self.end:
            raise _broken("it ends where an item is expected")
        initial = self.data[self.at]
        self.at += 1
        major, info = initial >> 5, initial & 31
        if major == 3:
            return self.text(info)
        if major == 0:
            return self.argument(info)
        if major == 5:
            return self.mapping(info, depth)
        if major == 4:
            return self.array(info, depth)
        if major == 7:
            return self.simple(info)
        if major == 2:
            return self.chunks(info, 2)
        if major == 1:
            return -1 - self.argument(info)
        return self.tagged(self.argument(info), depth)

    def text(self, info: int) -> str:
        try:
            return self.chunks(info, 3).decode("utf-8")
        except UnicodeDecodeError:
            raise _broken("text that is not UTF-8") from None

    def chunks(self, info: int, major: int) -> bytes:
        if info != 31:
            return self.take(self.argument(info))
        pieces: list[bytes] = []
        while True:
            initial = self.take(1)[0]
            if initial == 0xFF:
                return b"".join(pieces)
            if initial >> 5 != major or initial & 31 == 31:
                raise _broken("a chunk of another type")
            pieces.append(self.take(self.argument(initial & 31)))

    def array(self, info: int, depth: int) -> list[Any]:
        found: list[Any] = []
        if info == 31:
            while (item := self.item(depth + 1)) is not _BREAK:
                found.append(item)
            return found
        count = self.argument(info)
        if count > self.end - self.at:
            raise _broken("a list longer than the body")
        found.extend(self.solid(depth) for _ in range(count))
        return found

    def mapping(self, info: int, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        if info == 31:
            while (key := self.item(depth + 1)) is not _BREAK:
                self.entry(found, key, depth)
            return found
        count = self.argument(info)
        if count > (self.end - self.at) // 2:
            raise _broken("a map longer than the body")
        for _ in range(count):
            self.entry(found, self.solid(depth), depth)
        return found

    def entry(self, found: dict[str, Any], key: Any, depth: int) -> None:
        if type(key) is not str:
            raise _broken("a map key that is no text")
        found[key] = self.solid(depth)

    def solid(self, depth: int) -> Any:
        item = self.item(depth + 1)
        if item is _BREAK:
            raise _broken("a break out of place")
        return item

    def simple(self, info: int) -> Any:
        if info in _SIMPLE:
            return _SIMPLE[info]
        shape = _FLOATS.get(info)
        if shape is not None:
            return shape.unpack(self.take(shape.size))[0]
        if info == 31:
            return _BREAK
        raise _broken(f"simple value {info}")

    def tagged(self, tag: int, depth: int) -> datetime:
        value = self.solid(depth)
        if tag != 1:
            raise _broken(f"tag {tag}")
        if type(value) is not int and type(value) is not float:
            raise _broken("a time that is no number")
        return from_epoch(value)


def loads(data: bytes) -> Any:
    """The one item that `data` holds; tag 1 becomes a datetime, `undefined` becomes None. Raises `Malformed` (place `body`)."""
    reader = _Reader(data)
    item = reader.item(0)
    if item is _BREAK or reader.at != reader.end:
        raise _broken("more than one item")
    return item


def _head(major: int, number: int) -> bytes:
    if number < 24:
        return bytes((major << 5 | number,))
    if number < 1 << 8:
        return bytes((major << 5 | 24, number))
    if number < 1 << 16:
        return bytes((major << 5 | 25,)) + number.to_bytes(2, "big")
    if number < 1 << 32:
        return bytes((major << 5 | 26,)) + number.to_bytes(4, "big")
    return bytes((major << 5 | 27,)) + number.to_bytes(8, "big")


def _write(value: Any, out: bytearray) -> None:
    kind = type(value)
    if kind is str:
        raw = value.encode("utf-8")
        out += _head(3, len(raw))
        out += raw
    elif kind is bool:
        out.append(0xF5 if value else 0xF4)
    elif kind is int:
        out += _head(0, value) if value >= 0 else _head(1, -1 - value)
    elif kind is float:
        out.append(0xFB)
        out += _DOUBLE.pack(value)
    elif kind is dict:
        out += _head(5, len(value))
        for key, item in value.items():
            _write(key, out)
            _write(item, out)
    elif kind is list or kind is tuple:
        out += _head(4, len(value))
        for item in value:
            _write(item, out)
    elif kind is bytes or kind is bytearray or kind is memoryview:
        out += _head(2, len(value))
        out += value
    elif kind is datetime:
        out.append(0xC1)
        _write(_seconds(value), out)
    elif value is None:
        out.append(0xF6)
    else:
        _write_subclass(value, out)


def _write_subclass(value: Any, out: bytearray) -> None:
    known: type[Any]
    for known in (str, bool, int, float, dict, list, bytes):
        if isinstance(value, known):
            _write(known(value), out)
            return
    raise TypeError(f"{type(value).__name__} cannot be written as CBOR")


def _seconds(value: Any) -> float:
    moment = as_datetime(value)
    return moment.timestamp() if moment.microsecond else int(moment.timestamp())


def dumps(value: Any) -> bytes:
    """`value` (text, numbers, bytes, times, lists, mappings with text keys) as CBOR; floats always take eight bytes, which loses
    nothing."""
    out = bytearray()
    _write(value, out)
    return bytes(out)
