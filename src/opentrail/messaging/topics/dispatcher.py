"""Delivers what was published, at least once: what is on its way lies in the database until its end is there too.

A process that dies between an attempt and the note of it makes the attempt again after the next start. One dispatcher works on a data
folder at a time: which deliveries are under way it keeps in memory.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from functools import partial
from typing import Any, Final, Protocol

from sqlalchemy import Connection, delete, func, select, update

from opentrail.clock import Clock
from opentrail.messaging.topics import attributes
from opentrail.messaging.topics.lanes import SLOW, Lane, Places
from opentrail.messaging.topics.outcomes import Load, Outcome, next_delay
from opentrail.messaging.topics.store import (
    Store,
    deliveries,
    delivery_of,
    find_message,
    find_subscription,
    find_topic,
    forget_messages,
    subscriptions,
)
from opentrail.messaging.topics.subscriptions import Subscriptions
from opentrail.messaging.topics.values import Delivery
from opentrail.storage.setbacks import Setbacks

IDLE: Final = 0.1
"""Seconds between two looks for something that is due, when something is that could not be begun with."""
LONGEST: Final = 2.0
"""Seconds between two looks when nothing is due and nobody wakes: the clock may be set."""
BATCH: Final = 50
"""Deliveries to one queue between two notes of what is done."""
FORGET: Final = 60.0
"""Seconds between two looks for subscriptions that nobody confirmed in time."""
TURN: Final = 1.0
"""Seconds after which a lane with much to deliver lets others have its place."""
PATIENCE: Final = 2.0
"""Seconds that what is under way gets when the dispatcher is closed."""
DEAD_LETTER_DELAY: Final = 20.0
"""Seconds after which a dead-letter queue is tried again that could not take a message just then."""

log = logging.getLogger("opentrail.messages")


class Carries(Protocol):
    """What carries one delivery: `outcomes.Carrier`."""

    def carry(self, load: Load) -> Outcome:
        """One attempt."""

    def bury(self, load: Load, queue_arn: str) -> Outcome:
        """One attempt to put it into the dead-letter queue."""


class Dispatcher:
    """Looks for what is due, and has threads deliver it. `run` until told to stop, or `step` by hand."""

    def __init__(self, store: Store, clock: Clock, *, carrier: Carries, start: Callable[[Callable[[], None]], None] | None = None) -> None:
        """`start` has a call made beside others; a thread does it when nothing else is said."""
        self._store = store
        self._clock = clock
        self._carrier = carrier
        self._subscriptions = Subscriptions(store, clock)
        self._start = start or _in_thread
        self._lock = threading.Condition()
        self._places = Places()
        self._not_before: dict[str, float] = {}
        """Subscription → monotonic time of its next delivery, where its policy bounds how many it gets in a second."""
        self._stop = threading.Event()
        self._woken = threading.Event()
        self._setbacks = Setbacks(clock)
        self._forgot_at = float("-inf")

    def wake(self) -> None:
        """Something may be due, or `run` is to stop. Any thread."""
        self._woken.set()

    def run(self, stop: threading.Event) -> None:
        """Deliver until `stop` is set, and `wake` called."""
        while True:
            self._woken.clear()  # before the step: what is committed during it wakes again
            if stop.is_set():
                return
            began = self._clock.monotonic()
            try:
                self.step()
                took = self._clock.monotonic() - began
                pause = min(max(self._store.first_due() - self._clock.time(), IDLE, 9 * took), max(LONGEST, 9 * took))
                self._setbacks.over("")
            except Exception as error:
                log.exception("deliveries were interrupted and go on where it is safe")
                stop.wait(self._setbacks.note("", error))
                continue
            # However much is waiting, looking for it takes no more than half of the time, and a tenth when nothing new has come.
            stop.wait(min(took, LONGEST))
            self._woken.wait(pause)

    def ails(self) -> str | None:
        """What goes wrong here, not with a subscriber, and is tried again; `None`: nothing. Any thread."""
        return self._setbacks.told()

    def close(self) -> None:
        """Begin nothing more. What is under way may end within `PATIENCE`; what does not is made again after the next start."""
        self._stop.set()
        with self._lock:
            self._lock.wait_for(lambda: not self._places.busy, PATIENCE)

    def step(self) -> int:
        """Begin every delivery that is due and has a place; returns the number of subscriptions that are being served now."""
        now = self._clock.time()
        if self._clock.monotonic() - self._forgot_at >= FORGET:
            self._forgot_at = self._clock.monotonic()
            self._subscriptions.forget_expired()
        for lane in self._due(now) if self._store.first_due() <= now else ():
            if self._setbacks.rests(lane.subscription_arn):
                continue
            with self._lock:
                if self._not_before.get(lane.subscription_arn, 0.0) > self._clock.monotonic() or not self._places.take(lane):
                    continue
            self._start(partial(self._serve, lane))
        with self._lock:
            return len(self._places.busy)

    def waiting(self) -> int:
        """Deliveries that are not made yet."""
        with self._store.read() as connection:
            return connection.execute(select(func.count()).select_from(deliveries)).scalar_one()

    def _due(self, now: float) -> list[Lane]:
        """Lanes with something due, the one that has waited longest first."""
        first = select(deliveries.c.subscription_arn, func.min(deliveries.c.due).label("due")).where(deliveries.c.due <= now)
        heads = first.group_by(deliveries.c.subscription_arn).subquery()
        columns = (subscriptions.c.arn, subscriptions.c.protocol, subscriptions.c.endpoint)
        chosen = select(*columns).join(heads, heads.c.subscription_arn == subscriptions.c.arn).order_by(heads.c.due)
        with self._store.read() as connection:
            return [Lane(row.arn, row.protocol, row.endpoint) for row in connection.execute(chosen)]

    def _serve(self, lane: Lane) -> None:
        """Work on one lane, as long as it goes well and not too long."""
        until = self._clock.monotonic() + TURN
        try:
            while not self._stop.is_set() and self._deliver(lane) and self._clock.monotonic() < until:
                pass
            self._setbacks.over(lane.subscription_arn)
        except Exception as error:
            if not self._stop.is_set():
                log.exception("a delivery was interrupted; it is made again")
            self._setbacks.note(lane.subscription_arn, error)
        finally:
            with self._lock:
                self._places.give_back(lane)
                self._lock.notify_all()
            self._woken.set()

    def _deliver(self, lane: Lane) -> bool:
        """Attempt a batch to a queue, one delivery to anybody else; whether the next one can follow at once."""
        loads = self._loads(lane, BATCH if lane.kind == "sqs" else 1)
        began = self._clock.monotonic()
        outcomes = [(load, self._attempt(load)) for load in loads]
        failed = any(outcome.error is not None and not outcome.permanent for _, outcome in outcomes)
        per_second = loads[0].policy.per_second if loads and lane.kind == "http" else None
        monotonic = self._clock.monotonic()
        with self._lock:
            self._places.note(lane, slow=failed or monotonic - began > SLOW)
            self._not_before.pop(lane.subscription_arn, None)
            if per_second is not None:
                self._not_before[lane.subscription_arn] = monotonic + 1 / per_second
        now = self._clock.time()
        with self._store.write() as connection:
            for load, outcome in outcomes:
                _note(connection, load, outcome, now)
            forget_messages(connection, [load.delivery.message_id for load, _ in outcomes])
        return bool(loads) and not failed and per_second is None

    def _attempt(self, load: Load) -> Outcome:
        target = attributes.dead_letters(load.subscription.attributes)
        if load.delivery.failed is None or target is None:
            return self._carrier.carry(load)
        return self._carrier.bury(load, target)

    def _loads(self, lane: Lane, limit: int) -> list[Load]:
        """The next deliveries of a lane with all they take."""
        due = (deliveries.c.subscription_arn == lane.subscription_arn, deliveries.c.due <= self._clock.time())
        chosen = select(deliveries).where(*due).order_by(deliveries.c.due, deliveries.c.number).limit(limit)
        with self._store.read() as connection:
            found = [delivery_of(row) for row in connection.execute(chosen)]
            return [load for delivery in found if (load := _load(connection, delivery)) is not None]


def _load(connection: Connection, delivery: Delivery) -> Load | None:
    subscription = find_subscription(connection, delivery.subscription_arn)
    topic = None if subscription is None else find_topic(connection, subscription.topic_arn)
    message = None if delivery.message_id is None else find_message(connection, delivery.message_id)
    if subscription is None or topic is None or (delivery.message_id is not None and message is None):
        return None  # it ended meanwhile, and its deliveries with it
    return Load(delivery=delivery, topic=topic, subscription=subscription, message=message)


def _note(connection: Connection, load: Load, outcome: Outcome, now: float) -> None:
    """What an attempt has come to: the delivery is done, due once more, or given up."""
    delivery, number = load.delivery, deliveries.c.number == load.delivery.number
    if outcome.error is None:
        connection.execute(delete(deliveries).where(number))
        return
    buried = delivery.failed is not None
    delay = (None if outcome.permanent else DEAD_LETTER_DELAY) if buried else next_delay(load, outcome, now)
    if delay is not None:
        first = now if delivery.first_attempt is None else delivery.first_attempt
        changed: dict[str, Any] = {"attempts": delivery.attempts + 1, "first_attempt": first, "due": now + delay}
        connection.execute(update(deliveries).where(number).values(**changed))
        return
    if not buried and load.message is not None and attributes.dead_letters(load.subscription.attributes) is not None:
        connection.execute(update(deliveries).where(number).values(failed=outcome.error, due=now))
        return
    log.warning("a message to the subscription %s is given up: %s", load.subscription.arn, outcome.error)
    connection.execute(delete(deliveries).where(number))


def _in_thread(call: Callable[[], None]) -> None:
    threading.Thread(target=call, name="delivery", daemon=True).start()
