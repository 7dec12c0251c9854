"""The tables of all event data stores: `neighbours.Tables`, and the rounds that fill them and keep them in order."""

from __future__ import annotations

import fcntl
import math
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from opentrail.clock import Clock
from opentrail.eventstore.files import make_directory
from opentrail.eventstore.quarantine import Quarantine
from opentrail.lake.event_data_store import EventDataStore
from opentrail.lake.faults import KmsException
from opentrail.lake.neighbours import Snapshot, Source, StoreKeys, Stores
from opentrail.lake.tables.conversion import Conversion
from opentrail.lake.tables.event_context import Context, NoContext
from opentrail.lake.tables.ingestion import Ingestion, LakeError, Reader, oldest
from opentrail.lake.tables.routes import Channels, NoChannels
from opentrail.lake.tables.settings import TableSettings
from opentrail.lake.tables.shelf import Shelf
from opentrail.lake.tables.table import Figures, StoreTable, View
from opentrail.lake.tables.upkeep import Upkeep
from opentrail.storage.database import Database
from opentrail.wire.faults import ServiceUnavailable

ROUND: Final = 5.0
"""Seconds after which a round goes on to the next thing, however much there is to take in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """How the tables are doing."""

    position: int
    durable_position: int
    quarantined: int
    stores: dict[str, Figures]
    """By id, those that are open."""


class StoreTables:
    """The tables in `folder`, filled from `reader`'s journal. Any thread may call any method; one process may have the folder open."""

    def __init__(
        self,
        folder: Path,
        reader: Reader,
        clock: Clock,
        *,
        database: Database,
        stores: Stores,
        keys: StoreKeys,
        settings: TableSettings,
        channels: Channels | None = None,
        context: Context | None = None,
        removed: Callable[[str], None] = lambda store_id: None,
    ) -> None:
        """`removed` hears of each store whose table was removed, because `stores` does not know it any more."""
        self._folder = folder
        self._reader = reader
        self._clock = clock
        self._database = database
        self._stores = stores
        self._keys = keys
        self._settings = settings
        self._channels = channels or NoChannels()
        self._context = context or NoContext()
        self._shelf = Shelf(folder, stores, settings)
        self._upkeep = Upkeep(self._shelf, stores, clock, settings, removed)
        self._committed_at = -math.inf
        self._lock_file: IO[bytes] | None = None

    def open(self) -> None:
        """Open the folder, or make it. Raises `LakeError` when another process has it open, or the journal is not the one it belongs to."""
        make_directory(self._folder)
        self._lock_file = (self._folder / "lock").open("ab")
        try:
            fcntl.flock(self._lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self._lock_file.close()
            raise LakeError(f"{self._folder} is in use by another process: only one may write to it.") from error
        try:
            self._shelf.open()
            self._quarantine = Quarantine(self._folder / "quarantine")
            self._ingestion = Ingestion(
                self._shelf,
                self._reader,
                self._clock,
                database=self._database,
                stores=self._stores,
                keys=self._keys,
                channels=self._channels,
                conversion=Conversion(self._context, self._quarantine),
                quarantine=self._quarantine,
                settings=self._settings,
            )
            self._ingestion.open()
        except BaseException:
            self._lock_file.close()
            raise
        self._committed_at = self._clock.monotonic()

    def close(self) -> None:
        """Let go of the folder. What is in the hot tails stays in the journal."""
        self._shelf.close()
        if self._lock_file is not None:
            self._lock_file.close()

    @property
    def position(self) -> int:
        """How far the journal was read, by the stores that are not held up."""
        return self._ingestion.position

    @property
    def durable_position(self) -> int:
        """Up to it everything is in the tables: the journal may be trimmed behind it."""
        return self._ingestion.durable_position

    def status(self) -> Status:
        """Figures for people and metrics."""
        return Status(
            position=self.position,
            durable_position=self.durable_position,
            quarantined=self._quarantine.count,
            stores={store_id: table.figures() for store_id, table in self._shelf.opened().items()},
        )

    def step(self) -> bool:
        """One round of a follower: catch up, and commit and put in order when it is time. True when there was something to do."""
        before = self.position
        worked = not self._ingestion.catch_up(patience=ROUND) or self.position != before
        if self._clock.monotonic() - self._committed_at >= self._settings.commit_interval or self._ingestion.is_full():
            worked |= self.commit()
            worked |= self._upkeep.work()
        return worked

    def commit(self) -> bool:
        """Move the hot tails into their tables, durably. False: nothing to move."""
        self._committed_at = self._clock.monotonic()
        return self._ingestion.commit()

    # What others need of the tables

    def snapshot(self, store_ids: Sequence[str], *, at_least: int, patience: float) -> Snapshot:
        """The tables with every event up to journal position `at_least`. Raises `ServiceUnavailable` when `patience` seconds are not
        enough, `KmsException` where a store's key cannot be used, and `EventDataStoreNotFoundException`."""
        stores = [self._shelf.store(store_id) for store_id in dict.fromkeys(store_ids)]
        for store in stores:
            self._check_key(store, fresh=True)
        begun = self._clock.monotonic()
        wanted = [store.id for store in stores]
        if self._is_waiting(wanted):  # the key can be used again
            self._ingestion.commit()
        reached = self._ingestion.catch_up(wanted, at_least=at_least, patience=patience)
        with self._ingestion.standing(patience - (self._clock.monotonic() - begun)) as standing:
            if not (reached and standing and self._ingestion.reached(wanted, at_least)) or self._is_waiting(wanted):
                raise ServiceUnavailable("The event data stores are still taking in the latest events. Try again in a moment.")
            return self._pinned(stores)

    def _is_waiting(self, store_ids: Sequence[str]) -> bool:
        """Whether events of one of the stores are set aside."""
        return any(self._shelf.of(store_id).is_waiting for store_id in store_ids)

    def _check_key(self, store: EventDataStore, *, fresh: bool = False) -> None:
        if not self._ingestion.is_usable(store.kms_key_id, fresh=fresh):
            raise KmsException(
                f"The KMS key {store.kms_key_id} of the event data store {store.arn} cannot be used: enable it, and let the principal "
                "cloudtrail.amazonaws.com use it for kms:GenerateDataKey and kms:Decrypt."
            )

    def _pinned(self, stores: Sequence[EventDataStore]) -> Snapshot:
        held: list[tuple[StoreTable, View]] = []
        lock = threading.Lock()

        def release() -> None:
            with lock:
                while held:
                    table, view = held.pop()
                    table.release(view)

        sources = []
        try:
            for store in stores:
                bound = oldest(store.retention_period, self._clock.time())
                table = self._shelf.of(store.id)
                view = table.pin(bound)
                held.append((table, view))
                sources.append(
                    Source(
                        store_id=store.id,
                        family=store.family,
                        files=view.files,
                        hot=view.hot,
                        oldest=bound,
                        events=view.events,
                        straddles=view.straddles,
                    )
                )
        except BaseException:
            release()
            raise
        return Snapshot(sources=tuple(sources), release=release)

    def draft(self, store_id: str) -> Path:
        """A new path on the table's disk for a Parquet file to be given to `append`. What is never given is swept at the next start.

        Raises `EventDataStoreNotFoundException`, and `KmsException` where the store's key cannot be used."""
        self._check_key(self._shelf.store(store_id))
        return self._shelf.of(store_id).draft()

    def append(self, store_id: str, files: Sequence[Path], *, token: str) -> None:
        """Make drafts part of the table, all or none, durably; those events of them that are within the retention.

        A `token` that was given before changes nothing. When it fails the drafts may be gone: they are written anew for the next try.
        Raises `EventDataStoreNotFoundException`, and `KmsException` where the store's key cannot be used.
        """
        store = self._shelf.store(store_id)
        self._check_key(store)
        self._shelf.of(store_id).append(files, token=token, oldest=oldest(store.retention_period, self._clock.time()))

    def has(self, store_id: str, token: str) -> bool:
        """Whether `append` was done with `token`."""
        return self._shelf.of(store_id).has(token)

    def location(self, store_id: str) -> Path:
        """The Iceberg table's current metadata file."""
        return self._shelf.of(store_id).metadata
