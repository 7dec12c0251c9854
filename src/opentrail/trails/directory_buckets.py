"""Log buckets that are plain directories: the object with the key K of a bucket is the file K below the bucket's directory.

Every file appears whole and is on disk when `put` returns. The user metadata of a digest, its signature, lies beside it in a file of its
own, which is there before the digest is (`beside`). Keys cannot lead out of the directory: no part of one may be `.` or `..`, and links
inside it are not followed. The directory itself is made by whoever runs OpenTrail, not here: one that has vanished must not be replaced by
an empty one.
"""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from opentrail.errors import SettingError
from opentrail.trails.faults import InvalidS3PrefixException
from opentrail.trails.keys import logs
from opentrail.wire.faults import Fault

BESIDE = ".metadata.json"
"""What follows the name of a file in the name of the one that holds its metadata."""
_PARTIAL = ".partial"
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


class NoSuchBucket(Fault):
    """The directory of the bucket does not exist"""

    status = 404


class AccessDenied(Fault):
    """The directory of the bucket cannot be written to"""

    status = 403


class KeyTooLongError(Fault):
    """Your key is too long"""


class StorageFull(Fault):
    """There is no space left in the directory of the bucket."""

    code = "ServiceUnavailable"
    status = 503
    sender = False


def read_directories(setting: str) -> dict[str, Path]:
    """The directories by bucket, from `bucket=/path,bucket2=/path2`. Raises `SettingError`."""
    found: dict[str, Path] = {}
    for part in filter(None, map(str.strip, setting.split(","))):
        bucket, equals, path = part.partition("=")
        if not equals or not bucket.strip() or not path.strip().startswith("/"):
            raise SettingError(f"trails.directories: {part}: write it as BUCKET=/absolute/path, several with commas in between.")
        found[bucket.strip()] = Path(path.strip())
    return found


class DirectoryBuckets:
    """The buckets that are directories, by name."""

    def __init__(self, directories: Mapping[str, Path]) -> None:
        self._directories = dict(directories)

    def __contains__(self, bucket: object) -> bool:
        return bucket in self._directories

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
        """Whether files can be made below `[prefix/]AWSLogs/<account_id>/`.

        Raises `InvalidS3PrefixException`, `NoSuchBucket`, `AccessDenied`, `ServiceUnavailable` where the disk is full; `AccessDenied` for a
        trail with a key as well: a directory encrypts nothing."""
        if kms_key_id is not None:
            raise AccessDenied(f"The bucket {bucket} is a directory: its files cannot be encrypted with a KMS key.")
        try:
            parts = _parts(logs(prefix, organization_id) + account_id)
        except KeyTooLongError as error:
            raise InvalidS3PrefixException(f"The prefix {prefix} cannot be the name of a folder.") from error
        probe = f".opentrail-{account_id}-{os.getpid()}{_PARTIAL}"
        with self._folder(bucket, parts) as folder:
            os.close(os.open(probe, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600, dir_fd=folder))
            os.unlink(probe, dir_fd=folder)

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
        """Write one file, durably; writing the same again changes nothing. Raises as `check` does, and `KeyTooLongError`."""
        if kms_key_id is not None:
            raise AccessDenied(f"The bucket {bucket} is a directory: its files cannot be encrypted with a KMS key.")
        *folders, name = _parts(key)
        with self._folder(bucket, folders) as folder:
            if metadata:
                _write(folder, name + BESIDE, json.dumps(dict(metadata), sort_keys=True).encode() + b"\n")
            _write(folder, name, body)
            os.fsync(folder)

    @contextmanager
    def _folder(self, bucket: str, parts: Iterable[str]) -> Iterator[int]:
        """A folder of the bucket, opened, made where it is not there; what goes wrong inside is told in S3's words."""
        opened: list[int] = []
        try:
            try:
                opened.append(os.open(self._directories[bucket], _FOLDER))
            except (FileNotFoundError, NotADirectoryError):
                raise NoSuchBucket(f"The directory {self._directories[bucket]} of the bucket {bucket} does not exist.") from None
            for part in parts:
                opened.append(_open_or_make(opened[-1], part))
            yield opened[-1]
        except OSError as error:
            raise _fault(error, bucket) from error
        finally:
            for handle in opened:
                os.close(handle)


def _parts(key: str) -> list[str]:
    parts = key.split("/")
    if any(part in ("", ".", "..") or "\0" in part or len(os.fsencode(part)) > 255 - len(BESIDE + _PARTIAL) for part in parts):
        raise KeyTooLongError(f"The key {key} cannot be the name of a file.")
    return parts


def _open_or_make(folder: int, name: str) -> int:
    try:
        return os.open(name, _FOLDER | os.O_NOFOLLOW, dir_fd=folder)
    except FileNotFoundError:
        with suppress(FileExistsError):  # another trail's
            os.mkdir(name, 0o750, dir_fd=folder)
        os.fsync(folder)
        return os.open(name, _FOLDER | os.O_NOFOLLOW, dir_fd=folder)


def _write(folder: int, name: str, body: bytes) -> None:
    """Replace the file `name` at once and whole, unless it is there as it should be."""
    if _read(folder, name, len(body) + 1) == body:
        return
    partial = name + _PARTIAL
    handle = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o640, dir_fd=folder)
    try:
        with open(handle, "wb") as file:
            file.write(body)
            file.flush()
            os.fsync(file.fileno())
        os.rename(partial, name, src_dir_fd=folder, dst_dir_fd=folder)
    except OSError:
        os.unlink(partial, dir_fd=folder)  # a full disk must not be filled with beginnings
        raise


def _read(folder: int, name: str, size: int) -> bytes | None:
    try:
        with open(os.open(name, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW, dir_fd=folder), "rb") as file:
            return file.read(size)
    except FileNotFoundError:
        return None


def _fault(error: OSError, bucket: str) -> Fault:
    match error.errno:
        case errno.ENOSPC | errno.EDQUOT | errno.EFBIG:
            return StorageFull(f"There is no space left in the directory of the bucket {bucket}.")
        case errno.ENAMETOOLONG:
            return KeyTooLongError()
        case errno.ENOENT | errno.ESTALE:  # removed meanwhile
            return NoSuchBucket(f"The directory of the bucket {bucket} does not exist.")
    return AccessDenied(f"The directory of the bucket {bucket} cannot be written to: {error.strerror or error}.")
