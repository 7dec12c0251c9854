"""Delivers what rules matched, at least once: what is on its way lies in the outbox until its end is there too.

A process that dies between an attempt and the note of it makes the attempt again after the next start. One dispatcher works on a data
folder at a time: what is under way, and which targets are left alone for a while, it keeps in memory.

Within a lane the oldest delivery goes first. While a target is down it is tried with the oldest that is due, at growing intervals, so an
hour of silence ends in order and without a storm; an event that alone is refused steps aside and holds up nobody.
"""

from __future__ import annotations

import logging
import random as chance
import threading
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from sqlalchemy import Connection, func, select

from opentrail.clock import Clock
from opentrail.rules.dispatching import outbox, retrying
from opentrail.rules.dispatching.lanes import MOST_REMEMBERED, OURS, SLOW, Lane, Places, Trouble, endpoint_of
from opentrail.rules.dispatching.loading import load
from opentrail.rules.dispatching.outbox import Failure
from opentrail.rules.dispatching.outcomes import Carries, Load, Outcome
from opentrail.rules.dispatching.set_clock import SetClock
from opentrail.rules.store import Store
from opentrail.rules.target_kinds import Kind, kind_of
from opentrail.storage.database import Database
from opentrail.storage.setbacks import Setbacks

IDLE: Final = 0.1
"""Seconds between two looks for something that is due, when something is that could not be begun with."""
LONGEST: Final = 2.0
"""Seconds between two looks when nothing is due: the clock may be set."""
BATCH: Final = 50
"""Deliveries to one queue, topic, log group or bus between two notes of what is done."""
TURN: Final = 1.0
"""Seconds after which a lane with much to deliver lets others have its place."""
PATIENCE: Final = 2.0
"""Seconds that what is under way gets when the dispatcher is closed."""
ASKED: Final = 64
"""Lanes of those that wait that are asked whether they may have a place that has become free."""
EXPIRED: Final = 500
"""Deliveries that are given up together when their target is down and they are too old."""
log = logging.getLogger("opentrail.rules")


class Dispatcher:
    """Looks for what is due, and has threads deliver it: whoever calls `step` waits for `woken`, but no longer than `rest`."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        *,
        carrier: Carries,
        start: Callable[[Callable[[], None]], None] | None = None,
        random: Callable[[], float] = chance.random,
    ) -> None:
        """`database` is `DataFolder.rules`; `start` has a call made beside others; a thread does it when nothing else is said."""
        self._database = database
        self._store = Store(database)
        self._clock = clock
        self._carrier = carrier
        self._start = start or _in_thread
        self._random = random
        self._lock = threading.Condition()
        self._places = Places()
        self._trouble: dict[str, Trouble] = {}
        self._proven: set[str] = set()  # lanes in which something was delivered
        self._not_before: dict[str, float] = {}  # lane → monotonic time of its next attempt
        self.woken = threading.Event()
        """Set when there may be something to begin with."""
        self._setbacks = Setbacks(clock)
        self._took = 0.0
        self._stop = threading.Event()
        self._lanes: dict[str, Lane] = {}
        self._ready: dict[Kind, deque[Lane]] = {}
        """Lanes for which there was no place at the last look, the one that has waited longest first."""
        self._generation = -1
        database.create(outbox.tables)
        self._set_clock = SetClock(self._store, clock)

    def wake(self) -> None:
        """Something has come in. Any thread may call it."""
        self.woken.set()

    def look(self) -> None:
        """The same as `step`; how long it takes is noted for `rest`."""
        began = self._clock.monotonic()
        self.step()
        self._took = self._clock.monotonic() - began

    def rest(self) -> float:
        """Seconds until it is worth another look though nobody wakes: however much is waiting, a tenth of the time goes into looking."""
        due = outbox.first_due(self._database) - self._clock.time()
        return min(max(due, IDLE, 9 * self._took), LONGEST)

    def ails(self) -> str | None:
        """What goes wrong here, not with a target, and is tried again. Any thread."""
        return self._setbacks.told()

    def close(self) -> None:
        """Begin nothing more. What is under way may end within `PATIENCE`; what does not is made again after the next start."""
        self._stop.set()
        with self._lock:
            self._lock.wait_for(lambda: not self._places.busy, PATIENCE)

    def step(self) -> int:
        """Begin with every lane that has something due and a place; returns the number of lanes that are being served now."""
        self._set_clock.look()
        ready: dict[Kind, deque[Lane]] = {}
        for key in self._due(self._clock.time()):
            if self._setbacks.rests(key):
                continue
            with self._lock:
                if key in self._places.busy or self._not_before.get(key, 0.0) > self._clock.monotonic():
                    continue
            lane = self._lanes.get(key) or self._lanes.setdefault(key, self._lane(key))
            with self._lock:
                if not self._places.take(lane):
                    ready.setdefault(lane.kind, deque()).append(lane)
                    continue
            self._start(partial(self._serve, lane))
        with self._lock:
            self._ready = ready
            return len(self._places.busy)

    def waiting(self) -> int:
        """Deliveries that are not made yet."""
        with self._store.read() as connection:
            return connection.execute(select(func.count()).select_from(outbox.deliveries)).scalar_one()

    def _due(self, now: float) -> list[str]:
        if outbox.first_due(self._database) > now:
            return []
        generation = self._store.generation()
        if generation != self._generation:
            self._lanes.clear()
            self._generation = generation
        with self._store.read() as connection:
            return outbox.lanes_due(connection, now)

    def _lane(self, key: str) -> Lane:
        rule_arn, _, target_id = key.partition(" ")
        target = self._database.first("SELECT arn FROM event_targets WHERE rule_arn = ? AND target_id = ?", (rule_arn, target_id))
        kind = None if target is None else kind_of(target[0])
        if target is None or kind is None:
            return Lane(key=key, kind="bus", endpoint=key)  # it is gone: there is only something to forget
        url = (
            self._database.first("SELECT endpoint FROM event_api_destinations WHERE arn = ?", target) if kind == "api-destination" else None
        )
        return Lane(key=key, kind=kind, endpoint=endpoint_of(kind, target[0], url[0] if url else None))

    def _serve(self, lane: Lane) -> None:
        """Work on one lane, then on others of its kind that wait for its place: not every one is worth a look at all of them."""
        following: Lane | None = lane
        while following is not None:
            following = self._serve_one(following)
        self.woken.set()

    def _next(self, kind: Kind) -> Lane | None:
        """A lane that has waited for a place of this kind, and has it now. Under the lock."""
        waiting = self._ready.get(kind)
        for _ in range(min(len(waiting), ASKED) if waiting and not self._stop.is_set() else 0):
            lane = waiting.popleft()  # type: ignore[union-attr]  # there are some
            may = self._not_before.get(lane.key, 0.0) <= self._clock.monotonic() and not self._setbacks.rests(lane.key)
            if may and self._places.take(lane):
                return lane
        return None

    def _serve_one(self, lane: Lane) -> Lane | None:
        """Work on one lane, as long as it goes well and not too long; the one that has its place next."""
        until = self._clock.monotonic() + TURN
        try:
            while not self._stop.is_set() and self._deliver(lane) and self._clock.monotonic() < until:
                pass
            self._setbacks.over(lane.key)
        except Exception as error:
            log.exception("a delivery was interrupted; it is made again")
            self._setbacks.note(lane.key, error)
        finally:
            with self._lock:
                self._places.give_back(lane)
                following = self._next(lane.kind)
                self._lock.notify_all()
        return following

    def _deliver(self, lane: Lane) -> bool:
        """Attempt a batch to what is ours, one delivery to anybody else; whether the next one can follow at once."""
        with self._lock:  # who may be down is asked with one
            limit = BATCH if lane.kind in OURS and lane.key not in self._trouble else 1
        with self._set_clock.lock:
            if self._set_clock.was_set:
                return False  # first, what waits is put right
            offset = self._set_clock.offset
            with self._store.read() as connection:
                found = outbox.due_in(connection, lane.key, self._clock.time(), limit)
                loads = [load(connection, delivery) for delivery in found]
        if not loads:
            return False
        began = self._clock.monotonic()
        tried = self._attempts(loads)
        failed = next((one for one, outcome in tried if one is not None and outcome.error and not outcome.permanent), None)
        per_second = loads[0].per_second if loads[0] is not None else None
        monotonic = self._clock.monotonic()
        with self._lock:
            self._places.note(lane, slow=failed is not None or monotonic - began > SLOW)
        with self._set_clock.lock, self._store.add() as connection:
            now = self._clock.time()
            outbox.done(connection, [delivery for delivery, one in zip(found, loads, strict=True) if one is None])
            for one, outcome in tried:
                # How old it is by the clock as it stood when it was read, whatever has been done to the clock meanwhile.
                self._note(connection, one, outcome, now, monotonic + offset - one.delivery.born)
            back = self._pace(lane, failed, monotonic, per_second)
            if back:
                outbox.hurry(connection, lane.key, now)
            if failed is not None and failed.delivery.failure is None and not self._set_clock.was_set:
                self._expire(connection, lane, failed, tried[-1][1], now)
        return failed is None and per_second is None

    def _attempts(self, loads: Sequence[Load | None]) -> list[tuple[Load, Outcome]]:
        """In order, up to the first that is to be tried again."""
        tried: list[tuple[Load, Outcome]] = []
        for one in loads:
            if one is None:
                continue
            outcome = self._carrier.carry(one) if one.delivery.failure is None else self._carrier.bury(one)
            tried.append((one, outcome))
            if self._stop.is_set() or (outcome.error is not None and not outcome.permanent):
                break
        return tried

    def _pace(self, lane: Lane, failed: Load | None, monotonic: float, per_second: int | None) -> bool:
        """When the lane has its next turn; whether its target is back after it was down."""
        with self._lock:
            if failed is not None and failed.delivery.failure is None:
                trouble = self._trouble.setdefault(lane.key, Trouble())
                trouble.failed(failed.delivery.number)
                self._not_before[lane.key] = monotonic + retrying.pause(trouble.failures)
                return False
            self._not_before.pop(lane.key, None)
            if per_second is not None:
                self._not_before[lane.key] = monotonic + 1 / per_second
            if failed is not None:
                return False  # only the dead-letter queue is in trouble
            was = self._trouble.pop(lane.key, None)
            # Whether it was down before the process began is not known: what was put off then is due once, too.
            first = lane.key not in self._proven and len(self._proven) < MOST_REMEMBERED
            if first:
                self._proven.add(lane.key)
            return first or (was is not None and was.was_down)

    def _note(self, connection: Connection, one: Load, outcome: Outcome, now: float, age: float) -> None:
        """What an attempt has come to: the delivery is done, due once more, a dead letter, or given up."""
        delivery = one.delivery
        if outcome.error is None:
            outbox.done(connection, [delivery])
        elif delivery.failure is not None:
            if outcome.permanent:
                log.warning(
                    "an event for %s is given up, its dead-letter queue does not take it: %s", one.target.arn, outcome.error.message
                )
                outbox.done(connection, [delivery])
            else:
                outbox.later(connection, delivery, due=now + retrying.DEAD_LETTER_DELAY, attempts=delivery.attempts)
        else:
            attempts = delivery.attempts + 1
            condition = retrying.exhausted(one.target.retry, attempts=attempts, age=age)
            if outcome.permanent:
                self._give_up(connection, one, outcome.error, delivery.attempts, now)
            elif condition is not None:
                error = outcome.error
                self._give_up(connection, one, Failure(code=error.code, message=error.message, condition=condition), delivery.attempts, now)
            else:
                outbox.later(connection, delivery, due=now + retrying.delay(attempts, self._random), attempts=attempts)

    def _give_up(self, connection: Connection, one: Load, failure: Failure, retries: int, now: float) -> None:
        if one.target.dead_letter_arn is not None:
            outbox.fail(connection, one.delivery, failure, attempts=retries, now=now)
            return
        log.warning("an event for %s is given up: %s", one.target.arn, failure.message)
        outbox.done(connection, [one.delivery])

    def _expire(self, connection: Connection, lane: Lane, failed: Load, outcome: Outcome, now: float) -> None:
        """The target is down: what is too old to be tried is not tried one by one."""
        assert outcome.error is not None
        error = Failure(code=outcome.error.code, message=outcome.error.message, condition=retrying.AGE)
        for delivery in outbox.older_in(connection, lane.key, now - failed.target.retry.max_age, EXPIRED):
            self._give_up(connection, failed.instead(delivery), error, delivery.attempts, now)


def _in_thread(call: Callable[[], None]) -> None:
    threading.Thread(target=call, name="event-delivery", daemon=True).start()
