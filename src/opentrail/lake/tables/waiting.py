"""Events of a store whose KMS key cannot be used: set aside beside its table until it can, so that the journal need not keep them.

A file for each commit that could not be made. Its name says after which journal position it begins and up to which it holds everything, so
what a crash left behind is known: files are moved into the table by a commit that says their position, and deleted after it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pyarrow as pa

from opentrail.eventstore.files import make_directory, sync_directory
from opentrail.lake.tables import sorting

SMALL: Final = 10_000
"""Rows below which a file is put together with its neighbours."""
MOST_SMALL: Final = 32
"""Small files at which that is done."""


@dataclass(frozen=True, slots=True, order=True)
class Part:
    """One file."""

    after: int
    """Journal position behind which its events stand."""
    position: int
    """Up to here everything is in it."""
    rows: int
    newest: int
    """Time of its youngest event, in seconds."""

    @property
    def name(self) -> str:
        return f"{self.after}_{self.position}_{self.rows}_{self.newest}.arrow"

    @classmethod
    def named(cls, path: Path) -> Part:
        return cls(*(int(number) for number in path.stem.split("_")))


class Waiting:
    """The files in `folder`, which is made with the first of them. One thread at a time."""

    def __init__(self, folder: Path, schema: pa.Schema, *, after: int) -> None:
        """Everything up to `after` is in the table."""
        self._folder = folder
        self._schema = schema
        self._parts: list[Part] = []
        if folder.is_dir():
            self._find()
        self.forget(after)

    @property
    def position(self) -> int:
        """Up to here everything is in the files or in the table; 0 when nothing waits."""
        return self._parts[-1].position if self._parts else 0

    @property
    def rows(self) -> int:
        """Events that wait."""
        return sum(part.rows for part in self._parts)

    def keep(self, events: pa.Table, *, after: int, position: int) -> None:
        """Set events aside, which are all there is behind `after` and up to `position`; durable on return."""
        self._parts.append(self._written(events, after, position))
        small = [part for part in self._parts[-MOST_SMALL:] if part.rows < SMALL]
        if len(small) == MOST_SMALL:
            joined = self._written(self.read(small), small[0].after, position)
            self._parts[-MOST_SMALL:] = [joined]
            self._delete(small)

    def groups(self, rows: int) -> Iterator[Sequence[Part]]:
        """The files in order, some at a time, with about `rows` rows together."""
        group: list[Part] = []
        for part in list(self._parts):
            group.append(part)
            if sum(one.rows for one in group) >= rows:
                yield group
                group = []
        if group:
            yield group

    def read(self, parts: Sequence[Part]) -> pa.Table:
        """The events of these files."""
        found = []
        for part in parts:
            with pa.OSFile(str(self._folder / part.name)) as file, pa.ipc.open_file(file) as reader:
                found.append(reader.read_all())
        return pa.concat_tables(found)

    def forget(self, position: int) -> None:
        """Everything up to `position` is in the table."""
        self._drop([part for part in self._parts if part.position <= position])

    def drop_expired(self, oldest: int) -> bool:
        """Delete the files whose events are all older than `oldest` (seconds); whether there were any. The last one stays: it says how far
        the store has come."""
        gone = [part for part in self._parts[:-1] if part.newest < oldest]
        self._drop(gone)
        return bool(gone)

    def _find(self) -> None:
        parts = []
        for path in self._folder.iterdir():
            if path.suffix == ".arrow":
                parts.append(Part.named(path))
            else:
                path.unlink()  # a draft
        covered = -1
        for part in sorted(parts, key=lambda part: (part.after, -part.position)):
            if part.position > covered:
                self._parts.append(part)
                covered = part.position
        self._delete([part for part in parts if part not in self._parts])  # they were put together, and should have gone

    def _written(self, events: pa.Table, after: int, position: int) -> Part:
        make_directory(self._folder)
        part = Part(after, position, events.num_rows, max(sorting.seconds(events)))
        draft = self._folder / "draft"
        options = pa.ipc.IpcWriteOptions(compression="zstd")
        with draft.open("wb") as file:
            with pa.ipc.new_file(file, self._schema, options=options) as writer:
                writer.write_table(events)
            file.flush()
            os.fsync(file.fileno())
        draft.rename(self._folder / part.name)
        sync_directory(self._folder)
        return part

    def _drop(self, gone: Sequence[Part]) -> None:
        self._parts = [part for part in self._parts if part not in gone]
        self._delete(gone)

    def _delete(self, gone: Sequence[Part]) -> None:
        for part in gone:
            (self._folder / part.name).unlink(missing_ok=True)
