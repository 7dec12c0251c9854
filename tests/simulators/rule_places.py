"""Where rules send to besides what has an ARN of its own: other buses, API destinations, and the queue for dead letters."""

from __future__ import annotations

import json
from typing import Any, Final

from opentrail.rules import rows
from opentrail.rules.names import BusName
from opentrail.rules.values import ApiDestination, Bus, Connection, HttpParameters, Target
from simulators.event_targets import ACCOUNT, BUS, REGION, RulesWorld, queue

DEAD: Final = queue("dead")


def make_bus(world: RulesWorld, name: BusName, policy: str | None = None) -> None:
    with world.store.write() as connection:
        rows.keep_bus(connection, Bus(arn=name.arn, account_id=name.account_id, region=name.region, name=name.name, policy=policy))


def api(world: RulesWorld, kind: str, secret: dict[str, Any], *, rate: int | None = None, http: HttpParameters | None = None) -> str:
    """A rule with an API destination; returns the URL without its query."""
    link = f"arn:aws:events:{REGION}:{ACCOUNT}:connection/c/1"
    connection = Connection(
        arn=link,
        account_id=ACCOUNT,
        region=REGION,
        name="c",
        authorization_type=kind,
        secret_arn="",
        shown={},
        sealed=world.vault.seal(json.dumps(secret), f"connection {link}"),
    )
    arn = f"arn:aws:events:{REGION}:{ACCOUNT}:api-destination/d/1"
    destination = ApiDestination(
        arn=arn,
        account_id=ACCOUNT,
        region=REGION,
        name="d",
        connection_arn=link,
        endpoint="https://api.example.com/v1/*/in?x=1",
        method="PUT",
        rate_limit=rate,
    )
    with world.store.write() as database:
        rows.keep_connection(database, connection)
        rows.keep_destination(database, destination)
    world.rule("users", Target(rule_arn=BUS.rule_arn("users"), target_id="t", arn=arn, http=http, dead_letter_arn=DEAD))
    return "https://api.example.com/v1/*/in" if http is None else "https://api.example.com/v1/CreateUser%2F/in"
