"""What `opentrail validate` reads: a server's API, or the buckets and keys of a data folder in place."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from opentrail.buckets import Buckets
from opentrail.buckets.listing import Position
from opentrail.cli.connection import NotSetUp, connect, failure
from opentrail.clock import SystemClock
from opentrail.server.folder import DataFolder
from opentrail.signing import SigningKeys
from opentrail.storage.database import Database
from opentrail.trails import store
from opentrail.trails.validate import Source
from opentrail.trails.validation import Fetched, Listed
from opentrail.wire.faults import Fault

_ABSENT = ("NoSuchKey", "NoSuchBucket", "404")


@dataclass(frozen=True, kw_only=True)
class TrailFacts:
    """What has to be known of a trail to check it."""

    bucket: str
    prefix: str | None
    regions: tuple[str, ...]
    """Source Regions that have a chain."""
    logs: bool
    """Whether it is logging and validated, so that digests must go on to the present."""


class Evidence(Protocol):
    """Where trail, objects and keys are read."""

    @property
    def source(self) -> Source: ...
    @property
    def digest_interval(self) -> float | None: ...
    def trail(self, arn: str) -> TrailFacts | None:
        """The trail as it is set up now, or `None`."""

    def public_keys(self, region: str) -> Callable[[int, int], Mapping[str, bytes]]:
        """ListPublicKeys of `region`: keys by fingerprint for a time range."""

    def chain_regions(self, bucket: str, prefix: str | None, account_id: str) -> tuple[str, ...]:
        """The Regions whose digests lie in the bucket."""


class ServedEvidence:
    """Everything through the API, as the AWS CLI does it."""

    def __init__(self, data_dir: Path, endpoint_url: str | None, region: str) -> None:
        """`region` is the trail's home Region."""
        self._connection = connect(data_dir, endpoint_url, region)
        self._trails = self._connection.client("cloudtrail", region)
        self._s3 = self._connection.client("s3", region)
        told = DataFolder(data_dir).read_address().get("digest_interval")
        self.digest_interval = float(told) if told else None
        self.source: Source = _ServedSource(self._s3)

    def trail(self, arn: str) -> TrailFacts | None:
        try:
            found = next((one for one in self._trails.describe_trails()["trailList"] if one["TrailARN"] == arn), None)
            if found is None:
                return None
            logging = self._trails.get_trail_status(Name=arn)["IsLogging"]
        except (BotoCoreError, ClientError) as error:
            raise failure(error) from error
        bucket, prefix = found["S3BucketName"], found.get("S3KeyPrefix")
        regions: tuple[str, ...] = (found["HomeRegion"],)
        if found["IsMultiRegionTrail"]:
            regions = self.chain_regions(bucket, prefix, arn.split(":")[4]) or regions
        return TrailFacts(bucket=bucket, prefix=prefix, regions=regions, logs=logging and found["LogFileValidationEnabled"])

    def public_keys(self, region: str) -> Callable[[int, int], Mapping[str, bytes]]:
        client = self._connection.client("cloudtrail", region)

        def between(start: int, end: int) -> Mapping[str, bytes]:
            try:
                listed = client.list_public_keys(StartTime=datetime.fromtimestamp(start, UTC), EndTime=datetime.fromtimestamp(end, UTC))
            except (BotoCoreError, ClientError) as error:
                raise failure(error) from error
            return {key["Fingerprint"]: key["Value"] for key in listed["PublicKeyList"]}

        return between

    def chain_regions(self, bucket: str, prefix: str | None, account_id: str) -> tuple[str, ...]:
        folder = _digest_folder(prefix, account_id)
        try:
            pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=folder, Delimiter="/")
            return tuple(one["Prefix"][len(folder) : -1] for page in pages for one in page.get("CommonPrefixes", []))
        except (BotoCoreError, ClientError) as error:
            raise failure(error) from error


class _ServedSource:
    def __init__(self, s3: Any) -> None:
        self._s3 = s3

    def list(self, bucket: str, prefix: str, after: str) -> Iterator[Listed]:
        try:
            for page in self._s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix, StartAfter=after):
                for item in page.get("Contents", []):
                    yield Listed(item["Key"], item["LastModified"].timestamp())
        except (BotoCoreError, ClientError) as error:
            raise failure(error) from error

    def get(self, bucket: str, key: str) -> Fetched | None:
        try:
            found = self._s3.get_object(Bucket=bucket, Key=key)
            return Fetched(found["Body"].read(), found["Metadata"])
        except ClientError as error:
            if error.response["Error"]["Code"] in _ABSENT:
                return None
            raise failure(error) from error
        except BotoCoreError as error:
            raise failure(error) from error


class LocalEvidence:
    """The data folder opened in place; nobody has to be running."""

    def __init__(self, data_dir: Path) -> None:
        folder = DataFolder(data_dir)
        if not folder.state.exists():
            raise NotSetUp
        clock = SystemClock()
        self._database = Database.at(folder.state)
        self._buckets = Buckets(self._database, folder.buckets, clock)
        self._keys = SigningKeys(self._database, folder.keys, clock)
        told = folder.read_address().get("digest_interval")
        self.digest_interval = float(told) if told else None
        self.source: Source = _LocalSource(self._buckets)

    def trail(self, arn: str) -> TrailFacts | None:
        self._database.create(store.METADATA)
        with self._database.read() as connection:
            found = next((one for one in store.working_trails(connection) if one.arn == arn and one.deleted_at is None), None)
        if found is None:
            return None
        regions: tuple[str, ...] = (found.home_region,)
        if found.is_multi_region_trail:
            regions = self.chain_regions(found.s3_bucket_name, found.s3_key_prefix, found.account_id) or regions
        return TrailFacts(
            bucket=found.s3_bucket_name,
            prefix=found.s3_key_prefix,
            regions=regions,
            logs=found.is_logging and found.log_file_validation_enabled,
        )

    def public_keys(self, region: str) -> Callable[[int, int], Mapping[str, bytes]]:
        return lambda start, end: {key.fingerprint: key.value for key in self._keys.public_keys(region, start, end)}

    def chain_regions(self, bucket: str, prefix: str | None, account_id: str) -> tuple[str, ...]:
        folder = _digest_folder(prefix, account_id)
        return tuple(one[len(folder) : -1] for one in self._buckets.list(bucket, prefix=folder, delimiter="/").prefixes)


class _LocalSource:
    def __init__(self, buckets: Buckets) -> None:
        self._buckets = buckets

    def list(self, bucket: str, prefix: str, after: str) -> Iterable[Listed]:
        position: Position | None = Position(after)
        while position is not None:
            page = self._buckets.list(bucket, prefix=prefix, after=position)
            yield from (Listed(one.key, one.modified) for one in page.entries)
            position = page.next

    def get(self, bucket: str, key: str) -> Fetched | None:
        try:
            found = self._buckets.objects.open(bucket, key)
        except Fault as fault:
            if fault.code in _ABSENT:
                return None
            raise
        try:
            return Fetched(found.read(0, found.stored.size), found.stored.attributes.metadata)
        finally:
            found.close()


def _digest_folder(prefix: str | None, account_id: str) -> str:
    return f"{prefix}/AWSLogs/{account_id}/CloudTrail-Digest/" if prefix else f"AWSLogs/{account_id}/CloudTrail-Digest/"
