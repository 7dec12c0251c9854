"""The canonical forms of a request that signatures are made over.

Rules: "Create a signed AWS API request" of the IAM user guide. Text stands for octets (`latin-1`), as everywhere in `wire.http`.

A client may send `(` in a path and sign `%28`: AWS signs the decoded and newly encoded form, botocore's S3 signer the form as sent.
Both are a statement about the same octets, so both count: where they differ, `paths` and `queries` give the two forms.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from urllib.parse import quote_from_bytes, unquote_to_bytes

S3_SIGNING_NAMES = frozenset({"s3", "s3express", "s3-object-lambda", "s3-outposts"})
"""Scopes whose paths are neither normalised nor encoded twice, because object keys mean every octet of them."""


def paths(path: str, signing_name: str) -> tuple[str, ...]:
    """The canonical path of `path` (as sent, percent-encoded): one form, or two where clients differ."""
    if path in ("", "/"):
        return ("/",)
    if signing_name in S3_SIGNING_NAMES:
        return _distinct(encoded(unquote_to_bytes(octets(path)), safe="/"), path)
    return (encoded(octets(normalised(path)), safe="/"),)


def normalised(path: str) -> str:
    """`path` without empty, `.` and `..` segments; a final slash stays."""
    if "//" not in path and "/." not in path and path.startswith("/"):
        return path
    kept: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            del kept[-1:]
        elif segment and segment != ".":
            kept.append(segment)
    return "/" + "/".join(kept) + ("/" if kept and path.endswith("/") else "")


def queries(query: str, *, leave_out: str | None = None) -> tuple[str, ...]:
    """The canonical query of `query` (as sent), without the parameter `leave_out`: one form, or two where clients differ.

    A `+` is a blank, as in every query that AWS reads.
    """
    if not query:
        return ("",)
    sent = [(key, value) for key, _, value in (pair.partition("=") for pair in query.split("&")) if key != leave_out]
    clean = ((_decoded(key), _decoded(value)) for key, value in sent if key or value)
    return _distinct(_joined((encoded(key), encoded(value)) for key, value in clean), _joined(sent))


def parameters(query: str) -> Iterator[tuple[str, str]]:
    """The decoded pairs of `query`, in order; octets that are no UTF-8 become U+FFFD."""
    for pair in query.split("&"):
        if pair:
            key, _, value = pair.partition("=")
            yield _decoded(key).decode("utf-8", "replace"), _decoded(value).decode("utf-8", "replace")


def header_value(value: str) -> str:
    """`value` without outer blanks and with runs of blanks as one."""
    if "  " not in value and "\t" not in value:
        return value.strip(" ")
    return b" ".join(octets(value).split()).decode("latin-1")


def encoded(value: bytes, *, safe: str = "") -> str:
    """`value` percent-encoded, all but unreserved characters and `safe`."""
    return quote_from_bytes(value, safe=safe)


def octets(text: str) -> bytes:
    """The octets that `text` stands for."""
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")


def _decoded(text: str) -> bytes:
    return unquote_to_bytes(octets(text.replace("+", " ")))


def _joined(pairs: Iterable[tuple[str, str]]) -> str:
    return "&".join(f"{key}={value}" for key, value in sorted(pairs))


def _distinct(first: str, second: str) -> tuple[str, ...]:
    return (first,) if first == second else (first, second)
