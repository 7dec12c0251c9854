"""Evidence read from the data folder in place; nobody has to be running, and nothing is written."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from opentrail.buckets.in_place import BucketsInPlace, Encrypted
from opentrail.cli.evidence import TrailFacts
from opentrail.cli.failures import CallFailed, NotSetUp
from opentrail.public_keys import public_keys
from opentrail.server.folder import DataFolder
from opentrail.storage.read_only import ReadOnlyDatabase
from opentrail.trails.in_place import find_trail, known_digests, member_since
from opentrail.trails.stretch import Known
from opentrail.trails.validate import MissingBucket, Source
from opentrail.trails.validation import Fetched, Listed

WORTH_A_THREAD = 32 << 10
"""Bytes of a packed log file above which unpacking and hashing, which leave Python free, outweigh the changes between threads."""


class LocalEvidence:
    """See the module."""

    def __init__(self, data_dir: Path) -> None:
        """Raises `NotSetUp`."""
        folder = DataFolder(data_dir)
        if not folder.state.exists():
            raise NotSetUp(f"No OpenTrail has been started in {data_dir} yet: start it (`opentrail serve`), or name --data-dir.")
        self._database = ReadOnlyDatabase(folder.state)
        self._buckets = BucketsInPlace(self._database, folder.buckets)
        told = folder.read_address().get("digest_interval")
        self.digest_interval = float(told) if told else None
        self.source: Source = _LocalSource(self._buckets)

    def workers(self, bucket: str, log_folder: str) -> int:
        """None at all for small files."""
        return min(8, os.cpu_count() or 1) if self._buckets.usual_size(bucket, log_folder) > WORTH_A_THREAD else 0

    def trail(self, arn: str) -> TrailFacts | None:
        found = find_trail(self._database, arn)
        if found is None:
            return None
        return TrailFacts(
            bucket=found.bucket,
            prefix=found.prefix,
            home_region=found.home_region,
            is_multi_region=found.is_multi_region,
            organization_id=found.organization_id,
            logs_since=found.digests_since,
        )

    def member_since(self, arn: str, account_id: str) -> float | None:
        return member_since(self._database, arn, account_id)

    def public_keys(self, region: str) -> Callable[[int, int], Mapping[str, bytes]]:
        return lambda start, end: public_keys(self._database, region, start, end)

    def folders(self, bucket: str, prefix: str) -> tuple[str, ...]:
        _check(self._buckets, bucket)
        return tuple(self._buckets.folders(bucket, prefix))

    def known(self, arn: str, account_id: str, region: str, start: int, end: int) -> Known | None:
        found = known_digests(self._database, arn, account_id, region, since=start, until=end)
        return found if found.regions else None

    def close(self) -> None:
        self._database.close()


class _LocalSource:
    def __init__(self, buckets: BucketsInPlace) -> None:
        self._buckets = buckets

    def list(self, bucket: str, prefix: str, after: str) -> Iterator[Listed]:
        _check(self._buckets, bucket)
        return (Listed(key, modified) for key, modified in self._buckets.list(bucket, prefix, after))

    def get(self, bucket: str, key: str) -> Fetched | None:
        try:
            found = self._buckets.read(bucket, key)
        except Encrypted as error:
            raise CallFailed(
                f"s3://{bucket}/{key} cannot be read in place: {error}. Start OpenTrail and leave out --local, as somebody who may decrypt."
            ) from error
        except OSError as error:
            raise CallFailed(f"The data of s3://{bucket}/{key} cannot be read: {error.strerror or error}.") from error
        return None if found is None else Fetched(found.body, found.metadata)


def _check(buckets: BucketsInPlace, bucket: str) -> None:
    if not buckets.exists(bucket):
        raise MissingBucket(f"There is no bucket {bucket} in this data folder.")
