"""The data of objects as ordinary files, below one folder that several processes may share.

    <bucket>/<path of the key>            data of objects
    .versions/<bucket>/<path of the key>  data of noncurrent versions; `~v<version id>.` stands before the name
    .uploads/<upload id>/<part>           data of parts
    .staging/<session>/<n>.part           data on their way in
    .staging/<session>/<n>.intent         a symbolic link naming a file that is about to become, or stop being, an object's
    .staging/<session>/lock               locked (flock) as long as the session's process lives
    .staging/claims                       locked shared from the claim of a name until its commit, exclusively by the sweep

How a file becomes an object: its name is noted (intent), claimed (created exclusively), filled (the sealed draft is renamed over it) and
made durable; then the caller commits the row. The name of a replaced file is noted before the commit and removed behind it. A version that
becomes noncurrent, or current again, has two names meanwhile: its data are linked to the new one before the commit. Whoever dies on the way
leaves intents in a session whose lock is free; the next `sweep` removes each noted file that no row refers to.
The intents need no fsync of their own: they are older than the fsync of the data and the commit, and journalling file systems keep that
order. Where one does not, a power cut leaves a file that nothing refers to, never a lost or a mixed object.
"""

from __future__ import annotations

import errno
import fcntl
import itertools
import os
import secrets
import shutil
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from opentrail.buckets.drafts import FILE_MODE, Draft, Sealed, copy
from opentrail.buckets.encrypted import Encrypter
from opentrail.buckets.paths import path_of
from opentrail.buckets.values import VERSIONS, StoredObject
from opentrail.errors import OpenTrailError

FOLDER_MODE = 0o750
_PROBES = 32
"""Names tried in order before a random one is taken."""
_NO_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK)


class DataMissing(OpenTrailError):
    """The data of a version are not where they belong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """A noted file."""

    bucket: str
    file: str
    note: Path


class Files:
    """The files below `folder`; made if it is not there. `close` ends the session."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._staging = folder / ".staging"
        self._uploads = folder / ".uploads"
        for place in (self._staging, self._uploads):
            place.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
        self._counter = itertools.count(1)
        self._durable: set[str] = set()
        self._durable_lock = threading.Lock()
        self._session = self._staging / f"{os.getpid()}-{secrets.token_hex(6)}"
        with self.claiming():  # so that no sweep meets the session before it is locked
            self._session.mkdir(mode=FOLDER_MODE)
            self._lock = os.open(self._session / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)
            fcntl.flock(self._lock, fcntl.LOCK_EX)

    def close(self) -> None:
        """End the session; what it left undone is up to the next sweep."""
        if self._lock >= 0:
            with suppress(OSError):
                if os.listdir(self._session) == ["lock"]:
                    shutil.rmtree(self._session)
            os.close(self._lock)
            self._lock = -1

    def draft(self, algorithms: Iterable[str] = (), encrypter: Encrypter | None = None) -> Draft:
        """A new temporary file."""
        return Draft(self._session / f"{next(self._counter)}.part", algorithms, encrypter)

    @contextmanager
    def claiming(self) -> Iterator[None]:
        """Keep sweeps out, from before `place` until after the commit."""
        with self._claims(fcntl.LOCK_SH):
            yield

    def place(self, sealed: Sealed, bucket: str, key: str) -> Intent:
        """Move a sealed draft to a name of its own for `key`, durably. Call it inside `claiming`; end it with `settle` or `withdraw`."""
        intent = self._named(bucket, path_of(key), _create, _further)
        try:
            os.replace(sealed.file, self.path(bucket, intent.file))
            self._sync_folders(bucket, intent.file)
        except BaseException:
            self.withdraw(intent)
            raise
        return intent

    def link_version(self, stored: StoredObject, *, current: bool) -> Intent:
        """Give the data of a version a second name, where those of a noncurrent version lie, or of a current one. Make it durable with
        `sync`, inside `claiming`; end it with `settle` or `withdraw`. Raises `FileNotFoundError` when the data are not there."""
        source = self.path(*stored.place)

        def link(path: Path) -> None:
            try:
                _link(source, path)
            except FileNotFoundError:
                if source.exists():
                    raise
                raise DataMissing from None

        try:
            if current:
                return self._named(stored.bucket, path_of(stored.key), link, _further)
            return self._named(VERSIONS, f"{stored.bucket}/{path_of(stored.key)}", link, partial(_of_version, stored.version))
        except DataMissing:
            raise FileNotFoundError(f"{stored.bucket}/{stored.file}") from None

    def sync(self, intents: Iterable[Intent]) -> None:
        """Make the names of files durable, each folder once."""
        for bucket, file in {(intent.bucket, os.path.dirname(intent.file)): intent.file for intent in intents}.items():
            self._sync_folders(bucket[0], file)

    def intend(self, bucket: str, file: str) -> Intent:
        """Note a file."""
        note = self._session / f"{next(self._counter)}.intent"
        os.symlink(f"{bucket}/{file}", note)
        return Intent(bucket=bucket, file=file, note=note)

    def settle(self, intent: Intent) -> None:
        """The file is an object's now."""
        intent.note.unlink(missing_ok=True)

    def withdraw(self, intent: Intent) -> None:
        """The file is no object's (any more): remove it, and the folders that have become empty."""
        self.path(intent.bucket, intent.file).unlink(missing_ok=True)
        self._prune(intent.bucket, intent.file)
        intent.note.unlink(missing_ok=True)

    def path(self, bucket: str, file: str) -> Path:
        """Where the file is."""
        return self.folder / bucket / file

    def open(self, bucket: str, file: str) -> int:
        """A descriptor for reading. Raises `FileNotFoundError`."""
        return os.open(self.path(bucket, file), os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)

    def remove_bucket(self, bucket: str) -> None:
        """Remove the folders of a bucket without objects; files that are nobody's stay."""
        for place in (self.folder / bucket, self.folder / VERSIONS / bucket):
            for folder, _, _ in os.walk(place, topdown=False):
                with suppress(OSError):
                    os.rmdir(folder)
        with self._durable_lock:
            self._durable.clear()

    def remove_everything(self) -> None:
        """Remove the data of every bucket and upload, for whoever has removed all rows; drafts under way come to nothing by themselves."""
        with self._claims(fcntl.LOCK_EX):
            for folder in [*(one for one in self.folder.iterdir() if not one.name.startswith(".")), *self._uploads.iterdir()]:
                shutil.rmtree(folder, ignore_errors=True)
        with self._durable_lock:
            self._durable.clear()

    def place_part(self, sealed: Sealed, upload_id: str, number: int) -> str:
        """Move a sealed draft among the parts of an upload, durably; the name it has there."""
        folder = self._uploads / upload_id
        name = f"{number:05}-{secrets.token_hex(6)}"
        while True:
            folder.mkdir(mode=FOLDER_MODE, exist_ok=True)
            try:
                os.replace(sealed.file, folder / name)
                break
            except FileNotFoundError:
                if not sealed.file.exists():
                    raise
        _sync(folder)
        _sync(self._uploads)
        return name

    def part(self, upload_id: str, name: str) -> Path:
        """Where a part is."""
        return self._uploads / upload_id / name

    def remove_part(self, upload_id: str, name: str) -> None:
        """Remove one part."""
        self.part(upload_id, name).unlink(missing_ok=True)

    def remove_upload(self, upload_id: str) -> None:
        """Remove the parts of an upload that is over."""
        shutil.rmtree(self._uploads / upload_id, ignore_errors=True)

    def sweep(self, referenced: Callable[[str, str], bool], under_way: Callable[[], Iterable[str]]) -> int:
        """Remove what dead processes left behind; how many files that were.

        `referenced(bucket, file)` says whether a row refers to the file, `under_way()` lists the uploads that are not over.
        """
        removed = 0
        with self._claims(fcntl.LOCK_EX):
            for session in list(self._staging.iterdir()):
                if session.is_dir() and session != self._session:
                    removed += self._sweep_session(session, referenced)
        uploads = [place.name for place in self._uploads.iterdir()]  # listed first: an upload begun later is not among them
        for upload_id in set(uploads).difference(under_way()):
            self.remove_upload(upload_id)
            removed += 1
        return removed

    def _sweep_session(self, session: Path, referenced: Callable[[str, str], bool]) -> int:
        lock = os.open(session / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)
        try:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return 0  # alive
            removed = 0
            for note in list(session.glob("*.intent")):
                bucket, _, file = os.readlink(note).partition("/")
                if not referenced(bucket, file):
                    self.withdraw(Intent(bucket=bucket, file=file, note=note))
                    removed += 1
            shutil.rmtree(session)
            return removed
        finally:
            os.close(lock)

    @contextmanager
    def _claims(self, kind: int) -> Iterator[None]:
        lock = os.open(self._staging / "claims", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)
        try:
            fcntl.flock(lock, kind)
            yield
        finally:
            os.close(lock)

    def _folder_for(self, bucket: str, path: str) -> tuple[str, str]:
        """Make the folders of `path`; the folder (relative to the bucket, `""` or with a slash at the end) and the plain name.

        A folder whose name belongs to a file already is called `<name>~d` instead.
        """
        *folders, name = path.split("/")
        self._make_folder(bucket, "")
        made = ""
        for folder in folders:
            if not self._make_folder(bucket, made + folder) and not (self.folder / bucket / (made + folder)).is_dir():
                folder += "~d"
                self._make_folder(bucket, made + folder)
            made += folder + "/"
        return made, name

    def _make_folder(self, bucket: str, folder: str) -> bool:
        """Whether it was not there. If this session knew it as durable, another process has removed it since."""
        try:
            (self.folder / bucket / folder).mkdir(mode=FOLDER_MODE)
        except FileExistsError:
            return False
        with self._durable_lock:
            self._durable.discard(f"{bucket}/{folder}" if folder else bucket)
        return True

    def _named(self, bucket: str, path: str, make: Callable[[Path], None], name_of: Callable[[str, int], str]) -> Intent:
        """Note a name for `path` that nobody has, and have `make` claim it."""
        for _ in range(_PROBES):
            try:
                return self._claim(bucket, *self._folder_for(bucket, path), make, name_of)
            except FileNotFoundError:  # another writer removed the folder because it had become empty
                continue
        raise OSError(f"No place for {path!r} in {bucket}: its folder keeps disappearing.")

    def _claim(self, bucket: str, folder: str, name: str, make: Callable[[Path], None], name_of: Callable[[str, int], str]) -> Intent:
        for number in itertools.count(1):
            intent = self.intend(bucket, folder + name_of(name, number if number <= _PROBES else secrets.randbits(40)))
            try:
                make(self.path(bucket, intent.file))
                return intent
            except FileExistsError:
                self.settle(intent)
            except BaseException:
                self.settle(intent)
                raise
        raise AssertionError("unreachable")

    def _sync_folders(self, bucket: str, file: str) -> None:
        """Make the entry of `file` durable, and those of its folders unless this session has done so before."""
        folder = os.path.dirname(f"{bucket}/{file}")
        _sync(self.folder / folder)
        while folder:
            with self._durable_lock:
                if folder in self._durable:
                    return
                if len(self._durable) > 50_000:
                    self._durable.clear()
            parent = os.path.dirname(folder)
            _sync(self.folder / parent)
            with self._durable_lock:
                self._durable.add(folder)
            folder = parent

    def _prune(self, bucket: str, file: str) -> None:
        folder = os.path.dirname(file)
        while folder:
            try:
                os.rmdir(self.folder / bucket / folder)
            except OSError:
                return
            with self._durable_lock:
                self._durable.discard(f"{bucket}/{folder}")
            folder = os.path.dirname(folder)


def _further(name: str, number: int) -> str:
    return name if number == 1 else f"{name}~{number}"


def _of_version(version: str, name: str, number: int) -> str:
    return f"~v{version}.{name}" if number == 1 else f"~v{version}~{number}.{name}"


def _create(path: Path) -> None:
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, FILE_MODE))


def _link(source: Path, target: Path) -> None:
    """A second name for a file; a copy where the file system knows none."""
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        copy(source, target)


def _sync(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
