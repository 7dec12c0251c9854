"""Asking our validator, and the AWS CLI's own classes, about the buckets of a `World`."""

from __future__ import annotations

import base64
import contextlib
import io
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

from awscli.customizations.cloudtrail.validation import CloudTrailValidateLogs
from botocore.exceptions import ClientError

from opentrail.trails.findings import Question, Report
from opentrail.trails.stretches import known
from opentrail.trails.validate import validate
from opentrail.trails.validation import Fetched, Listed
from simulators.trails import ACCOUNT, HOME, World


class WorldSource:
    """The buckets of a world as a `validate.Source`."""

    def __init__(self, world: World) -> None:
        self._objects = world.buckets.objects

    def list(self, bucket: str, prefix: str, after: str) -> Iterable[Listed]:
        for (of, key), found in sorted(self._objects.items()):
            if of == bucket and key.startswith(prefix) and key > after:
                yield Listed(key, found.modified)

    def get(self, bucket: str, key: str) -> Fetched | None:
        found = self._objects.get((bucket, key))
        return Fetched(found.body, found.metadata) if found else None


def ours(
    world: World,
    arn: str,
    start: float,
    *,
    region: str = HOME,
    bucket: str = "logs",
    prefix: str | None = None,
    end: float | None = None,
    alone: bool = False,
    **more: Any,
) -> Report:
    """Our verdict on everything since `start`. `alone`: from the files alone, without asking the server which digests there must be."""
    since, until = int(start), int(world.clock.time() if end is None else end)
    account_id = more.pop("account_id", ACCOUNT)
    told = None
    if not alone:
        with world.database.read() as connection:
            told = known(connection, arn, account_id, region, since=since, until=until)
    question = Question(
        trail_arn=arn,
        region=region,
        bucket=bucket,
        prefix=prefix,
        start=since,
        end=until,
        account_id=account_id,
        known=told if told is not None and told.regions else None,
        interval=world.settings.digest_interval,
        **more,
    )

    def public_keys(since: int, until: int) -> dict[str, bytes]:
        return {key.fingerprint: key.value for key in world.keys.public_keys(region, since, until)}

    return validate(question, WorldSource(world), public_keys, workers=2)


def both(world: World, arn: str, start: float, **more: Any) -> str:
    """Both validators find everything valid, and the same; returns the CLI's output."""
    status, output = awscli(world, arn, start, **more)
    report = ours(world, arn, start, **more)
    found = [str(finding) for finding in report.findings]
    assert (status, report.exit_code) == (0, 0), (output, found)
    told = [line for line in output.splitlines() if line.startswith(("Digest file", "(backfill) ", "Log file", "No log files"))]
    assert sorted(found) == sorted(told)
    return output


class _S3:
    def __init__(self, world: World) -> None:
        self._world = world

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:
        found = self._world.buckets.objects.get((Bucket, Key))
        if found is None:
            raise ClientError({"Error": {"Code": "NoSuchKey", "Message": "The specified key does not exist."}}, "GetObject")
        return {"Body": io.BytesIO(found.body), "Metadata": dict(found.metadata)}

    def get_paginator(self, name: str) -> _S3:
        assert name == "list_objects"
        return self

    def paginate(self, *, Bucket: str, Marker: str, Prefix: str) -> _Keys:
        return _Keys(key for key in self._world.buckets.keys(Bucket) if key.startswith(Prefix) and key > Marker)


class _Keys:
    def __init__(self, keys: Iterator[str]) -> None:
        self._keys = keys

    def search(self, expression: str) -> Iterator[str]:
        assert expression == "Contents[*].Key"
        return self._keys


class _Clients:
    def __init__(self, world: World, region: str) -> None:
        self._world = world
        self._region = region

    def get_client(self, bucket: str) -> _S3:
        return _S3(self._world)

    def list_public_keys(self, *, StartTime: datetime, EndTime: datetime) -> dict[str, Any]:
        found = self._world.keys.public_keys(self._region, _epoch(StartTime), _epoch(EndTime))
        return {"PublicKeyList": [{"Fingerprint": key.fingerprint, "Value": base64.b64encode(key.value)} for key in found]}


def _epoch(at: datetime) -> float:
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()


class _Arguments:
    def __init__(self, **members: Any) -> None:
        self.__dict__.update(members)


def awscli(
    world: World,
    arn: str,
    start: float,
    *,
    region: str = HOME,
    bucket: str = "logs",
    prefix: str | None = None,
    end: float | None = None,
) -> tuple[int, str]:
    """What `aws cloudtrail validate-logs --verbose` says of everything since `start`: exit status and output."""
    command = CloudTrailValidateLogs(session=None)
    times = {"start_time": world_time(start), "end_time": world_time(world.clock.time() if end is None else end)}
    command.handle_args(_Arguments(trail_arn=arn, verbose=True, s3_bucket=bucket, s3_prefix=prefix, account_id=None, **times))
    clients = _Clients(world, region)
    command._source_region = region
    command.s3_client_provider = clients
    command.cloudtrail_client = clients
    command.organization_client = None
    output = io.StringIO()
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
        command._call()
    failed = command._invalid_digests + command._invalid_backfill_digests + command._invalid_logs
    return int(failed > 0), output.getvalue()


def world_time(at: float) -> str:
    return datetime.fromtimestamp(int(at), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
