"""The verbs' own HTTP: connections that are kept, answers of every shape, failures in one line."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import BinaryIO

import pytest

from opentrail.cli.calls import Caller, Refused
from opentrail.cli.failures import CallFailed
from opentrail.cli.line import BrokenOff, Line, NotHTTP, Unreachable
from opentrail.cli.reach import Connection
from opentrail.wire import sigv4
from opentrail.wire.http import Headers, Request

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi"


class Server:
    """Answers each request with the next of `answers`; `None` hangs up instead, and a connection ends where an answer says so."""

    def __init__(self, *answers: bytes | None) -> None:
        self.answers = list(answers)
        self.requests: list[bytes] = []
        self.connections = 0
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._current = self._socket
        self.port = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def close(self) -> None:
        if self._socket.fileno() >= 0:
            self._socket.shutdown(socket.SHUT_RDWR)
            self._socket.close()
            with contextlib.suppress(OSError):
                self._current.shutdown(socket.SHUT_RDWR)
            self._thread.join()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self.connections += 1
            self._current = connection
            with connection, connection.makefile("rb") as stream:
                while self._answer(connection, stream):
                    pass

    def _answer(self, connection: socket.socket, stream: BinaryIO) -> bool:
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            line = stream.readline()
            if not line:
                return False
            head += line
        length = next((int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0)
        self.requests.append(head + stream.read(length))
        answer = self.answers.pop(0)
        if answer is None:
            return False
        connection.sendall(answer)
        return answer.startswith(b"HTTP") and b"Connection: close" not in answer


@pytest.fixture
def serve() -> Iterator[Callable[..., Server]]:
    made: list[Server] = []

    def start(*answers: bytes | None) -> Server:
        made.append(Server(*answers))
        return made[-1]

    yield start
    for server in made:
        server.close()


@pytest.fixture
def caller() -> Iterator[Callable[[str], Caller]]:
    made: list[Caller] = []

    def call(url: str) -> Caller:
        made.append(Caller(Connection(endpoint=url, region="eu-west-1", access_key_id="AKIDEXAMPLE", secret_access_key="secret")))
        return made[-1]

    yield call
    for one in made:
        one.close()


ANSWERS = [
    ("with a length", OK, b"hi"),
    ("without a body", b"HTTP/1.1 204 No Content\r\n\r\n", b""),
    ("in chunks", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nh\r\n1\r\ni\r\n0\r\n\r\n", b"hi"),
    ("until the end", b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhi", b"hi"),
    ("behind an interim one", b"HTTP/1.1 100 Continue\r\n\r\n" + OK, b"hi"),
]


@pytest.mark.parametrize(("answer", "body"), [row[1:] for row in ANSWERS], ids=[row[0] for row in ANSWERS])
def test_answers_of_every_shape(serve: Callable[..., Server], answer: bytes, body: bytes) -> None:
    line = Line("127.0.0.1", serve(answer).port)
    assert line.exchange(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").body == body
    line.close()


def test_a_connection_is_kept_and_made_again_when_it_is_gone(serve: Callable[..., Server]) -> None:
    server = serve(OK, OK, None, OK)
    line = Line("127.0.0.1", server.port)
    for _ in range(3):
        assert line.exchange(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").body == b"hi"
    assert (server.connections, len(server.requests)) == (2, 4)
    line.close()


def test_an_answer_that_breaks_off_is_never_taken_for_a_whole_one(serve: Callable[..., Server]) -> None:
    server = serve(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\nConnection: close\r\n\r\nhi")
    with pytest.raises(BrokenOff):
        Line("127.0.0.1", server.port).exchange(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")


def test_what_is_no_http(serve: Callable[..., Server]) -> None:
    with pytest.raises(NotHTTP):
        Line("127.0.0.1", serve(b"SSH-2.0-OpenSSH_9.9\r\n").port).exchange(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")


def test_nobody_there(caller: Callable[[str], Caller], serve: Callable[..., Server]) -> None:
    server = serve()
    server.close()
    with pytest.raises(Unreachable):
        Line("127.0.0.1", server.port).exchange(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
    with pytest.raises(CallFailed, match=f'^Could not connect to the endpoint URL: "http://127.0.0.1:{server.port}/logs/a"'):
        caller(server.url).s3("GetObject", "/logs/a")


@pytest.mark.parametrize("key", ["AWSLogs/1/x.json.gz", "a b/ü~(1)+%41", "//.."])
def test_calls_are_signed(caller: Callable[[str], Caller], serve: Callable[..., Server], key: str) -> None:
    server = serve(OK)
    assert caller(server.url).s3("GetObject", f"/logs/{key}", {"x-id": "a b"}).body == b"hi"
    head = server.requests[0].decode("latin-1").split("\r\n")
    method, target, _ = head[0].split(" ")
    path, _, query = target.partition("?")
    headers = Headers((name, value) for name, _, value in (line.partition(": ") for line in head[1:] if line))
    request = Request(method=method, path=path, query=query, headers=headers)
    scope = sigv4.scope_of(request)
    assert scope is not None
    assert (scope.access_key_id, scope.region, scope.signing_name) == ("AKIDEXAMPLE", "eu-west-1", "s3")
    assert headers.get("host") == f"127.0.0.1:{server.port}"
    at = datetime.fromisoformat(headers.get("x-amz-date") or "").timestamp()
    assert sigv4.verify(request, secret="secret", session_token=None, now=at).scope == scope


def answer(status: int, body: bytes) -> bytes:
    return b"HTTP/1.1 %d X\r\ncontent-length: %d\r\n\r\n%s" % (status, len(body), body)


S3_ERRORS = [
    (
        answer(403, b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"),
        "An error occurred (AccessDenied) when calling the GetObject operation: Access Denied",
    ),
    (answer(404, b"<html>nothing</html>"), "does not answer GetObject as AWS would (HTTP status 404); is it OpenTrail?"),
    (answer(302, b""), "does not answer GetObject as AWS would (HTTP status 302); is it OpenTrail?"),
]


@pytest.mark.parametrize(("told", "message"), S3_ERRORS)
def test_refusals_of_s3_in_botocore_s_words(
    caller: Callable[[str], Caller], serve: Callable[..., Server], told: bytes, message: str
) -> None:
    with pytest.raises(CallFailed) as failed:
        caller(serve(told).url).s3("GetObject", "/logs/a")
    assert str(failed.value).endswith(message)
    assert "\n" not in str(failed.value)


TRAIL_ERRORS = [
    (
        answer(400, b'{"__type":"com.amazonaws#TrailNotFoundException","message":"Unknown trail"}'),
        "An error occurred (TrailNotFoundException) when calling the GetTrailStatus operation: Unknown trail",
    ),
    (
        answer(400, b'{"__type":"AccessDeniedException","Message":"no"}'),
        "An error occurred (AccessDeniedException) when calling the GetTrailStatus operation: no",
    ),
    (answer(200, b"<html>welcome</html>"), "does not answer GetTrailStatus as AWS would (HTTP status 200); is it OpenTrail?"),
    (answer(404, b'["x"]'), "does not answer GetTrailStatus as AWS would (HTTP status 404); is it OpenTrail?"),
]


@pytest.mark.parametrize(("told", "message"), TRAIL_ERRORS)
def test_refusals_of_cloudtrail(caller: Callable[[str], Caller], serve: Callable[..., Server], told: bytes, message: str) -> None:
    with pytest.raises(CallFailed) as failed:
        caller(serve(told).url).cloudtrail("GetTrailStatus", {"Name": "audit"}, "us-east-1")
    assert str(failed.value).endswith(message)


def test_the_code_of_a_refusal_can_be_asked(caller: Callable[[str], Caller], serve: Callable[..., Server]) -> None:
    told = answer(404, b"<Error><Code>NoSuchKey</Code><Message>No such key</Message></Error>")
    with pytest.raises(Refused) as refused:
        caller(serve(told).url).s3("GetObject", "/logs/a")
    assert refused.value.code == "NoSuchKey"


def test_what_passes_is_tried_again(caller: Callable[[str], Caller], serve: Callable[..., Server], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("opentrail.cli.calls.time.sleep", lambda seconds: None)
    server = serve(answer(503, b"<Error><Code>SlowDown</Code></Error>"), OK)
    assert caller(server.url).s3("GetObject", "/logs/a").body == b"hi"
    assert len(server.requests) == 2


@pytest.mark.parametrize("url", ["localhost:4000", "ftp://localhost", "http://", "http://localhost:port", "http://localhost:99999"])
def test_an_endpoint_that_is_no_url(caller: Callable[[str], Caller], url: str) -> None:
    with pytest.raises(CallFailed, match=f"^Invalid endpoint: {url}"):
        caller(url)


ENVIRONMENTS = [
    ({"AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "s"}, ("AKID", "s", None)),
    ({"AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "s", "AWS_SESSION_TOKEN": "t"}, ("AKID", "s", "t")),
    ({"AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "s", "AWS_SECURITY_TOKEN": "t"}, ("AKID", "s", "t")),
    ({"AWS_PROFILE": "auditor"}, ("AKIDPROFILE", "p", None)),
]


@pytest.mark.parametrize(("environment", "expected"), ENVIRONMENTS)
def test_keys_come_from_the_usual_places(
    environment: dict[str, str], expected: tuple[str, str, str | None], monkeypatch: pytest.MonkeyPatch, tmp_path: object
) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    profiles = f"{tmp_path}/credentials"
    with open(profiles, "w") as file:
        file.write("[auditor]\naws_access_key_id = AKIDPROFILE\naws_secret_access_key = p\n")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", profiles)
    monkeypatch.setenv("AWS_CONFIG_FILE", f"{tmp_path}/none")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    connection = Connection(endpoint="http://localhost", region="us-east-1", access_key_id=None, secret_access_key=None)
    keys = connection.keys()()
    assert (keys.access_key_id, keys.secret_access_key, keys.session_token) == expected


def test_half_a_key_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKID")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    connection = Connection(endpoint="http://localhost", region="us-east-1", access_key_id=None, secret_access_key=None)
    with pytest.raises(CallFailed, match="Partial credentials found in env"):
        connection.keys()
