"""Rules with a schedule: each fires when its time comes, once, and puts its event straight into the outbox.

When a rule fires next lies in the database. Firing and the time after it are one transaction, so no time is used twice. A rule that was
due while nothing ran fires once as soon as something does. When the clock goes back a little, no time is used twice; when it goes back
far, rules fire by the clock as it is now.
"""

from __future__ import annotations

import logging
import math
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from sqlalchemy import Column, Connection, Float, MetaData, String, Table, Text, delete, select, update
from sqlalchemy.dialects.sqlite import insert

from opentrail.clock import Clock, iso_seconds
from opentrail.rules.dispatching import outbox
from opentrail.rules.dispatching.outbox import Match
from opentrail.rules.schedules import parsed
from opentrail.rules.store import Store, rules, targets
from opentrail.rules.values import DISABLED
from opentrail.storage.database import Database
from opentrail.wire.faults import Fault

LONGEST: Final = 1.0
"""Seconds between two looks at the clock while there are schedules: it may be set."""
IDLE: Final = 30.0
"""The same while there are none."""
REST: Final = 600.0
"""Seconds by which the clock may go back before rules fire at times that have been used."""
NEVER: Final = 1e15
"""Of a schedule that has no time left."""

log = logging.getLogger("opentrail.rules")

tables = MetaData()

firings = Table(
    "rule_firings",
    tables,
    Column("rule_arn", String(512), primary_key=True),
    Column("schedule", Text, nullable=False),
    Column("created", Float, nullable=False),
    Column("next", Float, nullable=False, index=True),
)
"""What is known of a rule goes when the rule, its schedule or its state changes."""


class Scheduling:
    """One thread."""

    def __init__(self, database: Database, clock: Clock, *, wake: Callable[[], None]) -> None:
        self._store = Store(database)
        self._database = database
        self._clock = clock
        self._wake = wake
        self._generation = -1
        self._last = math.inf
        """When the clock was looked at; infinite: it may have gone back since another process did."""
        database.create(tables)
        database.create(outbox.tables)

    def rest(self) -> float:
        """Seconds until a rule is due, as far as that is known."""
        found = self._database.first("SELECT min(next) FROM rule_firings", ())
        if found is None or found[0] is None:
            return IDLE
        return min(max(float(found[0]) - self._clock.time(), 0.0), LONGEST)

    def step(self) -> int:
        """Fire what is due; returns how many rules that are."""
        now = self._clock.time()
        generation = self._store.generation()
        if generation != self._generation:
            with self._store.add() as connection:
                _renew(connection, now)
            self._generation = generation
        if now < self._last - 1:
            self._bring_forward(now)
        self._last = now
        found = self._database.first("SELECT min(next) FROM rule_firings", ())
        if found is None or found[0] is None or found[0] > now:
            return 0
        with self._store.add() as connection:
            due = connection.execute(select(firings).where(firings.c.next <= now)).all()
            for row in due:
                _fire(connection, row.rule_arn, now)
                following = _next(row.schedule, row.created, now)
                connection.execute(update(firings).where(firings.c.rule_arn == row.rule_arn).values(next=following))
        if due:
            self._wake()
        return len(due)

    def _bring_forward(self, now: float) -> None:
        """The clock may have gone back: nothing waits for a time that was next by the clock as it was."""
        with self._store.read() as connection:
            known = connection.execute(select(firings)).all()
        changed = {}
        for row in known:
            # Another time between now and the next one is there only when the clock has gone back since that was found.
            if _next(row.schedule, row.created, now + REST) < row.next:
                changed[row.rule_arn] = _next(row.schedule, row.created, now)
        if changed:
            with self._store.add() as connection:
                for rule_arn, following in changed.items():
                    connection.execute(update(firings).where(firings.c.rule_arn == rule_arn).values(next=following))


def _renew(connection: Connection, now: float) -> None:
    wanted = select(rules.c.arn, rules.c.schedule, rules.c.created).where(rules.c.schedule.is_not(None), rules.c.state != DISABLED)
    there = {row.arn: (row.schedule, row.created) for row in connection.execute(wanted)}
    known = {row.rule_arn: (row.schedule, row.created) for row in connection.execute(select(firings))}
    for arn in known:
        if there.get(arn) != known[arn]:
            connection.execute(delete(firings).where(firings.c.rule_arn == arn))
    for arn, (schedule, created) in there.items():
        if known.get(arn) != (schedule, created):
            following = _next(schedule, created, now)
            row = {"rule_arn": arn, "schedule": schedule, "created": created, "next": following}
            connection.execute(insert(firings).values(row).on_conflict_do_nothing())


def _next(expression: str, created: float, now: float) -> float:
    try:
        schedule = parsed(expression)
    except Fault as fault:
        log.error("a schedule is not understood: %s", fault)
        return NEVER
    moment = datetime.fromtimestamp(now, UTC)
    # A clock that was set back behind the making of the rule: the counting begins now.
    since = datetime.fromtimestamp(min(created, now), UTC)
    found = schedule.after(moment, since)
    return NEVER if found is None else found.timestamp()


def _fire(connection: Connection, rule_arn: str, now: float) -> None:
    rule = connection.execute(select(rules.c.bus_arn, rules.c.account_id, rules.c.region).where(rules.c.arn == rule_arn)).first()
    if rule is None:
        return
    event = {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": rule.account_id,
        "time": iso_seconds(now),
        "region": rule.region,
        "resources": [rule_arn],
        "detail": {},
    }
    chosen = select(targets.c.target_id).where(targets.c.rule_arn == rule_arn).order_by(targets.c.target_id)
    places = [(rule_arn, target_id) for target_id in connection.scalars(chosen)]
    outbox.put(connection, [Match(event=event, bus_arn=rule.bus_arn, targets=places, ingested=now)], now)
