"""Carries out what a change of state sets off: an action lies in the database until it is done or cannot be done.

It is handed over under a key of its own, and who takes it takes nothing twice: so it is carried out once, whenever the process dies. To one
address the actions of an alarm keep their order; beyond that they are carried out beside each other, so that one that fails or is slow
holds up nothing else (`lanes`). Whatever comes of an action is in the history of the alarm.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from sqlalchemy import Connection, Row, Select, delete, func, insert, or_, select, update

from opentrail.clock import Clock
from opentrail.monitoring.alarms.reasons import stamp
from opentrail.monitoring.alarms.store import AlarmStore, actions, alarm_arn, history
from opentrail.monitoring.alarms.transitions import EVENT, TOPIC
from opentrail.monitoring.lanes import AT_ONCE, SLOW, Lanes
from opentrail.monitoring.neighbours import TakesEvents, Topics
from opentrail.storage.setbacks import Setbacks
from opentrail.wire.faults import Fault

SHORTEST_REST, LONGEST_REST = 0.1, 5.0
"""Seconds between two looks, when nobody says that there is something."""
BATCH: Final = 1000
"""Lanes that are looked at in one step."""
LONGEST_DELAY: Final = 300.0
"""Seconds between two attempts, at most; they double from one second on."""
GIVE_UP: Final = 86_400.0
"""Seconds after which an action is given up that could not be carried out."""

log = logging.getLogger("opentrail.watch")


@dataclass(frozen=True, slots=True)
class _Outcome:
    done: bool
    error: str | None = None


class ActionOutbox:
    """What waits of one kind: whoever calls `step` waits for `woken`, but no longer than `rest`."""

    def __init__(
        self,
        store: AlarmStore,
        clock: Clock,
        *,
        kind: str,
        topics: Topics | None = None,
        events: TakesEvents | None = None,
        start: Callable[[Callable[[], None]], object] | None = None,
    ) -> None:
        """`kind` is `transitions.TOPIC` or `transitions.EVENT`. Without `events` nobody listens to events, and they are dropped.

        `start` has a call made beside others; threads do it when nothing else is said."""
        self._store = store
        self._clock = clock
        self._kind = kind
        self._topics = topics
        self._events = events
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix=f"alarm-{kind}") if start is None else None
        self._start: Callable[[Callable[[], None]], object] = start or self._threads.submit  # type: ignore[union-attr]
        self._lanes = Lanes()
        self._setbacks = Setbacks(clock)
        self._stop = threading.Event()
        self.woken = threading.Event()
        """Set when there may be something to begin with."""

    def wake(self) -> None:
        """There is something. Any thread."""
        self.woken.set()

    def close(self) -> None:
        """Begin nothing more, and wait for what is under way."""
        self._stop.set()
        if self._threads is not None:
            self._threads.shutdown(cancel_futures=True)

    def step(self) -> int:
        """Begin with what is due and may be carried out beside what is under way; how many lanes that are."""
        if self._store.database.first("SELECT 1 FROM alarm_actions WHERE kind = ? LIMIT 1", (self._kind,)) is None:
            return 0
        with self._store.database.read() as connection:
            rows = connection.execute(self._heads().order_by(actions.c.due, actions.c.number).limit(BATCH)).all()
        begun = 0
        for row in rows:
            if not self._setbacks.rests(row.lane) and self._lanes.take(row.lane, row.address):
                begun += 1
                self._start(partial(self._serve, row.lane, row.address))
        return begun

    def rest(self) -> float:
        """Seconds until something is due."""
        found = self._store.database.first("SELECT min(due) FROM alarm_actions WHERE kind = ?", (self._kind,))
        if found is None or found[0] is None:
            return LONGEST_REST
        return min(max(float(found[0]) - self._clock.time(), SHORTEST_REST), LONGEST_REST)

    def ails(self) -> str | None:
        """What goes wrong here, not with an address, and is tried again. Any thread."""
        return self._setbacks.told()

    def _heads(self) -> Select[Any]:
        """The first of each lane, where that is due."""
        now = self._clock.time()
        # An action due long after any delay was put off before the clock went back.
        due = or_(actions.c.due <= now, actions.c.due > now + 2 * LONGEST_DELAY)
        heads = select(func.min(actions.c.number)).where(actions.c.kind == self._kind).group_by(actions.c.lane)
        return select(actions).where(actions.c.number.in_(heads), due)

    def _serve(self, lane: str, address: str) -> None:
        """Carry out what is due in a lane, as long as it goes well."""
        try:
            while not self._stop.is_set() and self._carry_out(lane, address):
                pass
            self._setbacks.over(lane)
        except Exception as error:
            log.exception("an action of an alarm was interrupted; it is carried out later")
            self._setbacks.note(lane, error)
        finally:
            self._lanes.give_back(lane)
            self.woken.set()

    def _carry_out(self, lane: str, address: str) -> bool:
        """One attempt at the first action of a lane; whether the next can follow at once."""
        with self._store.database.read() as connection:
            row = connection.execute(self._heads().where(actions.c.lane == lane)).first()
        if row is None:
            return False
        began = self._clock.monotonic()
        outcome = self._attempt(row)
        self._lanes.note(address, slow=not outcome.done or self._clock.monotonic() - began > SLOW)
        with self._store.database.begin() as connection:
            self._settle(connection, row, outcome, self._clock.time())
        return outcome.done

    def _attempt(self, row: Row[Any]) -> _Outcome:
        try:
            if row.kind == TOPIC and self._topics is not None:
                arn = alarm_arn(row.account_id, row.region, row.name)
                self._topics.publish(
                    topic_arn=row.address,
                    message=row.message,
                    source_arn=arn,
                    account_id=row.account_id,
                    subject=row.subject,
                    once=f"{row.lane} {row.number} {row.made!r}",
                )
            elif row.kind == EVENT and self._events is not None:
                self._events.put(account_id=row.account_id, region=row.region, event=json.loads(row.message))
        except Fault as fault:
            return _Outcome(done=fault.status < 500, error=f"{fault.code}: {fault.message}")
        except Exception as error:  # whatever the neighbour trips over, the other actions go on
            log.warning("an action of the alarm %s could not be carried out and is tried again: %r", row.name, error)
            return _Outcome(done=False, error=f"{type(error).__name__}: {error}")
        return _Outcome(done=True)

    def _settle(self, connection: Connection, row: Row[Any], outcome: _Outcome, now: float) -> None:
        number = actions.c.number == row.number
        if not outcome.done and now - row.made < GIVE_UP:
            delay = min(2.0 ** min(row.attempts, 20), LONGEST_DELAY)
            connection.execute(update(actions).where(number).values(attempts=row.attempts + 1, due=now + delay))
            return
        gone = connection.execute(delete(actions).where(number))
        if row.kind == TOPIC and gone.rowcount:
            connection.execute(insert(history).values(**_entry(row, outcome, now)))


def _entry(row: Row[Any], outcome: _Outcome, now: float) -> Mapping[str, Any]:
    failed = outcome.error is not None
    summary = f"Failed to execute action {row.address}" if failed else f"Successfully executed action {row.address}"
    data: dict[str, Any] = {
        "actionState": "Failed" if failed else "Succeeded",
        "notificationResource": row.address,
        "stateUpdateTimestamp": stamp(row.made),
        **({"error": outcome.error} if failed else {"publishedMessage": json.loads(row.message)}),
    }
    return {
        "account_id": row.account_id,
        "region": row.region,
        "name": row.name,
        "kind": row.alarm_kind,
        "time": now,
        "item": "Action",
        "summary": summary + (f'. Received error: "{outcome.error}"' if failed else ""),
        "data": json.dumps(data, ensure_ascii=False, separators=(",", ":")),
    }
