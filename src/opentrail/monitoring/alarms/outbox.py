"""Carries out what a change of state sets off, at least once: an action lies in the database until it is done or cannot be done.

To one address the actions of an alarm keep their order; one that fails holds up nothing else. Whatever comes of an action is in the
history of the alarm.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Row, delete, func, insert, or_, select, update

from opentrail.clock import Clock
from opentrail.monitoring.alarms.reasons import stamp
from opentrail.monitoring.alarms.store import AlarmStore, actions, alarm_arn, history
from opentrail.monitoring.alarms.transitions import EVENT, TOPIC
from opentrail.monitoring.neighbours import TakesEvents, Topics
from opentrail.wire.faults import Fault

IDLE: Final = 0.25
"""Seconds between two looks, when nobody says that there is something."""
BATCH: Final = 100
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
    """What waits of one kind. `wake` makes it look at once."""

    def __init__(
        self, store: AlarmStore, clock: Clock, *, kind: str, topics: Topics | None = None, events: TakesEvents | None = None
    ) -> None:
        """`kind` is `transitions.TOPIC` or `transitions.EVENT`. Without `events` nobody listens to events, and they are dropped."""
        self._store = store
        self._clock = clock
        self._kind = kind
        self._topics = topics
        self._events = events
        self._wake = threading.Event()

    def wake(self) -> None:
        """There is something. Any thread."""
        self._wake.set()

    def run(self, stop: threading.Event) -> None:
        """Until `stop` is set."""
        while not stop.is_set():
            if not self.step():
                self._wake.wait(IDLE)
            self._wake.clear()

    def step(self) -> int:
        """Attempt what is due; how many attempts that were."""
        now = self._clock.time()
        # An action due long after any delay was put off before the clock went back.
        due = or_(actions.c.due <= now, actions.c.due > now + 2 * LONGEST_DELAY)
        heads = select(func.min(actions.c.number)).where(actions.c.kind == self._kind).group_by(actions.c.lane)
        if self._store.database.first("SELECT 1 FROM alarm_actions WHERE kind = ? LIMIT 1", (self._kind,)) is None:
            return 0
        with self._store.database.read() as connection:
            rows = connection.execute(
                select(actions).where(actions.c.number.in_(heads), due).order_by(actions.c.due, actions.c.number).limit(BATCH)
            ).all()
        for row in rows:
            outcome = self._attempt(row)
            with self._store.database.begin() as connection:
                self._settle(connection, row, outcome, self._clock.time())
        return len(rows)

    def _attempt(self, row: Row[Any]) -> _Outcome:
        try:
            if row.kind == TOPIC and self._topics is not None:
                arn = alarm_arn(row.account_id, row.region, row.name)
                self._topics.publish(
                    topic_arn=row.address, message=row.message, source_arn=arn, account_id=row.account_id, subject=row.subject
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
