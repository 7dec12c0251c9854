"""Learning from the past: when Insights are switched on, each series begins with what the event history says of up to 28 days.

It runs beside the follower, which counts and judges meanwhile as if there were no past, and takes over what was learnt when it is complete
(`baselines`). The past is learnt hours at a time, oldest first; what came of them and how far it is are one transaction, so a process that
dies loses one stretch. Nothing is told of the past.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Callable
from typing import Final

from opentrail.clock import Clock
from opentrail.insights import detector, learning_store, store
from opentrail.insights.counts import series_of
from opentrail.insights.detector import State
from opentrail.insights.learning_store import Learner
from opentrail.insights.neighbours import History, PastSources
from opentrail.insights.values import Series
from opentrail.insights.watched import MOST_SERIES
from opentrail.storage.database import Database
from opentrail.wire.faults import Fault

LONGEST: Final = 28 * 1440
"""Minutes that are learnt."""
MOST: Final = 3_000_000
"""Minutes of single series that are learnt: about half a minute of a core. When the past has more, its oldest part is left out."""
AT_ONCE: Final = 50_000
"""Minutes of single series that are asked for together, unless an hour has more …"""
MOST_AT_ONCE: Final = 500_000
"""… but no hour with more than this, nor what is before it."""
CLOSE: Final = 45
"""Minutes since Insights were switched on in which what is counted as it comes is all remembered by the minute. Whoever takes longer to
learn learns of later minutes, too."""
BEHIND: Final = 10
"""Minutes before now at which that ends."""
PAUSE: Final = 5.0
"""Seconds between two looks whether anybody wants to learn, should nothing be committed."""
AGAIN: Final = 2.0
"""Seconds until the history is asked again when it had no answer."""
SLICE: Final = 0.02
"""Seconds of work after which the others get as many."""

log = logging.getLogger("opentrail.insights")


class Learning:
    """Blocking; one thread."""

    def __init__(
        self, database: Database, clock: Clock, *, history: History, sources: PastSources, head: Callable[[], int] = lambda: 0
    ) -> None:
        """`database` is `DataFolder.insights`; `head` gives the position of the newest record."""
        self._database = database
        self._clock = clock
        self._history = history
        self._sources = sources
        self._head = head
        self._sizes: dict[str, dict[int, int]] = {}
        self._answered = True
        database.create(store.METADATA)

    def turn(self, stop: threading.Event) -> bool:
        """`step`, for the watch: a history that does not answer yet is no fault of anybody's."""
        try:
            self._answered = True
            return self.step(stop)
        except Fault as fault:
            self._answered = False
            log.warning("Insights cannot learn from the event history yet: %s", fault.message)
            return False

    def rest(self) -> float:
        """Seconds until the next turn when this one did nothing."""
        return PAUSE if self._answered else AGAIN

    def step(self, stop: threading.Event) -> bool:
        """One stretch of the past; False: there is nothing to learn. Raises what the history raises."""
        with self._database.read() as connection:
            learner = next((one for one in learning_store.learners(connection) if not one.is_done), None)
        if learner is None:
            self._sizes.clear()
            return False
        now = int(self._clock.time()) // 60
        target = learner.switched_on if abs(now - learner.switched_on) <= CLOSE else now - BEHIND
        begin, start = learner.begin, learner.next
        if learner.arn not in self._sizes:
            first = max(target - LONGEST, start)
            self._sizes[learner.arn] = dict(self._history.sizes(first, target))
        sizes = self._sizes[learner.arn]
        if begin < 0:
            begin = start = _begin(sizes, target)
        end = _end(sizes, start, target)
        learnt = self._learnt(learner, begin, start, end, stop) if end > start else {}
        if learnt is None:
            return True
        is_done = end >= target
        with self._database.begin() as connection:
            if learning_store.go_on(connection, learner, begin=begin, next=end, is_done=is_done):
                learning_store.keep(connection, learner.arn, learnt)
        if is_done:
            del self._sizes[learner.arn]
        return True

    def _learnt(self, learner: Learner, begin: int, start: int, end: int, stop: threading.Event) -> dict[Series, bytes] | None:
        """What is known of each series after these minutes; `None`: stopped."""
        self._sources.renew()
        counts: dict[Series, Counter[int]] = {}
        for calls in self._history.calls(start, end, at_least=self._head()):
            for series in series_of(calls.facts, self._sources.past_takers(learner.arn, calls.facts)):
                if series.is_analysed:
                    counts.setdefault(series, Counter()).update(dict(zip(calls.minutes, calls.counts, strict=True)))
        with self._database.read() as connection:
            free = MOST_SERIES - learning_store.number(connection, learner.arn)
            before = {series: learning_store.find(connection, learner.arn, series) for series in counts}
        learnt: dict[Series, bytes] = {}
        begun = self._clock.monotonic()
        for series, counted in counts.items():
            data = before[series]
            if data is None:
                free -= 1
                if free < 0:
                    continue
            state = State.new(begin, errors=bool(series.error_code)) if data is None else State.decoded(data)
            for minute in sorted(counted):
                detector.step(state, minute, counted[minute])  # what turned is past
                if self._clock.monotonic() - begun > SLICE:
                    if stop.wait(SLICE):
                        return None
                    begun = self._clock.monotonic()
            learnt[series] = state.encoded()
        return learnt


def _begin(sizes: dict[int, int], target: int) -> int:
    """The minute from which on everything can be learnt: the first whole hour of the history, or of as much of it as is allowed."""
    begin, size = target, 0
    for hour in sorted(sizes, reverse=True):
        size += sizes[hour]
        if size > MOST or sizes[hour] > MOST_AT_ONCE:
            break
        begin = hour * 60
    return min(begin + 60 if begin > target - LONGEST else target - LONGEST, target)


def _end(sizes: dict[int, int], start: int, target: int) -> int:
    """The minute up to which is learnt together from `start` on."""
    end, size = start, 0
    while end < target:
        size += sizes.get(end // 60, 0)
        if end > start and size > AT_ONCE:
            break
        end = min(target, end - end % 60 + 60)
    return end
