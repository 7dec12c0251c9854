"""What imports read from: buckets of our own, those of an upstream, and directories. Both roles build this alike: the front to check a
source when an import is asked for, the lake to read it.

Whichever it is, the role that the caller named is judged: it must be there, let CloudTrail take it on, and may list and read. The buckets
of an upstream have policies of their own, which judge the credentials that OpenTrail has there.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import botocore.exceptions

from opentrail.buckets import Buckets, ObjectKeys
from opentrail.buckets.names import bucket_arn, object_arn
from opentrail.buckets.role_reader import RoleReader
from opentrail.clock import Clock
from opentrail.config import Settings
from opentrail.identity import Identities
from opentrail.identity.principals import Principal
from opentrail.identity.service_roles import NotAssumable, ServiceRoles
from opentrail.lake.faults import InvalidImportSourceException
from opentrail.lake.imports.directory import DirectorySource
from opentrail.lake.imports.location import Location, location, role_account
from opentrail.lake.imports.source import MAX_FILE, EntityTooLarge, ImportSource
from opentrail.lake.imports.values import DIRECTORY, Import
from opentrail.proxy import Upstreams
from opentrail.server.log_buckets import upstream_s3
from opentrail.trails import upstream_buckets
from opentrail.trails.directory_buckets import read_directories
from opentrail.trails.upstream_buckets import UpstreamS3
from opentrail.wire.faults import Fault, fault

CLOUDTRAIL = "cloudtrail.amazonaws.com"
SESSION = "CloudTrailLakeImport"
"""Name of the session in which the role is used."""


class Sources:
    """See `ImportSources`."""

    def __init__(
        self, settings: Settings, upstreams: Upstreams, buckets: Buckets, identities: Identities, clock: Clock, *, keys: ObjectKeys
    ) -> None:
        self._roles = ServiceRoles(identities, clock, service=CLOUDTRAIL, session_name=SESSION)
        self._reader = RoleReader(buckets, identities, clock, keys=keys)
        self._directories = read_directories(settings.trails.directories)
        self._upstream = upstream_s3(settings, upstreams)
        self._lock = threading.Lock()
        self._client: Any = None

    def check(self, *, place: Location, bucket_region: str, role_arn: str, account_id: str, store_arn: str) -> None:
        """See `ImportSources.check`."""
        session = self._session(role_arn, account_id, store_arn)
        source = self._source(session, place, bucket_region)
        try:
            if isinstance(source, _OwnBucket):
                region = self._reader.region(place.bucket)
                if region != bucket_region:
                    raise InvalidImportSourceException(f"The bucket {place.bucket} is in {region}, not in {bucket_region}.")
                self._reader.check_list(session, place.bucket, place.prefix)
            next(iter(source.list(place.prefix)), None)
        except InvalidImportSourceException:
            raise
        except Fault as refused:
            raise InvalidImportSourceException(f"s3://{place.bucket}/{place.prefix} cannot be listed: {refused}") from refused

    def open(self, of: Import) -> ImportSource:
        """See `ImportSources.open`."""
        if of.kind == DIRECTORY:
            return DirectorySource(Path(unquote(urlsplit(of.location).path)))
        return self._source(self._session(of.role_arn, of.account_id, of.destination), location(of.location), of.bucket_region)

    def _source(self, session: Principal, place: Location, region: str) -> ImportSource:
        directory = self._directories.get(place.bucket)
        if directory is not None:
            return _Judged(DirectorySource(directory), self._reader, session, place.bucket, region)
        if self._upstream is not None:
            return _Judged(_UpstreamBucket(self._upstream, self._connected, place.bucket), self._reader, session, place.bucket, region)
        return _OwnBucket(self._reader, session, place.bucket)

    def _session(self, role_arn: str, account_id: str, store_arn: str) -> Principal:
        """CloudTrail as the role. Raises `InvalidImportSourceException`."""
        if role_account(role_arn) != account_id:
            raise InvalidImportSourceException(f"The role {role_arn} is in another account: give one of the account {account_id}.")
        try:
            return self._roles.assume(role_arn, account_id, source_arn=store_arn).principal
        except NotAssumable as error:
            if not error.is_there:
                raise InvalidImportSourceException(f"There is no role {role_arn}.") from error
            raise InvalidImportSourceException(
                f"The trust policy of {role_arn} does not let {CLOUDTRAIL} assume it for {store_arn}: allow it sts:AssumeRole."
            ) from error

    def _connected(self) -> Any:
        with self._lock:
            if self._client is None:
                assert self._upstream is not None
                self._client = upstream_buckets.client(self._upstream)
            return self._client


@dataclass(frozen=True, slots=True)
class _OwnBucket:
    reader: RoleReader
    session: Principal
    bucket: str

    def list(self, prefix: str, after: str = "") -> Iterator[str]:
        return self.reader.list(self.session, self.bucket, prefix, after)

    def folders(self, prefix: str) -> Iterator[str]:
        return self.reader.folders(self.session, self.bucket, prefix)

    def read(self, key: str) -> bytes:
        return _bounded(self.reader.read(self.session, self.bucket, key, MAX_FILE + 1))


@dataclass(frozen=True, slots=True)
class _Judged:
    """A source whose files the policies of the role are asked about."""

    inner: ImportSource
    reader: RoleReader
    session: Principal
    bucket: str
    region: str

    def list(self, prefix: str, after: str = "") -> Iterator[str]:
        self._judge("s3:ListBucket", bucket_arn(self.bucket))
        return self.inner.list(prefix, after)

    def folders(self, prefix: str) -> Iterator[str]:
        self._judge("s3:ListBucket", bucket_arn(self.bucket))
        return self.inner.folders(prefix)

    def read(self, key: str) -> bytes:
        self._judge("s3:GetObject", object_arn(self.bucket, key))
        return self.inner.read(key)

    def _judge(self, action: str, resource: str) -> None:
        self.reader.judge_elsewhere(self.session, action, resource, self.region)


class _UpstreamBucket:
    def __init__(self, upstream: UpstreamS3, connected: Any, bucket: str) -> None:
        self._upstream = upstream
        self._connected = connected
        self._bucket = bucket

    def list(self, prefix: str, after: str = "") -> Iterator[str]:
        more = {"StartAfter": after} if after else {}
        for page in self._pages(Prefix=prefix, **more):
            for one in page.get("Contents", ()):
                yield one["Key"]

    def folders(self, prefix: str) -> Iterator[str]:
        for page in self._pages(Prefix=prefix, Delimiter="/"):
            for one in page.get("CommonPrefixes", ()):
                yield one["Prefix"][len(prefix) : -1]

    def read(self, key: str) -> bytes:
        def body(client: Any) -> bytes:
            found = client.get_object(Bucket=self._bucket, Key=key)["Body"]
            try:
                read: bytes = found.read(MAX_FILE + 1)
                return read
            finally:
                found.close()

        return _bounded(self._asked(body))

    def _pages(self, **asked: str) -> Iterator[Any]:
        token: dict[str, str] = {}
        while True:
            told = {**asked, **token}
            page = self._asked(lambda client, told=told: client.list_objects_v2(Bucket=self._bucket, **told))
            yield page
            if not page.get("NextContinuationToken"):
                return
            token = {"ContinuationToken": page["NextContinuationToken"]}

    def _asked(self, ask: Any) -> Any:
        try:
            with upstream_buckets.as_faults(self._upstream):
                return ask(self._connected())
        except botocore.exceptions.BotoCoreError as error:
            said = f"The upstream {self._upstream.url} does not answer ({type(error).__name__})."
            raise fault("ServiceUnavailable", said, status=503, sender=False) from error


def _bounded(body: bytes) -> bytes:
    if len(body) > MAX_FILE:
        raise EntityTooLarge(f"The file is larger than {MAX_FILE >> 20} MiB.")
    return body
