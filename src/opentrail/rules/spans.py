"""How each rule stood when: its pattern, its state and its targets, over a stretch of all that happens.

There are two lines of what happens: the records of the journal and the events that were put onto buses, each with positions of its own. A
span begins above the positions at which both were when the rule became so, and ends at those at which it became different. So whoever reads
late (the watch was not running, or is behind) judges each event by the rules that were there when it came.

A rule that is disabled, has no pattern or no target has no span. What has ended is forgotten once both lines are read up to its end.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy import JSON, Column, Connection, Index, Integer, MetaData, String, Table, Text, delete, func, insert, select, update

from opentrail.rules import rows
from opentrail.rules.store import events, rules, targets
from opentrail.rules.values import DISABLED, Rule

tables = MetaData()

spans = Table(
    "event_rule_spans",
    tables,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("rule_arn", String(512), nullable=False),
    Column("bus_arn", String(400), nullable=False),
    Column("pattern", Text, nullable=False),
    Column("state", String(64), nullable=False),
    Column("targets", JSON, nullable=False),  # their ids, in order
    Column("since_record", Integer, nullable=False),
    Column("since_event", Integer, nullable=False),
    Column("until_record", Integer),
    Column("until_event", Integer),
    Index("event_rule_spans_of_rule", "rule_arn"),
    sqlite_autoincrement=True,
)


class Point(NamedTuple):
    """A moment, on both lines: the newest that there was."""

    record: int
    event: int


def now(connection: Connection, record: int) -> Point:
    """The moment of this transaction. `record` is the journal's newest position a little before."""
    newest = connection.exec_driver_sql("SELECT seq FROM sqlite_sequence WHERE name = 'bus_events'").scalar()
    return Point(record=record, event=newest or 0)


def change(connection: Connection, rule_arn: str, at: Point) -> None:
    """The rule, or its targets, have been changed in this transaction; also when it is gone: then nothing of it holds any more."""
    there = spans.c.rule_arn == rule_arn
    rule = rows.find_rule(connection, rule_arn)
    if rule is None:
        connection.execute(delete(spans).where(there))
        return
    wanted = _wanted(connection, rule)
    found = connection.execute(select(spans).where(there, spans.c.until_record.is_(None))).first()
    if found is not None:
        if wanted and wanted == {name: getattr(found, name) for name in wanted}:
            return
        # Of two changes at the same time the one that was begun first may come second.
        at = Point(max(at.record, found.since_record), max(at.event, found.since_event))
        connection.execute(update(spans).where(spans.c.id == found.id).values(until_record=at.record, until_event=at.event))
    if wanted:
        connection.execute(insert(spans).values(**wanted, since_record=at.record, since_event=at.event))


def _wanted(connection: Connection, rule: Rule) -> dict[str, Any]:
    """How the rule stands now; nothing, when no event can reach anybody by it."""
    places = [target.target_id for target in rows.targets_of(connection, rule.arn)]
    if rule.pattern is None or rule.state == DISABLED or not places:
        return {}
    return {"rule_arn": rule.arn, "bus_arn": rule.bus_arn, "pattern": rule.pattern, "state": rule.state, "targets": places}


def adopt(connection: Connection) -> None:
    """Rules from before there were spans hold for everything that is not read yet."""
    if connection.execute(select(spans.c.id).limit(1)).first() is not None:
        return
    places: dict[str, list[str]] = {}
    for row in connection.execute(select(targets.c.rule_arn, targets.c.target_id).order_by(targets.c.target_id)):
        places.setdefault(row.rule_arn, []).append(row.target_id)
    if not places:
        return
    wanted = select(rules.c.arn, rules.c.bus_arn, rules.c.pattern, rules.c.state)
    found = connection.execute(wanted.where(rules.c.pattern.is_not(None), rules.c.state != DISABLED))
    made = [
        {"rule_arn": row.arn, "bus_arn": row.bus_arn, "pattern": row.pattern, "state": row.state, "targets": places[row.arn]}
        for row in found
        if row.arn in places
    ]
    if made:
        connection.execute(insert(spans).values(since_record=0, since_event=0), made)


def is_past(connection: Connection, record: int) -> bool:
    """Whether `forget` has anything to forget."""
    return connection.scalar(select(spans.c.id).where(_past(record)).limit(1)) is not None


def forget(connection: Connection, record: int) -> None:
    """Forget what has ended. The journal is read up to `record`; of the events on buses those are read that are not there any more."""
    connection.execute(delete(spans).where(_past(record)))


def _past(record: int) -> Any:
    unread = select(func.min(events.c.position)).scalar_subquery()
    return (spans.c.until_record <= record) & (unread.is_(None) | (spans.c.until_event < unread))
