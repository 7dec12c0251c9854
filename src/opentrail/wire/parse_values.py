"""JSON and CBOR bodies: a closure per shape, reading decoded values.

Members that the model does not know are passed over, and so are nulls: newer clients may send either. A null inside a list or map is
taken only where the model calls it sparse. Depth needs a check of its own only where the model lets a body be of any depth (recursive
shapes, documents).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import orjson
from botocore.model import ListShape, MapShape, Shape, StructureShape

from opentrail.wire import cbor
from opentrail.wire.malformed import MAX_DEPTH, Malformed
from opentrail.wire.models import trait
from opentrail.wire.scalars import Reader, json_reader, wrong_type
from opentrail.wire.timestamps import from_epoch


class ValueReaders:
    """Compiles the readers of one service's shapes; structures are kept by name in `cache`, which also ends recursion."""

    def __init__(self, cache: dict[str, Any], scalar: Callable[[Shape], Reader]) -> None:
        self._cache = cache
        self._scalar = scalar

    def reader(self, shape: Shape) -> Reader:
        """The reader for `shape`."""
        if isinstance(shape, StructureShape):
            return self._structure(shape)
        if isinstance(shape, ListShape):
            return _list(self.reader(shape.member), sparse=_is_sparse(shape))
        if isinstance(shape, MapShape):
            return _map(self.reader(shape.key), self.reader(shape.value), sparse=_is_sparse(shape))
        return self._scalar(shape)

    def _structure(self, shape: StructureShape) -> Reader:
        if shape.is_document_type:
            return _document
        known: Reader | None = self._cache.get(shape.name)
        if known is not None:
            return known
        members: dict[str, tuple[str, Reader]] = {}
        read = self._cache[shape.name] = structure(members)
        for name, member in shape.members.items():
            members[member.serialization.get("name", name)] = (name, self.reader(member))
        return read


def structure(members: dict[str, tuple[str, Reader]]) -> Reader:
    """A reader of JSON objects by their wire names; `members` may be filled after it is made."""
    find = members.get

    def read(value: Any) -> dict[str, Any]:
        if type(value) is not dict:
            raise wrong_type(value, "a Structure")
        found = {}
        for wire, item in value.items():
            member = find(wire)
            if member is not None and item is not None:
                found[member[0]] = member[1](item)
        return found

    return read


def _list(member: Reader, *, sparse: bool) -> Reader:
    def read(value: Any) -> list[Any]:
        if type(value) is not list:
            raise Malformed("Expected list or null")
        return [member(item) for item in value]

    def read_sparse(value: Any) -> list[Any]:
        if type(value) is not list:
            raise Malformed("Expected list or null")
        return [None if item is None else member(item) for item in value]

    return read_sparse if sparse else read


def _map(key: Reader, member: Reader, *, sparse: bool) -> Reader:
    def read(value: Any) -> dict[Any, Any]:
        if type(value) is not dict:
            raise wrong_type(value, "a Map")
        return {key(name): None if sparse and item is None else member(item) for name, item in value.items()}

    return read


def _document(value: Any) -> Any:
    return value


def _is_sparse(shape: Shape) -> bool:
    return bool(trait(shape, "sparse"))


def cbor_scalar(shape: Shape) -> Reader:
    """The reader for a scalar in CBOR: blobs are byte strings and times are tagged; the rest is as in JSON."""
    if shape.type_name == "blob":
        return _bytes
    if shape.type_name == "timestamp":
        return _moment
    return json_reader(shape)


def _bytes(value: Any) -> bytes:
    if type(value) is not bytes:
        raise wrong_type(value, "a Blob")
    return value


def _moment(value: Any) -> datetime:
    kind = type(value)
    if kind is datetime:
        return value  # type: ignore[no-any-return]
    if kind is int or kind is float:
        return from_epoch(value)
    raise wrong_type(value, "a Timestamp")


def unbounded(shape: Shape | None) -> bool:
    """Whether a body of this shape may be nested without limit: it holds itself, or a free-form document."""
    done: set[str] = set()

    def walk(at: Shape, above: frozenset[str]) -> bool:
        if isinstance(at, ListShape):
            return walk(at.member, above)
        if isinstance(at, MapShape):
            return walk(at.value, above)
        if not isinstance(at, StructureShape):
            return False
        if at.is_document_type or at.name in above:
            return True
        if at.name in done:
            return False
        inside = above | {at.name}
        found = any(walk(member, inside) for member in at.members.values())
        done.add(at.name)
        return found

    return shape is not None and walk(shape, frozenset())


def load_json(body: bytes, *, deep: bool) -> Any:
    """The JSON value of `body`; raises `Malformed` (place `body`). `deep` says that depth must be looked at (see `unbounded`)."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Malformed(f"The body is not valid JSON: {error.msg}", "body") from None
    if deep and body.count(b"{") + body.count(b"[") > MAX_DEPTH:
        _check_depth(value)
    return value


def _check_depth(value: Any) -> None:
    level = [value]
    for _ in range(MAX_DEPTH):
        below: list[Any] = []
        for item in level:
            if type(item) is dict:
                below.extend(child for child in item.values() if type(child) is dict or type(child) is list)
            elif type(item) is list:
                below.extend(child for child in item if type(child) is dict or type(child) is list)
        if not below:
            return
        level = below
    raise Malformed("The body is nested too deeply", "body")


def body_reader(shape: Shape | None, cache: dict[str, Any], *, binary: bool) -> Callable[[bytes], dict[str, Any]]:
    """The reader of a whole body, JSON or (`binary`) CBOR, of the structure `shape`. An empty body stands for an empty structure."""
    read: Reader = structure({}) if shape is None else ValueReaders(cache, cbor_scalar if binary else json_reader).reader(shape)
    deep = unbounded(shape)

    def from_json(body: bytes) -> dict[str, Any]:
        found: dict[str, Any] = read(load_json(body, deep=deep)) if body else {}
        return found

    def from_cbor(body: bytes) -> dict[str, Any]:
        found: dict[str, Any] = read(cbor.loads(body)) if body else {}
        return found

    return from_cbor if binary else from_json
