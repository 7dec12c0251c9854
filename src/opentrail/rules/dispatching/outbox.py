"""What is on its way to targets, in `DataFolder.rules`. An event lies here once, with a delivery for each target of each rule that matched.

Whoever matches events puts them here in the transaction of its position: in the outbox they are exactly once. A delivery goes when its end
is certain, and the event with the last one. Functions of a connection; transactions are the caller's.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Column, Connection, Float, Index, Integer, MetaData, String, Table, Text, delete, insert, select, text, update

from opentrail.rules.transforming import compact
from opentrail.storage.database import Database

tables = MetaData()

bodies = Table(
    "events_on_their_way",
    tables,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("event", Text, nullable=False),  # JSON
    Column("bus_arn", String(400), nullable=False),
    Column("hops", Integer, nullable=False),
    Column("ingested", Float, nullable=False),
    sqlite_autoincrement=True,
)

deliveries = Table(
    "event_deliveries",
    tables,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("body", Integer, nullable=False, index=True),
    Column("lane", Text, nullable=False),
    Column("rule_arn", String(512), nullable=False),
    Column("target_id", String(64), nullable=False),
    Column("born", Float, nullable=False),
    Column("due", Float, nullable=False, index=True),
    Column("attempts", Integer, nullable=False),
    Column("failure", Text),  # JSON: code, message, condition; the delivery is one to the dead-letter queue from then on
    Index("event_deliveries_by_lane", "lane", "due"),
    sqlite_autoincrement=True,
)

hops = Table(
    "event_hops",
    tables,
    Column("bus_arn", String(400), primary_key=True),
    Column("event_id", String(64), primary_key=True),
    Column("hops", Integer, nullable=False),
)
"""Of events that came to a bus from another bus."""

_LANES: Final = text(
    "WITH RECURSIVE lanes(lane) AS (SELECT min(lane) FROM event_deliveries UNION ALL "
    "SELECT (SELECT min(lane) FROM event_deliveries WHERE lane > lanes.lane) FROM lanes WHERE lanes.lane IS NOT NULL) "
    "SELECT lane, (SELECT min(due) FROM event_deliveries d WHERE d.lane = lanes.lane) AS due FROM lanes WHERE lane IS NOT NULL"
)
"""Jumps from lane to lane in the index: however many deliveries wait in one, it costs one look."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why a delivery is given up, in the words of the attributes of a dead letter."""

    code: str
    message: str
    condition: str | None = None
    """`MaximumRetryAttempts` or `MaximumEventAgeInSeconds`; `None` when it would never have worked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """An event and the targets it goes to."""

    event: Mapping[str, Any]
    bus_arn: str
    targets: Sequence[tuple[str, str]]
    """ARN of the rule and id of the target."""
    ingested: float
    """When the bus took it, seconds since 1970."""
    hops: int = 0
    """Buses through which it has come before this one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One event on its way to one target."""

    number: int
    body: int
    rule_arn: str
    target_id: str
    born: float
    """Since when it is counted how old it is."""
    attempts: int
    """Failed ones, to the target."""
    failure: Failure | None
    event: Mapping[str, Any]
    bus_arn: str
    hops: int
    ingested: float


def lane_of(rule_arn: str, target_id: str) -> str:
    """The lane of a target."""
    return f"{rule_arn} {target_id}"


def put(connection: Connection, matches: Iterable[Match], now: float) -> int:
    """Add what matched, in order; returns how many deliveries that makes."""
    count = 0
    for match in matches:
        if not match.targets:
            continue
        row = {"event": compact(match.event), "bus_arn": match.bus_arn, "hops": match.hops, "ingested": match.ingested}
        (body,) = connection.execute(insert(bodies).values(**row)).inserted_primary_key or (0,)
        places = [
            {"body": body, "lane": lane_of(rule, target), "rule_arn": rule, "target_id": target, "born": now, "due": now, "attempts": 0}
            for rule, target in match.targets
        ]
        connection.execute(insert(deliveries), places)
        count += len(places)
    return count


def first_due(database: Database) -> float:
    """When the next delivery is due; infinite when there is none. Answered in microseconds."""
    found = database.first("SELECT min(due) FROM event_deliveries", ())
    return math.inf if found is None or found[0] is None else float(found[0])


def lanes_due(connection: Connection, now: float) -> list[str]:
    """Lanes in which something is due, the one that has waited longest first."""
    found = [(row.due, row.lane) for row in connection.execute(_LANES) if row.due <= now]
    return [lane for _, lane in sorted(found)]


def due_in(connection: Connection, lane: str, now: float, limit: int) -> list[Delivery]:
    """The oldest deliveries of a lane that are due."""
    chosen = (
        select(deliveries, bodies.c.event, bodies.c.bus_arn, bodies.c.hops, bodies.c.ingested)
        .join(bodies, bodies.c.number == deliveries.c.body)
        .where(deliveries.c.lane == lane, deliveries.c.due <= now)
        .order_by(deliveries.c.number)
        .limit(limit)
    )
    return [
        Delivery(
            number=row.number,
            body=row.body,
            rule_arn=row.rule_arn,
            target_id=row.target_id,
            born=row.born,
            attempts=row.attempts,
            failure=None if row.failure is None else Failure(**json.loads(row.failure)),
            event=json.loads(row.event),
            bus_arn=row.bus_arn,
            hops=row.hops,
            ingested=row.ingested,
        )
        for row in connection.execute(chosen)
    ]


def done(connection: Connection, gone: Iterable[Delivery]) -> None:
    """Forget deliveries, and events that have no other."""
    for delivery in gone:
        connection.execute(delete(deliveries).where(deliveries.c.number == delivery.number))
        others = select(deliveries.c.number).where(deliveries.c.body == delivery.body).exists()
        connection.execute(delete(bodies).where(bodies.c.number == delivery.body, ~others))


def later(connection: Connection, delivery: Delivery, *, due: float, attempts: int) -> None:
    """It is tried once more."""
    connection.execute(update(deliveries).where(deliveries.c.number == delivery.number).values(due=due, attempts=attempts))


def fail(connection: Connection, delivery: Delivery, failure: Failure, *, attempts: int, now: float) -> None:
    """It goes to the dead-letter queue from now on."""
    told = json.dumps({"code": failure.code, "message": failure.message, "condition": failure.condition})
    connection.execute(update(deliveries).where(deliveries.c.number == delivery.number).values(failure=told, attempts=attempts, due=now))


def older_in(connection: Connection, lane: str, born_before: float, limit: int) -> list[Delivery]:
    """Deliveries of a lane that are so old and not given up yet, the oldest first, without their events."""
    where = (deliveries.c.lane == lane, deliveries.c.born <= born_before, deliveries.c.failure.is_(None))
    chosen = select(deliveries).where(*where).order_by(deliveries.c.number).limit(limit)
    return [
        Delivery(
            number=row.number,
            body=row.body,
            rule_arn=row.rule_arn,
            target_id=row.target_id,
            born=row.born,
            attempts=row.attempts,
            failure=None,
            event={},
            bus_arn="",
            hops=0,
            ingested=row.born,
        )
        for row in connection.execute(chosen)
    ]


def hurry(connection: Connection, lane: str, now: float) -> None:
    """The target is back: whatever waited for it is due."""
    connection.execute(update(deliveries).where(deliveries.c.lane == lane, deliveries.c.due > now).values(due=now))


def shift(connection: Connection, seconds: float, *, but_since: float, now: float) -> None:
    """The clock was set by so much: what waits, waits as long as before, but for what has come in between `but_since` and `now`."""
    changed = update(deliveries).values(due=deliveries.c.due + seconds, born=deliveries.c.born + seconds)
    connection.execute(changed.where(~deliveries.c.born.between(but_since, now)))


def bound(connection: Connection, now: float, longest: float) -> None:
    """Nothing was born later than now, or waits longer than that: the clock was set back while nobody looked."""
    connection.execute(update(deliveries).where(deliveries.c.born > now).values(born=now))
    connection.execute(update(deliveries).where(deliveries.c.due > now + longest).values(due=now + longest))


def hops_of(connection: Connection, bus_arn: str, event_id: str) -> int:
    """Buses through which an event has come to this one; 0 when it was put there."""
    return connection.scalar(select(hops.c.hops).where(hops.c.bus_arn == bus_arn, hops.c.event_id == event_id)) or 0


def forget_hops(connection: Connection, bus_arn: str, event_id: str) -> None:
    """The event has been matched."""
    connection.execute(delete(hops).where(hops.c.bus_arn == bus_arn, hops.c.event_id == event_id))
