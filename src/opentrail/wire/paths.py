"""Which operation of a REST service a method, path and query mean: one tree of path segments per service and method.

Static segments go before labels, labels before greedy labels (`{Key+}`). Where several operations share a path, those whose query constants
(`?uploads`, `?list-type=2`) are all there and most numerous win, then those that miss none of their required query and header parameters
(UploadPart against PutObject), then those that know most of the query parameters sent, then the one that is not deprecated.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from opentrail.wire.form import fields, unquote
from opentrail.wire.http import Headers

STATIC, LABEL, GREEDY = 0, 1, 2


@dataclass(frozen=True, slots=True)
class _Entry:
    name: str
    labels: tuple[str, ...]
    constants: tuple[tuple[str, str], ...]
    required_query: tuple[str, ...]
    required_headers: tuple[str, ...]
    known_query: frozenset[str]
    deprecated: bool
    slash: bool
    """The template ends in a slash."""


@dataclass(slots=True)
class _Node:
    static: dict[str, _Node] = field(default_factory=dict)
    label: _Node | None = None
    greedy: dict[tuple[str, ...], list[_Entry]] = field(default_factory=dict)
    """What follows the greedy label → entries; most often nothing does."""
    entries: list[_Entry] = field(default_factory=list)


@dataclass(frozen=True, slots=True, order=True)
class Match:
    """An operation found; the smaller, the better (fields in order of weight, so that matches of several services can be compared)."""

    missing: int
    """Required query and header parameters that are not there."""
    kinds: tuple[int, ...]
    loose: bool
    """A slash at the end is there and not in the model, or the other way round: accepted, but an exact match goes before."""
    preference: tuple[int, ...]
    name: str = field(compare=False)
    labels: Mapping[str, str] = field(compare=False)


class PathTable:
    """The operations of one REST service, found by request line and headers."""

    def __init__(self, description: Mapping[str, Any]) -> None:
        self._roots: dict[str, _Node] = {}
        for name, operation in description["operations"].items():
            http = operation.get("http", {})
            path, _, query = http.get("requestUri", "/").partition("?")
            segments = path.split("/")[1:]
            slash = segments[-1] == ""
            if slash:
                segments.pop()
            labels = tuple(segment[1:-1].removesuffix("+") for segment in segments if segment.startswith("{"))
            node = self._roots.setdefault(http.get("method", "POST"), _Node())
            self._add(node, segments, _entry(name, operation, labels, query, description["shapes"], slash=slash))

    @staticmethod
    def _add(node: _Node, segments: list[str], entry: _Entry) -> None:
        for index, segment in enumerate(segments):
            if not segment.startswith("{"):
                node = node.static.setdefault(segment, _Node())
            elif segment.endswith("+}"):
                node.greedy.setdefault(tuple(segments[index + 1 :]), []).append(entry)
                return
            else:
                node.label = node.label or _Node()
                node = node.label
        node.entries.append(entry)

    def find(self, method: str, path: str, query: Mapping[str, str], headers: Headers) -> Match | None:
        """The operation meant, or None. `path` is still percent-encoded, `query` decoded; label values come out decoded."""
        root = self._roots.get(method)
        if root is None:
            return None
        segments = path.split("/")[1:]
        for entries, kinds, values in _walk(root, segments, 0, (), ()):
            best = _best(entries, query, headers)
            if best is not None:
                entry, missing, preference = best
                loose = kinds[-1:] != (GREEDY,) and entry.slash != path.endswith("/")
                return Match(missing, kinds, loose, preference, entry.name, dict(zip(entry.labels, map(unquote, values), strict=True)))
        return None


_Found = tuple[list[_Entry], tuple[int, ...], tuple[str, ...]]


def _walk(node: _Node, segments: Sequence[str], at: int, kinds: tuple[int, ...], values: tuple[str, ...]) -> Iterator[_Found]:
    left = len(segments) - at
    if left == 0 or (left == 1 and segments[at] == ""):
        if node.entries:
            yield node.entries, kinds, values
        return
    segment = segments[at]
    below = node.static.get(unquote(segment) if "%" in segment else segment)
    if below is not None:
        yield from _walk(below, segments, at + 1, (*kinds, STATIC), values)
    if node.label is not None and segment:
        yield from _walk(node.label, segments, at + 1, (*kinds, LABEL), (*values, segment))
    for tail, entries in sorted(node.greedy.items(), key=lambda item: -len(item[0])):
        end = len(segments) - len(tail)
        if end > at and tuple(segments[end:]) == tail:
            value = "/".join(segments[at:end])
            if value:
                yield entries, (*kinds, GREEDY, *(STATIC for _ in tail)), (*values, value)


def _best(entries: list[_Entry], query: Mapping[str, str], headers: Headers) -> tuple[_Entry, int, tuple[int, ...]] | None:
    best: tuple[tuple[int, ...], _Entry, int] | None = None
    wanted = query.get("x-id")
    for entry in entries:
        if entry.constants and not _has_all(query, entry.constants):
            continue
        missing = required = 0
        if entry.required_query or entry.required_headers:
            required = len(entry.required_query) + len(entry.required_headers)
            missing = sum(name not in query for name in entry.required_query) + sum(name not in headers for name in entry.required_headers)
        known = len(entry.known_query & query.keys()) if query else 0
        weight = (-(entry.name == wanted), -len(entry.constants), missing, missing - required, -known, int(entry.deprecated))
        if best is None or weight < best[0]:
            best = (weight, entry, missing)
    return None if best is None else (best[1], best[2], best[0])


def _has_all(query: Mapping[str, str], constants: tuple[tuple[str, str], ...]) -> bool:
    for name, value in constants:
        sent = query.get(name)
        if sent is None or (value and sent != value):
            return False
    return True


def _entry(
    name: str, operation: Mapping[str, Any], labels: tuple[str, ...], query: str, shapes: Mapping[str, Any], *, slash: bool
) -> _Entry:
    shape = shapes[operation["input"]["shape"]] if "input" in operation else {}
    members = shape.get("members", {})
    required = [(members[member].get("location"), members[member].get("locationName", member)) for member in shape.get("required", ())]
    constants = tuple((key, value) for key, value in fields(query) if key != "x-id")
    known = {member.get("locationName", key) for key, member in members.items() if member.get("location") == "querystring"}
    return _Entry(
        name=name,
        labels=labels,
        constants=constants,
        required_query=tuple(wire for location, wire in required if location == "querystring"),
        required_headers=tuple(wire.lower() for location, wire in required if location == "header"),
        known_query=frozenset(known | {key for key, _ in constants}),
        deprecated=bool(operation.get("deprecated")),
        slash=slash,
    )
