"""Rows of the tables of `store` and the values that they stand for. Functions of a connection; transactions are the caller's."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection as Database
from sqlalchemy import Row, delete, select
from sqlalchemy.dialects.sqlite import insert

from opentrail.rules.names import BusName
from opentrail.rules.store import buses, connections, destinations, events, rules, targets
from opentrail.rules.values import (
    DEFAULT_BUS,
    ApiDestination,
    Bus,
    BusEvent,
    Connection,
    HttpParameters,
    InputTransformer,
    NewEvent,
    RetryPolicy,
    Rule,
    Target,
)


def find_bus(database: Database, name: BusName) -> Bus | None:
    """The bus of this name. A default bus is there without a row."""
    row = database.execute(select(buses).where(buses.c.arn == name.arn)).first()
    if row is not None:
        return Bus(**row._mapping)
    if name.name != DEFAULT_BUS:
        return None
    return Bus(arn=name.arn, account_id=name.account_id, region=name.region, name=name.name)


def keep_bus(database: Database, bus: Bus) -> None:
    """Put a bus in the place of the one with its ARN."""
    _replace(database, buses, asdict(bus))


def find_rule(database: Database, arn: str) -> Rule | None:
    """The rule of this ARN."""
    row = database.execute(select(rules).where(rules.c.arn == arn)).first()
    return None if row is None else Rule(**row._mapping)


def all_rules(database: Database) -> list[Rule]:
    """The rules of every bus."""
    return [Rule(**row._mapping) for row in database.execute(select(rules))]


def keep_rule(database: Database, rule: Rule) -> None:
    """Put a rule in the place of the one with its ARN."""
    _replace(database, rules, asdict(rule))


def target_of(row: Row[Any]) -> Target:
    """The target in a row of `targets`."""
    return Target(
        rule_arn=row.rule_arn,
        target_id=row.target_id,
        arn=row.arn,
        role_arn=row.role_arn,
        input=row.input,
        input_path=row.input_path,
        transformer=None if row.transformer is None else InputTransformer(template=row.transformer[0], paths=row.transformer[1]),
        retry=RetryPolicy(attempts=row.attempts, max_age=row.max_age),
        retry_given=row.retry_given,
        dead_letter_arn=row.dead_letter_arn,
        http=None if row.http is None else HttpParameters(path_values=row.http[0], headers=row.http[1], query=row.http[2]),
        message_group_id=row.message_group_id,
        created=row.created,
    )


def targets_of(database: Database, rule_arn: str) -> list[Target]:
    """The targets of a rule, by their ids."""
    found = database.execute(select(targets).where(targets.c.rule_arn == rule_arn).order_by(targets.c.target_id))
    return [target_of(row) for row in found]


def find_target(database: Database, rule_arn: str, target_id: str) -> Target | None:
    """One target of a rule."""
    row = database.execute(select(targets).where(targets.c.rule_arn == rule_arn, targets.c.target_id == target_id)).first()
    return None if row is None else target_of(row)


def all_targets(database: Database) -> list[Target]:
    """The targets of every rule."""
    return [target_of(row) for row in database.execute(select(targets).order_by(targets.c.rule_arn, targets.c.target_id))]


def keep_target(database: Database, bus_arn: str, target: Target) -> None:
    """Put a target in the place of the one with its id."""
    given, http = target.transformer, target.http
    _replace(
        database,
        targets,
        {
            "rule_arn": target.rule_arn,
            "target_id": target.target_id,
            "bus_arn": bus_arn,
            "arn": target.arn,
            "role_arn": target.role_arn,
            "input": target.input,
            "input_path": target.input_path,
            "transformer": None if given is None else [given.template, dict(given.paths)],
            "attempts": target.retry.attempts,
            "max_age": target.retry.max_age,
            "retry_given": target.retry_given,
            "dead_letter_arn": target.dead_letter_arn,
            "http": None if http is None else [list(http.path_values), dict(http.headers), dict(http.query)],
            "message_group_id": target.message_group_id,
            "created": target.created,
        },
    )


def find_connection(database: Database, arn: str) -> Connection | None:
    """The connection of this ARN."""
    row = database.execute(select(connections).where(connections.c.arn == arn)).first()
    return None if row is None else Connection(**row._mapping)


def keep_connection(database: Database, connection: Connection) -> None:
    """Put a connection in the place of the one with its ARN."""
    _replace(database, connections, asdict(connection))


def find_destination(database: Database, arn: str) -> ApiDestination | None:
    """The API destination of this ARN."""
    row = database.execute(select(destinations).where(destinations.c.arn == arn)).first()
    return None if row is None else ApiDestination(**row._mapping)


def keep_destination(database: Database, destination: ApiDestination) -> None:
    """Put an API destination in the place of the one with its ARN."""
    _replace(database, destinations, asdict(destination))


def event_row(new: NewEvent, now: float) -> dict[str, Any]:
    """The row of an event that comes in now. Raises `TypeError`, `ValueError` for what JSON cannot say."""
    text = json.dumps(new.event, separators=(",", ":"), allow_nan=False)
    return {"bus_arn": new.bus_arn, "event_id": new.event_id, "event": text, "arrived": now}


def take_events(database: Database, taken: Iterable[Mapping[str, Any]]) -> None:
    """Add rows in order; an event with the id of one that is still here, on the same bus, is not taken twice."""
    for row in taken:
        database.execute(insert(events).values(row).on_conflict_do_nothing())


def events_after(database: Database, position: int, limit: int) -> list[BusEvent]:
    """At most `limit` events above `position`, oldest first."""
    found = database.execute(select(events).where(events.c.position > position).order_by(events.c.position).limit(limit))
    return [BusEvent(**{**row._mapping, "event": json.loads(row.event)}) for row in found]


def forget_events(database: Database, position: int) -> None:
    """Forget the events up to and with `position`."""
    database.execute(delete(events).where(events.c.position <= position))


def _replace(database: Database, table: Any, row: Mapping[str, Any]) -> None:
    made = insert(table).values(row)
    keys = [column.name for column in table.primary_key]
    database.execute(made.on_conflict_do_update(index_elements=keys, set_={name: made.excluded[name] for name in row if name not in keys}))
