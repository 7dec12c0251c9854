"""Looks at every alarm by the clock, and at those at once whose metric got a point.

Nothing of it is stored: after a restart every alarm is looked at right away. Which state an alarm is in is read again in the transaction
that changes it, so that one change happens once. When the clock jumps forward, an alarm is looked at once, not once for every minute left
out. When it goes back a little, windows that have been judged are not judged again, so that no alarm changes to and fro.
"""

from __future__ import annotations

import heapq
import logging
from collections.abc import Callable, Sequence
from typing import Final

from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from opentrail.clock import Clock
from opentrail.monitoring.alarms.composing import judge
from opentrail.monitoring.alarms.index import Held, Index
from opentrail.monitoring.alarms.looking import Look, closed_end, look
from opentrail.monitoring.alarms.reasons import reason, reason_data
from opentrail.monitoring.alarms.store import Alarm, AlarmStore, find_number
from opentrail.monitoring.alarms.transitions import Transitions
from opentrail.monitoring.alarms.verdict import ALARM
from opentrail.monitoring.metrics.store import MetricStore

LONGEST: Final = 1.0
"""Seconds between two looks at the clock, which may be set."""
SHORTEST: Final = 0.02
"""Seconds between two looks at alarms that are looked at because of new points."""
SETTLING: Final = 2.0
"""Seconds after the end of a period at which it is judged: what happened in its last moments may still be on its way."""
SLICE: Final = 50
"""Alarms judged by the clock between two looks for new points."""
COMPOSITE_STEP: Final = 60
REST: Final = 600
"""Seconds by which the clock may go back before windows are judged a second time."""
LEFT_ALONE: Final = 60.0
"""Seconds for which new points of an alarm are passed over that could not be judged."""
SHARE: Final = 20
"""A look that took so long is not repeated because of new points before this many times as long has passed."""

log = logging.getLogger("opentrail.watch")


class Evaluating:
    """The evaluation of all alarms. One works on a data folder at a time."""

    def __init__(
        self,
        metrics: MetricStore,
        alarms: AlarmStore,
        clock: Clock,
        *,
        transitions: Transitions,
        on_transition: Callable[[], None] = lambda: None,
    ) -> None:
        """`on_transition` is called when there is something to be told to the world."""
        self._metrics = metrics
        self._alarms = alarms
        self._clock = clock
        self._transitions = transitions
        self._on_transition = on_transition
        self._index = Index(alarms)
        self._heap: list[tuple[float, int]] = []
        self._hot: set[int] = set()
        self._composites: set[int] = set()
        self._points = metrics.changes()
        self._last = clock.time()

    def rest(self) -> float:
        """Seconds until something is due though no point comes in."""
        now = self._clock.time()
        due = self._heap[0][0] - now if self._heap else LONGEST
        if self._hot:
            monotonic = self._clock.monotonic()
            due = min([due, *(self._index.held[number].not_before - monotonic for number in self._hot if number in self._index.held)])
        return min(max(due, SHORTEST), LONGEST)

    def step(self) -> bool:
        """Take in what is new, judge what must be judged at once and some of what is due; whether more is due."""
        now = self._clock.time()
        if now < self._last - 1:
            self._heap = [(now, number) for number in self._index.held]
            for held in self._index.held.values():
                held.due = now
        self._last = now
        fresh, touched = self._index.refresh()
        for held in fresh:
            held.due = now
            heapq.heappush(self._heap, (now, held.number))
        self._composites |= touched
        points = self._metrics.changes()
        if points != self._points:
            self._hot |= self._index.watching(self._metrics.changed(self._points if points > self._points else -1))
            self._points = points
        wrong = self._at_once(now)
        more = self._by_clock(now)
        if wrong is not None:
            raise wrong
        return more

    def _at_once(self, now: float) -> Exception | None:
        """Judge alarms whose metric got a point; what went wrong. An alarm that cannot be judged is left to the clock."""
        monotonic = self._clock.monotonic()
        ready: list[Held] = []
        for number in list(self._hot):
            held = self._index.held.get(number)
            if held is None or held.state == ALARM:
                self._hot.discard(number)
            elif held.not_before <= monotonic:
                ready.append(held)
        wrong: Exception | None = None
        for place in range(0, len(ready), SLICE):
            some = ready[place : place + SLICE]
            try:
                self._judge(some, now, only_alarm=True)
            except Exception as error:
                wrong = error
            self._hot.difference_update(held.number for held in some)
        return wrong

    def _compose(self, now: float) -> None:
        wrong: Exception | None = None
        for number in list(self._composites):
            try:
                self._judge_composite(number, now)
            except Exception as error:
                wrong = error  # it is looked at again by the clock
            self._composites.discard(number)
        if wrong is not None:
            raise wrong

    def _by_clock(self, now: float) -> bool:
        due: list[Held] = []
        while len(due) < SLICE and self._heap and self._heap[0][0] <= now:
            at, number = heapq.heappop(self._heap)
            held = self._index.held.get(number)
            if held is None or held.due != at:
                continue  # deleted, or due at another time
            step = COMPOSITE_STEP if held.watched is None else held.watched.step
            held.due = (now - SETTLING) // step * step + step + SETTLING
            heapq.heappush(self._heap, (held.due, number))  # beforehand: whatever happens now, it is looked at again
            if held.watched is None:
                self._composites.add(number)
            else:
                due.append(held)
        self._judge(due, now, only_alarm=False)
        self._compose(now)
        return len(due) == SLICE

    def _judge(self, some: Sequence[Held], now: float, *, only_alarm: bool) -> None:
        """Look at these, then make all the changes that follow in one transaction. What goes wrong with one holds up no other."""
        changes: list[tuple[Held, str, Look]] = []
        with self._metrics.database.read() as connection:
            for held in some:
                try:
                    seen = self._look(connection, held, now, only_alarm=only_alarm)
                except SQLAlchemyError:
                    raise
                except Exception:
                    self._leave_alone(held)
                    continue
                if seen is not None and seen.state not in (None, held.state) and not (only_alarm and seen.state != ALARM):
                    changes.append((held, str(seen.state), seen))
        if changes:
            try:
                self._change(changes, now)
            except Exception:
                for held, _, _ in changes:  # nothing of it is there: they are looked at again, as soon as anything is
                    held.due = now
                    heapq.heappush(self._heap, (now, held.number))
                raise

    def _look(self, connection: Connection, held: Held, now: float, *, only_alarm: bool) -> Look | None:
        watched = held.watched
        assert watched is not None
        if not only_alarm:
            end = closed_end(watched, now)
            if 0 < held.judged - end <= REST:
                return None
            held.judged = end
        began = self._clock.monotonic()
        seen = look(self._metrics, connection, watched, now, low_samples_count=held.low_samples_count, only_alarm=only_alarm)
        ended = self._clock.monotonic()
        held.not_before = ended + SHARE * (ended - began)
        return seen

    def _leave_alone(self, held: Held) -> None:
        """Called where an exception is at hand: that alarm is looked at by the clock only, and holds up no other."""
        log.exception("the alarm %d cannot be judged and is left alone for a while", held.number)
        held.not_before = self._clock.monotonic() + LEFT_ALONE

    def _change(self, changes: Sequence[tuple[Held, str, Look]], now: float) -> None:
        """Make these changes. One that cannot be made is left out, and left to the clock."""
        made: list[tuple[Held, str, Alarm]] = []
        with self._alarms.database.begin() as connection:
            for held, state, seen in changes:
                connection.exec_driver_sql("SAVEPOINT change")
                try:
                    alarm = self._changed(connection, held, state, seen, now)
                except OperationalError:
                    raise
                except Exception:
                    connection.exec_driver_sql("ROLLBACK TO SAVEPOINT change")
                    self._leave_alone(held)
                    alarm = None
                connection.exec_driver_sql("RELEASE SAVEPOINT change")
                if alarm is not None:
                    made.append((held, state, alarm))
        for held, state, alarm in made:
            held.state = state
            self._composites |= self._index.parents(alarm)
        if made:
            self._on_transition()

    def _changed(self, connection: Connection, held: Held, state: str, seen: Look, now: float) -> Alarm | None:
        """The alarm as it was before; `None` where somebody was faster: the index learns of it in the next step."""
        alarm = find_number(connection, held.number)
        if alarm is None or alarm.version != held.version or alarm.state == state or held.watched is None:
            return None
        why, data = reason(held.watched, state, seen.points), reason_data(held.watched, seen.points, now)
        self._transitions.make(connection, alarm, state, reason=why, data=data, now=now)
        return alarm

    def _judge_composite(self, number: int, now: float) -> None:
        with self._alarms.database.begin() as connection:
            alarm = find_number(connection, number)
            moved = alarm is not None and judge(connection, self._transitions, alarm, now)
        if moved:
            self._on_transition()
