"""The WSGI middleware around a real Flask application, and around bare ones."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Blueprint, Flask, Response, request, session

from opentrail.middleware import AuditClient, AuditSettings, Keys, Who, WSGIAuditMiddleware
from simulators.audit_door import AuditDoor

PATIENCE = 30.0


@pytest.fixture
def door() -> AuditDoor:
    return AuditDoor()


@pytest.fixture
def client(tmp_path: Path, door: AuditDoor) -> Iterator[AuditClient]:
    settings = AuditSettings(endpoint="http://127.0.0.1:1", keys=Keys("k", "s"), source="flask.example.com", spool=tmp_path)
    made = AuditClient(settings, door=door)
    yield made
    made.close(0.0)


def flask_application() -> Flask:
    app = Flask(__name__)
    tenants = Blueprint("tenants", __name__, url_prefix="/tenants/<tenant>")

    @app.get("/orders/<int:number>")
    def order(number: int) -> tuple[str, int]:
        return f"order {number}", 404 if number > 1000 else 200

    @tenants.get("/files/<path:name>")
    def file(tenant: str, name: str) -> str:
        return name

    @app.get("/stream")
    def stream() -> Response:
        def pieces() -> Iterator[str]:
            yield "a"
            raise OSError("swordfish")

        return Response(pieces())

    @app.get("/broken")
    def broken() -> str:
        raise RuntimeError("swordfish")

    app.register_blueprint(tenants)
    return app


def event_of(client: AuditClient, door: AuditDoor) -> dict[str, Any]:
    assert client.flush(PATIENCE)
    (event,) = door.events
    return event


def wrapped(client: AuditClient, **rules: Any) -> Flask:
    app = flask_application()
    app.wsgi_app = WSGIAuditMiddleware(app.wsgi_app, client=client, **rules)  # type: ignore[method-assign]
    return app


def test_a_request_becomes_an_event(client: AuditClient, door: AuditDoor) -> None:
    app = wrapped(client, who=lambda environ: Who(principal_id=environ["HTTP_X_USER"], type="Employee"))
    headers = {"X-User": "ana", "User-Agent": "curl/8", "X-Request-Id": "r-1", "Authorization": "swordfish"}
    with app.test_client().get("/orders/17?token=swordfish", headers=headers) as answer:
        assert (answer.status_code, answer.data) == (200, b"order 17")
    event = event_of(client, door)
    assert event["eventName"] == "GET /orders/{number}"
    assert event["eventSource"] == "flask.example.com"
    assert event["userIdentity"] == {"type": "Employee", "principalId": "ana"}
    assert event["requestParameters"] == {"resource": "/orders/17", "method": "GET"}
    assert event["responseElements"] == {"statusCode": 200}
    assert event["additionalEventData"]["requestId"] == "r-1"
    assert (event["sourceIPAddress"], event["userAgent"]) == ("127.0.0.1", "curl/8")
    assert "errorCode" not in event
    assert "swordfish" not in str(event)


NAMES = [
    ("GET", "/orders/1001", "GET /orders/{number}", 404, "NotFound"),
    ("POST", "/orders/17", "POST (no route)", 405, "METHODNOTALLOWED"),
    ("GET", "/tenants/blue/files/a/b.txt", "GET /tenants/{tenant}/files/{name}", 200, None),
    ("GET", "/wp-login.php", "GET (no route)", 404, "NotFound"),
    ("GET", "/broken", "GET /broken", 500, "InternalServerError"),
]


@pytest.mark.parametrize(("method", "path", "name", "status", "code"), NAMES)
def test_events_are_named_by_the_route(
    client: AuditClient, door: AuditDoor, method: str, path: str, name: str, status: int, code: str | None
) -> None:
    with wrapped(client).test_client().open(path, method=method) as answer:
        assert answer.status_code == status
    event = event_of(client, door)
    assert (event["eventName"], str(event.get("errorCode")).lower()) == (name, str(code).lower())
    assert event["requestParameters"]["resource"] == path


def test_rules_are_asked_while_flask_has_its_context(client: AuditClient, door: AuditDoor) -> None:
    app = wrapped(client, who=lambda environ: session["user"], details=lambda environ: {"view": request.endpoint})
    app.secret_key = "only for this test"

    @app.get("/login")
    def login() -> str:
        session["user"] = "ana"
        return ""

    with app.test_client().get("/login"):
        pass
    event = event_of(client, door)
    assert event["userIdentity"]["principalId"] == "ana"
    assert event["additionalEventData"]["view"] == "login"


def test_health_checks_pass_unrecorded(client: AuditClient, door: AuditDoor) -> None:
    with wrapped(client, skip=("/orders/*",)).test_client().get("/orders/17") as answer:
        assert answer.data == b"order 17"
    assert client.flush(PATIENCE)
    assert door.events == []


def test_a_streamed_answer_is_recorded_at_its_end(client: AuditClient, door: AuditDoor) -> None:
    with wrapped(client).test_client().get("/stream") as answer, pytest.raises(OSError, match="swordfish"):
        answer.get_data()
    event = event_of(client, door)
    assert (event["responseElements"], event["errorCode"]) == ({"statusCode": 200}, "OSError")
    assert "swordfish" not in str(event)


class Bare:
    """A bare application: `pieces` on its way out, and what happened to it."""

    def __init__(self, *pieces: bytes | Exception, raises: Exception | None = None) -> None:
        self.pieces = list(pieces)
        self.raises = raises
        self.closed = False

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Bare:
        if self.raises is not None:
            raise self.raises
        start_response("200 OK", [])
        return self

    def __iter__(self) -> Iterator[bytes]:
        for piece in self.pieces:
            if isinstance(piece, Exception):
                raise piece
            yield piece

    def close(self) -> None:
        self.closed = True


def served(app: Any, **environ: str) -> tuple[list[str], bytes]:
    """As a WSGI server does it."""
    statuses: list[str] = []

    def start_response(status: str, headers: Any, exc_info: Any = None) -> Any:
        statuses.append(status)
        return lambda data: None

    answer = app({"REQUEST_METHOD": "GET", "PATH_INFO": "/a", "REMOTE_ADDR": "198.51.100.7", **environ}, start_response)
    try:
        return statuses, b"".join(answer)
    finally:
        if hasattr(answer, "close"):
            answer.close()


def test_the_answer_is_unchanged_and_closed(client: AuditClient, door: AuditDoor) -> None:
    bare = Bare(b"a", b"b")
    assert served(WSGIAuditMiddleware(bare, client=client), REMOTE_USER="ben", SCRIPT_NAME="/base", PATH_INFO="/\xc3\xa4") == (
        ["200 OK"],
        b"ab",
    )
    assert bare.closed
    event = event_of(client, door)
    assert (event["eventName"], event["userIdentity"]["principalId"]) == ("GET /base/ä", "ben")


def test_an_application_that_raises_is_told_once_and_goes_on(client: AuditClient, door: AuditDoor) -> None:
    with pytest.raises(KeyError):
        served(WSGIAuditMiddleware(Bare(raises=KeyError("swordfish")), client=client))
    event = event_of(client, door)
    assert (event["errorCode"], "responseElements" in event) == ("KeyError", False)


def test_an_answer_that_breaks_is_told_once(client: AuditClient, door: AuditDoor) -> None:
    bare = Bare(b"a", ValueError("swordfish"))
    with pytest.raises(ValueError, match="swordfish"):
        served(WSGIAuditMiddleware(bare, client=client))
    assert bare.closed
    assert event_of(client, door)["errorCode"] == "ValueError"


def test_an_answer_that_is_not_read_to_its_end_is_recorded(client: AuditClient, door: AuditDoor) -> None:
    answer = WSGIAuditMiddleware(Bare(b"a", b"b"), client=client)({"REQUEST_METHOD": "GET", "PATH_INFO": "/"}, lambda *_: None)
    next(iter(answer))
    answer.close()  # type: ignore[attr-defined]
    answer.close()  # type: ignore[attr-defined]
    assert "errorCode" not in event_of(client, door)


@pytest.mark.parametrize("read", [0, 1, 9])
def test_a_server_that_forgets_to_close_hides_nothing(client: AuditClient, door: AuditDoor, read: int) -> None:
    """Werkzeug's does when a client hangs up at the wrong moment."""
    answer = iter(WSGIAuditMiddleware(Bare(b"a", b"b"), client=client)({"REQUEST_METHOD": "GET", "PATH_INFO": "/"}, lambda *_: None))
    for _ in range(read):
        next(answer, None)
    del answer
    assert event_of(client, door)["eventName"] == "GET /"


def test_whatever_is_wrong_with_recording_the_answer_is_the_same(client: AuditClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(event: object) -> bool:
        raise MemoryError

    monkeypatch.setattr(client, "put", broken)
    assert served(WSGIAuditMiddleware(Bare(b"a"), client=client)) == (["200 OK"], b"a")
    assert client.figures.dropped == {"unwritable": 1}
