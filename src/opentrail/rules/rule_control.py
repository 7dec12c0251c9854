"""The control plane of rules and their targets: PutRule to ListRuleNamesByTarget."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Final

from sqlalchemy import Connection, delete, select

from opentrail.clock import Clock
from opentrail.identity.service_roles import NotAssumable, ServiceRoles
from opentrail.rules import rows, schedules, spans, store, target_checks, target_kinds
from opentrail.rules.faults import LimitExceededException, ManagedRuleException, no_bus, no_rule
from opentrail.rules.names import BusName
from opentrail.rules.patterns import compiled
from opentrail.rules.store import Store
from opentrail.rules.values import DEFAULT_BUS, EVENTS, Rule, RuleState, Target
from opentrail.wire.faults import ValidationException

MOST_TARGETS: Final = 5
"""Targets of one rule."""
MOST_ENTRIES: Final = 10
"""Targets in one PutTargets or RemoveTargets."""


class Rules:
    """Rules of every bus. Thread-safe. Every method raises `ResourceNotFoundException` for a bus that does not exist."""

    def __init__(self, rules: Store, clock: Clock, *, roles: ServiceRoles, head: Callable[[], int]) -> None:
        """`head`: position of the journal's newest record; no lower one is given out any more, whatever a power cut takes."""
        self._store = rules
        self._clock = clock
        self._roles = roles
        self._head = head

    def find(self, bus: BusName, name: str) -> Rule | None:
        """The rule of this name."""
        with self._store.read() as connection:
            return rows.find_rule(connection, bus.rule_arn(name))

    def get(self, bus: BusName, name: str) -> Rule:
        """The same. Raises `ResourceNotFoundException`."""
        with self._store.read() as connection:
            return _the_rule(connection, bus, name)

    def put(self, bus: BusName, name: str, given: Mapping[str, Any], *, tags: Mapping[str, str], creator: str) -> Rule:
        """Make a rule of what PutRule is given, or put that in the place of all that the rule said; targets and tags stay.

        Raises `ValidationException`, `InvalidEventPatternException`, `ManagedRuleException`.
        """
        pattern, schedule = given.get("EventPattern") or None, given.get("ScheduleExpression") or None
        if pattern is None and schedule is None:
            raise ValidationException("Parameter(s) EventPattern or ScheduleExpression must be specified.")
        if pattern is not None:
            compiled(pattern)
        if schedule is not None:
            if bus.name != DEFAULT_BUS:
                raise ValidationException("ScheduleExpression is supported only on the default event bus.")
            schedules.parsed(schedule)
        self._check_role(given.get("RoleArn"), bus, name)
        with self._changing(bus.rule_arn(name)) as connection:
            if rows.find_bus(connection, bus) is None:
                raise no_bus(bus.name)
            before = rows.find_rule(connection, bus.rule_arn(name))
            _check_own(before)
            made = Rule(
                arn=bus.rule_arn(name),
                bus_arn=bus.arn,
                account_id=bus.account_id,
                region=bus.region,
                bus=bus.name,
                name=name,
                pattern=pattern,
                schedule=schedule,
                state=given.get("State") or "ENABLED",
                description=given.get("Description"),
                role_arn=given.get("RoleArn"),
                created_by=creator if before is None else before.created_by,
                created=self._clock.time() if before is None else before.created,
                tags=dict(tags) if before is None else before.tags,
            )
            rows.keep_rule(connection, made)
        return made

    def on_bus(self, bus: BusName, *, prefix: str, after: str, limit: int) -> list[Rule]:
        """Rules whose names begin with `prefix`, above the name `after`, in order of their names."""
        there = store.rules.c
        wanted = (there.bus_arn == bus.arn) & (there.name > after) & there.name.startswith(prefix, autoescape=True)
        with self._store.read() as connection:
            _check_bus(connection, bus)
            found = connection.execute(select(store.rules).where(wanted).order_by(there.name).limit(limit))
            return [Rule(**row._mapping) for row in found]

    def set_state(self, bus: BusName, name: str, state: RuleState) -> None:
        """Raises `ResourceNotFoundException`, `ManagedRuleException`."""
        with self._changing(bus.rule_arn(name)) as connection:
            rule = _the_rule(connection, bus, name)
            _check_own(rule)
            rows.keep_rule(connection, replace(rule, state=state))

    def delete(self, bus: BusName, name: str, *, force: bool) -> None:
        """Delete a rule that has no targets; one that is not there is as good as deleted.

        Raises `ValidationException`, `ManagedRuleException`.
        """
        with self._changing(bus.rule_arn(name)) as connection:
            _check_bus(connection, bus)
            rule = rows.find_rule(connection, bus.rule_arn(name))
            if rule is None:
                return
            _check_own(rule, force=force)
            if rows.targets_of(connection, rule.arn):
                raise ValidationException("Rule can't be deleted since it has targets.")
            connection.execute(delete(store.rules).where(store.rules.c.arn == rule.arn))

    def put_targets(self, bus: BusName, name: str, given: Sequence[Mapping[str, Any]]) -> None:
        """Add targets, or put them in the place of those with their ids: all or none.

        Raises `ResourceNotFoundException`, `ManagedRuleException`, `ValidationException`, `LimitExceededException`.
        """
        ids = [one["Id"] for one in given]
        if len(set(ids)) < len(ids):
            raise ValidationException(f"Targets of one request have different Ids; {max(ids, key=ids.count)} comes twice.")
        rule_arn, now = bus.rule_arn(name), self._clock.time()
        made = [target_checks.checked(one, rule_arn=rule_arn, bus=bus, now=now) for one in given]
        for role in dict.fromkeys(target.role_arn for target in made):
            self._check_role(role, bus, name)
        with self._changing(rule_arn) as connection:
            _check_own(_the_rule(connection, bus, name))
            there = {one.target_id for one in rows.targets_of(connection, rule_arn)}
            if len(there | set(ids)) > MOST_TARGETS:
                raise LimitExceededException(
                    f"The requested resource exceeds the maximum number allowed: a rule has {MOST_TARGETS} targets."
                )
            for target in made:
                rows.keep_target(connection, bus.arn, target)

    def remove_targets(self, bus: BusName, name: str, ids: Sequence[str], *, force: bool) -> list[str]:
        """Remove targets; those of `ids` that the rule does not have are returned. Raises as `put_targets` does."""
        with self._changing(bus.rule_arn(name)) as connection:
            rule = _the_rule(connection, bus, name)
            _check_own(rule, force=force)
            there = {one.target_id for one in rows.targets_of(connection, rule.arn)}
            of_rule = store.targets.c.rule_arn == rule.arn
            connection.execute(delete(store.targets).where(of_rule & store.targets.c.target_id.in_(set(ids) & there)))
        return [one for one in dict.fromkeys(ids) if one not in there]

    def targets(self, bus: BusName, name: str, *, after: str, limit: int) -> list[Target]:
        """Targets of a rule with ids above `after`, in order of their ids. Raises `ResourceNotFoundException`."""
        with self._store.read() as connection:
            rule = _the_rule(connection, bus, name)
            return [one for one in rows.targets_of(connection, rule.arn) if one.target_id > after][:limit]

    def names_by_target(self, bus: BusName, target_arn: str, *, after: str, limit: int) -> list[str]:
        """Names above `after` of the rules of a bus that have a target with this ARN."""
        wanted = (store.targets.c.bus_arn == bus.arn) & (store.targets.c.arn == target_arn) & (store.rules.c.name > after)
        joined = store.targets.join(store.rules, store.rules.c.arn == store.targets.c.rule_arn)
        query = select(store.rules.c.name).distinct().select_from(joined).where(wanted).order_by(store.rules.c.name).limit(limit)
        with self._store.read() as connection:
            _check_bus(connection, bus)
            return list(connection.execute(query).scalars())

    @contextmanager
    def _changing(self, rule_arn: str) -> Iterator[Connection]:
        """A transaction that changes a rule or its targets: what has come by now is still judged by how it stood."""
        head = self._head()
        with self._store.write() as connection:
            yield connection
            spans.change(connection, rule_arn, spans.now(connection, head))

    def _check_role(self, role_arn: str | None, bus: BusName, rule: str) -> None:
        """Raises `ValidationException` for a role that EventBridge cannot assume for the rule."""
        if role_arn is None:
            return
        if target_kinds.place_of(role_arn)[1] != bus.account_id:
            raise ValidationException(
                f"Provided role '{role_arn[:300]}' is not of the account {bus.account_id}, to which the rule belongs."
            )
        try:
            self._roles.assume(role_arn, bus.account_id, source_arn=bus.rule_arn(rule))
        except NotAssumable as error:
            raise ValidationException(f"Provided role '{role_arn[:300]}' cannot be assumed by principal '{EVENTS}'.") from error


def _check_bus(connection: Connection, bus: BusName) -> None:
    if rows.find_bus(connection, bus) is None:
        raise no_bus(bus.name)


def _the_rule(connection: Connection, bus: BusName, name: str) -> Rule:
    _check_bus(connection, bus)
    found = rows.find_rule(connection, bus.rule_arn(name))
    if found is None:
        raise no_rule(name, bus.name)
    return found


def _check_own(rule: Rule | None, *, force: bool = False) -> None:
    """Raises `ManagedRuleException` for a rule that a service has made, but not when the caller insists."""
    if rule is not None and rule.managed_by is not None and not force:
        raise ManagedRuleException(f"Rule {rule.name} is managed by {rule.managed_by}: only that service changes it.")
