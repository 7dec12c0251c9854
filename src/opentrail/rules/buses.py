"""The control plane of event buses: create, describe, change, list, delete, and their policies."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from sqlalchemy import delete, select
from sqlalchemy import exists as any_row

from opentrail.clock import Clock
from opentrail.rules import bus_policies, rows, store
from opentrail.rules.faults import ResourceAlreadyExistsException, ResourceNotFoundException, no_bus
from opentrail.rules.names import BusName
from opentrail.rules.store import Store
from opentrail.rules.values import DEFAULT_BUS, Bus
from opentrail.wire.faults import ValidationException

_QUEUE: Final = re.compile(r"arn:aws[a-z-]*:sqs:[a-z0-9-]{1,64}:[0-9]{12}:[A-Za-z0-9_-]{1,80}")


class Buses:
    """Event buses of every account and Region. Thread-safe."""

    def __init__(self, rules: Store, clock: Clock) -> None:
        self._store = rules
        self._clock = clock

    def find(self, name: BusName) -> Bus | None:
        """The bus of this name."""
        with self._store.read() as connection:
            return rows.find_bus(connection, name)

    def get(self, name: BusName) -> Bus:
        """The same. Raises `ResourceNotFoundException`."""
        found = self.find(name)
        if found is None:
            raise no_bus(name.name)
        return found

    def create(self, name: BusName, given: Mapping[str, Any], tags: Mapping[str, str]) -> Bus:
        """A custom bus, of what CreateEventBus is given. Raises `ResourceAlreadyExistsException`, `ValidationException`."""
        if given.get("EventSourceName") or "/" in name.name:
            raise ResourceNotFoundException(f"Event source {given.get('EventSourceName') or name.name} does not exist.")
        now = self._clock.time()
        made = _with(Bus(arn=name.arn, account_id=name.account_id, region=name.region, name=name.name, tags=dict(tags)), given, now)
        with self._store.write() as connection:
            if rows.find_bus(connection, name) is not None:
                raise ResourceAlreadyExistsException(f"Event bus {name.name} already exists.")
            made = replace(made, created=now)
            rows.keep_bus(connection, made)
        return made

    def update(self, name: BusName, given: Mapping[str, Any]) -> Bus:
        """Change what UpdateEventBus names; what it leaves out stays. Raises the faults of `get` and `create`."""
        with self._store.write() as connection:
            found = rows.find_bus(connection, name)
            if found is None:
                raise no_bus(name.name)
            made = _with(found, given, self._clock.time())
            rows.keep_bus(connection, made)
        return made

    def of_account(self, account_id: str, region: str, *, prefix: str, after: str, limit: int) -> list[Bus]:
        """Buses whose names begin with `prefix`, above the name `after`, in order of their names."""
        there = store.buses.c
        of_account = (there.account_id == account_id) & (there.region == region) & (there.name > after)
        default = BusName(region=region, account_id=account_id)
        with self._store.read() as connection:
            query = select(store.buses).where(of_account & there.name.startswith(prefix, autoescape=True)).order_by(there.name)
            found = {row.name: Bus(**row._mapping) for row in connection.execute(query.limit(limit))}
            bus = rows.find_bus(connection, default)
        if bus is not None and DEFAULT_BUS.startswith(prefix) and after < DEFAULT_BUS:
            found.setdefault(DEFAULT_BUS, bus)
        return sorted(found.values(), key=lambda one: one.name)[:limit]

    def delete(self, name: BusName) -> None:
        """Delete a bus without rules, with the events that are still on it; one that is not there is as good as deleted.

        Raises `ValidationException`.
        """
        if name.name == DEFAULT_BUS:
            raise ValidationException("Cannot delete event bus default.")
        with self._store.write() as connection:
            if connection.execute(select(any_row().where(store.rules.c.bus_arn == name.arn))).scalar():
                raise ValidationException(f"Cannot delete event bus {name.name} as it has rules. Delete them first.")
            connection.execute(delete(store.buses).where(store.buses.c.arn == name.arn))
            # A bus that is made anew under this name must not be given what was put on the old one.
            connection.execute(delete(store.events).where(store.events.c.bus_arn == name.arn))

    def put_policy(self, name: BusName, text: str) -> None:
        """Put a policy in the place of the one that is there. Raises `PolicyLengthExceededException`, `ValidationException`."""
        self._set_policy(name, lambda _: bus_policies.checked(text))

    def permit(self, name: BusName, *, statement_id: str, action: str, principal: str, condition: Mapping[str, str] | None) -> None:
        """Let an account, or an organization, put events. Raises the same."""
        self._set_policy(
            name,
            lambda policy: bus_policies.with_statement(
                policy, statement_id=statement_id, action=action, principal=principal, bus_arn=name.arn, condition=condition
            ),
        )

    def forbid(self, name: BusName, statement_id: str | None) -> None:
        """Remove a statement of the policy, or with `None` all of it. Raises `ResourceNotFoundException`."""
        self._set_policy(name, lambda policy: None if statement_id is None else bus_policies.without_statement(policy, statement_id))

    def _set_policy(self, name: BusName, change: Any) -> None:
        with self._store.write() as connection:
            found = rows.find_bus(connection, name)
            if found is None:
                raise no_bus(name.name)
            rows.keep_bus(connection, replace(found, policy=change(found.policy), modified=self._clock.time()))


def _with(bus: Bus, given: Mapping[str, Any], now: float) -> Bus:
    """`bus` with the settings of a request. Raises `ValidationException` for those that cannot be kept to."""
    if given.get("KmsKeyIdentifier"):
        raise ValidationException("Parameter KmsKeyIdentifier is not valid. Reason: OpenTrail does not encrypt event buses. Leave it out.")
    log_config: Mapping[str, str] | None = given.get("LogConfig")
    if log_config and log_config.get("Level", "OFF") != "OFF":
        raise ValidationException("Parameter LogConfig is not valid. Reason: OpenTrail keeps no logs of event buses. Use the Level OFF.")
    dead_letters = (given.get("DeadLetterConfig") or {}).get("Arn")
    if dead_letters and not _QUEUE.fullmatch(dead_letters):
        raise ValidationException("Parameter DeadLetterConfig is not valid. Reason: Arn is not that of an SQS standard queue.")
    return replace(
        bus,
        description=given["Description"] if given.get("Description") is not None else bus.description,
        dead_letter_arn=dead_letters if given.get("DeadLetterConfig") is not None else bus.dead_letter_arn,
        log_config=log_config if log_config is not None else bus.log_config,
        modified=now,
    )
