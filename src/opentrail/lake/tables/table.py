"""One store's events: a hot tail, and the Iceberg table that it moves to.

Where an event is: in the journal until it is durable here, in the hot tail once it was taken in, in the table once it was committed; tail
and table are looked at together, so each event is seen once. While the store's key cannot be used it is set aside instead, durably, and
nobody sees it. `position` says how far the journal was taken in, `durable` how far a crash
can set it back. A snapshot pins the files that it names: compaction, retention and expiry go on, but delete them only once it was released.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from opentrail.eventstore.cold import ColdFile, ColdStore
from opentrail.eventstore.compaction import choose
from opentrail.eventstore.files import sync_directory
from opentrail.lake.families import Family
from opentrail.lake.tables import sorting
from opentrail.lake.tables.appends import Appends
from opentrail.lake.tables.hot import HotTail, Piece
from opentrail.lake.tables.layouts import layout
from opentrail.lake.tables.settings import TableSettings
from opentrail.lake.tables.sorting import DAY
from opentrail.lake.tables.waiting import Waiting

TOKEN: Final = "opentrail.append"
"""Member of a snapshot's summary: the token of the append that made it."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """A table at one instant; its files are pinned."""

    files: tuple[Path, ...]
    hot: tuple[Path, ...]
    events: int
    straddles: bool
    """Whether `files` have events that are older than was asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """How a table is doing."""

    hot_events: int
    cold_events: int
    cold_files: int
    cold_bytes: int
    snapshots: int
    waiting_events: int
    """Set aside, as the store's key cannot be used."""


class StoreTable:
    """The table of one store, in `folder`; made when it is not there. Any thread may call any method but those of ingestion, which one
    thread at a time calls: `join`, `take_in`, `seal`, `rewind`, `give_up`, `resume`."""

    def __init__(self, folder: Path, store_id: str, family: Family, settings: TableSettings) -> None:
        self.folder = folder
        self.family = family
        self._settings = settings
        self._writing = threading.RLock()
        """Held while the table changes. Taken before `_state`."""
        self._state = threading.RLock()
        """Guards the tail, the files and the pins."""
        self._layout = layout(store_id, family)
        self._cold = ColdStore(folder, self._layout)
        self._appends = Appends(folder / "appends")
        self._appends.note(self._cold.summaries(TOKEN))
        self._hot = HotTail(folder / "hot", self._layout.schema)
        self._waiting = Waiting(folder / "waiting", self._layout.schema, after=self._cold.position)
        self._files = self._cold.files
        self._pins: Counter[Path] = Counter()
        self._views = 0
        self._sealed = 0
        """The position when the tail was sealed last."""
        self.position = self.durable = max(self._cold.position, self._waiting.position)
        self.given_up = False
        """Whether the tail was dropped because it could not be committed: nothing is taken in until `resume`."""

    def close(self) -> None:
        """Give the catalog back."""
        with self._writing:
            self._cold.close()

    @property
    def metadata(self) -> Path:
        """The Iceberg table's current metadata file."""
        return self._cold.metadata

    @property
    def is_pinned(self) -> bool:
        """Whether a snapshot is held."""
        return self._views > 0

    def figures(self) -> Figures:
        """Figures for people and metrics."""
        with self._state:
            return Figures(
                hot_events=self._hot.rows,
                cold_events=sum(file.rows for file in self._files),
                cold_files=len(self._files),
                cold_bytes=sum(file.size for file in self._files),
                snapshots=self._cold.snapshots,
                waiting_events=self._waiting.rows,
            )

    # Ingestion

    @property
    def hot_rows(self) -> int:
        """Events in the tail; `hot_characters` bytes of their records."""
        return self._hot.rows

    @property
    def hot_characters(self) -> int:
        return self._hot.characters

    @property
    def is_waiting(self) -> bool:
        """Whether events are set aside."""
        return self._waiting.rows > 0

    def join(self, position: int) -> None:
        """Nothing up to `position` is for this store."""
        if not self.hot_rows:
            self.durable = max(self.durable, position)
        self.position = max(self.position, position)

    def take_in(self, table: pa.Table, *, last: int, characters: int) -> None:
        """Add events, the last of which stands at `last` in the journal."""
        with self._state:
            self._hot.add(Piece(table, last, characters))

    def seal(self) -> bool:
        """What was taken in belongs to the next commit; whether there is anything to commit. Without anything all of it is durable.
        What is set aside is to be committed, too."""
        with self._state:
            for piece in self._hot.pieces:
                piece.sealed = True
            self._sealed = self.position
            if not self._hot.pieces:
                self.durable = self.position
            return bool(self._hot.pieces) or self.is_waiting

    def rewind(self) -> None:
        """Drop what is not sealed: it is read again, and judged by other rules. What is sealed was judged by rules that cannot change."""
        with self._state:
            fresh = [piece for piece in self._hot.pieces if not piece.sealed]
            kept = len(self._hot.pieces) > len(fresh)
            self._hot.drop(fresh)
            self.position = self._sealed if kept else self.durable
            self._tidy_hot()

    def give_up(self) -> None:
        """Drop the whole tail, which cannot be committed: the journal has it still."""
        with self._state:
            self._hot.drop(self._hot.pieces)
            self.position = self.durable
            self.given_up = True
            self._tidy_hot()

    def resume(self) -> None:
        """Take in again, from where the table ends. Raises what reading the catalog raises."""
        with self._writing:
            self._settle()
            self.position = self.durable = max(self.durable, self._cold.position)
            self.given_up = False

    # The table

    def commit(self, oldest: int) -> None:
        """Move what is set aside and what is sealed into the table, but for what is older than `oldest` (seconds): durable on return."""
        with self._writing:
            self._settle()
            self._waiting.forget(self._cold.position)
            for parts in self._waiting.groups(self._settings.hot_rows):
                self._enter(self._waiting.read(parts), oldest, parts[-1].position)
                self._waiting.forget(parts[-1].position)
            sealed, fresh, position = self._to_commit()
            if fresh is not None:
                self._enter(fresh, oldest, position)
            self._is_durable(sealed, position)
            self._tidy()

    def set_aside(self, oldest: int) -> None:
        """Keep what is sealed beside the table until the next `commit`: durable on return, and seen by nobody."""
        with self._writing:
            self._settle()
            self._waiting.forget(self._cold.position)
            sealed, fresh, position = self._to_commit()
            events = sorting.since(fresh, oldest) if fresh is not None else None
            if events is not None and events.num_rows:
                self._waiting.keep(events, after=max(self._cold.position, self._waiting.position), position=position)
            self._is_durable(sealed, position)

    def _to_commit(self) -> tuple[list[Piece], pa.Table | None, int]:
        """The sealed pieces, their events that are not in the table yet, and the position up to which these are all."""
        with self._state:
            sealed = [piece for piece in self._hot.pieces if piece.sealed]
            position = self._sealed
        # After a commit that was in doubt some may be in the table.
        fresh = [piece.table for piece in sealed if piece.last > self._cold.position]
        return sealed, pa.concat_tables(fresh) if fresh else None, position

    def _enter(self, table: pa.Table, oldest: int, position: int) -> None:
        events = sorting.since(table, oldest)
        paths = self._written((day, rows.to_batches(), rows.num_rows) for day, rows in sorting.days(events))
        if paths:
            self._cold.swap(add=paths, remove=[], position=position)

    def _is_durable(self, sealed: Sequence[Piece], position: int) -> None:
        with self._state:
            self._hot.drop(sealed)
            self._files = self._cold.files
            self.durable = max(self.durable, position)

    def compact(self, *, today: int, oldest: int) -> bool:
        """Merge one group of small files, if some day has too many; False when it has not. `today` counts days since the epoch."""
        with self._writing:
            self._settle()
            settings = self._settings
            files = choose(self._cold.files, today=today, at_least=settings.compaction_files, target=settings.compaction_target)
            if files:
                self._rewrite(files, oldest)
            return bool(files)

    def drop_expired(self, oldest: int) -> bool:
        """Drop what is older than `oldest` (seconds); False when nothing was. Files that have younger events, too, are written anew, once
        that is worth it. What was dropped by the call before leaves the disk: no old state of the table names it any more."""
        with self._writing:
            self._settle()
            expired = self._waiting.drop_expired(oldest)
            if self._tidy():
                self._tidy(wholly=True)
            gone = [file for file in self._cold.files if file.time_high < oldest]
            late = oldest - self._settings.retention_slack
            straddling = [file for file in self._cold.files if file.time_low < late and file.time_high >= oldest]
            if gone:
                self._replace(gone, [])
            for file in straddling:
                self._rewrite([file], oldest)
            return bool(gone or straddling or expired)

    def draft(self) -> Path:
        """A new path for a file to be appended."""
        return self._cold.draft()

    def has(self, token: str) -> bool:
        """Whether an append was done with `token`."""
        with self._writing:
            self._settle()
            return token in self._appends or token in self._cold.summaries(TOKEN)

    def append(self, files: Sequence[Path], *, token: str, oldest: int) -> None:
        """Make `files` part of the table in one commit; nothing happens when `token` was given before."""
        with self._writing:
            if not self.has(token):
                self._append(files, token, oldest)
            self._appends.note([token])
            with self._state:
                held = {file.path for file in self._files}
            for path in files:
                if path not in held:  # written anew by days, or given a second time
                    path.unlink(missing_ok=True)

    def _append(self, files: Sequence[Path], token: str, oldest: int) -> None:
        ready: list[Path] = []
        try:
            for path in files:
                ready += self._by_day(path, oldest)
        except BaseException:
            for path in set(ready) - set(files):
                path.unlink(missing_ok=True)
            raise
        if not ready:
            return
        for folder in {path.parent for path in ready}:
            sync_directory(folder)
        self._cold.swap(add=ready, remove=[], position=self._cold.position, notes={TOKEN: token})
        with self._state:
            self._files = self._cold.files
        self._tidy()

    def _by_day(self, path: Path, oldest: int) -> list[Path]:
        """`path` itself if its events are all of one day and young enough, else files of them that are."""
        span = sorting.span(path)
        if span is None:
            return []
        first, last = span
        if first // DAY == last // DAY and first >= oldest:
            return [path]
        events = sorting.since(pq.read_table(path, columns=self._layout.schema.names), oldest).cast(self._layout.schema)
        return self._written((day, rows.to_batches(), rows.num_rows) for day, rows in sorting.days(events))

    def _rewrite(self, files: Sequence[ColdFile], oldest: int) -> None:
        """Write the events of `files`, all of one day, to one file, but for those older than `oldest`."""
        paths = [file.path for file in files]
        rows = sum(file.rows for file in files)
        if max(file.time_high for file in files) < oldest:
            self._replace(files, [])
            return
        batches = sorting.merged(paths, self._layout.schema, oldest)
        self._replace(files, self._written([(files[0].day, batches, rows)]))

    def _written(self, parts: Iterable[tuple[int, Iterable[pa.RecordBatch], int]]) -> list[Path]:
        paths: list[Path] = []
        try:
            for day, batches, rows in parts:
                paths.append(self._cold.write(day, batches, rows))
        except Exception:
            for path in paths:
                path.unlink(missing_ok=True)
            raise
        return paths

    def _replace(self, files: Sequence[ColdFile], paths: Sequence[Path]) -> None:
        self._cold.swap(add=paths, remove=files, position=self._cold.position)
        with self._state:
            self._files = self._cold.files
        self._tidy()

    def _settle(self) -> None:
        """Learn what became of a commit that is in doubt."""
        if self._cold.settle():
            with self._state:
                self._files = self._cold.files

    def _tidy(self, *, wholly: bool = False) -> int:
        """Free what no snapshot of the table and no query needs any more; returns how many files wait. A failure only postpones it."""
        waiting = 0
        try:
            self._appends.note(self._cold.summaries(TOKEN))  # before the snapshots that tell them are forgotten
            self._cold.expire(wholly=wholly)
            with self._state:
                pinned = set(self._pins)
            waiting = self._cold.delete_removed(pinned)
        except OSError:
            _log.warning("old files of %s could not be deleted; the next commit tries again", self.folder, exc_info=True)
        with self._state:
            self._tidy_hot()
        return waiting

    def _tidy_hot(self) -> None:
        try:
            self._hot.tidy(self._pins)
        except OSError:
            _log.warning("old files of %s could not be deleted; the next commit tries again", self.folder, exc_info=True)

    # Snapshots

    def pin(self, oldest: int) -> View:
        """The events of this instant, but for files that are wholly older than `oldest`. Nothing of it is deleted before `release`."""
        with self._state:
            files = [file for file in self._files if file.time_high >= oldest]
            hot = tuple(self._hot.written())
            view = View(
                files=tuple(file.path for file in files),
                hot=hot,
                events=sum(file.rows for file in files) + self._hot.rows,
                straddles=any(file.time_low < oldest for file in files),
            )
            self._pins.update((*view.files, *view.hot))
            self._views += 1
            return view

    def release(self, view: View) -> None:
        """Nobody reads the files of `view` any more."""
        with self._state:
            self._pins.subtract((*view.files, *view.hot))
            self._pins = +self._pins
            self._views -= 1
            self._tidy_hot()
