"""Counting: the records of the journal become numbers of calls and errors per minute and series. Pure but for its memory.

Who called is counted along with it, in bounded sketches. A minute stays open until records of a later one have come and some seconds more
have passed; what comes later still is added to the points of its minute and learnt, but nothing is told of it.
"""

from __future__ import annotations

import calendar
import sys
import time
from collections import Counter
from collections.abc import Sequence
from typing import Final

import msgspec

from opentrail.insights import sketches
from opentrail.insights.neighbours import Facts, Sources, Taker
from opentrail.insights.values import DATA, MANAGEMENT, Series
from opentrail.journal import Entry

NOTHING: Final = "null"
"""How an Insights record says that a value was absent: the string (reference of records, §12)."""
LONGEST: Final = 512
"""Characters of a value that are kept; user agents may be of any length."""
MOST_MINUTES: Final = 4096
"""Texts of minutes whose numbers are remembered."""
MOST_NOTES: Final = 10_000
"""Events that are noted down before tallies are made of them."""
MOST_PLANS: Final = 20_000
"""Kinds of events of which it is remembered into what they count."""
MOST_CALLERS: Final = 10_000
"""ARNs that are remembered without their session."""


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


class _Cell:
    """Calls of one minute and plan that are not in a tally yet."""

    __slots__ = ("agents", "callers")

    def __init__(self) -> None:
        self.callers: list[str] = []
        self.agents: list[str | None] = []


_Takers = tuple[Taker, ...]


class Counts:
    """The minutes that are open.

    An event is only noted down, by its plan, which is remembered; `settle` makes tallies of the notes, many at a time.
    """

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self._minutes: dict[str, int | None] = {}
        self._callers: dict[str, str] = {}
        self._lasting: dict[tuple[object, ...], _Plan | None] = {}
        self._plans: dict[tuple[object, ...], _Plan | None] = {}
        self._noted: dict[str, dict[_Plan, _Cell]] = {}
        self._notes = 0
        self._latest = ""
        self.open: dict[int, dict[Series, Tally]] = {}
        """What is settled."""

    def take(self, entries: Sequence[Entry]) -> None:
        """Count these records, as far as anybody has them analysed."""
        facts_of, lasting, noted, latest = self._sources.facts, self._lasting, self._noted, self._latest
        for entry in entries:
            facts = facts_of(entry.record)
            if facts is None:
                continue
            text = facts.event_time[:16]
            if text > latest and self._minute(text) is not None:
                latest = text
            key = (
                facts.event_name,
                facts.error_code,
                facts.event_source,
                facts.recipient_account_id,
                facts.aws_region,
                facts.read_only,
                facts.event_category,
                facts.event_type,
            )
            plan = lasting.get(key, _UNKNOWN)
            if plan is _UNKNOWN:
                plan = self._plan(entry.position, facts, key)
            if plan is None:
                continue
            cells = noted.get(text)
            if cells is None:
                if self._minute(text) is None:
                    continue
                cells = noted[text] = {}
            cell = cells.get(plan)
            if cell is None:
                cell = cells[plan] = _Cell()
            who = facts.user_identity
            cell.callers.append(NOTHING if who is None else who.arn or who.invoked_by or NOTHING)
            cell.agents.append(facts.user_agent)
        self._latest = latest
        self._notes += len(entries)
        if self._notes >= MOST_NOTES:
            self.settle()

    def settle(self) -> None:
        """Have everything in `open`."""
        for text, cells in self._noted.items():
            minute = self._minute(text)
            assert minute is not None
            tallies = self.open.setdefault(minute, {})
            for plan, cell in cells.items():
                self._add(tallies, plan, cell)
        self._noted.clear()
        self._notes = 0

    def begin_anew(self) -> None:
        """Others take events now than before."""
        self.settle()
        self._lasting.clear()
        self._plans.clear()

    @property
    def earliest_minute(self) -> int | None:
        """The first open minute; `None`: there is none."""
        return min((*self.open, *(self._minute(text) or 0 for text in self._noted)), default=None)

    @property
    def latest_minute(self) -> int | None:
        """The minute of the newest record seen; `None` before the first."""
        return self._minute(self._latest) if self._latest else None

    def _plan(self, position: int, facts: Facts, key: tuple[object, ...]) -> _Plan | None:
        takers: _Takers = ()
        is_call = facts.event_category == DATA or facts.read_only is False
        is_counted = facts.event_category in (DATA, MANAGEMENT) and (is_call or bool(facts.error_code))
        if is_counted and facts.event_type != "AwsServiceEvent":  # nobody called
            takers = tuple(self._sources.takers(position, facts))
        by_takers = (*key, takers)
        plan = self._plans.get(by_takers, _UNKNOWN)
        if plan is _UNKNOWN:
            plan = _planned(facts, takers, is_call=is_call)
            if len(self._plans) >= MOST_PLANS:
                self._plans.clear()
                self._lasting.clear()
            self._plans[by_takers] = plan
        if not is_counted or self._sources.is_lasting(position, facts):
            if len(self._lasting) >= MOST_PLANS:
                self._lasting.clear()
            self._lasting[key] = plan
        return plan

    def _add(self, tallies: dict[Series, Tally], plan: _Plan, cell: _Cell) -> None:
        callers: dict[str, int] = {}
        for raw, count in Counter(cell.callers).items():
            who = self._callers.get(raw)
            if who is None:
                if len(self._callers) >= MOST_CALLERS:
                    self._callers.clear()
                who = self._callers[raw] = _without_session(raw)
            callers[who] = callers.get(who, 0) + count
        agents: dict[str, int] = {}
        for agent, count in Counter(cell.agents).items():
            name = sys.intern((agent or NOTHING)[:LONGEST])
            agents[name] = agents.get(name, 0) + count
        for series in plan.series:
            tally = tallies.get(series)
            if tally is None:
                tally = tallies[series] = Tally()
            tally.count += len(cell.callers)
            sketches.fold(tally.by.callers, callers)
            sketches.fold(tally.by.agents, agents)
            sketches.add(tally.by.codes, plan.code, len(cell.callers))

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


_UNKNOWN: Final = _Plan((), "")


def _planned(facts: Facts, takers: _Takers, *, is_call: bool) -> _Plan | None:
    place = (facts.recipient_account_id, facts.aws_region, facts.event_source, facts.event_name)
    code = (facts.error_code or "")[:LONGEST]
    found = [Series(taker.scope, *place) for taker in takers if taker.calls and is_call]
    if code:
        found += [Series(taker.scope, *place, code) for taker in takers if taker.errors]
    return _Plan(tuple(found), code or NOTHING) if found else None


def _without_session(arn: str) -> str:
    """`userIdentityArn` of an attribution: roles without the session name; services by their name."""
    if ":assumed-role/" in arn:
        beginning, _, _ = arn.rpartition("/")
        if not beginning.endswith(":assumed-role"):
            arn = beginning
    return arn[:LONGEST]
