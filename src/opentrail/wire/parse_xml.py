"""XML bodies of the REST-XML protocol: a closure per shape over the elements."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StructureShape

from opentrail.wire import xmltree
from opentrail.wire.malformed import Malformed
from opentrail.wire.scalars import Reader, text_reader
from opentrail.wire.xmltree import Element

_Members = dict[str, tuple[str, Reader, bool]]


class XmlReaders:
    """Compiles the readers of one service's shapes; structures are kept by name in `cache`, which also ends recursion."""

    def __init__(self, cache: dict[str, Any]) -> None:
        self._cache = cache

    def reader(self, shape: Shape) -> Reader:
        """The reader for `shape`: of one element, or of the elements of a flattened list or map."""
        if isinstance(shape, StructureShape):
            return self._structure(shape)
        if isinstance(shape, ListShape):
            return self._list(shape)
        if isinstance(shape, MapShape):
            return self._map(shape)
        return _scalar(text_reader(shape, timestamp_format="iso8601"))

    def _structure(self, shape: StructureShape) -> Reader:
        known: Reader | None = self._cache.get(shape.name)
        if known is not None:
            return known
        members: _Members = {}
        attributes: list[tuple[str, str]] = []
        read = self._cache[shape.name] = _structure(members, attributes)
        for name, member in shape.members.items():
            traits = member.serialization
            if "location" in traits:
                continue
            wire = str(traits.get("name", name))
            if traits.get("xmlAttribute"):
                attributes.append((wire, name))
            elif traits.get("flattened"):
                members[wire] = (name, self.reader(member), True)
            else:
                members[wire] = (name, self.reader(member), False)
        return read

    def _list(self, shape: ListShape) -> Reader:
        member = self.reader(shape.member)
        if shape.serialization.get("flattened"):
            return lambda elements: [member(element) for element in elements]
        inner = str(shape.member.serialization.get("name", "member"))
        return lambda element: [member(child) for child in element.children.get(inner, ())]

    def _map(self, shape: MapShape) -> Reader:
        key, member = self.reader(shape.key), self.reader(shape.value)
        key_name = str(shape.key.serialization.get("name", "key"))
        value_name = str(shape.value.serialization.get("name", "value"))

        def read(entries: Sequence[Element]) -> dict[Any, Any]:
            found = {}
            for entry in entries:
                named, valued = entry.first(key_name), entry.first(value_name)
                if named is None:
                    raise Malformed("A map entry has no key")
                if valued is not None:
                    found[key(named)] = member(valued)
            return found

        if shape.serialization.get("flattened"):
            return read
        return lambda element: read(element.children.get("entry", ()))


def _structure(members: _Members, attributes: list[tuple[str, str]]) -> Reader:
    def read(element: Element) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for wire, elements in element.children.items():
            member = members.get(wire)
            if member is not None:
                found[member[0]] = member[1](elements if member[2] else elements[0])
        for wire, name in attributes:
            for written, value in element.attributes.items():
                if written == wire or written.rpartition(":")[2] == wire.rpartition(":")[2]:
                    found[name] = value
        return found

    return read


def _scalar(text: Reader) -> Reader:
    def read(element: Element) -> Any:
        if element.children:
            raise Malformed("An element has children where a value is expected")
        return text(element.text)

    return read


def body_reader(shape: StructureShape, cache: dict[str, Any], *, root: str | None) -> Callable[[bytes], dict[str, Any]]:
    """The reader of a whole body of the structure `shape`. `root` is the name of its outermost element, where the model tells one; the
    name of the shape is taken as well, since some clients send that."""
    read = XmlReaders(cache).reader(shape)

    def from_xml(body: bytes) -> dict[str, Any]:
        element = xmltree.read(body)
        if root is not None and element.name != root and element.name != shape.name:
            raise Malformed(f"The outermost element is {element.name}, not {root}", "body")
        found: dict[str, Any] = read(element)
        return found

    return from_xml
