"""Managed policies: those of the customer, with up to five versions, and those that AWS brings along."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from importlib.resources import files
from typing import Literal

import orjson
from sqlalchemy import ColumnElement, Connection, delete, func, insert, select

from opentrail.clock import Clock
from opentrail.identity import entities
from opentrail.identity.documents import identity_document, size
from opentrail.identity.entities import Entity, Page, instant
from opentrail.identity.faults import DeleteConflict, InvalidInput, LimitExceeded, NoSuchEntity, PolicyNotAttachable
from opentrail.identity.store import Store, attachments, policy_versions
from opentrail.identity.store import entities as entity_table

MAX_VERSIONS = 5
MAX_POLICY_SIZE = 6144
"""Characters of a managed policy, without white space."""

Scope = Literal["All", "AWS", "Local"]
Usage = Literal["PermissionsPolicy", "PermissionsBoundary"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ManagedPolicy:
    """One managed policy."""

    arn: str
    id: str
    name: str
    path: str
    description: str
    default_version: str
    created: datetime
    updated: datetime
    attachable: bool = True
    attachments: int = 0
    boundaries: int = 0
    """How many users and roles it bounds."""
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyVersion:
    """One version of a managed policy."""

    document: str
    version: str
    default: bool
    created: datetime


class AwsPolicies:
    """The managed policies of AWS that OpenTrail knows: `aws_policies.json`."""

    def __init__(self) -> None:
        self._policies: dict[str, ManagedPolicy] = {}
        self._documents: dict[str, str] = {}
        for item in orjson.loads(files("opentrail.identity").joinpath("aws_policies.json").read_bytes()):
            arn = f"arn:aws:iam::aws:policy{item['path']}{item['name']}"
            created = datetime.fromisoformat(item["created"])
            self._policies[arn] = ManagedPolicy(
                arn=arn,
                id=_aws_policy_id(item["name"]),
                name=item["name"],
                path=item["path"],
                description=item["description"],
                default_version="v1",
                created=created,
                updated=created,
                attachable=not item["path"].startswith("/aws-service-role/"),
            )
            self._documents[arn] = orjson.dumps(item["document"], option=orjson.OPT_INDENT_2).decode()

    def __iter__(self) -> Iterator[ManagedPolicy]:
        return iter(self._policies.values())

    def get(self, arn: str) -> ManagedPolicy | None:
        """The policy with this ARN."""
        return self._policies.get(arn)

    def document(self, arn: str) -> str:
        """Its document. Raises `KeyError`."""
        return self._documents[arn]


def _aws_policy_id(name: str) -> str:
    # Made from the name, so that a policy has the same id in every data folder.
    digest = hashlib.sha256(b"opentrail aws policy " + name.encode()).digest()
    return "ANPA" + "".join("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"[byte & 31] for byte in digest[:17])


class ManagedPolicies:
    """Managed policies as one account sees them."""

    def __init__(self, store: Store, clock: Clock, aws: AwsPolicies) -> None:
        self._store = store
        self._clock = clock
        self._aws = aws

    def create(
        self, account_id: str, name: str, document: str, *, path: str = "/", description: str = "", tags: Mapping[str, str] | None = None
    ) -> ManagedPolicy:
        """Make a policy with its first version. Raises `MalformedPolicyDocument`, `LimitExceeded`, `EntityAlreadyExists`."""
        _checked_size(identity_document(document))
        now = self._clock.time()
        details = {"description": description, "default": 1, "next": 2, "updated": now}
        with self._store.write() as connection:
            entity = entities.add(connection, "policy", account_id, name, now=now, path=path, tags=tags, details=details)
            connection.execute(insert(policy_versions).values(policy_id=entity.id, number=1, document=document, created=now))
        return _of_entity(entity)

    def get(self, account_id: str, arn: str) -> ManagedPolicy:
        """One policy, with its counts. Raises `NoSuchEntity`, `InvalidInput` for what is no ARN."""
        with self._store.read() as connection:
            found = self._aws.get(arn) or _of_entity(_entity(connection, account_id, arn))
            return _counted(connection, account_id, [found])[0]

    def list(
        self,
        account_id: str,
        *,
        scope: Scope = "All",
        only_attached: bool = False,
        usage: Usage | None = None,
        path_prefix: str = "/",
        after: str | None = None,
        limit: int = 100,
    ) -> Page[ManagedPolicy]:
        """Policies by name and ARN, from behind the ARN-marked place `after` (`name|arn`), at most `limit`."""
        found: list[ManagedPolicy] = []
        with self._store.read() as connection:
            if scope != "AWS":
                quota = entities.QUOTAS["policy"][1]
                found += [_of_entity(entity) for entity in entities.page(connection, "policy", account_id, limit=quota).items]
            if scope != "Local":
                found += self._aws
            found = _counted(connection, account_id, found)
        if only_attached:
            found = [policy for policy in found if policy.attachments or policy.boundaries]
        if usage == "PermissionsPolicy":
            found = [policy for policy in found if policy.attachments]
        elif usage == "PermissionsBoundary":
            found = [policy for policy in found if policy.boundaries]
        found = sorted((policy for policy in found if policy.path.startswith(path_prefix)), key=place)
        if after is not None:
            found = [policy for policy in found if place(policy) > after]
        return Page(found[:limit], len(found) > limit)

    def delete(self, account_id: str, arn: str) -> None:
        """Take a policy away. Raises `DeleteConflict` while it is attached, bounds somebody or has other versions than the default."""
        with self._store.write() as connection:
            entity = self._own(connection, account_id, arn)
            policy = _counted(connection, account_id, [_of_entity(entity)])[0]
            if policy.attachments or policy.boundaries:
                raise DeleteConflict("Cannot delete a policy attached to entities.")
            if _version_count(connection, entity) > 1:
                raise DeleteConflict(
                    "This policy has more than one version. Before you delete a policy, you must delete the policy's versions. "
                    "The default version is deleted with the policy."
                )
            connection.execute(delete(policy_versions).where(policy_versions.c.policy_id == entity.id))
            entities.remove(connection, entity)

    def create_version(self, account_id: str, arn: str, document: str, *, default: bool = False) -> PolicyVersion:
        """Add a version. Raises `LimitExceeded` beyond five."""
        _checked_size(identity_document(document))
        now = self._clock.time()
        with self._store.write() as connection:
            entity = self._own(connection, account_id, arn)
            if _version_count(connection, entity) >= MAX_VERSIONS:
                raise LimitExceeded(
                    f"A managed policy can have up to {MAX_VERSIONS} versions. Before you create a new version, you must delete an "
                    "existing version."
                )
            number = entity.details["next"]
            connection.execute(insert(policy_versions).values(policy_id=entity.id, number=number, document=document, created=now))
            details = dict(entity.details) | {"next": number + 1, "updated": now}
            if default:
                details["default"] = number
            entities.change(connection, entity, details=details)
        return PolicyVersion(document=document, version=f"v{number}", default=default, created=instant(now))

    def versions(self, account_id: str, arn: str) -> Sequence[PolicyVersion]:
        """Every version, the newest first. Raises `NoSuchEntity`."""
        policy = self._aws.get(arn)
        if policy is not None:
            return [PolicyVersion(document=self._aws.document(arn), version="v1", default=True, created=policy.created)]
        with self._store.read() as connection:
            entity = _entity(connection, account_id, arn)
            rows = connection.execute(
                select(policy_versions).where(policy_versions.c.policy_id == entity.id).order_by(policy_versions.c.number.desc())
            )
            return [
                PolicyVersion(
                    document=row.document,
                    version=f"v{row.number}",
                    default=row.number == entity.details["default"],
                    created=instant(row.created),
                )
                for row in rows
            ]

    def version(self, account_id: str, arn: str, version: str) -> PolicyVersion:
        """One version. Raises `NoSuchEntity`."""
        for found in self.versions(account_id, arn):
            if found.version == version:
                return found
        raise _no_version(arn, version)

    def delete_version(self, account_id: str, arn: str, version: str) -> None:
        """Take a version away. Raises `DeleteConflict` for the default version."""
        with self._store.write() as connection:
            entity, number = self._own_version(connection, account_id, arn, version)
            if number == entity.details["default"]:
                raise DeleteConflict("Cannot delete the default version of a policy.")
            connection.execute(delete(policy_versions).where(policy_versions.c.policy_id == entity.id, policy_versions.c.number == number))

    def set_default(self, account_id: str, arn: str, version: str) -> None:
        """Make a version the one in force. Raises `NoSuchEntity`."""
        with self._store.write() as connection:
            entity, number = self._own_version(connection, account_id, arn, version)
            entities.change(connection, entity, details=dict(entity.details) | {"default": number, "updated": self._clock.time()})

    def tag(self, account_id: str, arn: str, tags: Mapping[str, str]) -> None:
        """Add or replace tags."""
        with self._store.write() as connection:
            entities.set_tags(connection, self._own(connection, account_id, arn), tags)

    def untag(self, account_id: str, arn: str, keys: Sequence[str]) -> None:
        """Take tags away."""
        with self._store.write() as connection:
            entities.drop_tags(connection, self._own(connection, account_id, arn), keys)

    def users_of(self, account_id: str, arn: str, usage: Usage | None = None) -> Sequence[Entity]:
        """Users, groups and roles that the policy is attached to or (`PermissionsBoundary`) that it bounds."""
        self.get(account_id, arn)
        attached = select(attachments.c.owner_id).where(attachments.c.policy_arn == arn)
        condition: ColumnElement[bool] = entity_table.c.id.in_(attached)
        if usage == "PermissionsBoundary":
            condition = entity_table.c.boundary == arn
        elif usage is None:
            condition = condition | (entity_table.c.boundary == arn)
        with self._store.read() as connection:
            rows = connection.execute(
                select(entity_table)
                .where(entity_table.c.account_id == account_id, condition)
                .order_by(entity_table.c.kind, entity_table.c.folded)
            )
            return [entities.of_row(row) for row in rows]

    def require_attachable(self, connection: Connection, account_id: str, arn: str) -> None:
        """Raises `NoSuchEntity` or `PolicyNotAttachable` when the policy cannot be attached in this account."""
        policy = self._aws.get(arn)
        if policy is not None:
            if not policy.attachable:
                raise PolicyNotAttachable(f"Cannot attach a Service Role Policy to a Customer Role: {arn}")
            return
        try:
            _entity(connection, account_id, arn)
        except NoSuchEntity:
            raise NoSuchEntity(f"Policy {arn} does not exist or is not attachable.") from None

    def in_force(self, connection: Connection, arn: str) -> str | None:
        """The document of the default version, wherever the policy belongs."""
        if self._aws.get(arn) is not None:
            return self._aws.document(arn)
        parts = arn.split(":", 5)
        try:
            entity = _entity(connection, parts[4], arn)
        except (NoSuchEntity, InvalidInput, IndexError):
            return None
        return connection.execute(
            select(policy_versions.c.document).where(
                policy_versions.c.policy_id == entity.id, policy_versions.c.number == entity.details["default"]
            )
        ).scalar()

    def _own(self, connection: Connection, account_id: str, arn: str) -> Entity:
        if self._aws.get(arn) is not None:
            raise InvalidInput(f"Cannot modify the AWS managed policy {arn}.")
        return _entity(connection, account_id, arn)

    def _own_version(self, connection: Connection, account_id: str, arn: str, version: str) -> tuple[Entity, int]:
        entity = self._own(connection, account_id, arn)
        number = int(version[1:]) if version[1:].isdecimal() and len(version) < 10 else 0
        found = connection.execute(
            select(policy_versions.c.number).where(policy_versions.c.policy_id == entity.id, policy_versions.c.number == number)
        ).first()
        if found is None:
            raise _no_version(arn, version)
        return entity, number


def place(policy: ManagedPolicy) -> str:
    """Where a policy stands in lists: by name, then ARN."""
    return f"{policy.name.lower()}|{policy.arn}"


def _no_version(arn: str, version: str) -> NoSuchEntity:
    return NoSuchEntity(f"Policy {arn} version {version} does not exist or is not attachable.")


def _checked_size(document: str) -> None:
    if size(document) > MAX_POLICY_SIZE:
        raise LimitExceeded(f"Cannot exceed quota for PolicySize: {MAX_POLICY_SIZE}")


def _entity(connection: Connection, account_id: str, arn: str) -> Entity:
    parts = arn.split(":", 5)
    if len(parts) != 6 or parts[0] != "arn" or parts[2] != "iam" or not parts[5].startswith("policy/"):
        raise InvalidInput(f"ARN {arn} is not valid.")
    if parts[4] == account_id:
        found = entities.lookup(connection, "policy", account_id, parts[5].rpartition("/")[2])
        if found is not None and found.arn == arn:
            return found
    raise entities.missing("policy", arn)


def _of_entity(entity: Entity) -> ManagedPolicy:
    return ManagedPolicy(
        arn=entity.arn,
        id=entity.id,
        name=entity.name,
        path=entity.path,
        description=entity.details["description"],
        default_version=f"v{entity.details['default']}",
        created=entity.created,
        updated=instant(entity.details["updated"]),
        tags=entity.tags,
    )


def _version_count(connection: Connection, entity: Entity) -> int:
    return int(
        connection.execute(select(func.count()).select_from(policy_versions).where(policy_versions.c.policy_id == entity.id)).scalar_one()
    )


def _counted(connection: Connection, account_id: str, found: Sequence[ManagedPolicy]) -> list[ManagedPolicy]:
    arns = [policy.arn for policy in found]
    attached = connection.execute(
        select(attachments.c.policy_arn, func.count())
        .select_from(attachments.join(entity_table, entity_table.c.id == attachments.c.owner_id))
        .where(entity_table.c.account_id == account_id, attachments.c.policy_arn.in_(arns))
        .group_by(attachments.c.policy_arn)
    )
    by_arn = {arn: int(number) for arn, number in attached}
    bounding = connection.execute(
        select(entity_table.c.boundary, func.count())
        .where(entity_table.c.account_id == account_id, entity_table.c.boundary.in_(arns))
        .group_by(entity_table.c.boundary)
    )
    bounds = {arn: int(number) for arn, number in bounding}
    return [replace(policy, attachments=by_arn.get(policy.arn, 0), boundaries=bounds.get(policy.arn, 0)) for policy in found]
