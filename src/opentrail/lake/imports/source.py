"""What an import reads, as a Protocol: `server/` builds one for buckets of our own, of an upstream, and for directories."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final, Protocol

from opentrail.lake.imports.location import Location
from opentrail.lake.imports.values import Import
from opentrail.wire.faults import Fault

MAX_FILE: Final = 256 << 20
"""Bytes of the largest file that is read."""


class EntityTooLarge(Fault):
    """The file is larger than an import reads."""


class ImportSource(Protocol):
    """Files by key, as whoever is allowed to read them sees them. Thread-safe.

    Every method raises a `Fault` in S3's words (`AccessDenied`, `NoSuchBucket`, `NoSuchKey`, …); one that is not the sender's may pass."""

    def list(self, prefix: str, after: str = "") -> Iterator[str]:
        """The keys below `prefix` and behind `after`, in the order of their bytes."""

    def folders(self, prefix: str) -> Iterator[str]:
        """The names between `prefix` and the next `/` of the keys below it."""

    def read(self, key: str) -> bytes:
        """One file, as it is stored. Raises `EntityTooLarge` above `MAX_FILE`."""


class ImportSources(Protocol):
    """The sources there are."""

    def check(self, *, place: Location, bucket_region: str, role_arn: str, account_id: str, store_arn: str) -> None:
        """Whether the role exists, lets CloudTrail take it on for the store, and may list that place. Raises
        `InvalidImportSourceException`, which says what is missing."""

    def open(self, of: Import) -> ImportSource:
        """The source of an import. Raises as `check`."""


Opens = Callable[[Import], ImportSource]
