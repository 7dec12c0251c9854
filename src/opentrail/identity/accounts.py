"""Accounts: that they exist, and the alias that signs in for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from opentrail.clock import Clock
from opentrail.identity import entities, mfa
from opentrail.identity.entities import instant
from opentrail.identity.faults import EntityAlreadyExists, NoSuchEntity
from opentrail.identity.managed_policies import MAX_POLICY_SIZE, MAX_VERSIONS
from opentrail.identity.store import Store, access_keys, accounts, login_profiles, policy_versions
from opentrail.identity.store import entities as entity_table


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One account."""

    account_id: str
    name: str | None
    alias: str | None
    created: datetime


class Accounts:
    """The accounts of this data folder."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def ensure(self, account_id: str, name: str | None = None) -> None:
        """Make the account if it is not there; `name` is for people."""
        with self._store.read() as connection:
            if _exists(connection, account_id):
                return
        with self._store.write() as connection:
            if not _exists(connection, account_id):
                connection.execute(insert(accounts).values(account_id=account_id, alias=None, name=name, created=self._clock.time()))

    def exists(self, account_id: str) -> bool:
        """Whether there is such an account."""
        with self._store.read() as connection:
            return _exists(connection, account_id)

    def ids(self) -> list[str]:
        """Every account, in order."""
        with self._store.read() as connection:
            return list(connection.execute(select(accounts.c.account_id).order_by(accounts.c.account_id)).scalars())

    def list(self) -> Sequence[Account]:
        """Every account, in order."""
        with self._store.read() as connection:
            rows = connection.execute(select(accounts).order_by(accounts.c.account_id)).all()
        return [Account(account_id=row.account_id, name=row.name, alias=row.alias, created=instant(row.created)) for row in rows]

    def created(self, account_id: str) -> float:
        """When the account was made (epoch seconds). Raises `NoSuchEntity`."""
        with self._store.read() as connection:
            found = connection.execute(select(accounts.c.created).where(accounts.c.account_id == account_id)).scalar()
        if found is None:
            raise NoSuchEntity(f"The account {account_id} cannot be found.")
        return float(found)

    def named(self, name: str) -> str | None:
        """The account with this id or alias; `None` when there is none."""
        with self._store.read() as connection:
            found = select(accounts.c.account_id).where((accounts.c.account_id == name) | (accounts.c.alias == name))
            # an alias may look like the id of another account, which goes before it
            return connection.execute(found.order_by(accounts.c.account_id != name)).scalar()

    def alias(self, account_id: str) -> str | None:
        """The alias of the account, if it has one."""
        with self._store.read() as connection:
            return alias_of(connection, account_id)

    def set_alias(self, account_id: str, alias: str) -> None:
        """Give the account its one alias. Raises `EntityAlreadyExists` when another account (or this one) has it."""
        with self._store.write() as connection:
            if alias_of(connection, account_id) == alias:
                raise _alias_taken(alias)
            try:
                connection.execute(update(accounts).where(accounts.c.account_id == account_id).values(alias=alias))
            except IntegrityError:
                raise _alias_taken(alias) from None

    def drop_alias(self, account_id: str, alias: str) -> None:
        """Take the alias away. Raises `NoSuchEntity` when the account does not have it."""
        with self._store.write() as connection:
            if alias_of(connection, account_id) != alias:
                raise NoSuchEntity(f"The account alias with name {alias} cannot be found.")
            connection.execute(update(accounts).where(accounts.c.account_id == account_id).values(alias=None))

    def summary(self, account_id: str) -> dict[str, int]:
        """Counts and quotas, by the names of GetAccountSummary."""
        with self._store.read() as connection:
            root_keys = connection.execute(
                select(func.count()).select_from(access_keys).where(access_keys.c.account_id == account_id, access_keys.c.user_id.is_(None))
            ).scalar_one()
            passwords = connection.execute(
                select(func.count())
                .select_from(login_profiles.join(entity_table, entity_table.c.id == login_profiles.c.user_id))
                .where(entity_table.c.account_id == account_id)
            ).scalar_one()
            versions = connection.execute(
                select(func.count())
                .select_from(policy_versions.join(entity_table, entity_table.c.id == policy_versions.c.policy_id))
                .where(entity_table.c.account_id == account_id)
            ).scalar_one()
            devices, in_use = mfa.counts(connection, account_id)
            root_mfa = mfa.owned_by(connection, account_id)
            counted = {kind: entities.count(connection, kind, account_id) for kind in entities.QUOTAS}
        return {
            "Users": counted["user"],
            "UsersQuota": entities.QUOTAS["user"][1],
            "Groups": counted["group"],
            "GroupsQuota": entities.QUOTAS["group"][1],
            "Roles": counted["role"],
            "RolesQuota": entities.QUOTAS["role"][1],
            "Policies": counted["policy"],
            "PoliciesQuota": entities.QUOTAS["policy"][1],
            "InstanceProfiles": counted["instance-profile"],
            "InstanceProfilesQuota": entities.QUOTAS["instance-profile"][1],
            "PolicyVersionsInUse": int(versions),
            "PolicyVersionsInUseQuota": 10000,
            "VersionsPerPolicyQuota": MAX_VERSIONS,
            "PolicySizeQuota": MAX_POLICY_SIZE,
            "AssumeRolePolicySizeQuota": 2048,
            "UserPolicySizeQuota": 2048,
            "GroupPolicySizeQuota": 5120,
            "AttachedPoliciesPerUserQuota": 10,
            "AttachedPoliciesPerGroupQuota": 10,
            "AttachedPoliciesPerRoleQuota": 10,
            "GroupsPerUserQuota": 10,
            "AccessKeysPerUserQuota": 2,
            "SigningCertificatesPerUserQuota": 2,
            "AccountAccessKeysPresent": int(root_keys > 0),
            "AccountPasswordPresent": 0,
            "AccountMFAEnabled": int(root_mfa),
            "AccountSigningCertificatesPresent": 0,
            "LoginProfiles": int(passwords),
            "MFADevices": devices,
            "MFADevicesInUse": in_use,
            "Providers": counted["oidc-provider"] + counted["saml-provider"],
            "ServerCertificates": counted["server-certificate"],
            "ServerCertificatesQuota": entities.QUOTAS["server-certificate"][1],
            "GlobalEndpointTokenVersion": 1,
        }


def alias_of(connection: Connection, account_id: str) -> str | None:
    """The alias of an account, if it has one."""
    return connection.execute(select(accounts.c.alias).where(accounts.c.account_id == account_id)).scalar()


def _exists(connection: Connection, account_id: str) -> bool:
    return connection.execute(select(accounts.c.account_id).where(accounts.c.account_id == account_id)).first() is not None


def _alias_taken(alias: str) -> EntityAlreadyExists:
    return EntityAlreadyExists(f"The account alias {alias} already exists.")
