"""PutResourcePolicy, GetResourcePolicy, DeleteResourcePolicy for event data stores, channels and dashboards (reference of Lake, §4)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.engine import Connection

from opentrail.lake import names
from opentrail.lake.faults import (
    ResourceARNNotValidException,
    ResourcePolicyNotFoundException,
    ResourceTypeNotSupportedException,
)
from opentrail.lake.names import Named
from opentrail.lake.stores import attachments, carriers, policy_rules, store
from opentrail.lake.stores.carriers import Carrier
from opentrail.lake.stores.control import EventDataStores


@dataclass(frozen=True, slots=True, kw_only=True)
class Policies:
    """The policies of one resource, as JSON texts."""

    own: str | None
    """What was put, as written."""
    delegated: str | None
    """What an organization store grants to delegated administrators besides."""


class ResourcePolicies:
    """The policies of whatever `carriers` has. Blocking, thread-safe."""

    def __init__(self, stores: EventDataStores, carriers_: Sequence[Carrier]) -> None:
        self._stores = stores
        self._database = stores.database
        self._carriers = carriers.by_kind(carriers_)

    def put(self, account_id: str, region: str, arn: str, text: str) -> Policies:
        """Keep the policy in place of the one before.

        Raises `ResourceARNNotValidException`, `ResourceTypeNotSupportedException`, `ResourceNotFoundException`,
        `ResourcePolicyNotValidException`.
        """
        named = self._named(region, arn)
        with self._stores.changing() as connection:
            self._carriers[named.kind].require(connection, named, account_id)
            policy_rules.check(named.kind, arn, text)
            attachments.put_policy(connection, arn, text)
            self._note(connection, named)
            return self._policies(connection, named)

    def get(self, account_id: str, region: str, arn: str) -> Policies:
        """The policies. Raises as `put`, and `ResourcePolicyNotFoundException` when there is none."""
        named = self._named(region, arn)
        with self._database.read() as connection:
            self._carriers[named.kind].require(connection, named, account_id)
            found = self._policies(connection, named)
        if found.own is None and found.delegated is None:
            raise ResourcePolicyNotFoundException(f"The resource {arn} has no policy.")
        return found

    def delete(self, account_id: str, region: str, arn: str) -> None:
        """Forget the policy that was put; raises as `get`."""
        named = self._named(region, arn)
        with self._stores.changing() as connection:
            self._carriers[named.kind].require(connection, named, account_id)
            if attachments.policy(connection, arn) is None:
                raise ResourcePolicyNotFoundException(f"The resource {arn} has no policy.")
            attachments.remove_policy(connection, arn)
            self._note(connection, named)

    def of(self, named: Named) -> str | None:
        """What is evaluated when somebody wants something of the resource: all its policies as one, `None` for none."""
        with self._database.read() as connection:
            found = self._policies(connection, named)
        return policy_rules.together(found.own, found.delegated)

    def _policies(self, connection: Connection, named: Named) -> Policies:
        own = attachments.policy(connection, named.arn)
        if named.kind != "eventdatastore":
            return Policies(own=own, delegated=None)
        of = store.get(connection, named.id, self._stores.clock.time())
        if of is None or of.arn != named.arn:
            return Policies(own=None, delegated=None)
        return Policies(own=own, delegated=policy_rules.for_delegates(of.arn, self._stores.organization.delegates(connection, of)))

    def _note(self, connection: Connection, named: Named) -> None:
        if named.kind == "eventdatastore":
            store.changed(connection)

    def _named(self, region: str, arn: str) -> Named:
        named = names.parse(arn)
        if named is None and arn.startswith("arn:") and arn.count(":") >= 5 and arn.split(":")[2] == "cloudtrail":
            kind = arn.split(":", 5)[5].partition("/")[0]
            if kind not in self._carriers:
                raise ResourceTypeNotSupportedException(f"Resources of the type {kind[:64]} have no policy.")
        if named is None:
            raise ResourceARNNotValidException(f"{arn[:200]!r} is not the ARN of an event data store, a channel or a dashboard.")
        if named.region != region:
            raise ResourceARNNotValidException(f"The resource {arn} is in another Region: call the operation in {named.region}.")
        if named.kind not in self._carriers:
            raise ResourceTypeNotSupportedException(f"Resources of the type {named.kind} have no policy here.")
        return named
