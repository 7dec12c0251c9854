"""Which resources an event is about: what `LookupEvents` prints as `Resources` and finds by name or type.

CloudTrail derives them from the request and the response (`CreateUser` shows the user, `RunInstances` the instance, image, subnet…), and
names types as AWS Config does. The knowledge is the tables of `resource_types`. What the record's own `resources` array adds is taken
too, by ARN and by name. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from opentrail.eventstore import resource_types

Resource = tuple[str, str]
"""(type, name); the type is `""` where nobody knows it."""

LIMIT: Final = 100
"""Most resources kept for one event; a call that names more (a batch of thousands) keeps its first ones."""

MAX_NAME: Final = 2000
"""Longest name kept: `LookupEvents` cannot ask for a longer one (spec/history-and-insights.md §2)."""

MAX_DEPTH: Final = 12

_OPAQUE: Final = frozenset(
    ("tags", "tagSet", "tagsList", "tagList", "tagSpecificationSet", "bucketPolicy", "policyDocument", "assumeRolePolicyDocument")
)
"""Members whose content is the caller's own text, not names of resources."""


def derive(
    source: str, name: str, request: Mapping[str, Any] | None, response: Mapping[str, Any] | None, listed: Sequence[Mapping[str, Any]]
) -> tuple[Resource, ...]:
    """The resources of one event, in the order found, each once: request, response, then the record's own `resources`."""
    members = resource_types.MEMBERS.get(source)
    further = resource_types.FURTHER.get((source, name))
    found: dict[str, str] = {}
    if members or further:
        table = {**(members or {}), **(further or {})} if further else members or {}
        for tree in (request, response):
            if tree:
                _walk(tree, "", table, found, 0)
    for type_, listed_name in _listed(listed):
        _keep(found, listed_name, type_)
    return tuple((type_, known) for known, type_ in found.items())


def has_rules(source: str) -> bool:
    """Whether the request and response of `source` need to be looked into at all."""
    return source in resource_types.MEMBERS


def arn_name(arn: str) -> str:
    """The name at the end of an ARN: `arn:aws:iam::1:role/a/b` → `b`, `arn:aws:s3:::bucket` → `bucket`."""
    resource = arn.split(":", 5)[-1]
    return resource.rsplit("/", 1)[-1].rsplit(":", 1)[-1]


def _listed(entries: Sequence[Mapping[str, Any]]) -> Iterable[Resource]:
    for entry in entries:
        arn = entry.get("ARN")
        if not isinstance(arn, str) or not arn:
            continue
        type_ = entry.get("type")
        type_ = type_ if isinstance(type_, str) else ""
        yield type_, arn
        if arn.startswith("arn:") and (name := arn_name(arn)):
            yield type_, name


def _keep(found: dict[str, str], name: str, type_: str) -> None:
    if name and len(name) <= MAX_NAME and len(found) < LIMIT and not found.get(name):
        found[name] = type_


def _walk(tree: Mapping[str, Any], parent: str, table: Mapping[str, str], found: dict[str, str], depth: int) -> None:
    for member, value in tree.items():
        if isinstance(value, str):
            type_ = table.get(member) or table.get(f"{parent}.{member}")
            if type_:
                _keep(found, value, type_)
                if type_ == resource_types.QUEUE:
                    # most calls name a queue by its URL, people by its name
                    _keep(found, value.rsplit("/", 1)[-1], type_)
        elif member in _OPAQUE or depth >= MAX_DEPTH:
            continue
        elif isinstance(value, dict):
            _walk(value, parent if member == "items" else member, table, found, depth + 1)
        elif isinstance(value, list):
            type_ = table.get(member) or table.get(f"{parent}.{member}") or ""
            for item in value:
                if isinstance(item, dict):
                    _walk(item, parent if member == "items" else member, table, found, depth + 1)
                elif type_ and isinstance(item, str):
                    _keep(found, item, type_)
