"""Roles, service-linked roles and instance profiles."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import orjson
from sqlalchemy import Connection, delete, insert, select

from opentrail.clock import Clock
from opentrail.identity import attachments, entities
from opentrail.identity.documents import trust_document
from opentrail.identity.entities import Entity, Page
from opentrail.identity.faults import DeleteConflict, InvalidInput, LimitExceeded, MalformedPolicyDocument, NoSuchEntity
from opentrail.identity.managed_policies import ManagedPolicies
from opentrail.identity.policies import grammar
from opentrail.identity.store import Store, accounts, profile_roles
from opentrail.identity.store import attachments as attachment_table
from opentrail.identity.users import require_bare

DEFAULT_SESSION = 3600
"""Seconds that a session of a role may last when the role does not say otherwise."""

SERVICE_LINKED: Mapping[str, tuple[str, str]] = {
    "cloudtrail.amazonaws.com": ("AWSServiceRoleForCloudTrail", "CloudTrailServiceRolePolicy"),
    "context.cloudtrail.amazonaws.com": ("AWSServiceRoleForCloudTrailEventContext", "CloudTrailEventContext"),
}
"""Names of the service-linked roles that belong to CloudTrail, and their policies; other services get names made from theirs."""

_SERVICE = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)*\.amazonaws\.com\Z")
_AWS_PRINCIPAL = re.compile(r"arn:[a-z0-9-]+:iam::(\d{12}):(user|role)/(?:\S+/)?([^/\s]+)\Z")


class Roles:
    """The roles of each account. `details` of a role: `trust`, `description`, `max_session`, `service` (when service-linked)."""

    def __init__(self, store: Store, clock: Clock, managed: ManagedPolicies) -> None:
        self._store = store
        self._clock = clock
        self._managed = managed

    def create(
        self,
        account_id: str,
        name: str,
        trust: str,
        *,
        path: str = "/",
        description: str = "",
        max_session: int = DEFAULT_SESSION,
        boundary: str | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> Entity:
        """Make a role. Raises `MalformedPolicyDocument`, `EntityAlreadyExists`, `LimitExceeded`, `NoSuchEntity` for its boundary."""
        trust_document(trust)
        details = {"trust": trust, "description": description, "max_session": max_session}
        with self._store.write() as connection:
            _require_known_principals(connection, trust)
            if boundary is not None:
                attachments.require_boundary(connection, self._managed, account_id, boundary)
            return entities.add(
                connection, "role", account_id, name, now=self._clock.time(), path=path, boundary=boundary, tags=tags, details=details
            )

    def create_service_linked(self, account_id: str, service: str, *, description: str = "", suffix: str | None = None) -> Entity:
        """Make the role that belongs to a service. Raises `InvalidInput` for what is no service or when the role is there already."""
        if not _SERVICE.match(service):
            raise InvalidInput(f"Service role name {service} is not a valid service principal.")
        name, policy = SERVICE_LINKED.get(service, ("AWSServiceRoleFor" + _title(service), None))
        if suffix:
            name += f"_{suffix}"
        if len(name) > 64:
            raise InvalidInput(f"Service role name {name} is longer than 64 characters.")
        trust = {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}],
        }
        path = f"/aws-service-role/{service}/"
        details = {"trust": orjson.dumps(trust).decode(), "description": description, "max_session": DEFAULT_SESSION, "service": service}
        with self._store.write() as connection:
            if entities.lookup(connection, "role", account_id, name) is not None:
                raise InvalidInput(f"Service role name {name} has been taken in this account, please try a different suffix.")
            role = entities.add(connection, "role", account_id, name, now=self._clock.time(), path=path, details=details)
            if policy is not None:
                arn = f"arn:aws:iam::aws:policy/aws-service-role/{policy}"
                connection.execute(insert(attachment_table).values(owner_id=role.id, policy_arn=arn, attached=self._clock.time()))
            return role

    def delete_service_linked(self, account_id: str, name: str) -> str:
        """Take a service-linked role away, policies and all; answers the id of the (finished) deletion task."""
        with self._store.write() as connection:
            role = entities.find(connection, "role", account_id, name)
            service = role.details.get("service")
            if not service:
                raise entities.missing("role", name)
            connection.execute(delete(attachment_table).where(attachment_table.c.owner_id == role.id))
            entities.remove(connection, role)
        return f"task/aws-service-role/{service}/{name}/{role.id}"

    def get(self, account_id: str, name: str) -> Entity:
        """One role. Raises `NoSuchEntity`."""
        with self._store.read() as connection:
            return entities.find(connection, "role", account_id, name)

    def list(self, account_id: str, *, path_prefix: str = "/", after: str | None = None, limit: int = 100) -> Page[Entity]:
        """Roles by name, from behind `after`."""
        with self._store.read() as connection:
            return entities.page(connection, "role", account_id, path_prefix=path_prefix, after=after, limit=limit)

    def update(self, account_id: str, name: str, *, description: str | None = None, max_session: int | None = None) -> Entity:
        """Change description or longest session (seconds)."""
        with self._store.write() as connection:
            role = entities.find(connection, "role", account_id, name)
            attachments.require_unprotected(role)
            details = dict(role.details)
            if description is not None:
                details["description"] = description
            if max_session is not None:
                details["max_session"] = max_session
            entities.change(connection, role, details=details)
            return entities.find(connection, "role", account_id, name)

    def set_trust(self, account_id: str, name: str, trust: str) -> None:
        """Replace the trust policy. Raises `MalformedPolicyDocument`, `LimitExceeded`."""
        trust_document(trust)
        with self._store.write() as connection:
            role = entities.find(connection, "role", account_id, name)
            attachments.require_unprotected(role)
            _require_known_principals(connection, trust)
            entities.change(connection, role, details=dict(role.details) | {"trust": trust})

    def delete(self, account_id: str, name: str) -> None:
        """Take a role away; its sessions stop working. Raises `DeleteConflict` while something hangs on it."""
        with self._store.write() as connection:
            role = entities.find(connection, "role", account_id, name)
            attachments.require_unprotected(role)
            if connection.execute(select(profile_roles).where(profile_roles.c.role_id == role.id)).first():
                raise DeleteConflict("Cannot delete entity, must remove roles from instance profile first.")
            require_bare(connection, role)
            entities.remove(connection, role)

    def tag(self, account_id: str, name: str, tags: Mapping[str, str]) -> None:
        """Add or replace tags."""
        with self._store.write() as connection:
            entities.set_tags(connection, entities.find(connection, "role", account_id, name), tags)

    def untag(self, account_id: str, name: str, keys: Sequence[str]) -> None:
        """Take tags away."""
        with self._store.write() as connection:
            entities.drop_tags(connection, entities.find(connection, "role", account_id, name), keys)


class InstanceProfiles:
    """Instance profiles: a name under which a machine is given a role. Each holds at most one."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def create(self, account_id: str, name: str, *, path: str = "/", tags: Mapping[str, str] | None = None) -> Entity:
        """Make an instance profile. Raises `EntityAlreadyExists`, `LimitExceeded`."""
        with self._store.write() as connection:
            return entities.add(connection, "instance-profile", account_id, name, now=self._clock.time(), path=path, tags=tags)

    def get(self, account_id: str, name: str) -> Entity:
        """One instance profile. Raises `NoSuchEntity`."""
        with self._store.read() as connection:
            return entities.find(connection, "instance-profile", account_id, name)

    def list(self, account_id: str, *, path_prefix: str = "/", after: str | None = None, limit: int = 100) -> Page[Entity]:
        """Instance profiles by name, from behind `after`."""
        with self._store.read() as connection:
            return entities.page(connection, "instance-profile", account_id, path_prefix=path_prefix, after=after, limit=limit)

    def roles(self, profile: Entity) -> Sequence[Entity]:
        """The role in it, if any."""
        with self._store.read() as connection:
            ids = connection.execute(select(profile_roles.c.role_id).where(profile_roles.c.profile_id == profile.id)).scalars().all()
            return entities.by_ids(connection, ids)

    def of_role(self, account_id: str, role_name: str) -> Sequence[Entity]:
        """The instance profiles that hold a role, by name. Raises `NoSuchEntity`."""
        with self._store.read() as connection:
            role = entities.find(connection, "role", account_id, role_name)
            ids = connection.execute(select(profile_roles.c.profile_id).where(profile_roles.c.role_id == role.id)).scalars().all()
            return entities.by_ids(connection, ids)

    def delete(self, account_id: str, name: str) -> None:
        """Take it away. Raises `DeleteConflict` while it holds a role."""
        with self._store.write() as connection:
            profile = entities.find(connection, "instance-profile", account_id, name)
            if connection.execute(select(profile_roles).where(profile_roles.c.profile_id == profile.id)).first():
                raise DeleteConflict("Cannot delete entity, must remove roles from instance profile first.")
            entities.remove(connection, profile)

    def add(self, account_id: str, name: str, role_name: str) -> None:
        """Put a role in. Raises `LimitExceeded` when it holds one already."""
        with self._store.write() as connection:
            profile = entities.find(connection, "instance-profile", account_id, name)
            role = entities.find(connection, "role", account_id, role_name)
            attachments.require_unprotected(role)
            if connection.execute(select(profile_roles).where(profile_roles.c.profile_id == profile.id)).first():
                raise LimitExceeded("Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1")
            connection.execute(insert(profile_roles).values(profile_id=profile.id, role_id=role.id))

    def remove(self, account_id: str, name: str, role_name: str) -> None:
        """Take the role out. Raises `NoSuchEntity` when it is not in."""
        with self._store.write() as connection:
            profile = entities.find(connection, "instance-profile", account_id, name)
            role = entities.find(connection, "role", account_id, role_name)
            gone = connection.execute(
                delete(profile_roles).where(profile_roles.c.profile_id == profile.id, profile_roles.c.role_id == role.id)
            )
            if gone.rowcount == 0:
                raise NoSuchEntity(f"The role with name {role_name} cannot be found.")

    def tag(self, account_id: str, name: str, tags: Mapping[str, str]) -> None:
        """Add or replace tags."""
        with self._store.write() as connection:
            entities.set_tags(connection, entities.find(connection, "instance-profile", account_id, name), tags)

    def untag(self, account_id: str, name: str, keys: Sequence[str]) -> None:
        """Take tags away."""
        with self._store.write() as connection:
            entities.drop_tags(connection, entities.find(connection, "instance-profile", account_id, name), keys)


def _title(service: str) -> str:
    words = service.removesuffix(".amazonaws.com").replace(".", "-").split("-")
    return "".join(word[:1].upper() + word[1:] for word in words)


def _require_known_principals(connection: Connection, trust: str) -> None:
    """Users and roles that a trust policy names must exist, as far as their account is one of ours. Raises `MalformedPolicyDocument`."""
    for statement in grammar.read(trust).statements:
        named = statement.principal.get("AWS", ()) if isinstance(statement.principal, dict) else ()
        for name in named:
            match = _AWS_PRINCIPAL.match(name)
            if match is None:
                continue
            account_id, kind, entity_name = match.groups()
            if connection.execute(select(accounts.c.created).where(accounts.c.account_id == account_id)).first() is None:
                continue
            found = entities.lookup(connection, "user" if kind == "user" else "role", account_id, entity_name)
            if found is None or found.arn != name:
                raise MalformedPolicyDocument(f'Invalid principal in policy: "AWS":"{name}"')
