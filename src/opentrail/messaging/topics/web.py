"""One POST to a subscriber: an outward door, and a narrow one.

Names are resolved here, and every address is looked at before anything is sent to it (`addresses`); the connection goes to that very
address. No redirects, no proxy, fifteen seconds for everything, and of the answer only its status is used.
"""

from __future__ import annotations

import base64
import contextlib
import http.client
import socket
import ssl
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Final
from urllib.parse import unquote, urlsplit

from opentrail.messaging.topics.addresses import is_refused

PATIENCE: Final = 15.0
"""Seconds that a delivery has (SNS developer guide, "Amazon SNS message delivery retries")."""
_MAX_ANSWER: Final = 64 << 10

Resolve = Callable[[str, int], Sequence[str]]


class Refused(OSError):
    """The endpoint is one that nothing is sent to."""


class Web:
    """Posts to URLs. Thread-safe."""

    def __init__(self, *, patience: float = PATIENCE, resolve: Resolve | None = None) -> None:
        """Authorities are the machine's, or those that `SSL_CERT_FILE` names. `resolve` finds the addresses of a host and port."""
        self._patience = patience
        self._resolve = resolve or _resolve

    def post(self, url: str, headers: Mapping[str, str], body: bytes, *, method: str = "POST") -> int:
        """The status of the answer. Raises `OSError` when there is none: no connection, no certificate, no HTTP, too late."""
        parts = urlsplit(url)
        tls, host = parts.scheme == "https", parts.hostname or ""
        port = parts.port or (443 if tls else 80)
        sent = {**headers, "Host": _authority(host, parts.port), "Content-Length": str(len(body)), "Connection": "close"}
        if parts.username is not None:
            pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
            sent["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        deadline = _Deadline(self._patience)
        try:
            connection = http.client.HTTPConnection(host, port, timeout=self._patience)
            connection.sock = deadline.watch(self._connect(host, port))
            try:
                if tls:
                    context = ssl.create_default_context()
                    connection.sock = deadline.watch(context.wrap_socket(connection.sock, server_hostname=host))
                connection.request(method, (parts.path or "/") + (f"?{parts.query}" if parts.query else ""), body, sent)
                answer = connection.getresponse()
                answer.read(_MAX_ANSWER)
                return answer.status
            finally:
                connection.close()
        except (OSError, http.client.HTTPException) as error:
            if deadline.passed:
                raise TimeoutError(f"it did not answer within {self._patience:g} s") from None
            if isinstance(error, OSError):
                raise
            raise OSError(f"its answer is no HTTP ({type(error).__name__})") from None
        finally:
            deadline.end()

    def _connect(self, host: str, port: int) -> socket.socket:
        addresses = self._resolve(host, port)
        if any(is_refused(address) for address in addresses):
            raise Refused("its address is one that nothing is sent to")
        failed: OSError = OSError("its name has no address")
        for address in addresses:
            try:
                return socket.create_connection((address, port), self._patience)
            except OSError as error:
                failed = error
        raise failed


class _Deadline:
    """Timeouts of a socket begin anew with every byte; this one does not."""

    def __init__(self, seconds: float) -> None:
        self.passed = False
        self._watched: socket.socket | None = None
        self._timer = threading.Timer(seconds, self._stop)
        self._timer.daemon = True
        self._timer.start()

    def watch(self, connection: socket.socket) -> socket.socket:
        self._watched = connection
        return connection

    def end(self) -> None:
        self._timer.cancel()

    def _stop(self) -> None:
        self.passed = True
        watched = self._watched
        if watched is not None:
            with contextlib.suppress(OSError):
                watched.shutdown(socket.SHUT_RDWR)


def _resolve(host: str, port: int) -> list[str]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except UnicodeError:
        raise OSError("its name is not valid") from None
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def _authority(host: str, port: int | None) -> str:
    shown = f"[{host}]" if ":" in host else host
    return shown if port is None else f"{shown}:{port}"
