"""The front door without a server: real reading, authentication, policies and recorder; services, upstream and journal that do as told."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from opentrail.api.asgi import Application
from opentrail.api.authentication import Authentication
from opentrail.api.authorisation import Authorisation
from opentrail.api.call import Call, Need
from opentrail.api.endpoint import Endpoint, Outcome
from opentrail.api.reading import Asked, Reading
from opentrail.api.recording import Recording
from opentrail.api.request_ids import RequestIds
from opentrail.clock import ManualClock
from opentrail.errors import JournalError
from opentrail.identity import Identities
from opentrail.identity.credentials import Credential
from opentrail.recorder import Recorder
from opentrail.storage.database import Database
from opentrail.trails.selection import Selection
from opentrail.wire import sigv4
from opentrail.wire.http import Headers, Request, Response
from opentrail.wire.models import Catalogue
from opentrail.wire.routing import Router

ACCOUNT = "123456789012"
FORM = "application/x-www-form-urlencoded; charset=utf-8"
CLOUDTRAIL_TARGET = "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101."


@cache
def catalogue() -> Catalogue:
    """One for all tests: reading models takes its time."""
    return Catalogue()


@dataclass
class Fake:
    """A service whose operations are plain functions; `needs` may be set per operation."""

    name: str
    operations: Mapping[str, Any]
    wants: Mapping[str, Sequence[Need]] = field(default_factory=dict)

    def needs(self, call: Call) -> Sequence[Need]:
        return self.wants.get(call.operation, ())


class Everything:
    """Selects every event of every account."""

    def may(self, category: str, source: str, name: str) -> bool:
        return True

    def may_in(self, account_id: str, category: str, source: str, name: str) -> bool:
        return True

    def takes(self, account_id: str, record: bytes) -> bool:
        return True


class MemoryJournal:
    """Keeps records in a list. `refusing` refuses before a call, `failing` after it."""

    def __init__(self, steps: list[str]) -> None:
        self.records: list[bytes] = []
        self.batches: list[int] = []
        """How many records came with each append."""
        self.reserved: list[int] = []
        self.refusing: JournalError | None = None
        self.failing: Exception | None = None
        self._steps = steps

    @property
    def head(self) -> int:
        return len(self.records)

    def reserve(self, size: int = 0) -> Any:
        if self.refusing is not None:
            raise self.refusing
        self.reserved.append(size)
        return nullcontext("reservation")

    async def append(self, records: Sequence[bytes], reservation: Any = None) -> int:
        await asyncio.sleep(0)
        if self.failing is not None:
            raise self.failing
        self.records.extend(records)
        self.batches.append(len(records))
        self._steps.append("record durable")
        return self.head


@dataclass
class Upstream:
    """The forwarder: serves what is in `services`, answers with `answer`."""

    services: set[str] = field(default_factory=set)
    answer: Callable[[Asked], Awaitable[Outcome]] | None = None

    def serves(self, service: Any) -> bool:
        return service.name in self.services

    async def outcome(self, asked: Asked, caller: Any, body: Any) -> Outcome:
        assert self.answer is not None
        return await self.answer(asked)


@dataclass
class Answered:
    """What the client got."""

    status: int
    headers: dict[str, str]
    body: bytes
    complete: bool

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", "replace")


class FrontDoor:
    """`ask` sends a request, `signed` signs one by the root key (or another); `records` shows what was recorded."""

    def __init__(
        self,
        folder: Path,
        *,
        services: Sequence[Any] | Callable[[FrontDoor], Sequence[Any]] = (),
        upstream: Upstream | None = None,
        open_door: bool = False,
        trusted: Sequence[str] = (),
        max_body: int = 1 << 20,
        pass_on_failure: bool = False,
        recorder: Any = None,
        selection: Any = None,
        after: Any = None,
        enforce_upstream: bool = False,
        models: Catalogue | None = None,
    ) -> None:
        models = models or catalogue()
        self.clock = ManualClock()
        self.steps: list[str] = []
        self.used: list[tuple[str, str, str]] = []
        self.database = Database.at(folder / "state.db")
        keys = folder / "keys"
        keys.mkdir(exist_ok=True)
        self.identities = Identities(self.database, keys, self.clock, account_id=ACCOUNT)
        self.root = self.identities.ensure_root(ACCOUNT)
        self.journal = MemoryJournal(self.steps)
        self.selection = selection or Selection(self.database, self.clock)
        self.recorder = recorder or Recorder(models)
        self.recording = Recording(
            recorder=self.recorder,
            journal=self.journal,  # type: ignore[arg-type]
            selection=self.selection,
            is_account=self.identities.accounts.exists,
            pass_on_failure=pass_on_failure,
        )
        self.endpoint = Endpoint(
            reading=Reading(
                router=Router(models),
                authentication=Authentication(identities=self.identities, clock=self.clock, account_id=ACCOUNT, open_door=open_door),
                request_ids=RequestIds(),
                max_body=max_body,
            ),
            authorisation=Authorisation(identities=self.identities),
            services=services(self) if callable(services) else services,
            forward=upstream or Upstream(),
            recording=self.recording,
            clock=self.clock,
            account_id=ACCOUNT,
            region="us-east-1",
            regions=("us-east-1", "eu-west-1"),
            note_use=lambda principal, service, region: self.used.append((principal.access_key_id, service, region)),
            after=after,
            enforce_upstream=enforce_upstream,
        )
        self.application = Application(answer=self.endpoint.answer, pages={}, clock=self.clock, trusted_proxies=trusted)

    def close(self) -> None:
        self.endpoint.close()
        self.database.close()

    @property
    def records(self) -> list[dict[str, Any]]:
        return [json.loads(record) for record in self.journal.records]

    @property
    def record(self) -> dict[str, Any]:
        """The only one."""
        (found,) = self.records
        return found

    def signed(
        self,
        service: str,
        method: str = "POST",
        path: str = "/",
        *,
        query: str = "",
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        key: Credential | None = None,
        secret: str | None = None,
        payload: str | None = None,
        region: str = "us-east-1",
    ) -> Request:
        """A well signed request, unless `secret` or `payload` is wrong on purpose."""
        key = key or self.root
        lines = {"host": "127.0.0.1:4747", "content-length": str(len(body)), **(headers or {})}
        return sigv4.sign(
            Request(method=method, path=path, query=query, headers=Headers(lines.items()), body=body),
            access_key_id=key.access_key_id,
            secret_access_key=secret or key.secret_access_key,
            session_token=key.session_token,
            region=region,
            signing_name=service,
            now=self.clock.time(),
            payload=payload,
        )

    def query(self, service: str, action: str, version: str, **more: Any) -> Request:
        """A signed call of a query service."""
        fields = {**more.pop("fields", {}), "Action": action, "Version": version}
        body = "&".join(f"{name}={value}" for name, value in fields.items()).encode()
        return self.signed(service, body=body, headers={"content-type": FORM, **more.pop("headers", {})}, **more)

    def json(self, operation: str, parameters: Any, **more: Any) -> Request:
        """A signed call of CloudTrail."""
        body = parameters if isinstance(parameters, bytes) else json.dumps(parameters).encode()
        headers = {"content-type": "application/x-amz-json-1.1", "x-amz-target": CLOUDTRAIL_TARGET + operation, **more.pop("headers", {})}
        return self.signed("cloudtrail", body=body, headers=headers, **more)

    def ask(self, request: Request, **more: Any) -> Answered:
        """Send one request on an event loop of its own."""
        return asyncio.run(self.exchange(request, **more))

    async def exchange(
        self, request: Request, *, client: str = "198.51.100.7", pieces: list[bytes] | None = None, cut: bool = False
    ) -> Answered:
        """Send one request; its body in `pieces`, taken away as they are read; `cut`: the client goes away before its end."""
        waiting = [request.body] if pieces is None else pieces
        left = asyncio.Event()

        async def receive() -> dict[str, Any]:
            if waiting:
                piece = waiting.pop(0)
                return {"type": "http.request", "body": piece, "more_body": bool(waiting) or cut}
            if not cut:
                await left.wait()
            return {"type": "http.disconnect"}

        sent: list[Any] = []

        async def send(message: Any) -> None:
            if message["type"] == "http.response.start":
                self.steps.append("answer begins")
            sent.append(message)

        scope = {
            "type": "http",
            "http_version": "1.1",
            "method": request.method,
            "path": request.path,
            "raw_path": request.path.encode("latin-1"),
            "query_string": request.query.encode("latin-1"),
            "headers": [(name.encode("latin-1"), value.encode("latin-1")) for name, value in request.headers],
            "client": (client, 40000),
            "scheme": "http",
        }
        await self.application(scope, receive, send)
        return _answered(sent)


def _answered(sent: list[Any]) -> Answered:
    """Checks that `sent` is one well-formed answer."""
    start, *bodies = sent
    assert start["type"] == "http.response.start"
    assert all(message["type"] == "http.response.body" for message in bodies)
    assert not any(message.get("more_body", False) for message in bodies[-1:])
    assert all(message.get("more_body", False) for message in bodies[:-1])
    assert 200 <= start["status"] <= 599
    body = b"".join(message.get("body", b"") for message in bodies)
    headers: dict[str, str] = {}
    for name, value in start["headers"]:
        assert name == name.lower()
        assert not set(name + value) & set(b"\r\n\0")
        assert name.decode() not in ("content-length", "date") or name.decode() not in headers
        headers[name.decode("latin-1")] = value.decode("latin-1")
    return Answered(start["status"], headers, body, complete=bool(bodies))


def plain(status: int, body: bytes = b"", **headers: str) -> Response:
    """A response as an upstream might give it."""
    lines = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return Response(status=status, headers=(*lines, ("content-length", str(len(body)))), body=body)
