"""Results → JSON and CBOR values: a closure per shape, which renames members and converts what JSON has no type for.

A writer of None means "as it is". Members that are None are left out; a member that the model does not have is a mistake of ours and raises
TypeError, so that a test finds it.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Callable
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StructureShape

from opentrail.wire.timestamps import as_datetime, text_writer, to_epoch

Writer = Callable[[Any], Any] | None
"""Python value → JSON value; None where they are the same."""


class ValueWriters:
    """Compiles the writers of one service's shapes; structures are kept by name in `cache`, which also ends recursion."""

    def __init__(self, cache: dict[str, Any], *, binary: bool) -> None:
        self._cache = cache
        self._binary = binary

    def writer(self, shape: Shape) -> Writer:
        """The writer for `shape`."""
        if isinstance(shape, StructureShape):
            return self._structure(shape)
        if isinstance(shape, ListShape):
            return _list(self.writer(shape.member))
        if isinstance(shape, MapShape):
            return _map(self.writer(shape.value))
        return _binary_scalar(shape) if self._binary else json_scalar(shape)

    def _structure(self, shape: StructureShape) -> Writer:
        if shape.is_document_type:
            return None
        known: Writer = self._cache.get(shape.name)
        if known is not None:
            return known
        members: dict[str, tuple[str, Writer]] = {}
        write = self._cache[shape.name] = structure(shape.name, members)
        for name, member in shape.members.items():
            members[name] = (member.serialization.get("name", name), self.writer(member))
        return write


def structure(name: str, members: dict[str, tuple[str, Writer]]) -> Callable[[Any], dict[str, Any]]:
    """A writer of structures; `members` (Python name → wire name and writer) may be filled after it is made."""

    def write(value: Any) -> dict[str, Any]:
        found = {}
        try:
            for key, item in value.items():
                if item is not None:
                    wire, convert = members[key]
                    found[wire] = item if convert is None else convert(item)
        except KeyError as error:
            raise TypeError(f"{name} has no member {error}") from error
        return found

    return write


def _list(member: Writer) -> Writer:
    if member is None:
        return _as_list
    return lambda value: [None if item is None else member(item) for item in value]


def _as_list(value: Any) -> list[Any]:
    return value if type(value) is list else list(value)


def _map(member: Writer) -> Writer:
    if member is None:
        return None
    return lambda value: {key: None if item is None else member(item) for key, item in value.items()}


def json_scalar(shape: Shape) -> Writer:
    """The writer for a scalar in JSON: blobs in base64, times as epoch seconds unless the shape says otherwise, no bare NaN."""
    kind = shape.type_name
    if kind == "timestamp":
        style = str(shape.serialization.get("timestampFormat", "unixTimestamp")).lower()
        return to_epoch if style == "unixtimestamp" else text_writer(style)
    if kind == "blob":
        return base64_text
    if kind in ("float", "double"):
        return _finite
    return None


def _binary_scalar(shape: Shape) -> Writer:
    kind = shape.type_name
    if kind == "timestamp":
        return as_datetime
    if kind == "blob":
        return raw_bytes
    if kind in ("float", "double"):
        return float
    return None


def raw_bytes(value: Any) -> bytes:
    """A blob that may be given as text."""
    return value.encode() if isinstance(value, str) else bytes(value)


def base64_text(value: Any) -> str:
    """A blob (or text, as UTF-8) in base64."""
    return base64.b64encode(raw_bytes(value)).decode("ascii")


def _finite(value: Any) -> Any:
    return value if math.isfinite(value) else float_name(value)


def float_name(value: float) -> str:
    """Smithy's text for a float: the three names, else the shortest decimal that reads back the same."""
    if math.isfinite(value):
        return repr(value)
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
