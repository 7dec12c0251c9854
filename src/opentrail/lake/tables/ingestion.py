"""From the journal into the tables: one reading for all stores, each record judged by the stretch that it lies in.

Every store has its own position, and all that are as far as the reading take part in it. A store whose table cannot be written stays
behind; the others go on. It is read for again from where it stopped, as nothing is forgotten: the position that the lake saves, behind
which the journal may be trimmed, is that of the store that is furthest behind. The events of a store whose key cannot be used are set aside
beside its table (decision 0041), as that may last: they hold the journal no longer than others.

A change of a store ends a stretch at a position that the lake may have passed in memory: then what is not durable of that store is dropped
and read again. Before a commit the position is promised, in a transaction in which the stretches are looked at once more: changes begin
at the journal's head and take the same write lock, so none can come to lie below it afterwards.
"""

from __future__ import annotations

import contextlib
import logging
import math
import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Final, Protocol

from opentrail.clock import Clock
from opentrail.errors import JournalTrimmed, OpenTrailError
from opentrail.eventstore.quarantine import Quarantine
from opentrail.journal.positions import Positions
from opentrail.lake.event_data_store import Stretch
from opentrail.lake.faults import EventDataStoreNotFoundException
from opentrail.lake.neighbours import StoreKeys, Stores
from opentrail.lake.tables.conversion import Conversion, Entry
from opentrail.lake.tables.facts import facts
from opentrail.lake.tables.routes import Channels, Routes, changed, destinations
from opentrail.lake.tables.settings import TableSettings
from opentrail.lake.tables.shelf import Shelf
from opentrail.lake.tables.table import StoreTable
from opentrail.storage.database import Database

LAKE: Final = "lake"
"""Name of the saved position: up to it everything is durable in the tables."""
PROMISED: Final = "lake-promised"
"""Name of the position that a commit may have reached: no stretch ends or begins below it any more, and no record is ever written there."""

_log = logging.getLogger(__name__)


class LakeError(OpenTrailError):
    """The tables of the event data stores cannot be used."""


class Reader(Protocol):
    """What is needed of the journal."""

    def head(self) -> int:
        """Position of the newest record, 0 when there never was one."""

    def first(self) -> int:
        """Position of the oldest record that is kept."""

    def read(self, after: int, limit: int) -> Sequence[Entry]:
        """At most `limit` entries with positions above `after`, in order."""


class Ingestion:
    """Fills the tables on `shelf`. Any thread may call any method."""

    def __init__(
        self,
        shelf: Shelf,
        reader: Reader,
        clock: Clock,
        *,
        database: Database,
        stores: Stores,
        keys: StoreKeys,
        channels: Channels,
        conversion: Conversion,
        quarantine: Quarantine,
        settings: TableSettings,
    ) -> None:
        self._shelf = shelf
        self._reader = reader
        self._clock = clock
        self._database = database
        self._positions = Positions(database)
        self._stores = stores
        self._keys = keys
        self._channels = channels
        self._conversion = conversion
        self._quarantine = quarantine
        self._settings = settings
        self._ingesting = threading.Lock()
        """Held while events are taken in. Taken before the locks of a table."""
        self._committing = threading.Lock()
        """Held during a commit. Taken before `_ingesting`."""
        self._stretches: Sequence[Stretch] = ()
        self._routes = Routes(())
        self._readers: dict[str, StoreTable | None] = {}
        """The stores that take something in; `None`: its table cannot be opened."""
        self._troubles: dict[str, float] = {}
        """Store → when its table failed."""
        self._usable: dict[str, tuple[bool, float]] = {}
        """Key → whether it could be used, and when that was asked."""
        self._saved = 0
        self._position = 0

    def open(self) -> None:
        """Begin where the tables end. Raises `LakeError` when the journal is not the one that these events came from."""
        with self._ingesting:
            self._saved = self._positions.get(LAKE)
            head = self._reader.head()
            if head < max(self._saved, self._positions.get(PROMISED)):
                raise LakeError(
                    f"The journal ends at position {head}, but the event data stores have events above it: put the journal that belongs to "
                    "them back."
                )
            if not self._saved:  # new: begins with what the journal still has
                self._saved = max(0, self._reader.first() - 1)
            self._position = self._saved

    @property
    def position(self) -> int:
        """How far the journal was read, by the stores that are not held up."""
        return self._position

    @property
    def durable_position(self) -> int:
        """Up to it everything is in the tables."""
        return self._saved

    @contextlib.contextmanager
    def standing(self, patience: float) -> Iterator[bool]:
        """Nothing is taken in within; False when `patience` seconds were not enough to have that."""
        held = self._ingesting.acquire(timeout=min(patience, threading.TIMEOUT_MAX) if patience > 0 else 0)
        try:
            yield held
        finally:
            if held:
                self._ingesting.release()

    def reached(self, store_ids: Collection[str], position: int) -> bool:
        """Whether everything up to `position` that is for these stores was taken in. To be asked while `standing`."""
        self._renew()
        waiting = (self._readers[store_id] for store_id in store_ids if store_id in self._readers)
        return all(table is not None and table.position >= position for table in waiting)

    # Taking in

    def catch_up(self, store_ids: Collection[str] | None = None, *, at_least: int | None = None, patience: float = math.inf) -> bool:
        """Take in events, for all stores up to the journal's head; or (enough for a question) for some of them up to `at_least`.

        False when `patience` seconds were not enough. Raises what the journal's reader and the state database raise.
        """
        begun = self._clock.monotonic()
        target = self._reader.head() if at_least is None else at_least
        while True:
            if self.is_full():
                self.commit()
            with self.standing(patience - (self._clock.monotonic() - begun)) as held:
                if not held:
                    return False
                self._renew()
                ready = self._ready()
                wanted = ready if store_ids is None else {key: table for key, table in ready.items() if key in store_ids}
                low = min((table.position for table in wanted.values()), default=target)
                if store_ids is None:
                    self._position = max(self._position, low)
                if low >= target:
                    return True
                entries = self._read(low)
                if not entries:
                    return True
                self._take_in(entries, {key: table for key, table in ready.items() if table.position >= low})

    def is_full(self) -> bool:
        """Whether the hot tails have reached their bound."""
        tables = self._shelf.opened().values()
        rows, characters = sum(table.hot_rows for table in tables), sum(table.hot_characters for table in tables)
        return rows >= self._settings.hot_rows or characters >= self._settings.hot_characters

    def _renew(self) -> None:
        """See what stores there are now."""
        stretches = self._stores.stretches()
        if stretches is not self._stretches:
            for store_id in changed(self._stretches, stretches):
                table = self._readers.get(store_id)
                if table is not None:
                    table.rewind()
            self._routes = Routes(stretches, destinations(self._stores.all()))
            starts: dict[str, int] = {}
            for stretch in stretches:
                starts[stretch.store_id] = min(stretch.start, starts.get(stretch.store_id, stretch.start))
            self._readers = {}
            for store_id, start in starts.items():
                with contextlib.suppress(EventDataStoreNotFoundException):  # on its way out
                    self._readers[store_id] = self._opened(store_id, start)
            self._stretches = stretches
        for store_id, table in self._readers.items():
            if self._clock.monotonic() - self._troubles.get(store_id, -math.inf) < self._settings.trouble_interval:
                continue
            if table is None:
                start = min(stretch.start for stretch in stretches if stretch.store_id == store_id)
                self._readers[store_id] = self._opened(store_id, start)
            elif table.given_up:
                self._resume(store_id, table)

    def _opened(self, store_id: str, start: int) -> StoreTable | None:
        try:
            table = self._shelf.of(store_id)
        except EventDataStoreNotFoundException:
            raise
        except Exception:
            _log.exception("the table of the event data store %s cannot be opened; its events wait in the journal", store_id)
            self._troubles[store_id] = self._clock.monotonic()
            return None
        table.join(max(self._saved, start))
        return table

    def _resume(self, store_id: str, table: StoreTable) -> None:
        try:
            table.resume()
        except Exception:
            _log.exception("the table of the event data store %s cannot be read; its events wait in the journal", store_id)
            self._troubles[store_id] = self._clock.monotonic()

    def _ready(self) -> dict[str, StoreTable]:
        """The stores that can take something in now."""
        return {store_id: table for store_id, table in self._readers.items() if table is not None and not table.given_up}

    def is_usable(self, key: str | None, *, fresh: bool = False) -> bool:
        """Whether the key can be used: as it was a moment ago, or `fresh`."""
        if key is None:
            return True
        now = self._clock.monotonic()
        usable, asked = self._usable.get(key, (False, -math.inf))
        settings = self._settings
        if fresh or now - asked >= (settings.key_interval if usable else settings.trouble_interval):
            usable = self._keys.usable(key)
            self._usable[key] = (usable, now)
        return usable

    def _read(self, after: int) -> Sequence[Entry]:
        try:
            return self._reader.read(after, self._settings.read_batch)
        except JournalTrimmed:
            kept_from = self._reader.first()
            if kept_from <= after + 1:
                raise
            # Only when an older lake folder was put back: they cannot be had any more.
            _log.error("the records from %d to %d are no longer in the journal: event data stores lack them", after + 1, kept_from - 1)
            return self._reader.read(kept_from - 1, self._settings.read_batch)

    def _take_in(self, entries: Sequence[Entry], tables: Mapping[str, StoreTable]) -> None:
        taken: dict[str, list[tuple[Stretch, Entry, str]]] = {}
        of, channels = self._routes.of, self._channels.now()
        for entry in entries:
            known = facts(entry.record)
            if isinstance(known, str):
                self._quarantine.keep(entry.position, entry.record, known)
                continue
            for stretch in of(entry.position, known, channels):
                table = tables.get(stretch.store_id)
                if table is not None and entry.position > table.position:
                    taken.setdefault(stretch.store_id, []).append((stretch, entry, known.event_category))
        events = self._conversion.of(taken)
        for store_id, (rows, characters) in events.items():
            if rows.num_rows:
                tables[store_id].take_in(rows, last=taken[store_id][-1][1].position, characters=characters)
        for table in tables.values():
            table.position = max(table.position, entries[-1].position)

    # Making durable

    def commit(self) -> bool:
        """Move the hot tails into their tables, and save how far everything is durable. False: nothing to do.

        What is of a store whose key cannot be used is set aside. A table that fails keeps its tail, and gives it up when the tails are
        full: then its events are read again later.
        """
        with self._committing:
            with self._ingesting:
                self._renew()  # may open tables: better not while nobody else can write
            with self._ingesting, self._database.begin() as connection:
                self._renew()
                full = self.is_full()
                readers = {store_id: table for store_id, table in self._readers.items() if table is not None}
                sealed = {store_id: table for store_id, table in readers.items() if table.seal()}
                if sealed:
                    self._positions.save(connection, PROMISED, max(table.position for table in sealed.values()))
            for store_id, table in sealed.items():
                try:
                    if self.is_usable(self._shelf.store(store_id).kms_key_id):
                        table.commit(self._oldest(store_id))
                    else:
                        table.set_aside(self._oldest(store_id))
                except Exception:
                    _log.exception("the events of the event data store %s could not be committed; they stay in the journal", store_id)
                    self._troubles[store_id] = self._clock.monotonic()
                    if full:
                        with self._ingesting:
                            table.give_up()
            return self._save() or bool(sealed)

    def _oldest(self, store_id: str) -> int:
        return oldest(self._shelf.store(store_id).retention_period, self._clock.time())

    def _save(self) -> bool:
        """Save the position of the store that is furthest behind; with none, all of the journal is done with."""
        with self._ingesting, self._database.begin() as connection:
            self._renew()
            if self._readers:
                done = min(table.durable if table is not None else self._saved for table in self._readers.values())
            else:
                done = self._reader.head()
                self._position = max(self._position, done)
            if done <= self._saved:
                return False
            self._positions.save(connection, LAKE, done)
        self._saved = done
        self._channels.forget(done)
        return True


def oldest(retention_period: int, now: float) -> int:
    """The earliest event time, in seconds, that is within a retention of so many days."""
    return math.ceil(now - retention_period * 86_400)
