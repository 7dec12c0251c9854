"""Counting: the records of the journal become numbers of calls and errors per minute and series. Pure but for its memory.

Who called is counted along with it, in bounded sketches. A minute stays open until records of a later one have come and some seconds more
have passed; what comes later still is added to the points of its minute and learnt, but nothing is told of it.
"""

from __future__ import annotations

import calendar
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from operator import attrgetter
from typing import Any, Final

import msgspec

from opentrail.insights import sketches
from opentrail.insights.names import LONGEST, NOTHING, Agents, Callers, caller
from opentrail.insights.neighbours import Facts, Sources, Taker
from opentrail.insights.values import DATA, MANAGEMENT, Series
from opentrail.journal import Entry

MOST_MINUTES: Final = 4096
"""Texts of minutes whose numbers are remembered."""
TOGETHER: Final = 64
"""Records that are decoded together: few enough that what came of them is still at hand."""
MOST_NOTES: Final = 10_000
"""Events that are noted down before tallies are made of them."""
MOST_PLANS: Final = 20_000
"""Kinds of events of which it is remembered into what they count."""


class Attributed(msgspec.Struct, array_like=True):
    """Who called, with what, and how it ended: sketches."""

    callers: dict[str, int] = {}
    agents: dict[str, int] = {}
    codes: dict[str, int] = {}

    def join(self, other: Attributed) -> None:
        """Add what `other` counts."""
        sketches.join(self.callers, other.callers)
        sketches.join(self.agents, other.agents)
        sketches.join(self.codes, other.codes)

    def halve(self) -> None:
        """What was counts half from now on."""
        for sketch in (self.callers, self.agents, self.codes):
            sketches.halve(sketch)


class Tally(msgspec.Struct, array_like=True):
    """One minute of one series."""

    count: int = 0
    by: Attributed = msgspec.field(default_factory=Attributed)


class _Plan:
    """Into which series an event counts, with the code that its attributions tell. Compared by identity."""

    __slots__ = ("code", "series")

    def __init__(self, series: tuple[Series, ...], code: str) -> None:
        self.series = series
        self.code = code


class _Calls:
    """Of each call the `userIdentity` and the user agent: two lists, so that a call makes nothing that has to be collected."""

    __slots__ = ("agents", "callers")

    def __init__(self) -> None:
        self.callers: list[Any] = []
        self.agents: list[str | None] = []


class _Noted:
    """The events of one minute that are not in a tally yet."""

    __slots__ = ("by_kind", "by_plan", "minute")

    def __init__(self, minute: int) -> None:
        self.minute = minute
        self.by_plan: dict[_Plan, _Calls] = {}
        self.by_kind: dict[tuple[object, ...], _Calls | None] = {}
        """The same lists, for kinds that last; `None`: nobody takes them."""


_Takers = tuple[Taker, ...]


class Counts:
    """The minutes that are open.

    An event is only noted down, by its plan, which is remembered; `settle` makes tallies of the notes, many at a time.
    """

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self._minutes: dict[str, int | None] = {}
        self._callers = Callers()
        self._agents = Agents()
        self._lasting: dict[tuple[object, ...], _Plan | None] = {}
        self._plans: dict[tuple[object, ...], _Plan | None] = {}
        self._noted: dict[str, _Noted] = {}
        self._notes = 0
        self._latest = ""
        self.open: dict[int, dict[Series, Tally]] = {}
        """What is settled."""

    def take(self, entries: Sequence[Entry]) -> None:
        """Count these records, as far as anybody has them analysed."""
        noted: _Noted | None = None
        second = current = ""  # of the last event: most often those of the next
        for at in range(0, len(entries), TOGETHER):
            some = entries[at : at + TOGETHER]
            for entry, facts in zip(some, self._sources.facts(some), strict=True):
                if facts is None:
                    continue
                if facts.event_time != second:
                    second = facts.event_time
                    text = second[:16]
                    if text != current:
                        current, noted = text, self._opened(text)
                code = facts.error_code
                if noted is None or (not code and facts.read_only is not False and facts.event_category != DATA):
                    continue  # most events: what only reads, and is allowed to
                kind = (
                    facts.event_name,
                    code,
                    facts.event_source,
                    facts.recipient_account_id,
                    facts.aws_region,
                    facts.read_only,
                    facts.event_category,
                    facts.event_type,
                )
                found = noted.by_kind.get(kind, _UNKNOWN)
                if found is _UNKNOWN:
                    found = self._found(entry.position, facts, kind, noted)
                if found is not None:
                    found.callers.append(facts.user_identity)
                    found.agents.append(facts.user_agent)
        self._notes += len(entries)
        if self._notes >= MOST_NOTES:
            self.settle()

    def settle(self, last: int | None = None) -> None:
        """Have everything in `open`, or what is of the minutes up to `last`."""
        if last is None:
            self._notes = 0
        for text in [text for text, noted in self._noted.items() if last is None or noted.minute <= last]:
            noted = self._noted.pop(text)
            if noted.by_plan:
                tallies = self.open.setdefault(noted.minute, {})
                for plan, calls in noted.by_plan.items():
                    self._add(tallies, plan, calls)

    def begin_anew(self) -> None:
        """Others take events now than before."""
        self.settle()
        self._lasting.clear()
        self._plans.clear()

    @property
    def minutes(self) -> set[int]:
        """Those that are open."""
        return {*self.open, *(noted.minute for noted in self._noted.values())}

    @property
    def earliest_minute(self) -> int | None:
        """The first open minute; `None`: there is none."""
        return min((*self.open, *(noted.minute for noted in self._noted.values() if noted.by_plan)), default=None)

    @property
    def latest_minute(self) -> int | None:
        """The minute of the newest record seen; `None` before the first."""
        return self._minute(self._latest) if self._latest else None

    def _opened(self, text: str) -> _Noted | None:
        """Where events of this minute are noted; `None`: it is no time."""
        noted = self._noted.get(text)
        if noted is None:
            minute = self._minute(text)
            if minute is None:
                return None
            noted = self._noted[text] = _Noted(minute)
            self._latest = max(self._latest, text)
        return noted

    def _found(self, position: int, facts: Facts, kind: tuple[object, ...], noted: _Noted) -> _Calls | None:
        """Where the event is noted; `None`: nobody takes it."""
        plan = self._lasting.get(kind, _NO_PLAN)
        if plan is _NO_PLAN:
            plan = self._plan(position, facts, kind)
        calls = None
        if plan is not None:
            calls = noted.by_plan.get(plan)
            if calls is None:
                calls = noted.by_plan[plan] = _Calls()
        if kind in self._lasting:
            noted.by_kind[kind] = calls
        return calls

    def _plan(self, position: int, facts: Facts, kind: tuple[object, ...]) -> _Plan | None:
        takers: _Takers = ()
        is_counted = facts.event_category in (DATA, MANAGEMENT)
        if is_counted and facts.event_type != "AwsServiceEvent":  # nobody called
            takers = tuple(self._sources.takers(position, facts))
        by_takers = (*kind, takers)
        plan = self._plans.get(by_takers, _NO_PLAN)
        if plan is _NO_PLAN:
            series = tuple(series_of(facts, takers))
            plan = _Plan(series, (facts.error_code or "")[:LONGEST] or NOTHING) if series else None
            if len(self._plans) >= MOST_PLANS:
                self._plans.clear()
                self._lasting.clear()
            self._plans[by_takers] = plan
        if not is_counted or self._sources.is_lasting(position, facts):
            if len(self._lasting) >= MOST_PLANS:
                self._lasting.clear()
            self._lasting[kind] = plan
        return plan

    def _add(self, tallies: dict[Series, Tally], plan: _Plan, calls: _Calls) -> None:
        number = len(calls.agents)
        callers = _sketch(self._callers, _raw(calls.callers))
        agents = _sketch(self._agents, calls.agents)
        for series in plan.series:
            tally = tallies.get(series)
            if tally is None:
                tallies[series] = Tally(number, Attributed(dict(callers), dict(agents), {plan.code: number}))
            else:
                tally.count += number
                sketches.fold(tally.by.callers, callers)
                sketches.fold(tally.by.agents, agents)
                sketches.add(tally.by.codes, plan.code, number)

    def _minute(self, text: str) -> int | None:
        """Minutes since 1970, of a time as far as its minutes; `None` for what is no time."""
        minute = self._minutes.get(text, -1)
        if minute == -1:
            if len(self._minutes) >= MOST_MINUTES:
                self._minutes.clear()
            try:
                minute = calendar.timegm(time.strptime(text, "%Y-%m-%dT%H:%M")) // 60
            except ValueError:
                minute = None
            self._minutes[text] = minute
        return minute


def _sketch(names: Mapping[Any, str], raw: list[Any]) -> Mapping[str, int]:
    """How often each came, by the names that attributions give them."""
    if len(raw) == 1:  # the many kinds that are seldom called
        return {names[raw[0]]: 1}
    return sketches.condensed(Counter(map(names.__getitem__, raw)))


def _raw(callers: list[Any]) -> list[str]:
    """`caller` of each; nearly always the ARN."""
    if None not in callers:
        found = list(map(_arn, callers))
        if all(found):
            return found
    return list(map(caller, callers))


_arn: Final = attrgetter("arn")
_UNKNOWN: Final = _Calls()
_NO_PLAN: Final = _Plan((), "")


def series_of(facts: Facts, takers: Sequence[Taker]) -> list[Series]:
    """What a call counts for: calls are those that write, and all of data events; errors are whatever failed."""
    is_call = facts.event_category == DATA or facts.read_only is False
    place = (facts.recipient_account_id, facts.aws_region, facts.event_source, facts.event_name)
    found = [Series(taker.scope, *place) for taker in takers if taker.calls and is_call]
    code = (facts.error_code or "")[:LONGEST]
    if code:
        found += [Series(taker.scope, *place, code) for taker in takers if taker.errors]
    return found
