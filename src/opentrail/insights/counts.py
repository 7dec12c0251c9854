"""Counting: the records of the journal become numbers of calls and errors per minute and series. Pure but for its memory.

Who called is counted along with it, in bounded sketches. A minute stays open until records of a later one have come and some seconds more
have passed; what comes later still is added to the points of its minute and learnt, but nothing is told of it.
"""

from __future__ import annotations

import calendar
import time
from typing import Final

import msgspec

from opentrail.insights import sketches
from opentrail.insights.neighbours import Facts, Sources
from opentrail.insights.values import DATA, MANAGEMENT, Series

NOTHING: Final = "null"
"""How an Insights record says that a value was absent: the string (reference of records, §12)."""
LONGEST: Final = 512
"""Characters of a value that are kept; user agents may be of any length."""
MOST_MINUTES: Final = 4096
"""Texts of minutes whose numbers are remembered."""


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


class Counts:
    """The minutes that are open. `latest` is the newest `eventTime` seen, as text."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self._minutes: dict[str, int | None] = {}
        self.open: dict[int, dict[Series, Tally]] = {}
        self.latest = ""

    def take(self, position: int, record: bytes) -> None:
        """Count one record, if anybody has it analysed."""
        facts = self._sources.facts(record)
        if facts is None:
            return
        if facts.event_time > self.latest and self._minute(facts.event_time) is not None:
            self.latest = facts.event_time
        category, code = facts.event_category, facts.error_code
        if category == MANAGEMENT:
            counts_as_call = facts.read_only is False
            if not counts_as_call and not code:
                return
        elif category == DATA:
            counts_as_call = True
        else:
            return
        if facts.event_type == "AwsServiceEvent":  # nobody called
            return
        takers = self._sources.takers(position, facts)
        if not takers:
            return
        minute = self._minute(facts.event_time)
        if minute is None:
            return
        tallies = self.open.get(minute)
        if tallies is None:
            tallies = self.open[minute] = {}
        place = (facts.recipient_account_id, facts.aws_region, facts.event_source, facts.event_name)
        who, agent = caller(facts), (facts.user_agent or NOTHING)[:LONGEST]
        for scope, calls, errors in takers:
            if calls and counts_as_call:
                _count(tallies, Series(scope, *place), who, agent, code or NOTHING)
            if errors and code:
                _count(tallies, Series(scope, *place, code[:LONGEST]), who, agent, code)

    def _minute(self, text: str) -> int | None:
        """Minutes since 1970; `None` for what is no time."""
        key = text[:16]
        minute = self._minutes.get(key, -1)
        if minute == -1:
            if len(self._minutes) >= MOST_MINUTES:
                self._minutes.clear()
            try:
                minute = calendar.timegm(time.strptime(key, "%Y-%m-%dT%H:%M")) // 60
            except ValueError:
                minute = None
            self._minutes[key] = minute
        return minute

    @property
    def latest_minute(self) -> int | None:
        """The minute of the newest record seen; `None` before the first."""
        return self._minute(self.latest) if self.latest else None


def _count(tallies: dict[Series, Tally], series: Series, who: str, agent: str, code: str) -> None:
    tally = tallies.get(series)
    if tally is None:
        tally = tallies[series] = Tally()
    tally.count += 1
    by = tally.by
    sketches.add(by.callers, who)
    sketches.add(by.agents, agent)
    sketches.add(by.codes, code)


def caller(facts: Facts) -> str:
    """`userIdentityArn` of an attribution: roles without the session name; services by their name."""
    identity = facts.user_identity
    if identity is None:
        return NOTHING
    arn: str = identity.arn or identity.invoked_by or NOTHING
    if ":assumed-role/" in arn:
        beginning, _, _ = arn.rpartition("/")
        if not beginning.endswith(":assumed-role"):
            arn = beginning
    return arn[:LONGEST]
