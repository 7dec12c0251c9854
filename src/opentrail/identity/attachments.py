"""What gives users, groups and roles their permissions: inline policies, attached managed policies, boundaries."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from sqlalchemy import Connection, delete, insert, select, update

from opentrail.clock import Clock
from opentrail.identity import entities
from opentrail.identity.documents import identity_document, size
from opentrail.identity.entities import Entity
from opentrail.identity.faults import LimitExceeded, NoSuchEntity, UnmodifiableEntity
from opentrail.identity.managed_policies import ManagedPolicies
from opentrail.identity.store import Store, attachments, inline_policies, memberships

Owner = Literal["user", "group", "role"]

INLINE_SIZES: dict[Owner, int] = {"user": 2048, "role": 10240, "group": 5120}
"""Characters of all inline policies of one owner together, without white space."""

MAX_ATTACHED = 10
_QUOTAS: dict[Owner, str] = {"user": "PoliciesPerUser", "group": "PoliciesPerGroup", "role": "PoliciesPerRole"}


class Attachments:
    """Policies of users, groups and roles. Every method raises `NoSuchEntity` when the owner is not there."""

    def __init__(self, store: Store, clock: Clock, managed: ManagedPolicies) -> None:
        self._store = store
        self._clock = clock
        self._managed = managed

    def put_inline(self, account_id: str, kind: Owner, owner: str, name: str, document: str) -> None:
        """Add or replace an inline policy. Raises `MalformedPolicyDocument`, `LimitExceeded`, `UnmodifiableEntity`."""
        identity_document(document)
        with self._store.write() as connection:
            entity = _modifiable(connection, kind, account_id, owner)
            others = [row.document for row in _inline_rows(connection, entity) if row.name != name]
            if sum(size(other) for other in others) + size(document) > INLINE_SIZES[kind]:
                raise LimitExceeded(f"Maximum policy size of {INLINE_SIZES[kind]} bytes exceeded for {kind} {owner}")
            same = (inline_policies.c.owner_id == entity.id, inline_policies.c.name == name)
            if connection.execute(update(inline_policies).where(*same).values(document=document)).rowcount == 0:
                connection.execute(insert(inline_policies).values(owner_id=entity.id, name=name, document=document))

    def get_inline(self, account_id: str, kind: Owner, owner: str, name: str) -> str:
        """The document of an inline policy. Raises `NoSuchEntity`."""
        with self._store.read() as connection:
            entity = entities.find(connection, kind, account_id, owner)
            for row in _inline_rows(connection, entity):
                if row.name == name:
                    return str(row.document)
        raise _no_inline(kind, name)

    def inline_names(self, account_id: str, kind: Owner, owner: str) -> Sequence[str]:
        """Names of the inline policies, in order."""
        with self._store.read() as connection:
            return [row.name for row in _inline_rows(connection, entities.find(connection, kind, account_id, owner))]

    def inline(self, account_id: str, kind: Owner, owner: str) -> Sequence[tuple[str, str]]:
        """Names and documents of the inline policies, by name."""
        with self._store.read() as connection:
            return [(row.name, row.document) for row in _inline_rows(connection, entities.find(connection, kind, account_id, owner))]

    def delete_inline(self, account_id: str, kind: Owner, owner: str, name: str) -> None:
        """Take an inline policy away. Raises `NoSuchEntity`."""
        with self._store.write() as connection:
            entity = _modifiable(connection, kind, account_id, owner)
            gone = connection.execute(
                delete(inline_policies).where(inline_policies.c.owner_id == entity.id, inline_policies.c.name == name)
            )
            if gone.rowcount == 0:
                raise _no_inline(kind, name)

    def attach(self, account_id: str, kind: Owner, owner: str, policy_arn: str) -> None:
        """Attach a managed policy; attaching it twice is no error. Raises `LimitExceeded` beyond ten."""
        with self._store.write() as connection:
            entity = _modifiable(connection, kind, account_id, owner)
            self._managed.require_attachable(connection, account_id, policy_arn)
            present = attached_arns(connection, [entity.id])
            if policy_arn in present:
                return
            if len(present) >= MAX_ATTACHED:
                raise LimitExceeded(f"Cannot exceed quota for {_QUOTAS[kind]}: {MAX_ATTACHED}")
            connection.execute(insert(attachments).values(owner_id=entity.id, policy_arn=policy_arn, attached=self._clock.time()))

    def detach(self, account_id: str, kind: Owner, owner: str, policy_arn: str) -> None:
        """Take a managed policy off. Raises `NoSuchEntity` when it is not attached."""
        with self._store.write() as connection:
            entity = _modifiable(connection, kind, account_id, owner)
            gone = connection.execute(
                delete(attachments).where(attachments.c.owner_id == entity.id, attachments.c.policy_arn == policy_arn)
            )
            if gone.rowcount == 0:
                raise NoSuchEntity(f"Policy {policy_arn} was not found.")

    def attached(self, account_id: str, kind: Owner, owner: str) -> Sequence[str]:
        """ARNs of the managed policies attached, by name."""
        with self._store.read() as connection:
            entity = entities.find(connection, kind, account_id, owner)
            return sorted(attached_arns(connection, [entity.id]), key=lambda arn: (arn.rpartition("/")[2].lower(), arn))

    def set_boundary(self, account_id: str, kind: Literal["user", "role"], owner: str, policy_arn: str | None) -> None:
        """Bound the permissions by a managed policy; `None` takes the boundary off."""
        with self._store.write() as connection:
            entity = _modifiable(connection, kind, account_id, owner)
            if policy_arn is not None:
                require_boundary(connection, self._managed, account_id, policy_arn)
            entities.change(connection, entity, boundary=policy_arn)


def require_boundary(connection: Connection, managed: ManagedPolicies, account_id: str, policy_arn: str) -> None:
    """Raises `NoSuchEntity` when the policy cannot bound anybody in this account."""
    try:
        managed.require_attachable(connection, account_id, policy_arn)
    except NoSuchEntity:
        raise NoSuchEntity(f"Scope ARN: {policy_arn} does not exist or is not attachable.") from None


def attached_arns(connection: Connection, owner_ids: Sequence[str]) -> list[str]:
    """ARNs attached to any of these owners."""
    return list(
        connection.execute(select(attachments.c.policy_arn).where(attachments.c.owner_id.in_(owner_ids)).order_by(attachments.c.attached))
        .scalars()
        .unique()
    )


def documents(connection: Connection, managed: ManagedPolicies, owner_id: str) -> list[str]:
    """The identity policies in force for a user (its groups' too) or role."""
    owners = [owner_id]
    owners += connection.execute(select(memberships.c.group_id).where(memberships.c.user_id == owner_id)).scalars()
    found = list(connection.execute(select(inline_policies.c.document).where(inline_policies.c.owner_id.in_(owners))).scalars())
    for arn in attached_arns(connection, owners):
        document = managed.in_force(connection, arn)
        if document is not None:
            found.append(document)
    return found


def has_inline(connection: Connection, entity: Entity) -> bool:
    """Whether it carries inline policies."""
    return bool(_inline_rows(connection, entity))


def _inline_rows(connection: Connection, entity: Entity) -> Sequence[Any]:
    return connection.execute(
        select(inline_policies.c.name, inline_policies.c.document)
        .where(inline_policies.c.owner_id == entity.id)
        .order_by(inline_policies.c.name)
    ).all()


def _modifiable(connection: Connection, kind: Owner, account_id: str, name: str) -> Entity:
    entity = entities.find(connection, kind, account_id, name)
    require_unprotected(entity)
    return entity


def require_unprotected(entity: Entity) -> None:
    """Raises `UnmodifiableEntity` for roles that belong to a service."""
    if entity.details.get("service"):
        raise UnmodifiableEntity(
            f"Cannot perform the operation on the protected role '{entity.name}' - this role is only modifiable by AWS"
        )


def _no_inline(kind: Owner, name: str) -> NoSuchEntity:
    return NoSuchEntity(f"The {kind} policy with name {name} cannot be found.")
