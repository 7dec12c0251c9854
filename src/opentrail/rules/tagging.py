"""Tags of rules and buses, by ARN."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from sqlalchemy import Connection

from opentrail.rules import names, rows, tags
from opentrail.rules.faults import ManagedRuleException, no_bus, no_rule
from opentrail.rules.names import BusName
from opentrail.rules.store import Store
from opentrail.rules.values import Bus, Rule
from opentrail.wire.faults import ValidationException


class Tagging:
    """Reads and changes tags. Every method raises `ResourceNotFoundException`, and `ValidationException` for another kind of ARN."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def tags(self, arn: str) -> Mapping[str, str]:
        """The tags of a resource."""
        with self._store.read() as connection:
            return _resource(connection, arn).tags

    def tag(self, arn: str, more: Mapping[str, str]) -> None:
        """Add tags, or put them in the place of those with their keys. Raises `ManagedRuleException` too."""
        self._change(arn, lambda present: tags.joined(present, more))

    def untag(self, arn: str, keys: Sequence[str]) -> None:
        """Remove tags; keys that are not there are no matter."""
        self._change(arn, lambda present: {key: value for key, value in present.items() if key not in set(keys)})

    def _change(self, arn: str, change: Callable[[Mapping[str, str]], Mapping[str, str]]) -> None:
        with self._store.write() as connection:
            found = _resource(connection, arn)
            if isinstance(found, Bus):
                rows.keep_bus(connection, replace(found, tags=dict(change(found.tags))))
                return
            if found.managed_by is not None:
                raise ManagedRuleException(f"Rule {found.name} is managed by {found.managed_by}: only that service changes it.")
            rows.keep_rule(connection, replace(found, tags=dict(change(found.tags))))


def named(arn: str) -> tuple[BusName, str | None]:
    """The bus that an ARN is about, and the rule if it is one of a rule. Raises `ValidationException`."""
    bus = names.bus_of(arn)
    if bus is not None:
        return bus, None
    rule = names.rule_of(arn)
    if rule is None:
        raise ValidationException(f"Parameter ResourceARN is not valid. Reason: {arn[:300]} is no ARN of a rule or an event bus.")
    return rule


def _resource(connection: Connection, arn: str) -> Bus | Rule:
    bus, rule = named(arn)
    if rule is None:
        found = rows.find_bus(connection, bus)
        if found is None:
            raise no_bus(bus.name)
        return found
    there = rows.find_rule(connection, arn)
    if there is None:
        raise no_rule(rule, bus.name)
    return there
