"""KMS: keys whose material never leaves the data folder unsealed, and what is computed with them.

kms = KeyManagement(database, keys_folder, clock, outbox=outbox, identities=identities)
key = kms.keys.create(Wanted(account_id=account, region=region, policy=policies.default(account)))
blob = kms.uses.encrypt(key, b"...", {"purpose": "example"})

Who may do what is decided before: by the door for calls (`api/kms`), by `ServiceKeys` for services of the house.
"""

from __future__ import annotations

from pathlib import Path

from opentrail.clock import Clock
from opentrail.identity import Identities
from opentrail.identity.vault import Vault
from opentrail.kms.aliases import Aliases
from opentrail.kms.grants import Grants
from opentrail.kms.keeper import Keeper
from opentrail.kms.keys import Keys
from opentrail.kms.rotation import Rotations
from opentrail.kms.service_keys import ServiceCaller, ServiceDataKey, ServiceKeys
from opentrail.kms.store import Store
from opentrail.kms.uses import Uses
from opentrail.storage.database import Database
from opentrail.storage.outbox import Outbox


class KeyManagement:
    """The KMS of one data folder, put together."""

    def __init__(self, database: Database, keys_folder: Path, clock: Clock, *, outbox: Outbox, identities: Identities) -> None:
        """`keys_folder` holds the master key that seals key material. Raises `VaultError` when that is unusable."""
        store, vault = Store(database), Vault.open(keys_folder)
        self.keys = Keys(store, vault, clock)
        self.aliases = Aliases(store, clock)
        self.grants = Grants(store, vault, clock)
        self.rotations = Rotations(store, self.keys, outbox, clock)
        self.uses = Uses(self.keys)
        self.keeper = Keeper(store, self.rotations, outbox)
        self.service_keys = ServiceKeys(self.keys, self.aliases, self.grants, self.uses, identities, clock)


__all__ = ["KeyManagement", "ServiceCaller", "ServiceDataKey", "ServiceKeys"]
