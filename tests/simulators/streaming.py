"""100 MB that nobody holds: a body that is made while it is read, an upstream that takes and gives as much, and how far a process grows."""

from __future__ import annotations

import contextlib
import hashlib
import http.server
import threading
from collections.abc import Iterator
from typing import Any, ClassVar

import psutil

from simulators.running import RunningOpenTrail

SIZE = 100 << 20
"""Bytes of the body."""
PIECE = bytes(range(256)) * 4096


def expected_digest() -> str:
    """SHA-256 of the body, hex."""
    digest = hashlib.sha256()
    for _ in range(SIZE // len(PIECE)):
        digest.update(PIECE)
    return digest.hexdigest()


class Endless:
    """A file of `SIZE` bytes that is made while it is read."""

    def __init__(self) -> None:
        self.at = 0

    def read(self, wanted: int = -1) -> bytes:
        left = SIZE - self.at
        size = left if wanted is None or wanted < 0 else min(wanted, left)
        start = self.at % len(PIECE)
        made = (PIECE[start:] + PIECE * (size // len(PIECE) + 1))[:size]
        self.at += size
        return made

    def tell(self) -> int:
        return self.at

    def seek(self, at: int, whence: int = 0) -> int:
        self.at = {0: at, 1: self.at + at, 2: SIZE + at}[whence]
        return self.at


class StreamingUpstream(http.server.BaseHTTPRequestHandler):
    """Takes PUTs and gives 100 MB to every GET, with headers that must arrive as they are."""

    protocol_version = "HTTP/1.1"
    seen: ClassVar[dict[str, Any]] = {}
    """Digest and headers of the last PUT."""

    def do_PUT(self) -> None:
        digest = hashlib.sha256()
        left = int(self.headers["Content-Length"])
        while left:
            piece = self.rfile.read(min(left, 1 << 20))
            digest.update(piece)
            left -= len(piece)
        type(self).seen = {"sha256": digest.hexdigest(), "headers": {name.lower(): value for name, value in self.headers.items()}}
        self.send_response(200)
        self.send_header("ETag", '"abc"')
        self.send_header("x-amz-request-id", "UPSTREAMREQUEST1")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(SIZE))
        self.send_header("X-Odd", "a")
        self.send_header("X-Odd", "b")
        self.send_header("ETag", '"abc"')
        self.end_headers()
        for _ in range(SIZE // len(PIECE)):
            self.wfile.write(PIECE)

    def log_message(self, *_: Any) -> None:
        pass


@contextlib.contextmanager
def streaming_upstream() -> Iterator[str]:
    """Serve `StreamingUpstream` in a thread; gives its URL."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), StreamingUpstream)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def front_of(opentrail: RunningOpenTrail) -> psutil.Process:
    """The process through which the bytes go."""
    front = opentrail.role("front")
    assert front is not None
    return front


class Growth:
    """While it is entered, watches how much memory a process has; afterwards `before`, `peak` and `bytes` tell, in bytes."""

    def __init__(self, process: psutil.Process) -> None:
        self._process = process
        self._stop = threading.Event()
        self._watch = threading.Thread(target=self._look)
        self.before = 0
        self.peak = 0

    @property
    def bytes(self) -> int:
        """By how much it grew at most."""
        return self.peak - self.before

    def __enter__(self) -> Growth:
        self.before = self.peak = self._process.memory_info().rss
        self._watch.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._watch.join()

    def _look(self) -> None:
        while not self._stop.wait(0.01):
            self.peak = max(self.peak, self._process.memory_info().rss)
