"""Files that survive a power cut: the disk under the Iceberg table.

PyIceberg never fsyncs. `DurableFiles` is the file access it is given instead of its own: whatever it writes is on disk when it is
closed, and a directory is synced with the table metadata that makes its names matter, which is the last file before the catalog turns over.
"""

from __future__ import annotations

import io
import os
from pathlib import Path
from types import TracebackType
from typing import Final

from pyiceberg.io import FileIO, InputFile, InputStream, OutputFile, OutputStream

IMPLEMENTATION: Final = f"{__name__}.DurableFiles"
"""What `py-io-impl` must say."""

_SCHEME: Final = "file://"


def location(path: Path) -> str:
    """The Iceberg location of `path`."""
    return f"{_SCHEME}{path}"


def local_path(where: str) -> Path:
    """The path of an Iceberg location."""
    return Path(where.removeprefix(_SCHEME))


def sync_file(path: Path) -> None:
    """Return when the content of `path` is on disk."""
    _sync(path, os.O_RDONLY)


def sync_directory(path: Path) -> None:
    """Return when the names in the directory `path` are on disk."""
    _sync(path, os.O_RDONLY | os.O_DIRECTORY)


def make_directory(path: Path) -> None:
    """Make `path` and its parents, and put each new name on disk."""
    if path.is_dir():
        return
    make_directory(path.parent)
    path.mkdir(exist_ok=True)
    sync_directory(path.parent)


def write_durably(path: Path, content: bytes) -> None:
    """Put `content` into the file `path` at once and for good: after a crash the file is whole or not there."""
    draft = path.with_name(f".{path.name}.draft")
    with draft.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    sync_directory(path.parent)


def _sync(path: Path, flags: int) -> None:
    descriptor = os.open(path, flags)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class _Output(io.FileIO):
    """A file that is on disk once it is closed after success."""

    def __init__(self, path: Path, *, with_directory: bool, overwrite: bool) -> None:
        super().__init__(path, "wb" if overwrite else "xb")
        self._path = path
        self._with_directory = with_directory

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        if self.closed:
            return
        os.fsync(self.fileno())
        super().close()
        if self._with_directory:
            sync_directory(self._path.parent)


class _File(InputFile, OutputFile):
    """One local file, to read or to write."""

    def __init__(self, where: str) -> None:
        super().__init__(where)
        self._path = local_path(where)

    def __len__(self) -> int:
        return self._path.stat().st_size

    def exists(self) -> bool:
        return self._path.exists()

    def open(self, seekable: bool = True) -> InputStream:
        return self._path.open("rb")

    def to_input_file(self) -> _File:
        return self

    def create(self, overwrite: bool = False) -> OutputStream:
        make_directory(self._path.parent)
        return _Output(self._path, with_directory=self._path.name.endswith(".metadata.json"), overwrite=overwrite)


class DurableFiles(FileIO):
    """Local files, fsynced."""

    def new_input(self, location: str) -> InputFile:
        return _File(location)

    def new_output(self, location: str) -> OutputFile:
        return _File(location)

    def delete(self, location: str | InputFile | OutputFile) -> None:
        where = location if isinstance(location, str) else location.location
        local_path(where).unlink(missing_ok=True)
