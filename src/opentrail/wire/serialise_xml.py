"""Results → XML: a closure per shape that appends pieces of text, for the query, EC2 and REST-XML protocols.

A member that the model does not have raises TypeError. Characters that XML 1.0 cannot hold at all (an S3 key may have them) are replaced,
since one of them would make the whole answer unreadable; clients that care ask for `encoding-type=url`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from xml.sax.saxutils import quoteattr

from botocore.model import ListShape, MapShape, Shape, StructureShape

from opentrail.wire.serialise_values import base64_text, float_name
from opentrail.wire.timestamps import text_writer

XmlWriter = Callable[[Any, list[str]], None]
"""Appends one element (or several, for flattened lists and maps) with the value to the list."""

OUTSIDE = frozenset({"header", "headers", "statusCode"})
"""Locations that a response has outside its body; the others mean nothing there."""

DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'
_SPECIAL = re.compile("[&<>\r\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#13;"}


def escape(text: str) -> str:
    """`text` as the content of an element."""
    if _SPECIAL.search(text) is None:
        return text
    return _SPECIAL.sub(lambda matched: _ESCAPES.get(matched[0], "\ufffd"), text)


class XmlWriters:
    """Compiles the writers of one service's shapes; structures are kept by name in `cache`, which also ends recursion.

    `millis` prints times with their milliseconds even when they are zero, as S3 and EC2 do.
    """

    def __init__(self, cache: dict[str, Any], *, millis: bool) -> None:
        self._cache = cache
        self._millis = millis

    def content(self, shape: StructureShape) -> XmlWriter:
        """The writer of the members of a structure, without an element around them."""
        known: XmlWriter | None = self._cache.get(shape.name)
        if known is not None:
            return known
        members: dict[str, XmlWriter] = {}
        write = self._cache[shape.name] = _content(shape.name, members)
        for name, member in shape.members.items():
            traits = member.serialization
            if traits.get("location") in OUTSIDE or traits.get("xmlAttribute"):
                members[name] = _nothing
                continue
            wire = str(traits.get("name", name))
            if isinstance(member, ListShape) and traits.get("flattened"):
                wire = str(member.member.serialization.get("name", wire))
            members[name] = self.element(wire, member)
        return write

    def document(self, name: str, shape: StructureShape, namespace: str | None) -> XmlWriter:
        """The writer of the outermost element, in `namespace`."""
        return self._structure(name, shape, f" xmlns={quoteattr(namespace)}" if namespace else "")

    def element(self, name: str, shape: Shape) -> XmlWriter:
        """The writer of `shape` as elements called `name`."""
        if isinstance(shape, StructureShape):
            return self._structure(name, shape, _namespace(shape))
        if isinstance(shape, ListShape):
            return self._list(name, shape)
        if isinstance(shape, MapShape):
            return self._map(name, shape)
        return _scalar(name, self._text(shape))

    def _structure(self, name: str, shape: StructureShape, namespace: str) -> XmlWriter:
        content = self.content(shape)
        opening, closing = f"<{name}{namespace}>", f"</{name}>"
        attributes = [(key, str(one.serialization["name"])) for key, one in shape.members.items() if one.serialization.get("xmlAttribute")]

        def write(value: Any, out: list[str]) -> None:
            out.append(opening)
            content(value, out)
            out.append(closing)

        def write_attributes(value: Any, out: list[str]) -> None:
            told = "".join(f" {wire}={quoteattr(escape_control(value[key]))}" for key, wire in attributes if value.get(key) is not None)
            out.append(f"{opening[:-1]}{told}>")
            content(value, out)
            out.append(closing)

        return write_attributes if attributes else write

    def _list(self, name: str, shape: ListShape) -> XmlWriter:
        flattened = bool(shape.serialization.get("flattened"))
        member = self.element(name if flattened else str(shape.member.serialization.get("name", "member")), shape.member)
        opening, closing, empty = f"<{name}>", f"</{name}>", f"<{name}/>"

        def write_flat(value: Any, out: list[str]) -> None:
            for item in value:
                member(item, out)

        def write(value: Any, out: list[str]) -> None:
            if not value:
                out.append(empty)
                return
            out.append(opening)
            for item in value:
                member(item, out)
            out.append(closing)

        return write_flat if flattened else write

    def _map(self, name: str, shape: MapShape) -> XmlWriter:
        key = self.element(str(shape.key.serialization.get("name", "key")), shape.key)
        member = self.element(str(shape.value.serialization.get("name", "value")), shape.value)
        flattened = bool(shape.serialization.get("flattened"))
        entry = name if flattened else "entry"
        opening, closing, entry_opening, entry_closing = f"<{name}>", f"</{name}>", f"<{entry}>", f"</{entry}>"

        def write(value: Any, out: list[str]) -> None:
            if not flattened:
                out.append(opening)
            for one, item in value.items():
                if item is not None:
                    out.append(entry_opening)
                    key(one, out)
                    member(item, out)
                    out.append(entry_closing)
            if not flattened:
                out.append(closing)

        return write

    def _text(self, shape: Shape) -> Callable[[Any], str]:
        return scalar_text(shape, timestamp_format="iso8601", millis=self._millis)


def scalar_text(shape: Shape, *, timestamp_format: str, millis: bool = False) -> Callable[[Any], str]:
    """The writer of a scalar as text, in XML and headers."""
    kind = shape.type_name
    if kind == "boolean":
        return lambda value: "true" if value else "false"
    if kind == "timestamp":
        return text_writer(str(shape.serialization.get("timestampFormat", timestamp_format)).lower(), millis=millis)
    if kind == "blob":
        return base64_text
    if kind in ("float", "double"):
        return float_name
    return str


def escape_control(text: str) -> str:
    """`text` without the characters that XML cannot hold; for attributes, which are quoted elsewhere."""
    return _SPECIAL.sub(lambda matched: matched[0] if matched[0] in _ESCAPES else "\ufffd", text)


def _content(shape: str, members: dict[str, XmlWriter]) -> XmlWriter:
    def write(value: Any, out: list[str]) -> None:
        for key, item in value.items():
            if item is not None:
                member = members.get(key)
                if member is None:
                    raise TypeError(f"{shape} has no member {key!r}")
                member(item, out)

    return write


def _scalar(name: str, text: Callable[[Any], str]) -> XmlWriter:
    opening, closing = f"<{name}>", f"</{name}>"
    if text is str:
        return lambda value, out: out.append(f"{opening}{escape(value if type(value) is str else str(value))}{closing}")
    return lambda value, out: out.append(f"{opening}{text(value)}{closing}")


def _nothing(_value: Any, _out: list[str]) -> None:
    """Members that are not in the body."""


def _namespace(shape: Shape) -> str:
    namespace = shape.serialization.get("xmlNamespace")
    if not namespace:
        return ""
    uri, prefix = (namespace, "") if isinstance(namespace, str) else (namespace["uri"], namespace.get("prefix", ""))
    return f" xmlns{':' + prefix if prefix else ''}={quoteattr(uri)}"
