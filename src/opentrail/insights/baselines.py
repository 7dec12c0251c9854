"""What was learnt from the event history (`learning`) is taken over: the follower's part.

Until then a series has been judged by what came since Insights are on. That is less than an hour, all of it remembered by the minute, so it
is taken in once more on top of what was learnt. Nothing is told in doing so, nor of what was before; what is unusual and still goes on is
told by the next minute.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

import msgspec
from sqlalchemy.engine import Connection

from opentrail.clock import Clock
from opentrail.insights import detector, learning_store
from opentrail.insights.detector import State
from opentrail.insights.jumps import Jumps
from opentrail.insights.learning_store import Learner
from opentrail.insights.memory import Memory
from opentrail.insights.neighbours import Sources
from opentrail.insights.values import Series
from opentrail.insights.watched import Watched
from opentrail.storage.database import Database

LATEST: Final = 55
"""Minutes that may have been judged since what was learnt ends."""
SOME: Final = 500
"""Series that are taken over in one commit."""
PAUSE: Final = 2.0
"""Seconds between two looks whether learning is done."""


class Baselines:
    """One thread."""

    def __init__(self, database: Database, clock: Clock, *, watched: Watched, jumps: Jumps) -> None:
        """As the last commit left them."""
        self._database = database
        self._clock = clock
        self._watched = watched
        self._jumps = jumps
        with database.read() as connection:
            self._learning = {learner.arn for learner in learning_store.learners(connection)}
        self._looked = clock.monotonic() - PAUSE
        self._forget_changes()

    @property
    def has_changes(self) -> bool:
        """The next commit, which should be soon, has something to write."""
        return bool(self._new or self._over or self._taken)

    def begin(self, arn: str, minute: int) -> None:
        """It is switched on; `minute` is the first that is counted as it comes."""
        self._new[arn] = minute
        self._learning.add(arn)

    def end(self, arns: Collection[str]) -> None:
        """They are switched off."""
        self._over |= self._learning.intersection(arns)
        self._learning.difference_update(arns)

    def step(self, closed: int, since: dict[str, int], sources: Sources) -> None:
        """Take over some of what has been learnt. `closed` is the last minute that was judged; `since` says from when on each trail and
        store has been watched, and is changed when all is taken over."""
        if not self._learning or self.has_changes or self._clock.monotonic() - self._looked < PAUSE:
            return
        with self._database.read() as connection:
            learners = learning_store.learners(connection)
        for learner in learners:
            if learner.is_done and learner.next <= closed + 1:
                if closed - learner.next > LATEST:
                    with self._database.begin() as connection:  # it has to learn on
                        learning_store.go_on(connection, learner, begin=learner.begin, next=learner.next, is_done=False)
                    continue
                self._take_over(learner, closed, since, sources)
                return
        self._looked = self._clock.monotonic()

    def save(self, connection: Connection) -> None:
        """Write down what has changed."""
        if self._over:
            learning_store.end(connection, self._over)
        for arn, minute in self._new.items():
            learning_store.begin(connection, arn, minute)
        for arn, taken in self._taken.items():
            learning_store.taken_over(connection, arn, taken)

    def saved(self) -> None:
        """It is committed."""
        self._forget_changes()

    def _forget_changes(self) -> None:
        self._new: dict[str, int] = {}
        self._over: set[str] = set()
        self._taken: dict[str, Collection[Series]] = {}

    def _take_over(self, learner: Learner, closed: int, since: dict[str, int], sources: Sources) -> None:
        with self._database.read() as connection:
            some = learning_store.some(connection, learner.arn, SOME)
        if some:
            for series, data in some.items():
                if learner.arn in sources.behind(series):
                    self._ground(series, _decoded(data), learner, closed)
            self._taken[learner.arn] = some.keys()
            return
        for series in self._watched.called_since(learner.switched_on):
            if learner.arn in sources.behind(series):
                self._ground(series, None, learner, closed)
        if learner.arn in since:
            since[learner.arn] = min(since[learner.arn], learner.begin)
        self._learning.discard(learner.arn)
        self._over.add(learner.arn)

    def _ground(self, series: Series, learnt: State | None, learner: Learner, closed: int) -> None:
        """Put what is remembered of the series onto what was learnt (`None`: that nobody called it)."""
        memory = self._watched.memory(series)
        if memory is not None and memory.state.since <= learner.begin:
            return  # others have watched it for as long
        state = State.new(learner.begin, errors=bool(series.error_code)) if learnt is None else learnt
        live = None if memory is None else memory.state
        counted: Mapping[int, int] = {} if live is None else dict(zip(live.minutes, live.counts, strict=True))
        for minute, count in counted.items():
            if minute > state.minute:
                detector.step(state, minute, count)
        detector.advance(state, closed if live is None else live.minute)
        state.episode = None if live is None else live.episode
        detector.close_past(state, learner.switched_on)
        if memory is None:
            memory = Memory(state=state, halved=closed, jump=self._jumps.number(closed))
        else:
            memory.state = state
        self._watched.put(series, memory, max(state.days, default=closed // 1440) * 1440)


def _decoded(data: bytes) -> State | None:
    try:
        return State.decoded(data)
    except msgspec.MsgspecError:
        return None
