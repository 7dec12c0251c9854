"""Octets that no client would send, over real sockets: the server answers or hangs up, stays healthy, and grows no memory."""

from __future__ import annotations

import random
import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from simulators.running import RunningOpenTrail

ROUNDS = 300
GROWTH = 64 << 20
"""Bytes by which the front may grow over all rounds: models that are read when they are first named, not what is sent."""
WORDS = [
    b"GET ", b"POST ", b"PUT ", b"HTTP/1.1", b"HTTP/1.0", b"\r\n", b"\n", b"\r\n\r\n", b"\0", b"\xff" * 8, b" " * 50, b"Content-Length: ",
    b"Transfer-Encoding: chunked\r\n", b"Expect: 100-continue\r\n", b"Connection: close\r\n", b"Upgrade: h2c\r\nConnection: upgrade\r\n",
    b"99999999999999999999", b"-1", b"0\r\n\r\n", b"ffffffffffffffff\r\n", b"/%00/..", b"?" + b"&" * 60, b"X-Amz-Target: a.b\r\n",
    b"Authorization: AWS4-HMAC-SHA256 Credential=", b"Host: x\r\n", b"a" * 9000,
]  # fmt: skip


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningOpenTrail]:
    folder: Path = tmp_path_factory.mktemp("hostile")
    with RunningOpenTrail(folder) as opentrail:
        yield opentrail


def _valid(opentrail: RunningOpenTrail) -> bytes:
    body = b"Action=GetCallerIdentity&Version=2011-06-15"
    headers = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
    request = AWSRequest(method="POST", url=opentrail.endpoint + "/", data=body, headers=headers)
    SigV4Auth(Credentials(*opentrail.key), "sts", "us-east-1").add_auth(request)
    lines = [f"{name}: {value}" for name, value in request.headers.items() if name.lower() != "content-length"]
    lines += [f"Host: {urlsplit(opentrail.endpoint).netloc}", f"Content-Length: {len(body)}"]
    return "\r\n".join(["POST / HTTP/1.1", *lines]).encode() + b"\r\n\r\n" + body


def _changed(dice: random.Random, octets: bytes) -> bytes:
    """A few octets turned over, cut out, doubled, or replaced by something worse."""
    made = bytearray(octets)
    for _ in range(dice.randint(1, 4)):
        at = dice.randrange(len(made) + 1)
        match dice.randrange(4):
            case 0:
                made[at : at + 1] = dice.randbytes(1)
            case 1:
                del made[at : at + dice.randint(1, 40)]
            case 2:
                made[at:at] = made[at : at + 60]
            case _:
                made[at:at] = dice.choice(WORDS)
    return bytes(made)


def _said_to(opentrail: RunningOpenTrail, octets: bytes, *, wait: bool) -> bytes:
    """Send and hang up; with `wait` read until the server is done with us."""
    parts = urlsplit(opentrail.endpoint)
    assert parts.hostname is not None
    assert parts.port is not None
    received = b""
    with socket.create_connection((parts.hostname, parts.port), timeout=90) as connection:
        try:
            connection.sendall(octets)
            if wait:
                connection.shutdown(socket.SHUT_WR)
                while piece := connection.recv(65536):
                    received += piece
        except ConnectionError:
            pass  # it has hung up on us
    return received


def test_nothing_that_is_sent_hurts(running: RunningOpenTrail) -> None:
    front = running.role("front")
    assert front is not None
    valid = _valid(running)
    _said_to(running, valid, wait=True)
    before, dice = front.memory_info().rss, random.Random(20260105)
    for turn in range(ROUNDS):
        match turn % 4:
            case 0:
                octets = dice.randbytes(dice.randint(1, 2000))
            case 1:
                octets = b"".join(dice.choices(WORDS, k=dice.randint(1, 30)))
            case _:
                octets = _changed(dice, valid)
        answer = _said_to(running, octets, wait=turn % 3 != 0)
        assert answer == b"" or answer.startswith(b"HTTP/1.1 "), answer[:200]
        assert b"Traceback" not in answer
    assert running.health()["status"] == "ok"
    assert front.is_running()
    assert running.client("sts").get_caller_identity()["Account"] == "123456789012"
    assert front.memory_info().rss - before < GROWTH
    assert "Traceback" not in running.log.read_text()


def test_silent_connections_do_not_keep_others_out(running: RunningOpenTrail) -> None:
    parts = urlsplit(running.endpoint)
    idle = [socket.create_connection((parts.hostname or "", parts.port or 0), timeout=90) for _ in range(200)]
    for number, connection in enumerate(idle):
        connection.sendall([b"", b"G", b"GET / HTTP/1.1\r\nX: ", b"PUT /a/b HTTP/1.1\r\nContent-Length: 1000\r\n\r\nabc"][number % 4])
    assert running.client("sts").get_caller_identity()["Account"] == "123456789012"
    for connection in idle:
        connection.close()
    assert running.health()["status"] == "ok"
