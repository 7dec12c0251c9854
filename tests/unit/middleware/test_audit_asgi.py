"""The ASGI middleware around a real Starlette application, and around bare ones."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.authentication import AuthCredentials, SimpleUser
from starlette.middleware.authentication import AuthenticationMiddleware
from starlette.requests import HTTPConnection, Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.websockets import WebSocket

from opentrail.errors import SettingError
from opentrail.middleware import AuditClient, AuditEvent, AuditMiddleware, AuditSettings, Keys, Who
from simulators.audit_door import AuditDoor, away

PATIENCE = 30.0


@pytest.fixture
def door() -> AuditDoor:
    return AuditDoor()


@pytest.fixture
def client(tmp_path: Path, door: AuditDoor) -> Iterator[AuditClient]:
    settings = AuditSettings(endpoint="http://127.0.0.1:1", keys=Keys("k", "s"), source="orders.example.com", spool=tmp_path)
    made = AuditClient(settings, door=door)
    yield made
    made.close(0.0)


async def order(request: Request) -> Response:
    return PlainTextResponse(f"order {request.path_params['id']}", 404 if request.path_params["id"] > 1000 else 200)


async def broken(request: Request) -> Response:
    raise RuntimeError("swordfish")


async def stream(request: Request) -> Response:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"a"
        raise OSError("swordfish")

    return StreamingResponse(pieces())


async def echo(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.close()


ROUTES = [
    Route("/orders/{id:int}", order, methods=["GET", "DELETE"]),
    Route("/broken", broken),
    Route("/stream", stream),
    Route("/health", order),
    WebSocketRoute("/ws", echo),
    Mount("/tenants/{tenant}", routes=[Route("/orders/{id:int}", order)]),
]


class Asked:
    """What the client of the application got."""

    def __init__(self) -> None:
        self.messages: list[Any] = []
        self.raised: BaseException | None = None

    @property
    def status(self) -> int | None:
        return next((message["status"] for message in self.messages if message["type"] == "http.response.start"), None)

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.messages)


def ask(app: Any, method: str = "GET", path: str = "/orders/17", *, query: str = "", kind: str = "http", **headers: str) -> Asked:
    """One request, without any server."""
    asked = Asked()

    waiting: list[dict[str, Any]] = [
        {"type": "websocket.connect"} if kind == "websocket" else {"type": "http.request", "body": b"swordfish", "more_body": False}
    ]

    async def receive() -> dict[str, Any]:
        if not waiting:
            await asyncio.Event().wait()
        return waiting.pop()

    async def send(message: Any) -> None:
        asked.messages.append(message)

    scope = {
        "type": kind,
        "method": method,
        "path": path,
        "query_string": query.encode(),
        "headers": [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()],
        "client": ("198.51.100.7", 4711),
        "root_path": "",
    }

    async def story() -> None:
        try:
            await app(scope, receive, send)
        except Exception as raised:
            asked.raised = raised

    asyncio.run(story())
    return asked


def application(client: AuditClient, **rules: Any) -> Starlette:
    app = Starlette(routes=ROUTES)
    app.add_middleware(AuditMiddleware, client=client, **rules)
    return app


def event_of(client: AuditClient, door: AuditDoor) -> dict[str, Any]:
    assert client.flush(PATIENCE)
    (event,) = door.events
    return event


def test_a_request_becomes_an_event(client: AuditClient, door: AuditDoor) -> None:
    asked = ask(application(client), query="token=swordfish", user_agent="curl/8", x_request_id="r-1", authorization="swordfish")
    assert (asked.status, asked.body) == (200, b"order 17")
    event = event_of(client, door)
    assert event["eventName"] == "GET /orders/{id}"
    assert event["eventSource"] == "orders.example.com"
    assert event["userIdentity"] == {"type": "Anonymous", "principalId": "anonymous"}
    assert event["requestParameters"] == {"resource": "/orders/17", "method": "GET"}
    assert event["responseElements"] == {"statusCode": 200}
    assert event["additionalEventData"]["requestId"] == "r-1"
    assert event["additionalEventData"]["durationMs"] >= 0
    assert (event["sourceIPAddress"], event["userAgent"]) == ("198.51.100.7", "curl/8")
    assert "errorCode" not in event
    assert "swordfish" not in str(event)


NAMES = [
    ("DELETE", "/orders/17", "DELETE /orders/{id}", 200, None),
    ("GET", "/orders/1001", "GET /orders/{id}", 404, "NotFound"),
    ("POST", "/orders/17", "POST /orders/{id}", 405, "MethodNotAllowed"),
    ("GET", "/tenants/blue/orders/17", "GET /tenants/{tenant}/orders/{id}", 200, None),
    ("GET", "/tenants/blue/nothing", "GET /tenants/{tenant}/{path}", 404, "NotFound"),
    ("GET", "/wp-login.php", "GET (no route)", 404, "NotFound"),
]


@pytest.mark.parametrize(("method", "path", "name", "status", "code"), NAMES)
def test_events_are_named_by_the_route(
    client: AuditClient, door: AuditDoor, method: str, path: str, name: str, status: int, code: str | None
) -> None:
    assert ask(application(client), method, path).status == status
    event = event_of(client, door)
    assert (event["eventName"], event.get("errorCode")) == (name, code)
    assert event["requestParameters"]["resource"] == path


def test_what_the_application_raises_is_told_and_goes_on(client: AuditClient, door: AuditDoor) -> None:
    asked = ask(application(client), path="/broken")
    assert isinstance(asked.raised, RuntimeError)
    assert asked.status == 500
    event = event_of(client, door)
    assert (event["eventName"], event["errorCode"]) == ("GET /broken", "RuntimeError")
    assert "swordfish" not in str(event)


def test_a_failure_in_the_middle_of_an_answer_is_told(client: AuditClient, door: AuditDoor) -> None:
    ask(application(client), path="/stream")
    event = event_of(client, door)
    assert event["responseElements"] == {"statusCode": 200}
    assert event["errorCode"] == "OSError"


def test_health_checks_and_websockets_pass_unrecorded(client: AuditClient, door: AuditDoor) -> None:
    app = application(client, skip=("/health",))
    ask(app, path="/health")
    assert ask(app, path="/ws", kind="websocket").messages[0]["type"] == "websocket.accept"
    assert client.flush(PATIENCE)
    assert door.events == []


def test_whom_starlette_has_authenticated_is_who(client: AuditClient, door: AuditDoor) -> None:
    class Backend:
        async def authenticate(self, connection: HTTPConnection) -> tuple[AuthCredentials, SimpleUser]:
            return AuthCredentials(["authenticated"]), SimpleUser("ana")

    app = Starlette(routes=ROUTES)
    app.add_middleware(AuthenticationMiddleware, backend=Backend())  # type: ignore[arg-type]
    app.add_middleware(AuditMiddleware, client=client)
    ask(app)
    assert event_of(client, door)["userIdentity"] == {"type": "User", "principalId": "ana"}


def test_rules_see_what_the_application_has_put_into_the_scope(client: AuditClient, door: AuditDoor) -> None:
    def who(scope: Mapping[str, Any]) -> str:
        return f"user-of-{scope['path_params']['id']}"

    ask(application(client, who=who, trusted_proxies=("198.51.100.0/24",)), x_forwarded_for="203.0.113.9")
    event = event_of(client, door)
    assert event["userIdentity"]["principalId"] == "user-of-17"
    assert event["sourceIPAddress"] == "203.0.113.9"


def test_whatever_is_wrong_with_recording_the_answer_is_the_same(client: AuditClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(event: object) -> bool:
        raise MemoryError

    app = application(client)
    monkeypatch.setattr(client, "put", broken)
    assert ask(app).body == b"order 17"
    assert client.figures.dropped == {"unwritable": 1}


def test_odd_scopes_do_not_fail_requests(client: AuditClient) -> None:
    async def bare(scope: Any, receive: Any, send: Any) -> None:
        scope.pop("method")
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    assert ask(AuditMiddleware(bare, client=client)).status == 204
    assert client.figures.dropped == {"unwritable": 1}


def test_an_application_without_a_router_is_named_by_its_paths(client: AuditClient, door: AuditDoor) -> None:
    async def bare(scope: Any, receive: Any, send: Any) -> None:
        return None

    ask(AuditMiddleware(bare, client=client), path="/a/b")
    event = event_of(client, door)
    assert (event["eventName"], event["errorCode"]) == ("GET /a/b", "NoAnswer")


def test_a_client_of_its_own_is_closed_with_the_application(tmp_path: Path, door: AuditDoor, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
        "AWS_ACCESS_KEY_ID": "k",
        "AWS_SECRET_ACCESS_KEY": "s",
        "OPENTRAIL_AUDIT_SPOOL": str(tmp_path / "own"),
    }.items():
        monkeypatch.setenv(name, value)
    app = AuditMiddleware(Starlette(routes=ROUTES), source="x")
    app.client._sender._door = door
    door.behaviour = away
    messages = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]
    sent: list[str] = []

    async def receive() -> Any:
        if len(messages) == 1:
            app.client.put(AuditEvent(name="N", who=Who(principal_id="ana")))
        return messages.pop(0)

    async def send(message: Any) -> None:
        sent.append(message["type"])

    asyncio.run(app({"type": "lifespan", "app": app, "state": {}}, receive, send))
    assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    assert app.client._thread is None
    assert len(list((tmp_path / "own").glob("*/*/*.events"))) == 1


def test_what_is_missing_is_said_when_the_application_is_built(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_CLOUDTRAIL_DATA", "AWS_ACCESS_KEY_ID"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(SettingError, match="opentrail env"):
        AuditMiddleware(Starlette())
