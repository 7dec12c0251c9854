"""Lifecycle rules: which versions of which objects they concern, and when. Pure.

Rules of the S3 user guide ("Managing the lifecycle of objects"): a number of days counts from the time an object was written, or from the
time a version got a successor, and then to the next midnight UTC. Removing goes before changing the storage class; of several rules that
remove, the earliest counts. What is locked is not removed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum

import msgspec

from opentrail.buckets.locks import locked
from opentrail.buckets.values import StoredObject, Upload

DAY = 86_400
STORAGE_CLASSES = ("STANDARD", "STANDARD_IA", "INTELLIGENT_TIERING", "ONEZONE_IA", "GLACIER_IR")
"""From the warmest to the coldest: transitions only go this way."""
LEAST_TRANSITION = 128 << 10
"""Bytes below which an object keeps its storage class, unless the rule's filter says something about sizes."""


class Filter(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a rule concerns; everything given must hold."""

    prefix: str = ""
    tags: dict[str, str] = {}
    larger_than: int | None = None
    """Bytes."""
    smaller_than: int | None = None


class Transition(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A change of storage class, which is only noted; either `days` or `date`."""

    storage_class: str
    days: int | None = None
    date: float | None = None
    kept: int = 0
    """How many newer noncurrent versions there must be."""


class Rule(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One rule. Dates are seconds since the epoch."""

    id: str
    enabled: bool
    filter: Filter = Filter()
    form: str = "Filter"
    """How the filter was written: `Prefix` of the rule itself (old), `Filter/Prefix`, `Filter` with another condition or none, `And`."""
    days: int | None = None
    date: float | None = None
    markers: bool | None = None
    """Whether delete markers without any version behind them go (`ExpiredObjectDeleteMarker`)."""
    noncurrent_days: int | None = None
    kept: int | None = None
    """How many noncurrent versions stay in any case."""
    transitions: list[Transition] = []
    noncurrent_transitions: list[Transition] = []
    abort_days: int | None = None


class Lifecycle(msgspec.Struct, frozen=True, kw_only=True):
    """The lifecycle configuration of a bucket."""

    rules: list[Rule]
    minimum_size: str = "all_storage_classes_128K"
    """`TransitionDefaultMinimumObjectSize`, as given."""


_lifecycle = msgspec.json.Decoder(Lifecycle)


def decode(text: str) -> Lifecycle:
    """A stored configuration."""
    return _lifecycle.decode(text)


class Deed(Enum):
    """What happens to a version."""

    EXPIRE = "hide it behind a delete marker, or remove it where no versions are kept"
    REMOVE = "remove it for good"


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What else there is under the key of a version; asked only where a rule needs it."""

    newer: Callable[[], int]
    """How many noncurrent versions are newer."""
    alone: Callable[[], bool]
    """Whether it is the only version."""


def due(since: float, days: int) -> float:
    """The midnight from which something is due that was to be kept for `days` since then."""
    return (int(since + days * DAY) // DAY + 1) * DAY


def deed(rules: Iterable[Rule], stored: StoredObject, surroundings: Surroundings, now: float) -> Deed | str | None:
    """What is due for a version: its removal, the storage class it changes to, or nothing."""
    concerned = [rule for rule in rules if rule.enabled and concerns(rule.filter, stored)]
    if stored.superseded is not None:
        if any(_noncurrent_is_over(rule, stored.superseded, surroundings, now) for rule in concerned):
            return None if locked(stored.lock, now) else Deed.REMOVE
        moves = [(due(stored.superseded, move.days or 0), move, rule) for rule in concerned for move in rule.noncurrent_transitions]
        moves = [(at, move, rule) for at, move, rule in moves if at <= now and (not move.kept or surroundings.newer() >= move.kept)]
    elif stored.marker:
        ripe = any(rule.markers or _is_over(rule, stored.modified, now) for rule in concerned)
        return Deed.REMOVE if ripe and surroundings.alone() else None
    else:
        if any(_is_over(rule, stored.modified, now) for rule in concerned):
            return Deed.EXPIRE
        moves = [(_at(move, stored.modified), move, rule) for rule in concerned for move in rule.transitions]
    return None if stored.marker else _transition(stored, moves, now)


def expiration(rules: Iterable[Rule], stored: StoredObject) -> tuple[float, str] | None:
    """When the object expires (epoch seconds) and by which rule; `None` when no rule says so."""
    found = [
        (due(stored.modified, rule.days) if rule.days is not None else rule.date or 0.0, rule.id)
        for rule in rules
        if rule.enabled and (rule.days is not None or rule.date is not None) and concerns(rule.filter, stored)
    ]
    return min(found) if found else None


def abortion(rules: Iterable[Rule], key: str, initiated: float) -> tuple[float, str] | None:
    """When an upload to `key` that was begun at `initiated` is given up, and by which rule."""
    found = [
        (due(initiated, rule.abort_days), rule.id)
        for rule in rules
        if rule.enabled and rule.abort_days is not None and key.startswith(rule.filter.prefix)
    ]
    return min(found) if found else None


def is_given_up(rules: Iterable[Rule], upload: Upload, now: float) -> bool:
    """Whether an unfinished upload is over."""
    found = abortion(rules, upload.key, upload.initiated)
    return found is not None and found[0] <= now


def concerns(filter_: Filter, stored: StoredObject) -> bool:
    """Whether the filter lets a version through; a delete marker has neither tags nor a size."""
    if not stored.key.startswith(filter_.prefix):
        return False
    if stored.marker:
        return not filter_.tags and filter_.larger_than is None and filter_.smaller_than is None
    return (
        all(stored.tags.get(name) == value for name, value in filter_.tags.items())
        and (filter_.larger_than is None or stored.size > filter_.larger_than)
        and (filter_.smaller_than is None or stored.size < filter_.smaller_than)
    )


def _is_over(rule: Rule, modified: float, now: float) -> bool:
    return (rule.days is not None and due(modified, rule.days) <= now) or (rule.date is not None and rule.date <= now)


def _noncurrent_is_over(rule: Rule, superseded: float, surroundings: Surroundings, now: float) -> bool:
    if rule.noncurrent_days is None or due(superseded, rule.noncurrent_days) > now:
        return False
    return rule.kept is None or surroundings.newer() >= rule.kept


def _at(move: Transition, modified: float) -> float:
    return move.date if move.date is not None else due(modified, move.days or 0)


def _transition(stored: StoredObject, moves: Sequence[tuple[float, Transition, Rule]], now: float) -> str | None:
    here = _rank(stored.attributes.storage_class)
    ripe = [
        _rank(move.storage_class)
        for at, move, rule in moves
        if at <= now and (stored.size >= LEAST_TRANSITION or rule.filter.larger_than is not None or rule.filter.smaller_than is not None)
    ]
    coldest = max(ripe, default=here)
    return STORAGE_CLASSES[coldest] if coldest > here else None


def _rank(storage_class: str) -> int:
    return STORAGE_CLASSES.index(storage_class) if storage_class in STORAGE_CLASSES else 0
