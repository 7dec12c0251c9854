"""The event history that Insights learn from, made of the calls of a journal."""

from __future__ import annotations

import calendar
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from opentrail.insights.neighbours import Facts, PastCalls, Taker
from opentrail.wire.faults import ServiceUnavailable
from simulators.insight_sources import CallJournal, OneTrail


@dataclass
class CallHistory:
    """`History` of the calls in `journal`, and `PastSources` of the one trail."""

    journal: CallJournal
    asked: int = 0
    is_there: bool = True
    gone_to: int = 0
    """The last position that had to be in it."""

    def _calls(self, start: int, end: int) -> dict[tuple[object, ...], tuple[Facts, Counter[int]]]:
        found: dict[tuple[object, ...], tuple[Facts, Counter[int]]] = {}
        for facts in OneTrail().facts(self.journal.entries):
            assert facts is not None
            minute = _minute(facts.event_time)
            if start <= minute < end and (facts.read_only is False or facts.error_code):
                kind = (facts.event_name, facts.error_code, facts.read_only)
                found.setdefault(kind, (facts, Counter()))[1][minute] += 1
        return found

    def sizes(self, start: int, end: int) -> Sequence[tuple[int, int]]:
        self._ask()
        hours = Counter(minute // 60 for _, minutes in self._calls(start, end).values() for minute in minutes)
        return sorted(hours.items())

    def calls(self, start: int, end: int, *, at_least: int) -> Sequence[PastCalls]:
        self._ask()
        self.gone_to = at_least
        return [
            PastCalls(facts, sorted(minutes), [minutes[minute] for minute in sorted(minutes)])
            for facts, minutes in self._calls(start, end).values()
        ]

    def renew(self) -> None:
        """Nothing changes."""

    def past_takers(self, arn: str, facts: Facts) -> Sequence[Taker]:
        return OneTrail().takers(0, facts)

    def _ask(self) -> None:
        self.asked += 1
        if not self.is_there:
            raise ServiceUnavailable("The event store is being opened.")


def _minute(event_time: str) -> int:

    return calendar.timegm(time.strptime(event_time[:16], "%Y-%m-%dT%H:%M")) // 60
