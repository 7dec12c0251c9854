"""The policies behind a user, group or role, one by one, with where each comes from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from opentrail.identity import Identities
from opentrail.identity.attachments import Owner
from opentrail.identity.entities import Entity
from opentrail.identity.faults import InvalidInput, NoSuchEntity


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One policy in force."""

    name: str
    document: str
    owner: Entity
    """Whom it is put in or attached to: the user itself, or one of its groups."""
    arn: str | None = None
    """Of a managed policy; `None`: it is inline."""

    @property
    def kind(self) -> str:
        """As simulations call it."""
        if self.arn is None:
            return self.owner.kind
        return "aws-managed" if self.arn.startswith("arn:aws:iam::aws:") else "user-managed"


def entity_of(identities: Identities, account_id: str, arn: str) -> Entity:
    """The user, group or role that an ARN names. Raises `NoSuchEntity`, `InvalidInput`."""
    parts = arn.split(":", 5)
    kind = parts[5].partition("/")[0] if len(parts) == 6 and parts[2] == "iam" else ""
    if kind not in ("user", "group", "role"):
        raise InvalidInput(f"Invalid Entity Arn: {arn} does not clearly define entity type and name.")
    name = parts[5].rpartition("/")[2]
    found: Entity | None = None
    if parts[4] == account_id:
        find = {"user": identities.users.get, "group": identities.groups.get, "role": identities.roles.get}[kind]
        found = find(account_id, name)
    if found is None or found.arn != arn:
        raise NoSuchEntity(f"The {kind} with name {name} cannot be found.")
    return found


def sources(identities: Identities, entity: Entity) -> Sequence[Source]:
    """The policies of an entity; a user has those of its groups too."""
    owners = [entity]
    if entity.kind == "user":
        owners += identities.users.groups(entity.account_id, entity.name)
    return [source for owner in owners for source in _own(identities, owner)]


def _own(identities: Identities, owner: Entity) -> Iterator[Source]:
    kind = _owner_kind(owner)
    for name, document in identities.attachments.inline(owner.account_id, kind, owner.name):
        yield Source(name=name, document=document, owner=owner)
    for arn in identities.attachments.attached(owner.account_id, kind, owner.name):
        policy = identities.managed_policies.get(owner.account_id, arn)
        document = identities.managed_policies.version(owner.account_id, arn, policy.default_version).document
        yield Source(name=policy.name, document=document, owner=owner, arn=arn)


def _owner_kind(owner: Entity) -> Owner:
    if owner.kind == "user":
        return "user"
    return "group" if owner.kind == "group" else "role"
