"""The cold store: an Apache Iceberg table of Parquet files, partitioned by day, that any engine can read in place.

What its columns are and how its files are written is the `Layout`'s affair: event history has one table, each event data store another.
Every snapshot carries in its summary the journal position up to which it holds events: events and position appear in one commit, so each
event is there exactly once whatever happens in between. What a crash leaves behind (files that no snapshot names) is swept at the next
start. Only one `ColdStore` may have a folder open, and one thread at a time may call what changes it.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Final

import pyarrow as pa
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.exceptions import NoSuchTableError
from pyiceberg.manifest import DataFile
from pyiceberg.table import Table, Transaction
from pyiceberg.table.metadata import TableMetadata
from pyiceberg.table.snapshots import Snapshot
from pyiceberg.transforms import DayTransform
from sqlalchemy import URL, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry

from opentrail.eventstore.entries import Entries, name_mapping
from opentrail.eventstore.files import IMPLEMENTATION, local_path, location, make_directory
from opentrail.eventstore.layout import HISTORY, Layout

CATALOG: Final = "opentrail"
POSITION: Final = "opentrail.journal-position"
"""Member of a snapshot's summary: every event up to this journal position is in the snapshot."""

COMMIT: Final = "opentrail.commit"
"""Member of a snapshot's summary: a name for the very attempt that made it, to tell it from anybody else's commit."""

DAY: Final = 86_400

_MOST_SNAPSHOTS, _KEPT_SNAPSHOTS = 20, 10
"""Snapshots are expired down to the second number when there are more than the first: the cost of a commit grows with them (all of them
are copied and written with each), yet a reader outside must have the time to finish on the one it has planned."""

_PROPERTIES: Final = {
    "format-version": "2",
    "write.format.default": "parquet",
    "write.parquet.compression-codec": "zstd",
    "write.metadata.delete-after-commit.enabled": "true",
    "write.metadata.previous-versions-max": "10",
    # Statistics in the manifests: only what files are pruned by (`Layout.pruned`), or each commit drags all columns' bounds along.
    "write.metadata.metrics.default": "none",
    # Small manifests are merged twenty at a time; full ones are left alone.
    "commit.manifest-merge.enabled": "true",
    "commit.manifest.min-count-to-merge": "20",
    "commit.manifest.target-size-bytes": str(512 << 10),
    # Under `serializable`, the default, any append elsewhere in the table aborts a compaction; a swap of files needs no more than this.
    "write.delete.isolation-level": "snapshot",
    "write.update.isolation-level": "snapshot",
}

_MAPPING: Final = "schema.name-mapping.default"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ColdFile:
    """One Parquet file of the current snapshot."""

    path: Path
    day: int
    """Its partition: days since the epoch."""
    rows: int
    size: int
    """Bytes."""
    time_low: int
    """Earliest event time in it, in seconds; `time_high` the latest."""
    time_high: int
    entry: DataFile = field(compare=False, repr=False)


class _Transaction(Transaction):
    """PyIceberg works the table's metadata out anew, copy and all, each of the twenty times that one commit looks at it: the most of what a
    commit costs where a schema is wide. Nobody changes what they are given."""

    _known: tuple[tuple[object, ...], TableMetadata] | None = None

    @property
    def table_metadata(self) -> TableMetadata:
        if self._known is None or self._known[0] is not self._updates:
            self._known = (self._updates, super().table_metadata)
        return self._known[1]


class ColdStore:
    """The Iceberg table in `folder`, made when it is not there."""

    def __init__(self, folder: Path, layout: Layout = HISTORY) -> None:
        self._folder = folder.resolve()
        self._layout = layout
        self._home = self._folder / layout.home
        self._made = Entries(layout.hidden)
        self._entries: dict[Path, DataFile] = {}
        """What the last commit said of the files it added."""
        self._removed: list[tuple[int, ColdFile]] = []
        """Files that compaction or retention took out, with the sequence number of the snapshot that first lacks them."""
        make_directory(self._home / "metadata")
        make_directory(self._home / "data")
        self._catalog = self._open_catalog()
        self._table = self._open_table()
        self._position = _position(self._table)
        self._files = self._planned()
        self._in_doubt = False
        """Whether a commit failed and the catalog could not be asked whether it had happened all the same."""
        self._sweep()

    @property
    def position(self) -> int:
        """Every event up to this journal position is on disk, or was not one to be kept."""
        return self._position

    @property
    def files(self) -> tuple[ColdFile, ...]:
        """The files of the current snapshot, those with the newest events first."""
        return self._files

    @property
    def snapshots(self) -> int:
        """How many snapshots the table keeps."""
        return len(self._table.metadata.snapshots)

    @property
    def metadata(self) -> Path:
        """The table's current metadata file: what another engine is told to read."""
        return local_path(self._table.metadata_location)

    def draft(self, day: int | None = None) -> Path:
        """A new path for a data file; `day` when it is known already. What no `swap` makes part of the table is swept at the next start."""
        folder = self._home / "data"
        if day is not None:
            folder /= f"{self._layout.day}={_day_name(day)}"
        make_directory(folder)
        return folder / f"{self._layout.prefix}{uuid.uuid4()}.parquet"

    def write(self, day: int, batches: Iterable[pa.RecordBatch], rows: int) -> Path:
        """Write one data file of `rows` rows, all of `day`, in order; durable on return, but not part of the table before `swap`."""
        path = self.draft(day)
        try:
            self._layout.write(path, batches, rows)
        except Exception:
            path.unlink(missing_ok=True)
            raise
        return path

    def swap(self, *, add: Sequence[Path], remove: Sequence[ColdFile], position: int, notes: Mapping[str, str] | None = None) -> None:
        """Put the files `add` into the table, take `remove` out and move to `position`: one atomic commit, durable on return.
        `notes` become members of the snapshot's summary.

        When the commit fails (a full disk, somebody else's commit came first) the table is without it and the files `add` are gone. When
        its outcome is in doubt the catalog is asked; when that cannot be asked either, `settle` has to be called before the next swap.
        """
        before = self._table.current_snapshot()
        name = str(uuid.uuid4())
        told = False
        try:
            self._commit(add, remove, {**(notes or {}), POSITION: str(position), COMMIT: name})
        except Exception:
            self._in_doubt = True
            self.settle()
            if not self._holds(name):
                for path in add:
                    path.unlink(missing_ok=True)
                raise
            _log.warning("the event store's commit reported a failure but is in the catalog", exc_info=True)
            told = True
        after = self._table.current_snapshot()
        assert after is not None
        self._position = position
        self._removed += [(_sequence(after), file) for file in remove]
        if not told:
            self._files = self._planned() if self._is_foreign(before, after) else self._known(add, remove)

    def settle(self) -> bool:
        """Find out what became of a commit that is in doubt; whether there was one. `files` and `position` are right afterwards.

        Raises what reading the catalog raises; then it is still in doubt.
        """
        if not self._in_doubt:
            return False
        self._table.refresh()
        self._files = self._planned()
        self._position = _position(self._table)
        self._in_doubt = False
        return True

    def _holds(self, name: str) -> bool:
        """Whether the commit `name` is part of the table."""
        return name in self.summaries(COMMIT)

    def summaries(self, member: str) -> set[str]:
        """The values of `member` in the summaries of all snapshots that are kept."""
        return {value for snapshot in self._table.metadata.snapshots if (value := _member(snapshot, member)) is not None}

    def _commit(self, add: Sequence[Path], remove: Sequence[ColdFile], properties: dict[str, str]) -> None:
        metadata, io = self._table.metadata, self._table.io
        entries = [self._made.of(io, metadata, location(path)) for path in add]
        self._entries = dict(zip(add, entries, strict=True))
        with _Transaction(self._table) as transaction:
            update = transaction.update_snapshot(snapshot_properties=properties)
            with update.overwrite() if remove else update.merge_append() as producer:
                for entry in entries:
                    producer.append_data_file(entry)
                for file in remove:
                    producer.delete_data_file(file.entry)
        self._delete_merged(f"{producer.commit_uuid}-m*.avro")

    def _delete_merged(self, ours: str) -> None:
        """Delete the manifests of this commit (the names `ours`) that it has merged into others itself: PyIceberg leaves them."""
        made = set((self._home / "metadata").glob(ours))
        current = self._table.current_snapshot()
        if len(made) > 1 and current is not None:
            for path in made - self._metadata_of([current]):
                path.unlink(missing_ok=True)

    def expire(self, *, wholly: bool = False) -> None:
        """Forget old snapshots and delete the metadata that only they used; cheap when there is nothing to do.

        `wholly`: all but what the present needs, so that no file that was taken out is named any more.
        """
        ordered = sorted(self._table.metadata.snapshots, key=_sequence)
        if wholly:
            keep = 1 + next((index for index, snapshot in enumerate(reversed(ordered)) if _member(snapshot, POSITION) is not None), 0)
        else:
            keep = _KEPT_SNAPSHOTS if len(ordered) > _MOST_SNAPSHOTS else len(ordered)
        expired, kept = ordered[:-keep], ordered[-keep:]
        if not expired:
            return
        unused = self._metadata_of(expired) - self._metadata_of(kept)
        self._table.maintenance.expire_snapshots().by_ids([snapshot.snapshot_id for snapshot in expired]).commit()
        for path in unused:
            path.unlink(missing_ok=True)

    def delete_removed(self, in_use: Collection[Path]) -> int:
        """Delete data files that no snapshot names any more, but for those `in_use`; returns how many still wait."""
        oldest = min(map(_sequence, self._table.metadata.snapshots), default=0)
        waiting = []
        for sequence, file in self._removed:
            if sequence > oldest or file.path in in_use:
                waiting.append((sequence, file))
                continue
            file.path.unlink(missing_ok=True)
            if file.path.parent != self._home / "data" and file.path.parent.is_dir() and not any(file.path.parent.iterdir()):
                file.path.parent.rmdir()
        self._removed = waiting
        return len(waiting)

    def close(self) -> None:
        """Give the catalog's connections back."""
        self._catalog.engine.dispose()

    def _open_catalog(self) -> SqlCatalog:
        uri = URL.create("sqlite", database=str(self._folder / "catalog.db")).render_as_string()
        catalog = SqlCatalog(CATALOG, uri=uri, warehouse=location(self._folder), **{"py-io-impl": IMPLEMENTATION})
        event.listen(catalog.engine, "connect", _configure)
        catalog.engine.dispose()  # the connection it has made already is not configured
        catalog.create_namespace_if_not_exists(self._layout.table.partition(".")[0])
        return catalog

    def _open_table(self) -> Table:
        layout = self._layout
        try:
            table = self._catalog.load_table(layout.table)
        except NoSuchTableError:
            table = self._new_table()
        # Files written outside PyIceberg carry no field ids: readers match their columns by name.
        mapping = {_MAPPING: name_mapping(table.schema(), layout.hidden)}
        if not mapping.items() <= table.properties.items():
            with table.transaction() as transaction:
                transaction.set_properties(mapping)
        return table

    def _new_table(self) -> Table:
        layout = self._layout
        properties = {**_PROPERTIES, **{f"write.metadata.metrics.column.{column}": "full" for column in layout.pruned}}
        with self._catalog.create_table_transaction(
            layout.table, layout.schema, location(self._home), properties=properties
        ) as transaction:
            with transaction.update_spec() as spec:
                spec.add_field(layout.time, DayTransform(), layout.day)
            transaction.set_properties({_MAPPING: name_mapping(transaction.table_metadata.schema(), layout.hidden)})
        return self._catalog.load_table(layout.table)

    def _planned(self) -> tuple[ColdFile, ...]:
        """The files of the current snapshot, read from its manifests."""
        return _newest_first(self._described(local_path(task.file.file_path), task.file) for task in self._table.scan().plan_files())

    def _known(self, add: Sequence[Path], remove: Sequence[ColdFile]) -> tuple[ColdFile, ...]:
        gone = {file.path for file in remove}
        kept = [file for file in self._files if file.path not in gone]
        return _newest_first([*kept, *(self._described(path, self._entries[path]) for path in add)])

    def _is_foreign(self, before: Snapshot | None, after: Snapshot) -> bool:
        """Whether somebody else's commit came in between, so that what we know of the files is not all."""
        return after.parent_snapshot_id != (before.snapshot_id if before else None)

    def _described(self, path: Path, entry: DataFile) -> ColdFile:
        column = self._table.schema().find_field(self._layout.time).field_id
        low, high = (
            int.from_bytes(bounds[column], "little", signed=True) // 1_000_000 for bounds in (entry.lower_bounds, entry.upper_bounds)
        )
        return ColdFile(path, low // DAY, entry.record_count, entry.file_size_in_bytes, low, high, entry)

    def _metadata_of(self, snapshots: Iterable[Snapshot]) -> set[Path]:
        """The manifest lists and manifests that `snapshots` are made of."""
        paths = set()
        for snapshot in snapshots:
            paths.add(local_path(snapshot.manifest_list))
            paths.update(local_path(manifest.manifest_path) for manifest in snapshot.manifests(self._table.io))
        return paths

    def _sweep(self) -> None:
        """Delete what no snapshot names: drafts of a commit that did not happen, leftovers of one that was cut short while tidying."""
        metadata, io = self._table.metadata, self._table.io
        used = self._metadata_of(metadata.snapshots)
        used.add(local_path(self._table.metadata_location))
        used.update(local_path(entry.metadata_file) for entry in metadata.metadata_log)
        manifests = {manifest.manifest_path: manifest for snapshot in metadata.snapshots for manifest in snapshot.manifests(io)}
        entries = [entry for manifest in manifests.values() for entry in manifest.fetch_manifest_entry(io, discard_deleted=True)]
        data = {local_path(entry.data_file.file_path): entry.data_file for entry in entries}
        used |= data.keys()
        for path in data.keys() - {file.path for file in self._files}:  # only older snapshots name them
            self._removed.append((_sequence(self._table.current_snapshot()), self._described(path, data[path])))
        for path in self._home.rglob("*"):
            if path.is_file() and path not in used:
                path.unlink()


def _newest_first(files: Iterable[ColdFile]) -> tuple[ColdFile, ...]:
    return tuple(sorted(files, key=lambda file: (file.time_high, file.time_low, file.path), reverse=True))


def _position(table: Table) -> int:
    """The position of the newest snapshot that has one; snapshots of other engines (a compaction by Spark) have none."""
    snapshot = table.current_snapshot()
    while snapshot is not None:
        if (position := _member(snapshot, POSITION)) is not None:
            return int(position)
        parent = snapshot.parent_snapshot_id
        snapshot = table.snapshot_by_id(parent) if parent is not None else None
    return 0


def _member(snapshot: Snapshot, name: str) -> str | None:
    return None if snapshot.summary is None else snapshot.summary.additional_properties.get(name)


def _sequence(snapshot: Snapshot | None) -> int:
    return (snapshot.sequence_number or 0) if snapshot is not None else 0


def _day_name(day: int) -> str:
    return (date(1970, 1, 1) + timedelta(days=day)).isoformat()


def _configure(connection: DBAPIConnection, _record: ConnectionPoolEntry) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.close()
