"""A small world around event data stores: a real state database, real organizations, a journal that is only its head."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from opentrail.clock import ManualClock
from opentrail.identity import Identities
from opentrail.identity.organizations.service_names import CLOUDTRAIL
from opentrail.lake.event_data_store import EventDataStore, Stretch
from opentrail.lake.faults import InsufficientEncryptionPolicyException, KmsKeyNotFoundException
from opentrail.lake.stores.control import EventDataStores, StoreNeighbours, Wanted
from opentrail.lake.stores.register import Keeper, StoreRegister
from opentrail.storage.database import Database
from opentrail.storage.outbox import Outbox

MANAGER = "111122223333"
HOME = "us-east-1"
DAY = 86_400.0
KEY_ID = "1234abcd-12ab-34cd-56ef-1234567890ab"


def only(category: str, **fields: list[str]) -> dict[str, Any]:
    """A selector of one category; `resources_type` is written `resources.type`, and each field takes `Equals`."""
    more = [{"Field": name.replace("_", "."), "Equals": values} for name, values in fields.items()]
    return {"FieldSelectors": [{"Field": "eventCategory", "Equals": [category]}, *more]}


DATA = only("Data", resources_type=["AWS::S3::Object"])


@dataclass
class Keys:
    """One key, `KEY_ID`, with an alias; in `closed` its policy lets nobody use it."""

    closed: bool = False

    def check(self, *, kms_key_id: str, account_id: str, region: str, partition: str) -> str:
        if kms_key_id.rpartition("/")[2] not in (KEY_ID, "lake"):
            raise KmsKeyNotFoundException
        if self.closed:
            raise InsufficientEncryptionPolicyException
        return f"arn:{partition}:kms:{region}:{account_id}:key/{KEY_ID}"

    def usable(self, key_arn: str) -> bool:
        return not self.closed


@dataclass
class StoreWorld:
    """`head` is the journal's; `write` lets records come. `importing` and `channelled` hold ids of stores."""

    folder: Path
    clock: ManualClock = field(default_factory=ManualClock)
    head: int = 100
    keys: Keys = field(default_factory=Keys)
    importing: set[str] = field(default_factory=set)
    channelled: set[str] = field(default_factory=set)
    heard: int = 0

    def __post_init__(self) -> None:
        self.database = Database.at(self.folder / "state.db")
        keys = self.folder / "keys"
        keys.mkdir(exist_ok=True)
        self.identities = Identities(self.database, keys, self.clock, account_id=MANAGER, outbox=Outbox(self.database))
        self.organizations = self.identities.organizations
        self.stores = EventDataStores(
            self.database,
            self.clock,
            partition=lambda region: "aws-cn" if region.startswith("cn-") else "aws",
            head=lambda: self.head,
            changed=self._hear,
            neighbours=StoreNeighbours(
                keys=self.keys,
                organizations=self.organizations.asked,
                has_ongoing_import=self.importing.__contains__,
                has_channel=self.channelled.__contains__,
            ),
        )
        self.organizations.accompanied_by(self.stores.organization)
        self.register = StoreRegister(self.database, self.clock)
        self.keeper = Keeper(self.database, self.clock)

    def _hear(self) -> None:
        self.heard += 1

    def close(self) -> None:
        self.database.close()

    def write(self, records: int = 10) -> int:
        """Records come into the journal; returns its head."""
        self.head += records
        return self.head

    def create(
        self, name: str = "events", *, by: str = MANAGER, region: str = HOME, tags: Mapping[str, str] | None = None, **wanted: Any
    ) -> EventDataStore:
        """A new store; `start_ingestion=False` for one that waits."""
        start = wanted.pop("start_ingestion", True)
        return self.stores.create(by, region, Wanted(name=name, **wanted), tags or {}, start_ingestion=start)

    def update(self, store: EventDataStore, *, by: str | None = None, **wanted: Any) -> EventDataStore:
        """Change a store, as its owner unless told otherwise."""
        return self.stores.update(by or store.account_id, store.region, store.arn, Wanted(**wanted))

    def delete(self, store: EventDataStore) -> None:
        """Ask for its deletion, protection and all."""
        self.update(store, termination_protection_enabled=False)
        self.stores.delete(store.account_id, store.region, store.arn)

    def again(self, store: EventDataStore) -> EventDataStore:
        """The store as it is now."""
        found = self.register.get(store.id)
        assert found is not None
        return found

    def stretches(self, store: EventDataStore) -> list[Stretch]:
        """Those of one store."""
        return [one for one in self.register.stretches() if one.store_id == store.id]

    def bounds(self, store: EventDataStore) -> list[tuple[int, int | None]]:
        """Where they begin and end."""
        return [(one.start, one.stop) for one in self.stretches(store)]

    # organizations

    def found(self) -> str:
        """`MANAGER` founds an organization that trusts CloudTrail."""
        made = self.organizations.create(MANAGER)
        self.organizations.services.enable(MANAGER, CLOUDTRAIL)
        return made.id

    def member(self) -> str:
        """A new account of the organization."""
        number = len(self.identities.accounts.ids())
        made = self.organizations.accounts.create(MANAGER, email=f"a{number}@example.com", name=f"a{number}", tags={})
        assert made.account_id is not None
        return made.account_id

    def delegate(self) -> str:
        """A new account that administers CloudTrail."""
        account_id = self.member()
        self.organizations.services.register(MANAGER, account_id, CLOUDTRAIL)
        return account_id
