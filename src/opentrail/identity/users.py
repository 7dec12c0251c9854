"""Users and groups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, delete, insert, select

from opentrail.clock import Clock
from opentrail.identity import attachments, entities, mfa
from opentrail.identity.entities import Entity, Page
from opentrail.identity.faults import DeleteConflict, LimitExceeded, NoSuchEntity
from opentrail.identity.managed_policies import ManagedPolicies
from opentrail.identity.store import Store, access_keys, last_uses, login_profiles, memberships, user_items

MAX_GROUPS = 10
"""Groups that one user may belong to."""


class Users:
    """The users of each account."""

    def __init__(self, store: Store, clock: Clock, managed: ManagedPolicies) -> None:
        self._store = store
        self._clock = clock
        self._managed = managed

    def create(
        self, account_id: str, name: str, *, path: str = "/", boundary: str | None = None, tags: Mapping[str, str] | None = None
    ) -> Entity:
        """Make a user. Raises `EntityAlreadyExists`, `LimitExceeded`, `NoSuchEntity` for a boundary that is not there."""
        with self._store.write() as connection:
            if boundary is not None:
                attachments.require_boundary(connection, self._managed, account_id, boundary)
            return entities.add(connection, "user", account_id, name, now=self._clock.time(), path=path, boundary=boundary, tags=tags)

    def get(self, account_id: str, name: str) -> Entity:
        """One user. Raises `NoSuchEntity`."""
        with self._store.read() as connection:
            return entities.find(connection, "user", account_id, name)

    def list(self, account_id: str, *, path_prefix: str = "/", after: str | None = None, limit: int = 100) -> Page[Entity]:
        """Users by name, from behind `after`."""
        with self._store.read() as connection:
            return entities.page(connection, "user", account_id, path_prefix=path_prefix, after=after, limit=limit)

    def rename(self, account_id: str, name: str, *, new_name: str | None = None, new_path: str | None = None) -> None:
        """Change name or path. Raises `NoSuchEntity`, `EntityAlreadyExists`."""
        with self._store.write() as connection:
            entities.rename(connection, entities.find(connection, "user", account_id, name), name=new_name, path=new_path)

    def delete(self, account_id: str, name: str) -> None:
        """Take a user away. Raises `DeleteConflict` while something hangs on it."""
        with self._store.write() as connection:
            user = entities.find(connection, "user", account_id, name)
            if connection.execute(select(memberships).where(memberships.c.user_id == user.id)).first():
                raise DeleteConflict("Cannot delete entity, must remove users from group first.")
            if connection.execute(select(access_keys.c.created).where(access_keys.c.user_id == user.id)).first():
                raise DeleteConflict("Cannot delete entity, must delete access keys first.")
            if connection.execute(select(login_profiles.c.created).where(login_profiles.c.user_id == user.id)).first():
                raise DeleteConflict("Cannot delete entity, must delete login profile first.")
            if mfa.owned_by(connection, user.id):
                raise DeleteConflict("Cannot delete entity, must delete MFA device first.")
            kept = connection.execute(select(user_items.c.kind).where(user_items.c.user_id == user.id)).scalar()
            if kept is not None:
                raise DeleteConflict(f"Cannot delete entity, must delete {kept.replace('-', ' ')}s first.")
            require_bare(connection, user)
            connection.execute(delete(last_uses).where(last_uses.c.subject == user.id))
            entities.remove(connection, user)

    def tag(self, account_id: str, name: str, tags: Mapping[str, str]) -> None:
        """Add or replace tags."""
        with self._store.write() as connection:
            entities.set_tags(connection, entities.find(connection, "user", account_id, name), tags)

    def untag(self, account_id: str, name: str, keys: Sequence[str]) -> None:
        """Take tags away."""
        with self._store.write() as connection:
            entities.drop_tags(connection, entities.find(connection, "user", account_id, name), keys)

    def groups(self, account_id: str, name: str) -> Sequence[Entity]:
        """The groups of a user, by name."""
        with self._store.read() as connection:
            user = entities.find(connection, "user", account_id, name)
            ids = connection.execute(select(memberships.c.group_id).where(memberships.c.user_id == user.id)).scalars().all()
            return entities.by_ids(connection, ids)


class Groups:
    """The groups of each account."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def create(self, account_id: str, name: str, *, path: str = "/") -> Entity:
        """Make a group. Raises `EntityAlreadyExists`, `LimitExceeded`."""
        with self._store.write() as connection:
            return entities.add(connection, "group", account_id, name, now=self._clock.time(), path=path)

    def get(self, account_id: str, name: str) -> Entity:
        """One group. Raises `NoSuchEntity`."""
        with self._store.read() as connection:
            return entities.find(connection, "group", account_id, name)

    def list(self, account_id: str, *, path_prefix: str = "/", after: str | None = None, limit: int = 100) -> Page[Entity]:
        """Groups by name, from behind `after`."""
        with self._store.read() as connection:
            return entities.page(connection, "group", account_id, path_prefix=path_prefix, after=after, limit=limit)

    def rename(self, account_id: str, name: str, *, new_name: str | None = None, new_path: str | None = None) -> None:
        """Change name or path. Raises `NoSuchEntity`, `EntityAlreadyExists`."""
        with self._store.write() as connection:
            entities.rename(connection, entities.find(connection, "group", account_id, name), name=new_name, path=new_path)

    def delete(self, account_id: str, name: str) -> None:
        """Take a group away. Raises `DeleteConflict` while it has users or policies."""
        with self._store.write() as connection:
            group = entities.find(connection, "group", account_id, name)
            if connection.execute(select(memberships).where(memberships.c.group_id == group.id)).first():
                raise DeleteConflict("Cannot delete entity, must remove users in group first.")
            require_bare(connection, group)
            entities.remove(connection, group)

    def members(self, account_id: str, name: str) -> Sequence[Entity]:
        """The users of a group, by name."""
        with self._store.read() as connection:
            group = entities.find(connection, "group", account_id, name)
            ids = connection.execute(select(memberships.c.user_id).where(memberships.c.group_id == group.id)).scalars().all()
            return entities.by_ids(connection, ids)

    def add(self, account_id: str, name: str, user_name: str) -> None:
        """Put a user into a group; twice is no error. Raises `LimitExceeded` beyond ten groups."""
        with self._store.write() as connection:
            group = entities.find(connection, "group", account_id, name)
            user = entities.find(connection, "user", account_id, user_name)
            present = connection.execute(select(memberships.c.group_id).where(memberships.c.user_id == user.id)).scalars().all()
            if group.id in present:
                return
            if len(present) >= MAX_GROUPS:
                raise LimitExceeded(f"Cannot exceed quota for GroupsPerUser: {MAX_GROUPS}")
            connection.execute(insert(memberships).values(group_id=group.id, user_id=user.id, joined=self._clock.time()))

    def remove(self, account_id: str, name: str, user_name: str) -> None:
        """Take a user out of a group. Raises `NoSuchEntity` when it is not in it."""
        with self._store.write() as connection:
            group = entities.find(connection, "group", account_id, name)
            user = entities.find(connection, "user", account_id, user_name)
            gone = connection.execute(delete(memberships).where(memberships.c.group_id == group.id, memberships.c.user_id == user.id))
            if gone.rowcount == 0:
                raise NoSuchEntity(f"User {user_name} is not in group {name}.")


def require_bare(connection: Connection, entity: Entity) -> None:
    """Raises `DeleteConflict` while a user, group or role carries policies."""
    if attachments.has_inline(connection, entity):
        raise DeleteConflict("Cannot delete entity, must delete policies first.")
    if attachments.attached_arns(connection, [entity.id]):
        raise DeleteConflict("Cannot delete entity, must detach all policies first.")
