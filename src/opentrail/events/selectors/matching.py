"""From stored selectors to one closure (reference of trails, §7, "Evaluation").

1. An event is taken when any selector matches.
2. A selector matches when all its fields match.
3. Within a field the selecting operators are OR'd over all their values, the deselecting ones are AND'd (any hit rejects), and both
   groups must hold. No selecting value: that group holds.
4. `resources.type` and `resources.ARN` look at the entries of `resources`: one entry must satisfy both.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from opentrail.events.selectors.facts import Facts, Kind, Resource

_Test = Callable[[str | None], bool]
_Entry = Callable[[Resource], bool]


class SelectorError(ValueError):
    """These are no selectors; the message says what to change."""


@dataclass(frozen=True, slots=True)
class Matcher:
    """Compiled selectors."""

    matches: Callable[[Facts], bool]
    """Whether an event is taken."""
    may: Callable[[Kind], bool]
    """Whether some event of this kind could be taken. Never wrongly no."""
    categories: frozenset[str]
    """The only categories of which anything is taken."""


def compiled(stored: Mapping[str, Any] | None) -> Matcher:
    """One matcher for `{"EventSelectors": […]}` or `{"AdvancedEventSelectors": […]}` as `checked_basic` and `checked_advanced` give them;
    `None` is the default of a trail without selectors."""
    if stored is None:
        return _management(None, ())
    if "AdvancedEventSelectors" in stored:
        parts = [_advanced(one) for one in stored["AdvancedEventSelectors"]]
    else:
        parts = [part for one in stored["EventSelectors"] for part in _basic(one)]
    return parts[0] if len(parts) == 1 else _any(parts)


def _any(parts: Sequence[Matcher]) -> Matcher:
    matches, may = [part.matches for part in parts], [part.may for part in parts]

    def either(facts: Facts) -> bool:
        for one in matches:  # noqa: SIM110 - a generator costs as much as the test itself
            if one(facts):
                return True
        return False

    categories = frozenset[str]().union(*(part.categories for part in parts))
    return Matcher(either, lambda kind: any(one(kind) for one in may), categories)


# Basic selectors


def _basic(selector: Mapping[str, Any]) -> list[Matcher]:
    read_only = {"ReadOnly": True, "WriteOnly": False}.get(selector["ReadWriteType"])
    parts = [_management(read_only, selector["ExcludeManagementEventSources"])] if selector["IncludeManagementEvents"] else []
    wanted: dict[str, list[str]] = {}
    for resource in selector["DataResources"]:
        if resource["Values"]:
            wanted.setdefault(resource["Type"], []).extend(resource["Values"])
    return [*parts, _basic_data(read_only, wanted)] if wanted else parts


def _management(read_only: bool | None, excluded: Iterable[str]) -> Matcher:
    left_out = frozenset(excluded)

    def matches(facts: Facts) -> bool:
        # A record without readOnly counts as a write: nothing may slip through a WriteOnly selector.
        if facts.event_category != "Management" or facts.event_source in left_out:
            return False
        return read_only is None or bool(facts.read_only) == read_only

    def may(kind: Kind) -> bool:
        return kind.category == "Management" and kind.source not in left_out and read_only in (None, kind.read_only)

    return Matcher(matches, may, frozenset({"Management"}))


def _basic_data(read_only: bool | None, wanted: Mapping[str, Sequence[str]]) -> Matcher:
    entries = {kind: _basic_values(kind, values) for kind, values in wanted.items()}
    types = frozenset(entries)

    def matches(facts: Facts) -> bool:
        if facts.event_category != "Data" or (read_only is not None and bool(facts.read_only) != read_only):
            return False
        for resource in facts.resources or ():
            test = entries.get(resource.type or "")
            if test is not None and test(resource.name):
                return True
        return False

    def may(kind: Kind) -> bool:
        return kind.category == "Data" and read_only in (None, kind.read_only) and not types.isdisjoint(kind.types)

    return Matcher(matches, may, frozenset({"Data"}))


def is_everything(value: str) -> bool:
    """Whether a value of a basic data resource means all resources of its type: `arn:aws:s3`, `arn:aws:s3:::`, `arn:aws:lambda`."""
    return value.removesuffix(":::").count(":") == 2


def _basic_values(kind: str, values: Sequence[str]) -> _Test:
    if any(is_everything(value) for value in values):
        return lambda name: True
    if kind == "AWS::S3::Object":
        return _tested({"StartsWith": values})
    return _tested({"Equals": values})  # functions and tables: the very ARN


# Advanced selectors

_GETTERS: Mapping[str, Callable[[Facts], str | None]] = {
    "eventSource": attrgetter("event_source"),
    "eventName": attrgetter("event_name"),
    "eventType": attrgetter("event_type"),
    "readOnly": lambda facts: "true" if facts.read_only else "false",
    "userIdentity.arn": lambda facts: facts.user_identity.arn if facts.user_identity is not None else None,
    "sessionCredentialFromConsole": attrgetter("session_credential_from_console"),
    "errorCode": attrgetter("error_code"),
    "vpcEndpointId": attrgetter("vpc_endpoint_id"),
}
_KNOWN_BEFORE: Mapping[str, Callable[[Kind], str]] = {
    "eventSource": attrgetter("source"),
    "eventName": attrgetter("name"),
    "readOnly": lambda kind: "true" if kind.read_only else "false",
}


def _advanced(selector: Mapping[str, Any]) -> Matcher:
    fields = {field["Field"]: _tested(field) for field in selector["FieldSelectors"]}
    category = next(field["Equals"][0] for field in selector["FieldSelectors"] if field["Field"] == "eventCategory")
    tests = [(_GETTERS[name], test) for name, test in fields.items() if name in _GETTERS]
    before = [(_KNOWN_BEFORE[name], test) for name, test in fields.items() if name in _KNOWN_BEFORE]
    kind_of, arn_of = fields.get("resources.type"), fields.get("resources.ARN")
    entry = _entry(kind_of, arn_of)

    def matches(facts: Facts) -> bool:
        if facts.event_category != category:
            return False
        for get, test in tests:
            if not test(get(facts)):
                return False
        if entry is None:
            return True
        for resource in facts.resources or ():  # noqa: SIM110
            if entry(resource):
                return True
        return False

    def may(kind: Kind) -> bool:
        if kind.category != category or not all(test(get(kind)) for get, test in before):
            return False
        return kind_of is None or any(kind_of(one) for one in kind.types)

    return Matcher(matches, may, frozenset({category}))


def _entry(kind_of: _Test | None, arn_of: _Test | None) -> _Entry | None:
    if kind_of is None:
        return None if arn_of is None else lambda resource: arn_of(resource.name)
    if arn_of is None:
        return lambda resource: kind_of(resource.type)
    return lambda resource: kind_of(resource.type) and arn_of(resource.name)


def _tested(field: Mapping[str, Any]) -> _Test:
    """The test of one value by the operators of `field`. What is not there (`None`) is selected by nothing and deselected by nothing."""
    equals, starts, ends = frozenset(field.get("Equals", ())), tuple(field.get("StartsWith", ())), tuple(field.get("EndsWith", ()))
    others = frozenset(field.get("NotEquals", ()))
    not_starts, not_ends = tuple(field.get("NotStartsWith", ())), tuple(field.get("NotEndsWith", ()))
    selects, deselects = bool(equals or starts or ends), bool(others or not_starts or not_ends)
    if equals and not (starts or ends or deselects):
        return lambda value: value in equals
    if starts and not (equals or ends or deselects):
        return _started(starts)

    def test(value: str | None) -> bool:
        if value is None:
            return not selects
        if selects and not (value in equals or value.startswith(starts) or value.endswith(ends)):
            return False
        return not (value in others or value.startswith(not_starts) or value.endswith(not_ends))

    return test


FEW = 8
"""Beginnings up to which asking them one after another is as fast as looking one up."""


def _started(beginnings: Sequence[str]) -> _Test:
    """Whether a text begins with one of `beginnings`, in time that hardly grows with their number.

    In order and without those that begin with another one, at most one of them can be the beginning of a text: the last that is not
    behind it.
    """
    if len(beginnings) <= FEW:
        few = tuple(beginnings)
        return lambda value: value is not None and value.startswith(few)
    ordered: list[str] = []
    for beginning in sorted(beginnings):
        if not ordered or not beginning.startswith(ordered[-1]):
            ordered.append(beginning)

    def test(value: str | None) -> bool:
        if value is None:
            return False
        at = bisect_right(ordered, value)
        return at > 0 and value.startswith(ordered[at - 1])

    return test
