"""Bodies of the query and EC2 protocols: a closure per shape over the tree that the dotted names make.

Both list forms of the query protocol are taken (`Names.member.1` and `Names.1`), as AWS's own front ends do.
"""

from __future__ import annotations

from typing import Any

from botocore.model import ListShape, MapShape, Shape, StructureShape

from opentrail.wire.form import Tree, indexed
from opentrail.wire.malformed import Malformed
from opentrail.wire.scalars import Reader, text_reader


class QueryReaders:
    """Compiles the readers of one service's shapes; structures are kept by name in `cache`, which also ends recursion."""

    def __init__(self, cache: dict[str, Any], *, ec2: bool) -> None:
        self._cache = cache
        self._ec2 = ec2

    def reader(self, shape: Shape) -> Reader:
        """The reader for `shape`: of a `Tree` for structures, lists, maps, of a text for the others."""
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
        members: dict[str, tuple[str, Reader]] = {}
        read = self._cache[shape.name] = _structure(members)
        for name, member in shape.members.items():
            found = (name, self.reader(member))
            wire = self._wire_name(member, name)
            inner = isinstance(member, ListShape) and _flattened(member) and not self._ec2 and member.member.serialization.get("name")
            if inner:
                members[inner] = found
                members.setdefault(wire, found)
            else:
                members[wire] = found
        return read

    def _wire_name(self, shape: Shape, default: str) -> str:
        traits = shape.serialization
        if not self._ec2:
            return str(traits.get("name", default))
        if "queryName" in traits:
            return str(traits["queryName"])
        name = str(traits.get("name", ""))
        return name[:1].upper() + name[1:] if name else default

    def _list(self, shape: ListShape) -> Reader:
        member = self.reader(shape.member)
        below = None if self._ec2 or _flattened(shape) else str(shape.member.serialization.get("name", "member"))

        def read(value: Tree | str) -> list[Any]:
            if type(value) is str:
                return [member(value)] if value else []
            if below is not None and below in value and len(value) == 1:
                inner = value[below]  # type: ignore[index]
                if type(inner) is str:
                    return [member(inner)] if inner else []
                value = inner
            return [member(item) for item in indexed(value)]  # type: ignore[arg-type]

        return read

    def _map(self, shape: MapShape) -> Reader:
        key, member = self.reader(shape.key), self.reader(shape.value)
        key_name = str(shape.key.serialization.get("name", "key"))
        value_name = str(shape.value.serialization.get("name", "value"))

        def read(value: Tree | str) -> dict[Any, Any]:
            if type(value) is str:
                if value:
                    raise Malformed("Unexpected value: a map is expected")
                return {}
            entries = value.get("entry", value)  # type: ignore[union-attr]
            if type(entries) is str:
                raise Malformed("Unexpected value: a map is expected")
            found = {}
            for entry in indexed(entries):  # type: ignore[arg-type]
                if type(entry) is str or key_name not in entry:
                    raise Malformed("A map entry has no key")
                if value_name in entry:
                    found[key(entry[key_name])] = member(entry[value_name])  # type: ignore[index]
            return found

        return read


def _structure(members: dict[str, tuple[str, Reader]]) -> Reader:
    find = members.get

    def read(value: Tree | str) -> dict[str, Any]:
        if type(value) is str:
            if value:
                raise Malformed("Unexpected value: a structure is expected")
            return {}
        found = {}
        for wire, item in value.items():  # type: ignore[union-attr]
            member = find(wire)
            if member is not None:
                found[member[0]] = member[1](item)
        return found

    return read


def _scalar(text: Reader) -> Reader:
    def read(value: Tree | str) -> Any:
        if type(value) is not str:
            raise Malformed("Start of structure or map found where not expected.")
        return text(value)

    return read


def _flattened(shape: Shape) -> bool:
    return bool(shape.serialization.get("flattened"))
