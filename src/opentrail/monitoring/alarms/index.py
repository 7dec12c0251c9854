"""All alarms in memory, as the evaluation needs them: by number, by metric, and composite ones by the alarms that they name."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass, field

from opentrail.monitoring.alarms.rule import rule
from opentrail.monitoring.alarms.settings import Watched
from opentrail.monitoring.alarms.store import METRIC, Alarm, AlarmStore, plain
from opentrail.monitoring.metrics.store import key_of

log = logging.getLogger("opentrail.watch")


@dataclass(slots=True)
class Held:
    """What is kept of one alarm: a few hundred bytes."""

    number: int
    version: int
    state: str
    watched: Watched | None
    low_samples_count: bool
    keys: frozenset[object]
    """Where it is found in the index."""
    due: float = 0.0
    not_before: float = 0.0
    """Monotonic time before which it is not looked at again because of a new point."""
    judged: int = 0
    """Where the newest window ended that was judged."""


@dataclass(slots=True)
class Index:
    """Follows the table of alarms."""

    store: AlarmStore
    held: dict[int, Held] = field(default_factory=dict)
    _by_key: dict[object, set[int]] = field(default_factory=dict)
    _seen: int = -1

    def refresh(self) -> tuple[list[Held], set[int]]:
        """Take in what changed: alarms that are new or were put again, and the composite ones whose children changed."""
        count = self.store.changes()
        if count == self._seen:
            return [], set()
        changed, numbers = self.store.changed(self._seen)
        self._seen = count
        fresh: list[Held] = []
        touched: set[int] = set()
        gone = self.held.keys() - set(numbers)
        for number in gone:
            touched |= self._drop(number)
        for alarm in changed:
            held = self.held.get(alarm.number)
            if held is not None and held.version == alarm.version:
                if held.state != alarm.state:
                    touched |= self.parents(alarm)
                held.state = alarm.state
                continue
            touched |= self.parents(alarm)
            if held is not None:
                self._drop(alarm.number)
            try:
                fresh.append(self._add(alarm))
            except Exception:
                log.exception("the alarm %s cannot be watched; put it anew", alarm.arn)
        return fresh, touched & self.held.keys()

    def watching(self, keys: Iterable[str]) -> set[int]:
        """Numbers of the alarms on these metrics (`key_of`)."""
        return {number for key in keys for number in self._by_key.get(key, ())}

    def parents(self, alarm: Alarm) -> set[int]:
        """Numbers of the composite alarms that name it."""
        return set(self._by_key.get(_child(alarm), ()))

    def _add(self, alarm: Alarm) -> Held:
        watched = alarm.watched if alarm.kind == METRIC else None
        keys: set[object] = {("self", *_child(alarm)[1:])}
        if watched is not None:
            keys.add(key_of(watched.metric))
        else:
            names = rule(alarm.settings["AlarmRule"]).names
            keys |= {("child", alarm.account_id, alarm.region, plain(name)) for name in names}
        held = Held(
            number=alarm.number,
            version=alarm.version,
            state=alarm.state,
            watched=watched,
            low_samples_count=alarm.settings.get("EvaluateLowSampleCountPercentile") != "ignore",
            keys=frozenset(keys),
        )
        self.held[alarm.number] = held
        for key in keys:
            self._by_key.setdefault(key, set()).add(alarm.number)
        return held

    def _drop(self, number: int) -> set[int]:
        """Forget an alarm; numbers of the composite alarms that name it."""
        parents: set[int] = set()
        for key in self.held.pop(number).keys:
            numbers = self._by_key[key]
            numbers.discard(number)
            if not numbers:
                del self._by_key[key]
            if isinstance(key, tuple) and key[0] == "self":
                parents |= self._by_key.get(("child", *key[1:]), set())
        return parents


def _child(alarm: Alarm) -> tuple[str, str, str, str]:
    return ("child", alarm.account_id, alarm.region, alarm.name)
