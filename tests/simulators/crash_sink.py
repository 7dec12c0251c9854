"""An HTTP endpoint of one's own for tests that kill a server: keeps what it is sent, by path, and can be told to be in trouble."""

from __future__ import annotations

import json
import threading
import urllib.request
from collections import defaultdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class CrashSink:
    """Confirms subscriptions of topics. `down` holds the paths that answer 503."""

    def __init__(self) -> None:
        self.got: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
        """Path → bodies taken."""
        self.refused: defaultdict[str, int] = defaultdict(int)
        """Path → calls that were answered with 503."""
        self.most: defaultdict[str, int] = defaultdict(int)
        """Path → calls under way at the same time, at most."""
        self.down: set[str] = set()
        self._now: defaultdict[str, int] = defaultdict(int)
        self._lock = threading.Lock()
        sink = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                status = sink._take(self.path, body)
                self.send_response(status)
                self.send_header("content-length", "0")
                sink._leave(self.path)  # before the answer goes: the next call may be there before this thread goes on
                self.end_headers()
                if body.get("Type") == "SubscriptionConfirmation":
                    urllib.request.urlopen(body["SubscribeURL"], timeout=90).close()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def _take(self, path: str, body: dict[str, Any]) -> int:
        with self._lock:
            self._now[path] += 1
            self.most[path] = max(self.most[path], self._now[path])
            if path in self.down:
                self.refused[path] += 1
                return 503
            self.got[path].append(body)
            return 200

    def _leave(self, path: str) -> None:
        with self._lock:
            self._now[path] -= 1

    def close(self) -> None:
        """Listen no more."""
        self._server.shutdown()
        self._server.server_close()
