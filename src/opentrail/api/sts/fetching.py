"""Documents of identity providers, got over HTTP: an outward door, and a narrow one.

HTTPS only (plain HTTP where the settings allow it), no redirects, no credentials, no proxy, a few seconds for the whole answer, and half
a megabyte of it.
"""

from __future__ import annotations

import contextlib
import http.client
import socket
import ssl
import threading
from urllib.parse import urlsplit

from opentrail import __version__

PATIENCE = 5.0
"""Seconds for one document, all in all."""
MAX_SIZE = 512 << 10


class Refused(OSError):
    """What was asked for is not fetched, or the answer is not taken."""


class Fetcher:
    """See the module; as `identity.issuers.Fetch` asks for."""

    def __init__(self, *, http: bool = False, patience: float = PATIENCE) -> None:
        """`http`: plain HTTP is allowed too. Authorities are the machine's, or those that `SSL_CERT_FILE` names."""
        self._http = http
        self._patience = patience

    def __call__(self, url: str) -> bytes:
        """The body of an answer of status 200. Raises `OSError`."""
        parts = urlsplit(url)
        if parts.scheme != "https" and not (parts.scheme == "http" and self._http):
            raise Refused(f"{url} does not begin with https://")
        if not parts.hostname or not url.isascii() or not url.isprintable() or " " in url:
            raise Refused("its address is not valid")
        connection: http.client.HTTPConnection
        try:
            port = parts.port
        except ValueError:
            raise Refused("its address is not valid") from None
        if parts.scheme == "https":
            connection = http.client.HTTPSConnection(parts.hostname, port, timeout=self._patience, context=ssl.create_default_context())
        else:
            connection = http.client.HTTPConnection(parts.hostname, port, timeout=self._patience)
        try:
            connection.connect()
            return self._exchange(connection, (parts.path or "/") + (f"?{parts.query}" if parts.query else ""))
        except http.client.HTTPException as error:
            raise Refused(f"its answer is no HTTP ({type(error).__name__})") from None
        finally:
            connection.close()

    def _exchange(self, connection: http.client.HTTPConnection, target: str) -> bytes:
        # Timeouts of a socket begin anew with every byte; this one does not.
        open_socket: socket.socket = connection.sock
        late = threading.Event()

        def stop() -> None:
            late.set()
            with contextlib.suppress(OSError):
                open_socket.shutdown(socket.SHUT_RDWR)

        timer = threading.Timer(self._patience, stop)
        timer.daemon = True
        timer.start()
        try:
            connection.request("GET", target, headers={"Accept": "application/json", "User-Agent": f"OpenTrail/{__version__}"})
            answer = connection.getresponse()
            if answer.status != 200:
                raise Refused(f"it answered with status {answer.status}")
            body = answer.read(MAX_SIZE + 1)
        except (OSError, http.client.HTTPException):
            if late.is_set():
                raise TimeoutError("it took too long to answer") from None
            raise
        finally:
            timer.cancel()
        if late.is_set():
            raise TimeoutError("it took too long to answer")
        if len(body) > MAX_SIZE:
            raise Refused(f"its answer is longer than {MAX_SIZE} bytes")
        return body
