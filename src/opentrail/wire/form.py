"""`application/x-www-form-urlencoded` text: query strings and the bodies of the query protocols, and the tree that dotted names make."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import unquote_to_bytes

from opentrail.wire.malformed import MAX_DEPTH, Malformed

MAX_FIELDS = 100_000
"""Fields in one form. The largest known (SQS and EC2 batches) stay below a few thousand."""

Tree = dict[str, "Tree | str"]
"""`Filter.1.Name=x` as `{"Filter": {"1": {"Name": "x"}}}`."""


def unquote(text: str, *, plus: bool = False) -> str:
    """Percent-decoding; `plus` reads `+` as a blank. Raises `Malformed` when the result is not UTF-8."""
    if plus and "+" in text:
        text = text.replace("+", " ")
    if "%" not in text and text.isascii():
        return text
    try:
        return unquote_to_bytes(text.encode("utf-8", "surrogatepass")).decode("utf-8")
    except UnicodeDecodeError:
        raise Malformed("The text is not valid UTF-8", "body") from None


def fields(text: str) -> list[tuple[str, str]]:
    """Names and values in the order sent, decoded. Empty pieces (`&&`) are skipped; a name without `=` has the value `""`."""
    if not text:
        return []
    pieces = text.split("&")
    if len(pieces) > MAX_FIELDS:
        raise Malformed(f"More than {MAX_FIELDS} fields", "body")
    found = []
    for piece in pieces:
        if not piece:
            continue
        name, _, value = piece.partition("=")
        if "%" in name or "+" in name or not name.isascii():
            name = unquote(name, plus=True)
        if "%" in value or "+" in value or not value.isascii():
            value = unquote(value, plus=True)
        found.append((name, value))
    return found


def body_fields(body: bytes) -> list[tuple[str, str]]:
    """The fields of a form body; raises `Malformed` when it is not UTF-8."""
    try:
        return fields(body.decode("utf-8"))
    except UnicodeDecodeError:
        raise Malformed("The body is not valid UTF-8", "body") from None


def tree(pairs: Iterable[tuple[str, str]]) -> Tree:
    """Dotted names as nested mappings. Of a name given twice the first counts; a name that is both a value and a parent is malformed."""
    root: Tree = {}
    for name, value in pairs:
        if "." not in name:
            if isinstance(root.setdefault(name, value), dict):
                raise Malformed(f"{name[:200]} is both a value and a structure", "body")
            continue
        parts = name.split(".", MAX_DEPTH)
        last = parts.pop()
        if len(parts) == MAX_DEPTH:
            raise Malformed(f"{name[:200]}: nested too deeply", "body")
        node = root
        for part in parts:
            below = node.get(part)
            if below is None:
                below = node[part] = {}
            elif type(below) is str:
                raise Malformed(f"{name[:200]} is both a value and a structure", "body")
            node = below  # type: ignore[assignment]
        if isinstance(node.setdefault(last, value), dict):
            raise Malformed(f"{name[:200]} is both a value and a structure", "body")
    return root


def indexed(node: Tree) -> list[Tree | str]:
    """The children of a list or map node in the order of their numbers; gaps are closed. Raises `Malformed` for a name that is no
    number."""
    if len(node) == 1 and "1" in node:
        return [node["1"]]
    try:
        return [node[key] for key in sorted(node, key=_number)]
    except ValueError:
        raise Malformed("Start of structure or map found where not expected.") from None


def _number(key: str) -> int:
    if len(key) > 10 or not key.isascii() or not key.isdigit():
        raise ValueError(key)
    return int(key)
