"""What users, groups, roles, managed policies, instance profiles, identity providers, MFA devices and server certificates have in common:
name, path, unique id, tags.

The functions here work within a transaction of the caller; the subjects (`users.py`, `roles.py`, ...) open one per operation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Generic, Literal, TypeVar

from sqlalchemy import Connection, Row, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from opentrail.identity.faults import EntityAlreadyExists, InvalidInput, LimitExceeded, NoSuchEntity
from opentrail.identity.ids import UniqueKind, unique_id
from opentrail.identity.store import entities

Kind = Literal["user", "group", "role", "policy", "instance-profile", "oidc-provider", "saml-provider", "mfa", "server-certificate"]

_ID_KINDS: dict[Kind, UniqueKind] = {
    "user": "AIDA",
    "group": "AGPA",
    "role": "AROA",
    "policy": "ANPA",
    "instance-profile": "AIPA",
    "oidc-provider": "OIDC",
    "saml-provider": "SAML",
    "mfa": "AMFA",
    "server-certificate": "ASCA",
}

_MISSING: dict[Kind, str] = {
    "user": "The user with name {} cannot be found.",
    "group": "The group with name {} cannot be found.",
    "role": "The role with name {} cannot be found.",
    "policy": "Policy {} was not found.",
    "instance-profile": "Instance Profile {} cannot be found.",
    "oidc-provider": "OpenIDConnect Provider not found for arn {}",
    "saml-provider": "Manifest not found for arn {}",
    "mfa": "VirtualMFADevice with serial number {} doesn't exist.",
    "server-certificate": "The Server Certificate with name {} cannot be found.",
}

_TAKEN: dict[Kind, str] = {
    "user": "User with name {} already exists.",
    "group": "Group with name {} already exists.",
    "role": "Role with name {} already exists.",
    "policy": "A policy called {} already exists. Duplicate names are not allowed.",
    "instance-profile": "Instance Profile {} already exists.",
    "oidc-provider": "Provider with url https://{} already exists.",
    "saml-provider": "Provider with name {} already exists.",
    "mfa": "MFADevice entity at the same path and name already exists.",
    "server-certificate": "The Server Certificate with name {} already exists.",
}

QUOTAS: dict[Kind, tuple[str, int]] = {
    "user": ("UsersPerAccount", 5000),
    "group": ("GroupsPerAccount", 300),
    "role": ("RolesPerAccount", 1000),
    "policy": ("PoliciesPerAccount", 1500),
    "instance-profile": ("InstanceProfilesPerAccount", 1000),
    "oidc-provider": ("OpenIdConnectProvidersPerAccount", 100),
    "saml-provider": ("SAMLProvidersPerAccount", 100),
    "mfa": ("VirtualMFADevicesPerAccount", 5000),
    "server-certificate": ("ServerCertificatesPerAccount", 20),
}
"""Name and size of each quota for one account (IAM's defaults)."""

MAX_TAGS = 50

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Part of a list, in order."""

    items: list[T]
    more: bool
    """Whether the list goes on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entity:
    """One user, group, role, managed policy, …: see the module."""

    kind: Kind
    id: str
    account_id: str
    name: str
    path: str
    created: datetime
    boundary: str | None = None
    """ARN of the managed policy that bounds its permissions."""
    tags: Mapping[str, str] = field(default_factory=dict)
    details: Mapping[str, Any] = field(default_factory=dict)

    @property
    def arn(self) -> str:
        """`arn:aws:iam::123456789012:user/division/alice`"""
        return arn(self.account_id, self.kind, self.path, self.name)


def arn(account_id: str, kind: Kind, path: str, name: str) -> str:
    """The ARN of an entity; `path` begins and ends with `/`."""
    return f"arn:aws:iam::{account_id}:{kind}{path}{name}"


def instant(at: float) -> datetime:
    """Epoch seconds as IAM shows them: whole seconds, UTC."""
    return datetime.fromtimestamp(int(at), UTC)


def of_row(row: Row[Any]) -> Entity:
    """The entity in a row of the table."""
    return Entity(
        kind=row.kind,
        id=row.id,
        account_id=row.account_id,
        name=row.name,
        path=row.path,
        created=instant(row.created),
        boundary=row.boundary,
        tags=row.tags,
        details=row.details,
    )


def missing(kind: Kind, name: str) -> NoSuchEntity:
    """The fault for an entity that is not there."""
    return NoSuchEntity(_MISSING[kind].format(name))


def find(connection: Connection, kind: Kind, account_id: str, name: str) -> Entity:
    """The entity called `name`, case and all. Raises `NoSuchEntity`."""
    found = lookup(connection, kind, account_id, name)
    if found is None:
        raise missing(kind, name)
    return found


def lookup(connection: Connection, kind: Kind, account_id: str, name: str) -> Entity | None:
    """The entity called `name`, case and all, if there is one."""
    row = connection.execute(
        select(entities).where(entities.c.account_id == account_id, entities.c.kind == kind, entities.c.folded == name.lower())
    ).first()
    return None if row is None or row.name != name else of_row(row)


def find_arn(connection: Connection, kind: Kind, account_id: str, arn: str) -> Entity:
    """The entity that an ARN names, which must be of this account. Raises `NoSuchEntity`; `InvalidInput` for what is no such ARN."""
    parts = arn.split(":", 5)
    if len(parts) != 6 or parts[0] != "arn" or parts[2] != "iam" or not parts[5].startswith(kind + "/"):
        raise InvalidInput(f"Invalid ARN: {arn}")
    # The name of an OpenID Connect provider is its URL, slashes and all.
    name = parts[5].removeprefix(kind + "/") if kind == "oidc-provider" else parts[5].rpartition("/")[2]
    found = lookup(connection, kind, account_id, name) if parts[4] == account_id else None
    if found is None or found.arn != arn:
        raise missing(kind, arn)
    return found


def by_id(connection: Connection, entity_id: str) -> Entity | None:
    """The entity with a unique id."""
    row = connection.execute(select(entities).where(entities.c.id == entity_id)).first()
    return None if row is None else of_row(row)


def by_ids(connection: Connection, ids: Sequence[str]) -> list[Entity]:
    """The entities with these unique ids, by name."""
    rows = connection.execute(select(entities).where(entities.c.id.in_(ids)).order_by(entities.c.folded))
    return [of_row(row) for row in rows]


def add(
    connection: Connection,
    kind: Kind,
    account_id: str,
    name: str,
    *,
    now: float,
    path: str = "/",
    boundary: str | None = None,
    tags: Mapping[str, str] | None = None,
    details: Mapping[str, Any] | None = None,
) -> Entity:
    """Make an entity. Raises `EntityAlreadyExists` (names are compared without case) and `LimitExceeded`."""
    quota, limit = QUOTAS[kind]
    if count(connection, kind, account_id) >= limit:
        raise LimitExceeded(f"Cannot exceed quota for {quota}: {limit}")
    values = {
        "id": unique_id(_ID_KINDS[kind]),
        "kind": kind,
        "account_id": account_id,
        "name": name,
        "folded": name.lower(),
        "path": path,
        "created": now,
        "boundary": boundary,
        "tags": dict(tags or {}),
        "details": dict(details or {}),
    }
    try:
        connection.execute(insert(entities).values(values))
    except IntegrityError:
        raise EntityAlreadyExists(_TAKEN[kind].format(name)) from None
    return find(connection, kind, account_id, name)


def rename(connection: Connection, entity: Entity, *, name: str | None, path: str | None) -> None:
    """Give another name or path; the unique id stays. Raises `EntityAlreadyExists`."""
    name = name if name is not None else entity.name
    try:
        connection.execute(
            update(entities)
            .where(entities.c.id == entity.id)
            .values(name=name, folded=name.lower(), path=path if path is not None else entity.path)
        )
    except IntegrityError:
        raise EntityAlreadyExists(_TAKEN[entity.kind].format(name)) from None


def change(connection: Connection, entity: Entity, **columns: Any) -> None:
    """Set columns of the entity's row."""
    connection.execute(update(entities).where(entities.c.id == entity.id).values(columns))


def remove(connection: Connection, entity: Entity) -> None:
    """Take the entity away; the caller has made sure that nothing hangs on it."""
    connection.execute(delete(entities).where(entities.c.id == entity.id))


def count(connection: Connection, kind: Kind, account_id: str) -> int:
    """How many there are in an account."""
    return int(
        connection.execute(
            select(func.count()).select_from(entities).where(entities.c.account_id == account_id, entities.c.kind == kind)
        ).scalar_one()
    )


def page(
    connection: Connection, kind: Kind, account_id: str, *, path_prefix: str = "/", after: str | None = None, limit: int = 100
) -> Page[Entity]:
    """Entities by name (without case), from behind the name `after`, at most `limit`."""
    query = select(entities).where(entities.c.account_id == account_id, entities.c.kind == kind)
    if path_prefix != "/":
        # Ordinary comparison rather than LIKE, whose wildcards and letter case differ between databases.
        query = query.where(func.substr(entities.c.path, 1, len(path_prefix)) == path_prefix)
    if after is not None:
        query = query.where(entities.c.folded > after.lower())
    rows = connection.execute(query.order_by(entities.c.folded).limit(limit + 1)).all()
    return Page([of_row(row) for row in rows[:limit]], len(rows) > limit)


def set_tags(connection: Connection, entity: Entity, added: Mapping[str, str]) -> None:
    """Add or replace tags; keys are compared without case. Raises `LimitExceeded` beyond 50."""
    replaced = {key.lower() for key in added}
    merged = {key: value for key, value in entity.tags.items() if key.lower() not in replaced} | dict(added)
    if len(merged) > MAX_TAGS:
        raise LimitExceeded("The number of tags has reached the maximum limit.")
    change(connection, entity, tags=merged)


def drop_tags(connection: Connection, entity: Entity, keys: Sequence[str]) -> None:
    """Take tags away; keys that are not there are no error."""
    gone = {key.lower() for key in keys}
    change(connection, entity, tags={key: value for key, value in entity.tags.items() if key.lower() not in gone})


def checked_tags(tags: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """Tags of a request. Raises `InvalidInput` for keys given twice (without case) and for keys reserved to AWS."""
    checked: dict[str, str] = {}
    seen: set[str] = set()
    for tag in tags:
        key = tag["Key"]
        if key.lower() in seen:
            raise InvalidInput("Duplicate tag keys found. Please note that Tag keys are case insensitive.")
        if key.lower().startswith("aws:"):
            raise InvalidInput("Tag keys that start with 'aws:' are reserved for system use.")
        seen.add(key.lower())
        checked[key] = tag["Value"]
    return checked
