"""One keep-alive HTTP/1.1 connection for verbs that ask a server much in a short time. Blocking; one thread at a time."""

from __future__ import annotations

import os
import socket
import ssl
from dataclasses import dataclass

import httptools

from opentrail.errors import OpenTrailError

PATIENCE = 60.0
"""Seconds to wait for a connection, and for each further piece of an answer; botocore's."""
_PIECE = 256 << 10


class Unreachable(OpenTrailError):
    """Nobody answers at the endpoint."""


class BrokenOff(OpenTrailError):
    """The connection ended before the answer did."""


class NotHTTP(OpenTrailError):
    """What answers does not speak HTTP."""


@dataclass(frozen=True, slots=True)
class Received:
    """One answer; names of `headers` are lower case, of repeated ones the last counts."""

    status: int
    headers: dict[str, str]
    body: bytes


class Line:
    """A connection to `host`:`port`, made at the first request and made again when it is gone."""

    def __init__(self, host: str, port: int, *, tls: ssl.SSLContext | None = None) -> None:
        self._host = host
        self._port = port
        self._tls = tls
        self._socket: socket.socket | None = None

    def exchange(self, request: bytes) -> Received:
        """Send one request (not HEAD), read its answer. Raises `Unreachable`, `BrokenOff`, `NotHTTP`.

        A connection that was kept may have been closed meanwhile at the other end: then it is made again and the request repeated.
        """
        kept = self._socket is not None
        try:
            return self._exchange(request)
        except BrokenOff:
            if not kept:
                raise
        return self._exchange(request)

    def close(self) -> None:
        """Hang up."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _exchange(self, request: bytes) -> Received:
        connection = self._socket = self._socket or self._connect()
        answer = _Answer()
        try:
            connection.sendall(request)
            while not answer.complete:
                piece = connection.recv(_PIECE)
                if not piece:
                    if answer.until_close:
                        break
                    raise BrokenOff
                answer.parser.feed_data(piece)
        except OSError as error:
            self.close()
            raise BrokenOff from error
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self.close()
            raise NotHTTP(str(error)) from error
        except BaseException:
            self.close()
            raise
        if answer.until_close or not answer.keep_alive:
            self.close()
        return Received(answer.status, answer.headers, b"".join(answer.pieces))

    def _connect(self) -> socket.socket:
        try:
            made = socket.create_connection((self._host, self._port), PATIENCE)
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return self._tls.wrap_socket(made, server_hostname=self._host) if self._tls is not None else made
        except OSError as error:
            raise Unreachable(str(error)) from error


def tls(ca_bundle: str | None = None) -> ssl.SSLContext:
    """TLS with the machine's authorities, or those in the file that `AWS_CA_BUNDLE` names, else in `ca_bundle`.

    Raises `Unreachable` for a file of no use."""
    bundle = os.environ.get("AWS_CA_BUNDLE") or os.environ.get("REQUESTS_CA_BUNDLE") or ca_bundle
    try:
        return ssl.create_default_context(cafile=bundle or None)
    except OSError as error:
        raise Unreachable(f"The authorities in {bundle} cannot be read: {error}") from error


class _Answer:
    """An answer as the parser tells it."""

    def __init__(self) -> None:
        self.parser = httptools.HttpResponseParser(self)
        self.status = 0
        self.headers: dict[str, str] = {}
        self.pieces: list[bytes] = []
        self.complete = False
        self.until_close = False
        self.keep_alive = False

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        self.status = self.parser.get_status_code()
        self.keep_alive = self.parser.should_keep_alive()
        bodiless = self.status < 200 or self.status in (204, 304)
        self.until_close = not (bodiless or "content-length" in self.headers or "transfer-encoding" in self.headers)

    def on_body(self, data: bytes) -> None:
        self.pieces.append(data)

    def on_message_complete(self) -> None:
        if self.status < 200:
            self.headers.clear()  # an interim answer; the real one follows
        else:
            self.complete = True
