"""What the parts of the Lake need of each other and of other rooms, as Protocols; `server/` puts them together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from opentrail.lake.event_data_store import EventDataStore, Stretch
from opentrail.lake.families import Family


class Stores(Protocol):
    """The event data stores there are. Blocking, thread-safe; each call sees what is committed."""

    def get(self, store_id: str) -> EventDataStore | None:
        """The store with this UUID, of whatever account; also while its deletion is pending. `None` when there is none, or no longer."""

    def all(self) -> Sequence[EventDataStore]:
        """Every store of every account and Region."""

    def stretches(self) -> Sequence[Stretch]:
        """The stretches that go on, or have not been read to their end. Cheap when nothing has changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One store as a query reads it: files that do not change until the snapshot is released."""

    store_id: str
    family: Family
    files: tuple[Path, ...]
    """Parquet, columns of `schema.COLUMNS` (and `position`, which queries do not see)."""
    hot: tuple[Path, ...]
    """Arrow IPC files of the same columns: what is not committed yet."""
    oldest: int
    """Events with an `eventtime` below this (epoch seconds, inclusive bound) have outlived the retention and must not be seen."""
    events: int
    """Rows in `files` and `hot` together."""
    straddles: bool = True
    """Whether `files` may have events below `oldest`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """Several stores at one instant."""

    sources: tuple[Source, ...]
    release: Callable[[], None]
    """To be called once nobody reads the files any more."""


class Tables(Protocol):
    """The tables of the event data stores: ingestion writes them, queries read them, imports add to them. Blocking, thread-safe."""

    def snapshot(self, store_ids: Sequence[str], *, at_least: int, patience: float) -> Snapshot:
        """The tables with every event up to journal position `at_least`. Raises `ServiceUnavailable` when `patience` seconds are not
        enough, and KMS's fault where a store's key cannot be used."""

    def draft(self, store_id: str) -> Path:
        """A new path on the table's disk for a Parquet file to be written by somebody else and given to `append`. What is never given is
        swept at the next start. Raises `EventDataStoreNotFoundException`, and `KmsException` where the store's key cannot be used."""

    def append(self, store_id: str, files: Sequence[Path], *, token: str) -> None:
        """Make drafts part of the table, all or none, durably. A `token` that was given before changes nothing: an import that died in
        between repeats its step. Raises `EventDataStoreNotFoundException` when the table is gone, `KmsException` as `draft`."""

    def has(self, store_id: str, token: str) -> bool:
        """Whether `append` was done with `token`."""

    def location(self, store_id: str) -> Path:
        """The Iceberg table's current metadata file."""


class ResultBucket(Protocol):
    """The buckets, as CloudTrail's service principal sees them (as `trails` needs them)."""

    def check(
        self,
        *,
        bucket: str,
        prefix: str | None,
        account_id: str,
        source_arn: str,
        organization_id: str | None = None,
        kms_key_id: str | None = None,
    ) -> None:
        """Whether objects could be written there: raises the fault if not."""

    def put(
        self,
        *,
        bucket: str,
        key: str,
        body: bytes,
        metadata: Mapping[str, str],
        source_arn: str,
        account_id: str,
        kms_key_id: str | None = None,
    ) -> None:
        """Write one object, durably; the same key and bytes again change nothing."""


class StoreKeys(Protocol):
    """KMS keys, as CloudTrail's service principal uses them for stores."""

    def check(self, *, kms_key_id: str, account_id: str, region: str, partition: str) -> str:
        """The ARN of a key that a store can use; `kms_key_id` is a key ID, key ARN, alias name or alias ARN.

        Raises `InvalidKmsKeyIdException`, `KmsKeyNotFoundException`, `InsufficientEncryptionPolicyException`, `KmsException`.
        """

    def usable(self, key_arn: str) -> bool:
        """Whether the key can be used now."""


class Aliases(Protocol):
    """What query aliases stand for: widgets of dashboards, generated queries. Blocking, thread-safe."""

    def statement(self, alias: str, account_id: str, region: str) -> str | None:
        """The statement behind `alias`, with a `?` for each parameter; `None` when there is no such alias."""

    def prompt(self, alias: str, account_id: str, region: str) -> str | None:
        """The question that the statement was generated from, where it was."""


class RunsQueries(Protocol):
    """What runs queries, for those who have them run: dashboards."""

    def start(self, *, account_id: str, region: str, statement: str, alias: str | None = None, refresh_id: str | None = None) -> str:
        """Start a query as the CloudTrail service for `account_id`, and return its id. Faults as `StartQuery`."""


class FollowsQueries(Protocol):
    """What tells those who have queries run how far these are. Blocking, thread-safe."""

    def ended(self, query_id: str) -> bool:
        """Whether the query has a terminal status, or is not known any more."""

    def find(self, *, account_id: str, region: str, alias: str, refresh_id: str) -> str | None:
        """Id of the newest query that was started with this alias for this refresh; `None` when none was."""
