"""How the rules stand and stood (`spans`), by bus, ready to be matched: in memory, renewed when the generation of the store has changed."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import select

from opentrail.rules.envelopes import Happening
from opentrail.rules.patterns import PatternSet, compiled
from opentrail.rules.spans import spans
from opentrail.rules.store import Store
from opentrail.rules.values import RuleState
from opentrail.wire.faults import Fault

log = logging.getLogger("opentrail.rules")

Places = list[tuple[str, str]]
"""ARN of the rule and id of the target."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Span:
    rule_arn: str
    bus_arn: str
    pattern: str
    state: RuleState
    targets: Sequence[str]
    since: int
    until: int | None

    def holds(self, position: int) -> bool:
        return self.since < position and (self.until is None or position <= self.until)


class ActiveRules:
    """One thread."""

    def __init__(self, store: Store, line: Literal["record", "event"]) -> None:
        """`line`: of what the positions are, records of the journal or events on buses."""
        self._store = store
        self._line = line
        self._generation = -1
        self._known: dict[int, _Span] = {}
        self._sets: dict[str, PatternSet] = defaultdict(PatternSet)
        self.any_ended = False
        """Whether some of it holds for nothing that is still to come."""

    def look(self) -> bool:
        """See what has changed since the last look; whether there is any rule with a target."""
        generation = self._store.generation()
        if generation != self._generation:
            self._renew()
            self._generation = generation
        return bool(self._known)

    def watches(self, bus_arn: str) -> bool:
        """Whether a bus has any rule."""
        return bus_arn in self._sets

    def matching(self, bus_arn: str, happening: Happening, position: int) -> Places:
        """The targets of the rules of a bus that match and were there when it happened, by name of rule and id of target."""
        patterns = self._sets.get(bus_arn)
        if patterns is None:
            return []
        found = [self._known[key] for key in patterns.matching(happening.event)]  # type: ignore[index]  # put in by `_add` alone
        held = [span for span in found if span.holds(position) and happening.reaches(span.state)]
        return [(span.rule_arn, target) for span in sorted(held, key=lambda span: span.rule_arn) for target in span.targets]

    def _renew(self) -> None:
        line = (spans.c.since_record, spans.c.until_record) if self._line == "record" else (spans.c.since_event, spans.c.until_event)
        columns = (spans.c.id, spans.c.rule_arn, spans.c.bus_arn, spans.c.pattern, spans.c.state, spans.c.targets)
        with self._store.read() as connection:
            rows = connection.execute(select(*columns, line[0].label("since"), line[1].label("until"))).all()
        new = {row[0]: _Span(**{name: value for name, value in row._mapping.items() if name != "id"}) for row in rows}
        for key in self._known.keys() - new.keys():
            self._drop(key)
        for key, span in new.items():
            if key in self._known:
                self._known[key] = span  # only its end can be new
            else:
                self._add(key, span)
        self.any_ended = any(span.until is not None for span in new.values())

    def _drop(self, key: int) -> None:
        bus = self._known.pop(key).bus_arn
        self._sets[bus].remove(key)
        if not len(self._sets[bus]):
            del self._sets[bus]

    def _add(self, key: int, span: _Span) -> None:
        try:
            pattern = compiled(span.pattern)
        except Fault as fault:
            log.error("the rule %s has a pattern that is not understood: %s", span.rule_arn, fault)
            return
        self._sets[span.bus_arn].add(key, pattern)
        self._known[key] = span


def scene(event: Mapping[str, Any]) -> Happening:
    """An event that was put onto a bus: every rule sees it."""
    return Happening(event=event, reads_only=False)
