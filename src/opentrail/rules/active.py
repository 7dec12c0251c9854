"""The rules that count now, by bus, ready to be matched: kept in memory and renewed when the generation of the store has changed."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import select

from opentrail.rules.envelopes import Happening
from opentrail.rules.patterns import PatternSet, compiled
from opentrail.rules.store import Store, rules, targets
from opentrail.rules.values import DISABLED
from opentrail.wire.faults import Fault

log = logging.getLogger("opentrail.rules")

Places = list[tuple[str, str]]
"""ARN of the rule and id of the target."""


class _Known(NamedTuple):
    bus_arn: str
    pattern: str
    state: str
    created: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """When an event came about."""

    happened: float
    """Seconds since 1970, to the second where it is known no better."""
    now: float


class ActiveRules:
    """One thread."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._generation = -1
        self._known: dict[str, _Known] = {}
        self._sets: dict[str, PatternSet] = defaultdict(PatternSet)
        self._targets: dict[str, list[str]] = {}

    def look(self) -> bool:
        """See what has changed since the last look; whether there is any rule with a target."""
        generation = self._store.generation()
        if generation != self._generation:
            self._renew()
            self._generation = generation
        return bool(self._known) and bool(self._targets)

    def watches(self, bus_arn: str) -> bool:
        """Whether a bus has any rule."""
        return bus_arn in self._sets

    def matching(self, bus_arn: str, happening: Happening, moment: Moment) -> Places:
        """The targets of the rules of a bus that match, by name of rule and id of target."""
        patterns = self._sets.get(bus_arn)
        if patterns is None:
            return []
        found: Places = []
        for key in sorted(map(str, patterns.matching(happening.event))):
            rule = self._known[key]
            if happening.reaches(rule.state) and _counts(rule, moment):  # type: ignore[arg-type]  # the column holds nothing else
                found += [(key, target) for target in self._targets.get(key, ())]
        return found

    def _renew(self) -> None:
        columns = (rules.c.arn, rules.c.bus_arn, rules.c.pattern, rules.c.state, rules.c.created)
        with self._store.read() as connection:
            rows = connection.execute(select(*columns).where(rules.c.pattern.is_not(None), rules.c.state != DISABLED)).all()
            places = connection.execute(
                select(targets.c.rule_arn, targets.c.target_id).order_by(targets.c.rule_arn, targets.c.target_id)
            ).all()
        new = {row.arn: _Known(row.bus_arn, row.pattern, row.state, row.created) for row in rows}
        for arn in [arn for arn, rule in self._known.items() if not _same(rule, new.get(arn))]:
            self._drop(arn)
        for arn, rule in new.items():
            if arn not in self._known:
                self._add(arn, rule)
            else:
                self._known[arn] = rule
        self._targets = {}
        for rule_arn, target_id in places:
            self._targets.setdefault(rule_arn, []).append(target_id)

    def _drop(self, arn: str) -> None:
        bus = self._known.pop(arn).bus_arn
        self._sets[bus].remove(arn)
        if not len(self._sets[bus]):
            del self._sets[bus]

    def _add(self, arn: str, rule: _Known) -> None:
        try:
            pattern = compiled(rule.pattern)
        except Fault as fault:
            log.error("the rule %s has a pattern that is not understood: %s", arn, fault)
            return
        self._sets[rule.bus_arn].add(arn, pattern)
        self._known[arn] = rule


def _same(rule: _Known, other: _Known | None) -> bool:
    return other is not None and (rule.bus_arn, rule.pattern) == (other.bus_arn, other.pattern)


def _counts(rule: _Known, moment: Moment) -> bool:
    """A rule counts for what happens from when it was made. One that was made later than now tells that the clock was set back."""
    return int(rule.created) <= moment.happened or rule.created > moment.now


def scene(event: Mapping[str, Any]) -> Happening:
    """An event that was put onto a bus: every rule sees it."""
    return Happening(event=event, reads_only=False)
