"""Posting to subscribers: where nothing is sent, and that no answer can hold us up."""

from __future__ import annotations

import base64
import ipaddress
import re
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opentrail.messaging.topics.addresses import is_refused
from opentrail.messaging.topics.web import Refused, Web
from simulators.certificates import Certificate


@contextmanager
def server(answer: Callable[[socket.socket, bytes], None]) -> Iterator[int]:
    """Answers one connection after the other; its port."""
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            with connection, suppress(OSError):
                answer(connection, _whole(connection))

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield listening.getsockname()[1]
    listening.shutdown(socket.SHUT_RDWR)
    listening.close()
    thread.join(5)


def _whole(connection: socket.socket) -> bytes:
    """One request with its body: closing on half of it would take the answer away."""
    found = b""
    while b"\r\n\r\n" not in found:
        found += connection.recv(65536)
    head, _, body = found.partition(b"\r\n\r\n")
    length = int(re.search(rb"Content-Length: (\d+)", head)[1])  # type: ignore[index]
    while len(body) < length:
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


def says(text: bytes) -> Callable[[socket.socket, bytes], None]:
    return lambda connection, _: connection.sendall(text)


@pytest.mark.parametrize(
    "address",
    [
        "169.254.169.254", "169.254.0.1", "fe80::1", "fe80::1%eth0", "fd00:ec2::254", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe",
        "2002:a9fe:a9fe::1", "::a9fe:a9fe", "100.100.100.200", "192.0.0.192", "224.0.0.1", "ff02::1", "no address",
    ],
)  # fmt: skip
def test_where_credentials_are_handed_out_nothing_is_sent(address: str) -> None:
    assert is_refused(address)
    web = Web(resolve=lambda host, port: [address])
    with pytest.raises(Refused):
        web.post("http://innocent.example.com/", {}, b"x")


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "10.0.0.1", "192.168.1.2", "fd12::1", "203.0.113.9", "2001:db8::1"])
def test_one_s_own_network_and_the_world_are_reached(address: str) -> None:
    assert not is_refused(address)


@given(inner=st.integers(0xA9FE0000, 0xA9FEFFFF), form=st.sampled_from(["::ffff:{}", "64:ff9b::{}", "::{}"]))
def test_no_way_to_write_a_link_local_address_gets_through(inner: int, form: str) -> None:
    assert is_refused(form.format(ipaddress.IPv4Address(inner)))


def test_one_bad_address_among_several_refuses_them_all() -> None:
    with server(says(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")) as port, pytest.raises(Refused):
        Web(resolve=lambda host, _: ["127.0.0.1", "169.254.169.254"]).post(f"http://rebound.example.com:{port}/", {}, b"x")


@pytest.mark.parametrize("host", ["2852039166", "0xa9fea9fe", "169.254.43518", "[::ffff:169.254.169.254]"])
def test_other_spellings_of_a_refused_address_are_refused(host: str) -> None:
    with pytest.raises(OSError, match=r"nothing is sent to|name|Name"):
        Web(patience=3).post(f"http://{host}/", {}, b"x")


def test_the_connection_goes_to_the_address_that_was_looked_at_under_the_name_that_was_asked_for() -> None:
    seen: list[bytes] = []

    def answer(connection: socket.socket, request: bytes) -> None:
        seen.append(request)
        connection.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")

    with server(answer) as port:
        status = Web(resolve=lambda host, _: ["127.0.0.1"]).post(
            f"http://ana:s%40cret@name.example.com:{port}/a?b=c", {"X-One": "1"}, b"hi"
        )
    assert status == 204
    head, _, body = seen[0].partition(b"\r\n\r\n")
    lines = head.decode().splitlines()
    assert lines[0] == "POST /a?b=c HTTP/1.1"
    assert f"Host: name.example.com:{port}" in lines
    assert f"Authorization: Basic {base64.b64encode(b'ana:s@cret').decode()}" in lines
    assert body == b"hi"


def test_a_redirect_is_an_answer_and_not_followed() -> None:
    asked: list[bytes] = []

    def answer(connection: socket.socket, request: bytes) -> None:
        asked.append(request)
        connection.sendall(b"HTTP/1.1 302 Found\r\nlocation: http://169.254.169.254/\r\ncontent-length: 0\r\n\r\n")

    with server(answer) as port:
        assert Web().post(f"http://127.0.0.1:{port}/", {}, b"x") == 302
    assert len(asked) == 1


def test_an_answer_without_end_is_not_read_to_its_end() -> None:
    def answer(connection: socket.socket, _: bytes) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            connection.sendall(b"x" * 65536)

    with server(answer) as port:
        assert Web().post(f"http://127.0.0.1:{port}/", {}, b"x") == 200


def test_an_answer_that_comes_byte_by_byte_is_late() -> None:
    def answer(connection: socket.socket, _: bytes) -> None:
        pause = threading.Event()
        for byte in b"HTTP/1.1 200 OK\r\n" * 100:
            connection.sendall(bytes([byte]))
            pause.wait(0.05)

    with server(answer) as port, pytest.raises(TimeoutError):
        Web(patience=0.4).post(f"http://127.0.0.1:{port}/", {}, b"x")


@pytest.mark.parametrize("text", [b"", b"hello\r\n\r\n", b"HTTP/1.1 abc\r\n\r\n", b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 200 + b"\r\n"])
def test_what_is_no_http_is_an_error(text: bytes) -> None:
    with server(says(text)) as port, pytest.raises(OSError, match=r"HTTP|reset|closed"):
        Web(patience=90).post(f"http://127.0.0.1:{port}/", {}, b"x")


def test_a_certificate_that_nobody_trusts_is_refused(tmp_path: Path) -> None:
    made = Certificate.made(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made.certificate, made.key)
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        connection, _ = listening.accept()
        with connection, suppress(OSError):
            context.wrap_socket(connection, server_side=True).close()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    with pytest.raises(ssl.SSLError):
        Web(patience=90).post(f"https://127.0.0.1:{listening.getsockname()[1]}/", {}, b"x")
    thread.join(5)
    listening.close()
