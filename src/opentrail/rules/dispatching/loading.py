"""What a delivery takes, read from the tables of rules."""

from __future__ import annotations

from sqlalchemy import Connection

from opentrail.rules import rows
from opentrail.rules.dispatching.outbox import Delivery
from opentrail.rules.dispatching.outcomes import Load
from opentrail.rules.target_kinds import kind_of


def load(connection: Connection, delivery: Delivery) -> Load | None:
    """Everything that a delivery takes; `None`: its rule or its target is gone, and the delivery with it."""
    rule = rows.find_rule(connection, delivery.rule_arn)
    target = rows.find_target(connection, delivery.rule_arn, delivery.target_id)
    if rule is None or target is None:
        return None
    kind = kind_of(target.arn)
    destination = rows.find_destination(connection, target.arn) if kind == "api-destination" else None
    link = None if destination is None else rows.find_connection(connection, destination.connection_arn)
    return Load(delivery=delivery, rule=rule, target=target, kind=kind, destination=destination, connection=link)
