"""The door through which identity providers are asked: narrow, and open for a few seconds only."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from opentrail.api.sts.fetching import MAX_SIZE, Fetcher, Refused
from opentrail.clock import ManualClock
from opentrail.errors import SettingError
from opentrail.identity.issuers import Issuers, read_given
from simulators.issuer import Issuer


@contextmanager
def site(talk: Callable[[socket.socket], None]) -> Iterator[str]:
    """A server of one connection that says what `talk` says."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.recv(65536)
                with suppress(OSError):  # the client has gone
                    talk(connection)

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/x"
        thread.join()


def test_keys_of_a_real_site() -> None:
    issuer = Issuer("")
    with issuer.served() as url:
        found = Issuers(Fetcher(http=True), ManualClock()).keys(url, "first")
    assert found == tuple(issuer.keys["keys"])


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1/x", "file:///etc/passwd", "ftp://x.example.com/", "https:///x", "https://x:99999/", "https://x/a b", "gopher://x"],
)
def test_only_https_and_only_addresses(url: str) -> None:
    with pytest.raises(Refused):
        Fetcher()(url)


@pytest.mark.parametrize("status", ["301 Moved Permanently\r\nLocation: http://127.0.0.1/", "404 Not Found", "204 No Content", "500 Oh"])
def test_only_answers_of_status_200(status: str) -> None:
    with site(lambda connection: connection.sendall(f"HTTP/1.1 {status}\r\n\r\n".encode())) as url, pytest.raises(Refused, match="status"):
        Fetcher(http=True)(url)


def test_an_answer_that_never_ends_is_cut() -> None:
    def endless(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * (MAX_SIZE + 10))

    with site(endless) as url, pytest.raises(Refused, match="longer"):
        Fetcher(http=True)(url)


@pytest.mark.parametrize("begun", [b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n{"])
def test_an_answer_that_comes_in_drops_is_given_up(begun: bytes) -> None:
    gone = threading.Event()

    def drops(connection: socket.socket) -> None:
        connection.sendall(begun)
        while not gone.wait(0.02):
            connection.sendall(b" ")

    with site(drops) as url:
        with pytest.raises(TimeoutError):
            Fetcher(http=True, patience=0.2)(url)
        gone.set()


def test_what_is_no_http() -> None:
    with site(lambda connection: connection.sendall(b"hello\r\n\r\n")) as url, pytest.raises(OSError, match="no HTTP"):
        Fetcher(http=True)(url)


def test_the_file_of_given_keys(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    path.write_text('{"https://a.example.com": {"keys": [{"kty": "RSA"}]}}')
    assert read_given(path) == {"https://a.example.com": ({"kty": "RSA"},)}
    for wrong in ("", "[]", '{"https://a.example.com": []}', '{"https://a.example.com": {"keys": 7}}'):
        path.write_text(wrong)
        with pytest.raises(SettingError, match="must hold"):
            read_given(path)
    with pytest.raises(SettingError, match="cannot be read"):
        read_given(path.with_name("gone.json"))
