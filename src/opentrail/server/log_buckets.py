"""The log buckets of one OpenTrail: both roles build them alike, the front to check them, the followers to write."""

from __future__ import annotations

from collections.abc import Callable

from opentrail.config import Settings
from opentrail.proxy import Upstreams
from opentrail.trails import names
from opentrail.trails.directory_buckets import DirectoryBuckets, read_directories
from opentrail.trails.encryption import TrailKeys
from opentrail.trails.faults import KmsException, KmsKeyNotFoundException
from opentrail.trails.log_buckets import LogBuckets
from opentrail.trails.neighbours import LogBucket
from opentrail.trails.upstream_buckets import UpstreamBuckets, UpstreamS3

_AWS = (".amazonaws.com", ".amazonaws.com.cn")


def log_buckets(settings: Settings, upstreams: Upstreams, own: LogBucket) -> LogBuckets:
    """`own` is the S3 of our own, which an upstream named `s3` takes the place of."""
    upstream = upstream_s3(settings, upstreams)
    s3: LogBucket = own if upstream is None else UpstreamBuckets(upstream)
    return LogBuckets(DirectoryBuckets(read_directories(settings.trails.directories)), s3)


def upstream_s3(settings: Settings, upstreams: Upstreams) -> UpstreamS3 | None:
    """The S3 that stands in for our own, where there is one."""
    upstream = upstreams.named("s3", "s3")
    if upstream is None:
        return None
    trails = settings.trails
    keys = upstream.credentials
    return UpstreamS3(
        url=upstream.url,
        region=trails.s3_region or _region(upstream.host) or settings.identity.region,
        access_key_id=keys.access_key_id if keys else None,
        secret_access_key=keys.secret_access_key if keys else None,
        profile=trails.s3_profile or None,
        path_style=trails.s3_addressing == "path" or (trails.s3_addressing == "auto" and not upstream.host.endswith(_AWS)),
    )


class TrailKeysAnywhere:
    """KMS keys for log buckets wherever they are. Those of another S3 are its own KMS's: their ARN is taken as it is given, and tried with
    the first object that is put there."""

    def __init__(self, own: TrailKeys, *, is_ours: Callable[[str], bool], is_directory: Callable[[str], bool]) -> None:
        self._own = own
        self._is_ours = is_ours
        self._is_directory = is_directory

    def check(
        self, *, kms_key_id: str, account_id: str, region: str, partition: str, bucket: str, source_arn: str, prefix: str | None = None
    ) -> str:
        """As `Keys.check`."""
        if self._is_ours(bucket):
            return self._own.check(
                kms_key_id=kms_key_id,
                account_id=account_id,
                region=region,
                partition=partition,
                bucket=bucket,
                source_arn=source_arn,
                prefix=prefix,
            )
        names.check_kms_key_id(kms_key_id)
        if self._is_directory(bucket):
            raise KmsException(f"The bucket {bucket} is a directory: its files cannot be encrypted with a KMS key.")
        if ":key/" not in kms_key_id:
            raise KmsKeyNotFoundException(f"The KMS key {kms_key_id} is not known here: name a key of the S3 that has {bucket} by its ARN.")
        return kms_key_id


def is_ours(settings: Settings, upstreams: Upstreams, bucket: str) -> bool:
    """Whether puts into `bucket` are calls of the S3 of our own, and so recorded there."""
    return upstreams.named("s3", "s3") is None and bucket not in read_directories(settings.trails.directories)


def _region(host: str) -> str | None:
    """The Region that a host of AWS names: `s3.eu-west-1.amazonaws.com`."""
    parts = host.split(".")
    return parts[1] if host.endswith(_AWS) and len(parts) >= 4 and parts[0] == "s3" and parts[1] != "dualstack" else None
