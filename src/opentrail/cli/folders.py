"""Log buckets that are plain directories (`trails.directories`), read where they lie; everything else is asked of the evidence there is."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from opentrail.cli.evidence import Evidence, TrailFacts
from opentrail.cli.failures import CallFailed
from opentrail.trails.directory_buckets import BESIDE
from opentrail.trails.stretch import Known
from opentrail.trails.validate import Source
from opentrail.trails.validation import Fetched, Listed


class WithFolders:
    """`evidence`, with the buckets of `folders` read from their directories."""

    def __init__(self, evidence: Evidence, folders: Mapping[str, Path]) -> None:
        self._evidence = evidence
        self._folders = folders
        self.digest_interval = evidence.digest_interval
        self.source: Source = _FolderSource(evidence.source, folders)

    def workers(self, bucket: str, log_folder: str) -> int:
        return 0 if bucket in self._folders else self._evidence.workers(bucket, log_folder)

    def trail(self, arn: str) -> TrailFacts | None:
        return self._evidence.trail(arn)

    def public_keys(self, region: str) -> Callable[[int, int], Mapping[str, bytes]]:
        return self._evidence.public_keys(region)

    def member_since(self, arn: str, account_id: str) -> float | None:
        return self._evidence.member_since(arn, account_id)

    def folders(self, bucket: str, prefix: str) -> tuple[str, ...]:
        if bucket not in self._folders:
            return self._evidence.folders(bucket, prefix)
        folder = _existing(self._folders, bucket) / prefix
        return tuple(sorted(entry.name for entry in folder.iterdir() if entry.is_dir())) if folder.is_dir() else ()

    def known(self, arn: str, account_id: str, region: str, start: int, end: int) -> Known | None:
        return self._evidence.known(arn, account_id, region, start, end)

    def close(self) -> None:
        self._evidence.close()


class _FolderSource:
    def __init__(self, source: Source, folders: Mapping[str, Path]) -> None:
        self._source = source
        self._folders = folders

    def list(self, bucket: str, prefix: str, after: str) -> Iterable[Listed]:
        if bucket not in self._folders:
            return self._source.list(bucket, prefix, after)
        root = _existing(self._folders, bucket)
        return sorted(
            (one for one in _files(root, prefix) if one.key.startswith(prefix) and one.key > after), key=lambda one: one.key.encode()
        )

    def get(self, bucket: str, key: str) -> Fetched | None:
        if bucket not in self._folders:
            return self._source.get(bucket, key)
        path = _existing(self._folders, bucket) / key
        if ".." in path.parts:
            return None
        try:
            beside = path.with_name(path.name + BESIDE)
            metadata = json.loads(beside.read_bytes()) if beside.exists() else {}
            return Fetched(path.read_bytes(), metadata)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (OSError, ValueError) as error:
            raise CallFailed(f"The file {path} cannot be read: {error}.") from error


def _files(root: Path, prefix: str) -> Iterator[Listed]:
    """The objects that may begin with `prefix`: those in the folder that it leads to."""
    for folder, _, names in os.walk(root / prefix.rpartition("/")[0]):
        for name in names:
            if not name.endswith(BESIDE):
                path = Path(folder, name)
                yield Listed(str(path.relative_to(root)), path.stat().st_mtime)


def _existing(folders: Mapping[str, Path], bucket: str) -> Path:
    if not folders[bucket].is_dir():
        raise CallFailed(f"The directory {folders[bucket]} of the bucket {bucket} does not exist.")
    return folders[bucket]
