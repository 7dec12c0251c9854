"""An Iceberg REST catalog in memory, on a port of its own: namespaces, and tables by their metadata file."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import unquote, urlsplit


class RestCatalogServer:
    """`tables` maps names to metadata files. `overwrites=False` is an older catalog; `away` answers every call with 503."""

    def __init__(self, *, overwrites: bool = True) -> None:
        self.overwrites = overwrites
        self.away = False
        self.namespaces: set[str] = set()
        self.tables: dict[str, str] = {}
        house = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, format: str, *args: Any) -> None:
                pass

            def _do(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                status, answer = house._answer(self.command, unquote(urlsplit(self.path).path), json.loads(body) if body else {})
                written = json.dumps(answer).encode() if answer is not None else b""
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(written)))
                self.end_headers()
                self.wfile.write(written)

            do_GET = do_POST = do_DELETE = do_HEAD = _do

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _answer(self, method: str, path: str, asked: dict[str, Any]) -> tuple[int, dict[str, Any] | None]:
        parts = path.strip("/").split("/")[1:]
        if self.away:
            return _fault(400, "BadRequestException")
        match method, parts:
            case "GET", ["config"]:
                return 200, {"defaults": {}, "overrides": {}}
            case "POST", ["namespaces"]:
                name = ".".join(asked["namespace"])
                if name in self.namespaces:
                    return _fault(409, "AlreadyExistsException")
                self.namespaces.add(name)
                return 200, {"namespace": asked["namespace"], "properties": {}}
            case "POST", ["namespaces", _, "register"]:
                if asked["name"] in self.tables and not (asked.get("overwrite") and self.overwrites):
                    return _fault(409, "AlreadyExistsException")
                self.tables[asked["name"]] = asked["metadata-location"]
                return 200, self._table(asked["name"])
            case "GET", ["namespaces", _, "tables", name] if name in self.tables:
                return 200, self._table(name)
            case "DELETE", ["namespaces", _, "tables", name] if name in self.tables:
                del self.tables[name]
                return 204, None
        return _fault(404, "NoSuchTableException")

    def _table(self, name: str) -> dict[str, Any]:
        location = self.tables[name]
        return {"metadata-location": location, "metadata": json.loads(Path(urlsplit(location).path).read_text()), "config": {}}


def _fault(status: int, kind: str) -> tuple[int, dict[str, Any]]:
    return status, {"error": {"message": kind, "type": kind, "code": status}}
