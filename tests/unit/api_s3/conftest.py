"""S3 called without HTTP: a client that makes Call values and holds every answer against botocore's model."""

from __future__ import annotations

import asyncio
import inspect
import os
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from botocore.loaders import Loader
from botocore.model import ListShape, MapShape, ServiceModel, Shape, StructureShape

from opentrail.api.call import Answer, Call, Need
from opentrail.api.s3 import S3
from opentrail.api.s3.mfa import Devices
from opentrail.buckets import Buckets, ObjectKeys
from opentrail.clock import ManualClock
from opentrail.identity.principals import Principal
from opentrail.storage.database import Database
from opentrail.wire.http import Headers, Request
from simulators.object_keys import key_management

ACCOUNT = "111122223333"
MODEL = ServiceModel(Loader().load_service_model("s3", "service-2"), "s3")
KINDS: dict[str, type | tuple[type, ...]] = {
    "string": str,
    "integer": int,
    "long": int,
    "boolean": bool,
    "timestamp": (datetime, str),
    "blob": bytes,
}


@dataclass(frozen=True)
class Answered:
    """A result: members as items, and the status."""

    members: Mapping[str, Any]
    status: int | None

    def __getitem__(self, name: str) -> Any:
        return self.members[name]

    def __contains__(self, name: str) -> bool:
        return name in self.members

    def get(self, name: str) -> Any:
        return self.members.get(name)


class Client:
    """`client("PutObject", body=b"…", Bucket=…, Key=…)`."""

    model = MODEL

    def __init__(self, folder: Path, *, min_part: int = 5 << 20) -> None:
        self.folder = folder
        self.clock = ManualClock()
        self.database = Database.at(folder / "state.db")
        self.buckets = Buckets(self.database, folder / "buckets", self.clock, min_part=min_part)
        self.kms = key_management(self.database, folder / "keys", self.clock, account_id=ACCOUNT)
        self.service = S3(self.buckets, ObjectKeys(self.kms.service_keys))

    def with_devices(self, devices: Devices) -> None:
        """From now on root users have MFA devices."""
        self.service = S3(self.buckets, ObjectKeys(self.kms.service_keys), devices)

    def close(self) -> None:
        self.buckets.close()
        self.database.close()

    def call(
        self,
        operation: str,
        *,
        body: bytes | Iterable[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
        query: str = "",
        account: str = ACCOUNT,
        user: str = "alice",
        region: str = "us-east-1",
        **parameters: Any,
    ) -> Call:
        known = MODEL.operation_model(operation).input_shape
        assert isinstance(known, StructureShape)
        assert set(parameters) <= set(known.members), "no such parameter"
        caller = Principal(type="IAMUser", account_id=account, arn=f"arn:aws:iam::{account}:user/{user}", user_name=user)
        pieces = [body] if isinstance(body, bytes) else body
        if isinstance(body, bytes) and "ContentLength" not in parameters and not headers:
            parameters["ContentLength"] = len(body)
        return Call(
            service="s3",
            operation=operation,
            parameters={name: value for name, value in parameters.items() if value is not None},
            caller=caller,
            account_id=account,
            region=region,
            request_id="request-1",
            source_ip="203.0.113.7",
            user_agent="test",
            time=datetime(2026, 1, 5, 10, 11, 12, tzinfo=UTC),
            secure=True,
            request=Request(method="PUT", path="/", query=query, headers=Headers((headers or {}).items())),
            body=None if pieces is None else _stream(pieces),
        )

    def __call__(self, operation: str, **facts: Any) -> Answered:
        return asyncio.run(self.carry_out(self.call(operation, **facts)))

    def needs(self, operation: str, **facts: Any) -> list[Need]:
        return list(self.service.needs(self.call(operation, **facts)))

    async def carry_out(self, call: Call, *, keep_body: bool = False) -> Answered:
        handler = self.service.operations[call.operation]
        self.service.needs(call)
        found: Any = await handler(call) if inspect.iscoroutinefunction(handler) else await asyncio.to_thread(handler, call)
        answer = found if isinstance(found, Answer) else Answer(result=found or {})
        members = dict(answer.result)
        if "Body" in members and not isinstance(members["Body"], bytes) and not keep_body:
            members["Body"] = b"".join([piece async for piece in members["Body"]])
        conforms({name: value for name, value in members.items() if name != "Body"}, MODEL.operation_model(call.operation).output_shape)
        return Answered(members, answer.status)

    def put(self, key: str, data: bytes = b"data", *, bucket: str = "example-logs", **parameters: Any) -> Answered:
        return self("PutObject", Bucket=bucket, Key=key, body=data, **parameters)

    def get(self, key: str, *, bucket: str = "example-logs", **parameters: Any) -> Answered:
        return self("GetObject", Bucket=bucket, Key=key, **parameters)


def conforms(value: Any, shape: Shape | None) -> None:
    """Every member is one that the model has, of its type."""
    if shape is None:
        assert not value
    elif isinstance(shape, StructureShape):
        for name, member in value.items():
            assert name in shape.members, f"{shape.name} has no {name}"
            conforms(member, shape.members[name])
    elif isinstance(shape, ListShape):
        for member in value:
            conforms(member, shape.member)
    elif isinstance(shape, MapShape):
        for member in value.values():
            conforms(member, shape.value)
    else:
        assert isinstance(value, KINDS[shape.type_name]), f"{shape.name}: {value!r}"


async def _stream(pieces: Iterable[bytes]) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


@pytest.fixture
def data_folder(tmp_path: Path) -> Iterator[Path]:
    """In memory where the machine offers it: most of these tests are about answers, not about the disk."""
    with TemporaryDirectory(dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else tmp_path) as folder:
        yield Path(folder)


@pytest.fixture
def s3(data_folder: Path) -> Iterator[Client]:
    """A client with the bucket `example-logs`; parts of any size make an object."""
    client = Client(data_folder, min_part=1)
    client("CreateBucket", Bucket="example-logs")
    yield client
    client.close()


@pytest.fixture
def strict_s3(data_folder: Path) -> Iterator[Client]:
    """As `s3`, with the real bound of 5 MiB on parts."""
    client = Client(data_folder)
    client("CreateBucket", Bucket="example-logs")
    yield client
    client.close()
