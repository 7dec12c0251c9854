"""KMS keys: made, found, described, switched off and on, deleted after their waiting period."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from sqlalchemy import Connection, insert, select, update

from opentrail.clock import Clock
from opentrail.identity.vault import Vault
from opentrail.kms import policies, tags
from opentrail.kms.faults import KMSInvalidStateException, NotFoundException
from opentrail.kms.material import generate
from opentrail.kms.names import RESERVED, Reference
from opentrail.kms.specs import SPECS, SYMMETRIC, Spec, Usage
from opentrail.kms.store import Store, aliases, every_key, find_key, key_of, keys, materials, no_such_key, the_key
from opentrail.kms.values import DAY, Key, RotationType

MANAGED: tuple[str, ...] = ("s3", "sns", "sqs")
"""Services that have an AWS managed key, made when it is first needed: `alias/aws/<service>`."""
MANAGED_ROTATION = 365
"""Days after which the material of an AWS managed key is rotated."""
MIN_WINDOW, MAX_WINDOW = 7, 30
"""Days that a key can wait for its deletion (ScheduleKeyDeletion)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a new key is to be."""

    account_id: str
    region: str
    policy: str
    description: str = ""
    usage: Usage = "ENCRYPT_DECRYPT"
    spec: Spec = SPECS[SYMMETRIC]
    manager: Literal["CUSTOMER", "AWS"] = "CUSTOMER"
    tags: Mapping[str, str] = field(default_factory=dict)
    key_id: str = field(default_factory=lambda: str(uuid.uuid4()))


class Keys:
    """The keys of every account and Region. Thread-safe, and safe beside another process; every change is durable on return."""

    def __init__(self, store: Store, vault: Vault, clock: Clock) -> None:
        self._store = store
        self._vault = vault
        self._clock = clock

    # finding

    def find(self, named: Reference) -> Key | None:
        """The key that `named` stands for, or `None`."""
        if named.alias is None:
            key = self._by_id(named.key_id or "")
        else:
            key = self._store.recall(named, lambda connection: _behind(connection, named))
        if key is None or (key.account_id, key.region) != (named.account_id, named.region):
            return None
        return key

    def get(self, named: Reference) -> Key:
        """The key that `named` stands for. Raises `NotFoundException`."""
        key = self.find(named)
        if key is None:
            raise absent(named)
        return key

    def by_id(self, key_id: str, region: str) -> Key | None:
        """The key of this id in `region`, in whatever account: what a ciphertext names."""
        key = self._by_id(key_id)
        return key if key is not None and key.region == region else None

    def _by_id(self, key_id: str) -> Key | None:
        return self._store.recall(("key", key_id), lambda connection: find_key(connection, key_id))

    def list(self, account_id: str, region: str, *, after: str, limit: int) -> list[Key]:
        """Up to `limit` keys with ids above `after`, in their order."""
        where = (keys.c.account_id == account_id, keys.c.region == region, keys.c.key_id > after)
        with self._store.read() as connection:
            return [key_of(row) for row in connection.execute(every_key().where(*where).order_by(keys.c.key_id).limit(limit))]

    # making

    def create(self, wanted: Wanted) -> Key:
        """Make a key. An RSA key takes up to some seconds."""
        sealed = self._new_material(wanted.key_id, 1, wanted.spec)
        with self._store.write() as connection:
            self._insert(connection, wanted, sealed)
            return self._read_back(connection, wanted.key_id)

    def ensure_managed(self, account_id: str, region: str, service: str) -> Key:
        """The AWS managed key of `service` in the account, made if it is not there. `service` is one of `MANAGED`."""
        alias = Reference(account_id=account_id, region=region, alias=f"{RESERVED}{service}")
        found = self.find(alias)
        if found is not None:
            return found
        wanted = Wanted(
            account_id=account_id,
            region=region,
            policy=policies.managed(account_id, region, service),
            description=f"Default key that protects my {service.upper()} data when no other key is defined",
            manager="AWS",
        )
        sealed = self._new_material(wanted.key_id, 1, wanted.spec)
        with self._store.write() as connection:
            taken = connection.execute(select(aliases.c.key_id).where(_is(alias))).scalar()
            if taken is not None:  # somebody else was first
                return self._read_back(connection, taken)
            now = self._clock.time()
            self._insert(connection, wanted, sealed)
            self._update(connection, wanted.key_id, **rotation_columns(MANAGED_ROTATION, now))
            connection.execute(
                insert(aliases).values(
                    account_id=account_id, region=region, name=alias.alias, key_id=wanted.key_id, created=now, updated=now
                )
            )
            return self._read_back(connection, wanted.key_id)

    def _insert(self, connection: Connection, wanted: Wanted, sealed: bytes) -> None:
        now = self._clock.time()
        connection.execute(
            insert(keys).values(
                key_id=wanted.key_id,
                account_id=wanted.account_id,
                region=wanted.region,
                created=now,
                description=wanted.description,
                usage=wanted.usage,
                spec=wanted.spec.name,
                manager=wanted.manager,
                state="Enabled",
                policy=wanted.policy,
                tags=dict(wanted.tags),
                number=1,
            )
        )
        add_material(connection, wanted.key_id, 1, sealed, now, None)

    # changing

    def describe(self, key: Key, description: str) -> None:
        """UpdateKeyDescription"""
        with self._store.write() as connection:
            the_key(connection, key).must_not_be_pending()
            self._update(connection, key.key_id, description=description)

    def put_policy(self, key: Key, policy: str) -> None:
        """PutKeyPolicy; `policy` has been checked."""
        with self._store.write() as connection:
            the_key(connection, key)
            self._update(connection, key.key_id, policy=policy)

    def enable(self, key: Key) -> None:
        """EnableKey"""
        self._set_state(key, "Enabled")

    def disable(self, key: Key) -> None:
        """DisableKey"""
        self._set_state(key, "Disabled")

    def _set_state(self, key: Key, state: str) -> None:
        with self._store.write() as connection:
            the_key(connection, key).must_not_be_pending()
            self._update(connection, key.key_id, state=state)

    def schedule_deletion(self, key: Key, days: int) -> Key:
        """ScheduleKeyDeletion: nobody can use the key any more; after `days` the `Keeper` deletes it."""
        with self._store.write() as connection:
            the_key(connection, key).must_not_be_pending()
            self._update(connection, key.key_id, state="PendingDeletion", deletion=self._clock.time() + days * DAY)
            return self._read_back(connection, key.key_id)

    def cancel_deletion(self, key: Key) -> None:
        """CancelKeyDeletion: the key stays, disabled."""
        with self._store.write() as connection:
            if the_key(connection, key).state != "PendingDeletion":
                raise KMSInvalidStateException(f"{key.arn} is not pending deletion.")
            self._update(connection, key.key_id, state="Disabled", deletion=None)

    def tag(self, key: Key, more: Mapping[str, str]) -> None:
        """TagResource. Raises `TagException` when they are too many."""
        with self._store.write() as connection:
            now = the_key(connection, key)
            now.must_not_be_pending()
            self._update(connection, key.key_id, tags=tags.joined(now.tags, more))

    def untag(self, key: Key, names: Iterable[str]) -> None:
        """UntagResource; names that are not there do no harm."""
        gone = set(names)
        with self._store.write() as connection:
            now = the_key(connection, key)
            now.must_not_be_pending()
            self._update(connection, key.key_id, tags={name: value for name, value in now.tags.items() if name not in gone})

    # material

    def material(self, key: Key, number: int) -> bytes | None:
        """The key material `number` of `key`, unsealed; `None` when there is none such."""
        found = self._material(key.key_id, number)
        return None if found is None else self._vault.unseal_bytes(found[0], _purpose(key.key_id, number))

    def material_id(self, key: Key, number: int) -> str | None:
        """The public name of a key material; `None` when there is none such."""
        found = self._material(key.key_id, number)
        return None if found is None else found[1]

    def _material(self, key_id: str, number: int) -> tuple[bytes, str] | None:
        """Key material, remembered sealed, and its public name."""
        query = select(materials.c.sealed, materials.c.material_id).where(materials.c.key_id == key_id, materials.c.number == number)

        def read(connection: Connection) -> tuple[bytes, str] | None:
            row = connection.execute(query).first()
            return None if row is None else (row.sealed, row.material_id)

        return self._store.recall(("material", key_id, number), read)

    def _new_material(self, key_id: str, number: int, spec: Spec) -> bytes:
        return self._vault.seal_bytes(generate(spec), _purpose(key_id, number))

    def rotate(self, connection: Connection, key: Key, kind: RotationType, now: float) -> None:
        """Give `key`, as it is in this transaction, new material; the old one stays for what it has encrypted."""
        number = key.number + 1
        add_material(connection, key.key_id, number, self._new_material(key.key_id, number, key.spec), now, kind)
        self._update(connection, key.key_id, number=number)

    def _update(self, connection: Connection, key_id: str, **values: Any) -> None:
        connection.execute(update(keys).where(keys.c.key_id == key_id).values(**values))

    def _read_back(self, connection: Connection, key_id: str) -> Key:
        key = find_key(connection, key_id)
        assert key is not None
        return key


def absent(named: Reference) -> NotFoundException:
    """The fault that says that there is no such key or alias."""
    if named.alias is not None:
        return NotFoundException(f"Alias {named.arn} is not found.")
    return no_such_key(named.account_id, named.region, named.key_id or "")


def rotation_columns(days: int | None, since: float) -> dict[str, Any]:
    """The columns of a standing order to rotate; `None` days: of none."""
    if days is None:
        return {"rotation_days": None, "rotation_since": None, "rotation_due": None}
    return {"rotation_days": days, "rotation_since": since, "rotation_due": since + days * DAY}


def add_material(connection: Connection, key_id: str, number: int, sealed: bytes, now: float, rotation: RotationType | None) -> None:
    """A new row of key material."""
    connection.execute(
        insert(materials).values(
            key_id=key_id, number=number, material_id=secrets.token_hex(32), sealed=sealed, created=now, rotation=rotation
        )
    )


def _behind(connection: Connection, named: Reference) -> Key | None:
    row = connection.execute(every_key().join(aliases, aliases.c.key_id == keys.c.key_id).where(_is(named))).first()
    return None if row is None else key_of(row)


def _is(named: Reference) -> Any:
    here = (aliases.c.account_id == named.account_id) & (aliases.c.region == named.region)
    return here & (aliases.c.name == named.alias)


def _purpose(key_id: str, number: int) -> str:
    return f"kms key {key_id} material {number}"
