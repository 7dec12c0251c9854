"""Data on their way in: a temporary file that hashes what is written to it.

A draft belongs to one writer, but a cancelled call may give it up from another thread while a write is still going on; so every step
takes the draft's own lock, and a draft that was given up swallows what comes later.
"""

from __future__ import annotations

import errno
import hashlib
import os
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from opentrail.buckets.checksums import encoded, running
from opentrail.buckets.encrypted import Encrypter
from opentrail.buckets.faults import IncompleteBody
from opentrail.buckets.trouble import as_faults

FILE_MODE = 0o640


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealed:
    """A draft that is complete and on disk."""

    file: Path
    size: int
    md5: bytes
    checksums: dict[str, str]
    """Algorithm → value in base64, for each algorithm asked for."""


class Draft:
    """A new temporary file at `file`, hashed by MD5 and the additional `algorithms`; with an `encrypter` it is encrypted as it is written.

    Size and hashes are those of the data as they come in."""

    def __init__(self, file: Path, algorithms: Iterable[str] = (), encrypter: Encrypter | None = None) -> None:
        self.file = file
        self._encrypter = encrypter
        self._lock = threading.Lock()
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._running = {algorithm: running(algorithm) for algorithm in algorithms}
        self._size = 0
        self._fd = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, FILE_MODE)

    @property
    def size(self) -> int:
        """Bytes written so far."""
        return self._size

    @as_faults
    def write(self, data: bytes) -> None:
        """Append. Raises `StorageFull`; `IncompleteBody` when the draft was given up."""
        with self._lock:
            self._must_be_open()
            self._append(data if self._encrypter is None else self._encrypter.update(data))
            self._size += len(data)
            self._md5.update(data)
            for checksum in self._running.values():
                checksum.update(data)

    def append_file(self, file: Path, size: int) -> None:
        """Append a file of `size` bytes without hashing it; the kernel copies, and shares blocks where the file system can."""
        with self._lock:
            self._must_be_open()
            source = os.open(file, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
            try:
                left = size
                while left:
                    copied = _copy(source, self._fd, min(left, 1 << 30))
                    if not copied:
                        raise OSError(f"{file} is {left} bytes shorter than it was written.")
                    left -= copied
            finally:
                os.close(source)
            self._size += size

    @as_faults
    def seal(self) -> Sealed:
        """Make the data durable and close the file."""
        with self._lock:
            self._must_be_open()
            if self._encrypter is not None:
                self._append(self._encrypter.finish())
            os.fsync(self._fd)
            self._close()
            checksums = {algorithm: encoded(checksum.digest()) for algorithm, checksum in self._running.items()}
            return Sealed(file=self.file, size=self._size, md5=self._md5.digest(), checksums=checksums)

    def give_up(self) -> None:
        """Remove the file; a second time, or after the file was moved to its place, nothing happens."""
        with self._lock:
            self._close()
            self.file.unlink(missing_ok=True)

    def _append(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[os.write(self._fd, view) :]

    def _must_be_open(self) -> None:
        if self._fd < 0:
            raise IncompleteBody("The request was given up before its data were complete.")

    def _close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def copy(source: Path, target: Path) -> None:
    """Copy a file to a new one, durably. Raises `FileExistsError`, `FileNotFoundError`."""
    reading = os.open(source, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        writing = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, FILE_MODE)
        try:
            while _copy(reading, writing, 1 << 30):
                pass
            os.fsync(writing)
        except BaseException:
            target.unlink()
            raise
        finally:
            os.close(writing)
    finally:
        os.close(reading)


def _copy(source: int, target: int, length: int) -> int:
    try:
        return os.copy_file_range(source, target, length)
    except OSError as error:
        if error.errno not in (errno.ENOSYS, errno.EXDEV, errno.EOPNOTSUPP, errno.EINVAL):
            raise
    return os.sendfile(target, source, None, length)
