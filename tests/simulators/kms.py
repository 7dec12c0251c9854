"""A KMS without a door: one data folder, a clock that stands still."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from opentrail.clock import ManualClock
from opentrail.identity import Identities
from opentrail.kms import KeyManagement, policies
from opentrail.kms.keys import Wanted
from opentrail.kms.specs import SPECS, Usage
from opentrail.kms.values import Key
from opentrail.storage.database import Database
from opentrail.storage.outbox import Outbox

ACCOUNT = "123456789012"
REGION = "us-east-1"


@dataclass
class House:
    """One data folder with its KMS; `reopened` is the same after a restart."""

    folder: Path
    clock: ManualClock

    def __post_init__(self) -> None:
        self.database = Database.at(self.folder / "state.db")
        self.identities = Identities(self.database, self.folder / "keys", self.clock, account_id=ACCOUNT)
        self.outbox = Outbox(self.database)
        self.kms = KeyManagement(self.database, self.folder / "keys", self.clock, outbox=self.outbox, identities=self.identities)

    def reopened(self) -> House:
        self.database.close()
        return House(self.folder, self.clock)

    def key(self, spec: str = "SYMMETRIC_DEFAULT", usage: Usage = "ENCRYPT_DECRYPT", *, policy: str | None = None) -> Key:
        """A new key."""
        text = policies.default(ACCOUNT) if policy is None else policy
        return self.kms.keys.create(Wanted(account_id=ACCOUNT, region=REGION, policy=text, spec=SPECS[spec], usage=usage))

    def again(self, key: Key) -> Key:
        """`key` as it is now."""
        found = self.kms.keys.by_id(key.key_id, REGION)
        assert found is not None
        return found
