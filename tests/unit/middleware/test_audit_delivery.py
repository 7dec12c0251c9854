"""One PutAuditEvents over HTTP: signed, and each kind of answer understood."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from opentrail.clock import ManualClock
from opentrail.middleware import AuditEvent, AuditSettings, Keys, Who
from opentrail.middleware.delivery import PutAuditEvents, Unavailable, Unfit
from opentrail.middleware.event import Written, written
from opentrail.wire import sigv4
from opentrail.wire.http import Headers, Request

KEYS = Keys("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "token")
ACCOUNT = "123456789012"
IDENTITY = f"<R><GetCallerIdentityResult><Arn>x</Arn><Account>{ACCOUNT}</Account></GetCallerIdentityResult></R>"


class Server(ThreadingHTTPServer):
    """Keeps requests, gives the answers it is told: (status, headers, body), or `None` to hang up."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.requests: list[Request] = []
        self.answers: list[tuple[int, dict[str, str], bytes] | None] = []
        self.connections = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def says(self, status: int, body: Any = b"", **headers: str) -> None:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.answers.append((status, {name.replace("_", "-"): value for name, value in headers.items()}, content))

    def takes(self, *ids: str, failed: Sequence[tuple[str, str]] = ()) -> None:
        self.says(
            200,
            {
                "successful": [{"id": name, "eventID": "e"} for name in ids],
                "failed": [{"id": name, "errorCode": code, "errorMessage": "m"} for name, code in failed],
            },
        )


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def setup(self) -> None:
        super().setup()
        self.server.connections += 1

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        path, _, query = self.path.partition("?")
        self.server.requests.append(Request(method="POST", path=path, query=query, headers=Headers(self.headers.items()), body=body))
        answer = self.server.answers.pop(0)
        if answer is None:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        status, headers, content = answer
        self.send_response(status)
        for name, value in {"content-length": str(len(content)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield made
    made.shutdown()
    made.server_close()
    thread.join()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def door(server: Server, clock: ManualClock) -> Iterator[PutAuditEvents]:
    made = PutAuditEvents(AuditSettings(endpoint=server.url, keys=KEYS, account_id=ACCOUNT, channel="my/channel", timeout=5.0), clock)
    yield made
    made.close()


def event(number: int = 1) -> Written:
    return written(AuditEvent(name="N", who=Who(principal_id="ana"), uid=f"u-{number}"), source="x", version="1", now=0.0)


def test_a_request_is_signed_for_the_channel(server: Server, door: PutAuditEvents, clock: ManualClock) -> None:
    server.takes("u-1", "u-2")
    assert door.send([event(1), event(2)]).taken == {"u-1", "u-2"}
    (request,) = server.requests
    sigv4.verify(request, secret=KEYS.secret_access_key, session_token="token", now=clock.time(), signing_names={"cloudtrail-data"})
    assert (request.path, parse_qs(request.query)) == ("/PutAuditEvents", {"channelArn": ["my/channel"]})
    entries = json.loads(request.body)["auditEvents"]
    assert [entry["id"] for entry in entries] == ["u-1", "u-2"]
    assert json.loads(entries[0]["eventData"])["recipientAccountId"] == ACCOUNT


def test_the_account_is_asked_for_once(server: Server, clock: ManualClock) -> None:
    server.says(200, IDENTITY.encode())
    server.takes("u-1")
    server.takes("u-1")
    door = PutAuditEvents(AuditSettings(endpoint=f"{server.url}/base/", keys=KEYS, external_id="x 1"), clock)
    door.send([event()])
    door.send([event()])
    door.close()
    first, second, _ = server.requests
    sigv4.verify(first, secret=KEYS.secret_access_key, session_token="token", now=clock.time(), signing_names={"sts"})
    sigv4.verify(second, secret=KEYS.secret_access_key, session_token="token", now=clock.time(), signing_names={"cloudtrail-data"})
    assert (first.path, second.path) == ("/base/", "/base/PutAuditEvents")
    assert parse_qs(second.query)["externalId"] == ["x 1"]


def test_an_account_that_is_not_told_is_waited_for(server: Server, clock: ManualClock) -> None:
    server.says(200, b"<html>Welcome</html>")
    door = PutAuditEvents(AuditSettings(endpoint=server.url, keys=KEYS), clock)
    with pytest.raises(Unavailable, match="account_id"):
        door.send([event()])
    door.close()


def test_one_connection_serves_many_requests(server: Server, door: PutAuditEvents) -> None:
    for _ in range(3):
        server.takes("u-1")
        door.send([event()])
    assert server.connections == 1


def test_a_connection_that_was_closed_meanwhile_is_made_again(server: Server, door: PutAuditEvents) -> None:
    server.takes("u-1")
    door.send([event()])
    server.answers.append(None)
    server.takes("u-1")
    assert door.send([event()]).taken == {"u-1"}
    assert server.connections == 2


def test_after_a_fork_the_connection_is_the_parents(server: Server, door: PutAuditEvents) -> None:
    server.takes("u-1")
    door.send([event()])
    door.abandon()
    server.takes("u-1")
    door.send([event()])
    assert server.connections == 2


def test_errors_of_single_events_are_told_apart(server: Server, door: PutAuditEvents) -> None:
    failed = [("u-2", "InvalidData"), ("u-3", "Throttling"), ("u-4", "InternalFailure"), ("u-9", "InvalidData")]
    server.takes("u-1", "u-8", failed=failed)
    outcome = door.send([event(number) for number in range(1, 5)])
    assert outcome.taken == {"u-1"}
    assert outcome.refused == {"u-2": "InvalidData"}


WAIT = [
    (403, {"message": "no"}, "AccessDeniedException"),
    (403, {"message": "no"}, "InvalidSignatureException:http://x"),
    (400, {"message": "no"}, "ChannelNotFound"),
    (400, {"message": "no"}, "ChannelInsufficientPermission"),
    (404, b"<html>swordfish</html>", ""),
    (429, {"message": "no"}, "ThrottlingException"),
    (500, {"message": "no"}, "InternalFailure"),
    (502, b"bad gateway", ""),
    (503, {"message": "no"}, "ServiceUnavailable"),
    (302, b"", ""),
]


@pytest.mark.parametrize(("status", "body", "code"), WAIT)
def test_an_error_of_the_way_is_waited_out(server: Server, door: PutAuditEvents, status: int, body: Any, code: str) -> None:
    server.says(status, body, x_amzn_errortype=code)
    with pytest.raises(Unavailable, match=str(status)) as caught:
        door.send([event()])
    assert code.partition(":")[0] in str(caught.value)
    assert "swordfish" not in str(caught.value)


@pytest.mark.parametrize(
    ("status", "code"), [(400, "ValidationException"), (400, "SerializationException"), (400, "DuplicatedAuditEventId"), (413, "")]
)
def test_an_error_of_the_content_is_not(server: Server, door: PutAuditEvents, status: int, code: str) -> None:
    server.says(status, {"message": "no"}, x_amzn_errortype=code)
    with pytest.raises(Unfit):
        door.send([event()])


@pytest.mark.parametrize(
    "answer", [b"", b"[]", b"null", b'{"successful": 1, "failed": []}', b'{"successful": [{}], "failed": []}', b"[" * 9999]
)
def test_an_answer_that_is_none_is_no_success(server: Server, door: PutAuditEvents, answer: bytes) -> None:
    server.says(200, answer)
    with pytest.raises(Unavailable):
        door.send([event()])


def test_a_server_that_hangs_up_or_is_not_there_is_waited_for(server: Server, door: PutAuditEvents, clock: ManualClock) -> None:
    server.answers.append(None)
    with pytest.raises(Unavailable):
        door.send([event()])
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    nobody = PutAuditEvents(AuditSettings(endpoint=f"http://127.0.0.1:{port}", keys=KEYS, account_id=ACCOUNT), clock)
    with pytest.raises(Unavailable, match="cannot be reached"):
        nobody.send([event()])


def test_a_server_that_says_nothing_is_given_up(clock: ManualClock) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        door = PutAuditEvents(AuditSettings(endpoint=url, keys=KEYS, account_id=ACCOUNT, timeout=0.05), clock)
        with pytest.raises(Unavailable, match="timed out"):
            door.send([event()])


def test_keys_are_asked_for_each_time_and_never_told(server: Server, clock: ManualClock) -> None:
    asked: list[int] = []

    def keys() -> Keys:
        asked.append(1)
        if len(asked) == 2:
            raise RuntimeError("swordfish")
        return KEYS

    door = PutAuditEvents(AuditSettings(endpoint=server.url, keys=keys, account_id=ACCOUNT), clock)
    server.takes("u-1")
    door.send([event()])
    with pytest.raises(Unavailable, match="RuntimeError") as caught:
        door.send([event()])
    assert "swordfish" not in str(caught.value)
    door.close()
    assert KEYS.secret_access_key not in repr(KEYS)
    assert urlsplit(server.url).port
