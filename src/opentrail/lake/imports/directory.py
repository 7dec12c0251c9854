"""A directory as a source: the key of a file is its path below the directory. Links inside it are not followed."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from opentrail.lake.imports.source import MAX_FILE, EntityTooLarge
from opentrail.wire.faults import Fault

_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


class NoSuchBucket(Fault):
    """The directory does not exist"""

    status = 404


class NoSuchKey(Fault):
    """The file does not exist"""

    status = 404


class AccessDenied(Fault):
    """The server may not read this file"""

    status = 403


class DirectorySource:
    """The files below one directory, read by the user that the server runs as."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def list(self, prefix: str, after: str = "") -> Iterator[str]:
        """See `ImportSource`. Raises `NoSuchBucket`, `AccessDenied`."""
        folder, _, _ = prefix.rpartition("/")
        parts = folder.split("/") if folder else []
        for key in self._walk(parts):
            if key.startswith(prefix) and key.encode(errors="surrogateescape") > after.encode(errors="surrogateescape"):
                yield key

    def folders(self, prefix: str) -> Iterator[str]:
        """See `ImportSource`. A prefix that ends in the middle of a name has none."""
        if prefix and not prefix.endswith("/"):
            return
        for name, is_folder in self._names(prefix.split("/")[:-1]):
            if is_folder:
                yield name

    def read(self, key: str) -> bytes:
        """See `ImportSource`. Raises `NoSuchKey`, `AccessDenied`, `EntityTooLarge`."""
        *parts, name = key.split("/")
        try:
            folder = self._open(parts)
            try:
                file = os.open(name, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
            finally:
                os.close(folder)
            with open(file, "rb") as opened:
                found = opened.read(MAX_FILE + 1)
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ESTALE):
                raise NoSuchKey from None
            raise AccessDenied(f"The file cannot be read: {error.strerror or error}.") from error
        if len(found) > MAX_FILE:
            raise EntityTooLarge(f"The file is larger than {MAX_FILE >> 20} MiB.")
        return found

    def _walk(self, parts: Sequence[str]) -> Iterator[str]:
        """Every file below a folder, in the order of their keys."""
        for name, is_folder in self._names(parts):
            if is_folder:
                yield from self._walk([*parts, name])
            else:
                yield "/".join((*parts, name))

    def _names(self, parts: Sequence[str]) -> Sequence[tuple[str, bool]]:
        """Files and folders of a folder, those that are neither left out, in the order of the keys that begin with them."""
        try:
            folder = self._open(parts)
        except FileNotFoundError:
            if parts:
                return []  # gone meanwhile, or never there
            raise NoSuchBucket(f"The directory {self._root} does not exist.") from None
        except NotADirectoryError:
            raise NoSuchBucket(f"{self._root} is not a directory.") from None
        except OSError as error:
            raise AccessDenied(f"The directory {self._root.joinpath(*parts)} cannot be read: {error.strerror or error}.") from error
        try:
            with os.scandir(folder) as entries:
                found = [
                    (one.name, one.is_dir(follow_symlinks=False))
                    for one in entries
                    if one.is_dir(follow_symlinks=False) or one.is_file(follow_symlinks=False)
                ]
        finally:
            os.close(folder)
        return sorted(found, key=lambda one: os.fsencode(one[0] + ("/" if one[1] else "")))

    def _open(self, parts: Sequence[str]) -> int:
        folder = os.open(self._root, _FOLDER)
        for part in parts:
            try:
                below = os.open(part, _FOLDER | os.O_NOFOLLOW, dir_fd=folder)
            finally:
                os.close(folder)
            folder = below
        return folder
