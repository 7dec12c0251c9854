"""Where cut files wait: a folder of files that the state database names. A file it does not name is left from a crash and is swept."""

from __future__ import annotations

import os
import uuid
from collections.abc import Collection
from pathlib import Path


class Spool:
    """The folder `folder`, used by one process at a time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def write(self, body: bytes) -> str:
        """Keep `body` in a new file, durable after `sync`; returns the file's name. Raises `OSError`."""
        name = uuid.uuid4().hex
        handle = os.open(self.folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with open(handle, "wb") as file:
                file.write(body)
                file.flush()
                os.fsync(file.fileno())
        except OSError:
            self.remove(name)  # a full disk must not be filled with beginnings
            raise
        return name

    def sync(self) -> None:
        """Make the names of the files written so far durable."""
        handle = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

    def read(self, name: str) -> bytes:
        """The bytes of a file. Raises `FileNotFoundError`."""
        return (self.folder / name).read_bytes()

    def remove(self, name: str) -> None:
        """Remove a file, if it is there."""
        (self.folder / name).unlink(missing_ok=True)

    def sweep(self, needed: Collection[str]) -> None:
        """Remove every file that is not `needed`."""
        for file in self.folder.iterdir():
            if file.name not in needed:
                file.unlink(missing_ok=True)
