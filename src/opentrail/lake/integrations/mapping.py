"""A mapping as data: how the event of a source becomes an `eventData` (reference of Lake, §3.1). Pure.

    [event]                                             # a field of eventData = where it comes from
    eventSource = "github.com"                          # a text
    eventName = { from = ["action"], else = "unknown" } # the first of these that is there
    UID = { join = ["auditID", "stage"], with = "/" }   # several, joined; `all = true`: only when all are there
    UID = { digest = "sha-256" }                        # of the whole event, where the source has no id of its own
    requestParameters = { object = { repo = "repo" } }  # an object, of what is there

With `from`: `as` says what it is (`text`, `milliseconds`, `seconds`, `time`, `address`), `words` and `starts` put other words in its place,
`only` takes it when another one has one of some values. `[[leave_out]]` names what must not be kept of the original.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Final

from opentrail.errors import OpenTrailError
from opentrail.events import activity
from opentrail.lake.integrations import original, paths
from opentrail.lake.integrations.values import KINDS, text_of

_FIELDS: Final = {field.name: field for field in activity.FIELDS}
_NOT_MAPPED: Final = frozenset({"userIdentity", "recipientAccountId", "additionalEventData"})
_DEEPEST: Final = activity.DEEPEST - 4
"""Levels that a value may have, so that all of the event has no more than it may."""
_OWN_TO: Final = {
    "from": {"from", "as", "words", "starts", "only", "else"},
    "join": {"join", "with", "all", "only", "else"},
    "object": {"object"},
    "digest": {"digest"},
}


class MappingError(OpenTrailError):
    """The mapping cannot be used."""


class Unmapped(OpenTrailError):
    """The event lacks what every event needs."""


@dataclass(frozen=True, slots=True)
class LeaveOut:
    """What must not be kept of the original, and when."""

    when: Mapping[str, Sequence[str]]
    paths: Sequence[str]


class Mapped:
    """One mapping, checked."""

    def __init__(self, told: Mapping[str, Any]) -> None:
        """Raises `MappingError`, which says where."""
        unknown = told.keys() - {"event", "leave_out", "original"}
        if unknown or not isinstance(told.get("event"), Mapping):
            raise MappingError(f"A mapping has [event], [original] and [[leave_out]]; not {', '.join(sorted(unknown)) or 'nothing'}.")
        self._event: dict[str, Any] = {name: _checked(name, rule) for name, rule in _flat(told["event"]).items()}
        missing = [name for name, field in _FIELDS.items() if field.required and name not in self._event and name not in _NOT_MAPPED]
        if missing:
            raise MappingError(f"Every event needs {', '.join(missing)}: say where they come from.")
        self._original: str | None = told.get("original", {}).get("path")
        self._leave_out = [_left_out(rule) for rule in told.get("leave_out", ())]

    def event_data(self, event: Mapping[str, Any], *, account_id: str) -> dict[str, Any]:
        """The `eventData` of an event of the source, within every limit. Raises `Unmapped` when time or id cannot be told."""
        notes: list[str] = []
        data: dict[str, Any] = {}
        for name, rule in self._event.items():
            value = _value(rule, event)
            if value is not None:
                _put(data, name, _within(name, value, notes))
        for name in ("eventTime", "UID"):
            if not data.get(name):
                raise Unmapped(f"The event does not tell its {name}.")
        data.setdefault("userIdentity", {})
        for name, field in _FIELDS.items():
            if field.required and name not in _NOT_MAPPED and not paths.at(data, name):
                raise Unmapped(f"The event does not tell its {name}.")
        data["recipientAccountId"] = account_id
        for name in [name for name, field in _FIELDS.items() if field.kind == "object" and activity.too_deep(data.get(name), _DEEPEST)]:
            notes.append(f"{name} was left out: it was nested too deep")
            del data[name]
        data["additionalEventData"] = original.kept(self._to_keep(event), notes)
        return data

    def _to_keep(self, event: Mapping[str, Any]) -> Any:
        kept: Any = event
        for rule in self._leave_out:
            if all(text_of(paths.at(event, path)) in values for path, values in rule.when.items()):
                for path in rule.paths:
                    kept = paths.without(kept, path)
        return kept if self._original is None else paths.at(kept, self._original)


def read(text: str) -> Mapped:
    """A mapping from the text of a TOML file. Raises `MappingError`."""
    try:
        return Mapped(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise MappingError(f"The mapping is not TOML: {error}.") from error


@cache
def built_in(name: str) -> Mapped:
    """One of ours: `github`, `github-webhook`, `okta`, `kubernetes`."""
    return read(resources.files("opentrail.lake.integrations").joinpath("mappings", f"{name}.toml").read_text(encoding="utf-8"))


def _flat(told: Mapping[str, Any], above: str = "") -> dict[str, Any]:
    """Fields by their dotted names, also where they were written as tables below each other (`[event.userIdentity]`)."""
    found: dict[str, Any] = {}
    for key, value in told.items():
        name = f"{above}{key}"
        if isinstance(value, Mapping) and name == "userIdentity":
            found |= _flat(value, f"{name}.")
        else:
            found[name] = value
    return found


def _checked(name: str, rule: Any) -> Any:
    field = _FIELDS.get(name)
    if field is None or name in _NOT_MAPPED:
        raise MappingError(f"eventData has no field {name} to be mapped; it has {', '.join(sorted(_FIELDS.keys() - _NOT_MAPPED))}.")
    if isinstance(rule, str) and field.kind == "text":
        return rule
    kind = next((kind for kind in _OWN_TO if isinstance(rule, Mapping) and kind in rule), None)
    if kind is None or rule.keys() - _OWN_TO[kind] or (kind == "object") != (field.kind == "object"):
        raise MappingError(f"{name}: give a text, or {'object = {…}' if field.kind == 'object' else 'from = […] or join = […]'}.")
    if kind == "digest":
        return rule
    given = rule[kind].values() if kind == "object" and isinstance(rule[kind], Mapping) else rule[kind]
    if isinstance(given, str) or not all(isinstance(path, str) and paths.is_path(path) for path in given):
        raise MappingError(f"{name}: {kind} holds paths such as actor.id.")
    if rule.get("as", "text") not in KINDS:
        raise MappingError(f"{name}: as is one of {', '.join(KINDS)}.")
    return rule


def _left_out(rule: Any) -> LeaveOut:
    try:
        when = {path: [str(value) for value in values] for path, values in rule.get("when", {}).items()}
        found = LeaveOut(when, list(rule["paths"]))
    except (AttributeError, KeyError, TypeError) as error:
        raise MappingError("leave_out: give paths = […], and when = { path = […] }.") from error
    if not all(isinstance(path, str) and paths.is_path(path) for path in (*found.when, *found.paths)):
        raise MappingError("leave_out: paths look like actor.id.")
    return found


def _value(rule: Any, event: Mapping[str, Any]) -> Any:
    if isinstance(rule, str):
        return rule
    if "object" in rule:
        found = {key: value for key, path in rule["object"].items() if (value := paths.at(event, path)) is not None}
        return found or None
    if "digest" in rule:
        return hashlib.sha256(json.dumps(event, separators=(",", ":"), sort_keys=True).encode()).hexdigest()
    if any(text_of(paths.at(event, path)) not in values for path, values in rule.get("only", {}).items()):
        return None
    if "join" in rule:
        told = [text for path in rule["join"] if (text := text_of(paths.at(event, path)))]
        whole = len(told) == len(rule["join"]) or not rule.get("all")
        return rule.get("with", " ").join(told) if told and whole else rule.get("else")
    for path in rule["from"]:
        value = KINDS[rule.get("as", "text")](paths.at(event, path))
        if value and "words" in rule:
            value = rule["words"].get(value)
        elif value and "starts" in rule:
            value = next((word for start, word in rule["starts"].items() if value.startswith(start)), None)
        if value:
            return value
    return rule.get("else")


def _within(name: str, value: Any, notes: list[str]) -> Any:
    field = _FIELDS[name]
    if field.kind == "object":
        limit = field.limit or activity.LIMITS["additionalEventData"]
        if activity.size(value) > limit:
            notes.append(f"{name} was left out: it had {activity.size(value)} bytes")
            return None
        return value
    if field.limit and len(value) > field.limit:
        notes.append(f"{name} was cut: it had {len(value)} characters")
        return value[: field.limit]
    return value


def _put(data: dict[str, Any], name: str, value: Any) -> None:
    if value is None:
        return
    *above, last = name.split(".")
    for part in above:
        data = data.setdefault(part, {})
    data[last] = value
