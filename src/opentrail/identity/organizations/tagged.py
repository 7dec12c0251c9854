"""Tagging what an organization holds, and the one policy of the organization itself (its resource policy)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select, update

from opentrail.identity.organizations import documents, ids, policy_rows, tags, tree
from opentrail.identity.organizations.faults import PolicyNotFoundException, ResourcePolicyNotFoundException, TargetNotFoundException
from opentrail.identity.organizations.store import resource_policies
from opentrail.identity.organizations.tree import Organization
from opentrail.identity.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourcePolicy:
    """The policy by which an organization gives members more than they have by themselves."""

    id: str
    arn: str
    content: str


class ResourceTags:
    """Tags of roots, units, accounts, policies and the resource policy. Raises `TargetNotFoundException` for anything else."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def add(self, caller: str, resource_id: str, tagged: Mapping[str, str]) -> None:
        """Add or replace tags. Raises `ConstraintViolationException` beyond 50."""
        with self._store.write() as connection:
            organization = tree.entrusted(connection, caller)
            _require_taggable(connection, organization, resource_id)
            tags.put(connection, organization, resource_id, tagged)

    def remove(self, caller: str, resource_id: str, keys: Sequence[str]) -> None:
        """Take tags away."""
        with self._store.write() as connection:
            _require_taggable(connection, tree.entrusted(connection, caller), resource_id)
            tags.drop(connection, resource_id, keys)

    def list(self, caller: str, resource_id: str) -> Mapping[str, str]:
        """The tags of a resource, by key."""
        with self._store.read() as connection:
            _require_taggable(connection, tree.readable(connection, caller), resource_id)
            return tags.of(connection, resource_id)

    def of(self, resource_id: str) -> Mapping[str, str]:
        """The tags of a resource for the evaluation of policies, whoever asks."""
        with self._store.read() as connection:
            return tags.of(connection, resource_id)


class ResourcePolicies:
    """The resource policy of each organization."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def put(self, caller: str, content: str, *, tagged: Mapping[str, str]) -> ResourcePolicy:
        """Set or replace the policy. Raises `InvalidInputException`."""
        documents.resource_policy(content)
        with self._store.write() as connection:
            organization = tree.managed(connection, caller)
            mine = resource_policies.c.organization_id == organization.id
            if connection.execute(update(resource_policies).where(mine).values(content=content)).rowcount == 0:
                connection.execute(
                    insert(resource_policies).values(organization_id=organization.id, id=ids.resource_policy_id(), content=content)
                )
            found = _find(connection, organization)
            tags.put(connection, organization, found.id, tagged)
            return found

    def describe(self, caller: str) -> ResourcePolicy:
        """The policy. Raises `ResourcePolicyNotFoundException`."""
        with self._store.read() as connection:
            return _find(connection, tree.readable(connection, caller))

    def delete(self, caller: str) -> None:
        """Take the policy away. Raises `ResourcePolicyNotFoundException`."""
        with self._store.write() as connection:
            organization = tree.managed(connection, caller)
            tags.drop(connection, _find(connection, organization).id)
            connection.execute(delete(resource_policies).where(resource_policies.c.organization_id == organization.id))


def _find(connection: Connection, organization: Organization) -> ResourcePolicy:
    row = connection.execute(select(resource_policies).where(resource_policies.c.organization_id == organization.id)).first()
    if row is None:
        raise ResourcePolicyNotFoundException
    arn = ids.arn(organization.management_account_id, "resourcepolicy", organization.id, row.id)
    return ResourcePolicy(id=row.id, arn=arn, content=row.content)


def _require_taggable(connection: Connection, organization: Organization, resource_id: str) -> None:
    try:
        if resource_id.startswith("p-"):
            found = not policy_rows.find(connection, organization, resource_id).aws_managed
        elif resource_id.startswith("rp-"):
            found = _find(connection, organization).id == resource_id
        else:
            found = tree.has_target(connection, organization, resource_id)
    except (PolicyNotFoundException, ResourcePolicyNotFoundException):
        found = False
    if not found:
        raise TargetNotFoundException
