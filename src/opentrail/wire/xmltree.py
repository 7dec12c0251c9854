"""XML bodies as small trees, read with expat under hard bounds.

Document types (and with them entities of the sender's making) are refused, so nothing expands; depth and number of elements are bounded
while reading. Namespace prefixes are dropped from element names: AWS's services do not look at them either.
"""

from __future__ import annotations

from pyexpat import ExpatError, ParserCreate

from opentrail.wire.malformed import MAX_DEPTH, Malformed

MAX_ELEMENTS = 200_000
"""Elements in one body: the largest legitimate one, CompleteMultipartUpload with 10,000 parts and every checksum, has some 120,000."""


class Element:
    """One element: `children` by local name, in document order within a name; `text` is what stands in it before any child."""

    __slots__ = ("attributes", "children", "name", "text")

    def __init__(self, name: str, attributes: dict[str, str]) -> None:
        self.name = name
        self.attributes = attributes
        self.children: dict[str, list[Element]] = {}
        self.text = ""

    def first(self, name: str) -> Element | None:
        """The first child called `name`."""
        found = self.children.get(name)
        return found[0] if found else None


class _Builder:
    def __init__(self) -> None:
        self.root: Element | None = None
        self.open: list[Element] = []
        self.count = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self.count += 1
        if self.count > MAX_ELEMENTS:
            raise Malformed(f"More than {MAX_ELEMENTS} elements", "body")
        if len(self.open) >= MAX_DEPTH:
            raise Malformed("Elements are nested too deeply", "body")
        local = name.rpartition(":")[2]
        element = Element(local, attributes)
        if self.open:
            self.open[-1].children.setdefault(local, []).append(element)
        else:
            self.root = element
        self.open.append(element)

    def end(self, _name: str) -> None:
        self.open.pop()

    def data(self, text: str) -> None:
        top = self.open[-1]
        if not top.children:
            top.text += text


def _refuse(*_: object) -> None:
    raise Malformed("Document types are not accepted", "body")


def read(body: bytes) -> Element:
    """The root element of `body`. Raises `Malformed` (place `body`) for anything that is not one well-formed document within bounds."""
    builder = _Builder()
    parser = ParserCreate("utf-8")
    parser.buffer_text = True
    parser.buffer_size = 1 << 16
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.data
    parser.StartDoctypeDeclHandler = _refuse
    parser.EntityDeclHandler = _refuse
    try:
        parser.Parse(body, True)
    except ExpatError as error:
        raise Malformed(f"The XML is not well-formed: {error}", "body") from None
    if builder.root is None:
        raise Malformed("The XML is not well-formed: no element found", "body")
    return builder.root
