"""GitHub's audit log and Okta's System Log as their readers see them: a list that grows, told page by page behind real HTTP."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


class Log:
    """`events`, oldest first; `size` of a page. `refusing`: (status, headers) of the next answers."""

    def __init__(self, token: str, *, size: int = 2) -> None:
        self.token = token
        self.size = size
        self.events: list[dict[str, Any]] = []
        self.refusing: list[tuple[int, dict[str, str]]] = []
        self.asked: list[dict[str, str]] = []
        self.base = "http://127.0.0.1:1"

    def answer(self, path: str, authorization: str) -> tuple[int, dict[str, str], bytes]:
        """Status, headers, body."""
        parts = urlsplit(path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        self.asked.append(query)
        if self.refusing:
            status, headers = self.refusing.pop(0)
            return status, headers, b'{"message": "no"}'
        github = parts.path == "/orgs/acme/audit-log"
        if not github and parts.path != "/api/v1/logs":
            return 404, {}, b"{}"
        if authorization != (f"Bearer {self.token}" if github else f"SSWS {self.token}"):
            return 401, {}, b"{}"
        begin = int(query.get("after", "0"))
        page = self.events[begin : begin + self.size]
        end = begin + len(page)
        headers = {}
        if end < len(self.events) or not github:
            link = f"{self.base}{parts.path}?after={end}"
            headers["link"] = f'<{self.base}{parts.path}>; rel="self", <{link}>; rel="next"'
        return 200, headers, json.dumps(page).encode()

    @contextmanager
    def served(self) -> Iterator[str]:
        """The URL at which it answers."""
        log = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                status, headers, body = log.answer(self.path, self.headers.get("authorization", ""))
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *arguments: Any) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        self.base = f"http://127.0.0.1:{server.server_port}"
        try:
            yield self.base
        finally:
            server.shutdown()
            server.server_close()
            thread.join()
