"""A small Lambda: takes invocations by HTTP, checks their signatures, and can be slow to take them, refuse or break off."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Any
from urllib.parse import unquote

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

ACCESS_KEY_ID, SECRET = "AKIAFUNCTIONS0000000", "lambda-secret"


@dataclass(frozen=True, kw_only=True)
class Invocation:
    """One call of Invoke that was signed well."""

    function: str
    invocation_type: str | None
    region: str
    payload: bytes

    @property
    def event(self) -> Any:
        """The payload."""
        return json.loads(self.payload)


@dataclass
class FakeLambda:
    """What has come, and what comes of the next calls."""

    url: str = ""
    tried: list[Invocation] = field(default_factory=list)
    """Every call."""
    taken: list[Invocation] = field(default_factory=list)
    """Those that were answered with 202."""
    answers: dict[str, list[tuple[int, str] | None]] = field(default_factory=dict)
    """Function → status and code of its next answers; `None`: the connection is broken off. What follows is taken."""
    always: dict[str, tuple[int, str]] = field(default_factory=dict)
    """The same for functions that never take anything."""
    unsigned: int = 0
    """Calls whose signature was wrong."""
    lock: Lock = field(default_factory=Lock)

    def of(self, function: str) -> list[Any]:
        """The payloads that a function has taken."""
        return [one.event for one in self.taken if one.function == function]

    def receive(self, handler: BaseHTTPRequestHandler) -> tuple[int, str] | None:
        """What becomes of one request."""
        body = handler.rfile.read(int(handler.headers.get("content-length") or 0))
        with self.lock:
            region = signed_region(handler, body)
            if region is None:
                self.unsigned += 1
                return 403, "InvalidSignatureException"
            function = unquote(handler.path.removeprefix("/2015-03-31/functions/").removesuffix("/invocations"))
            made = Invocation(function=function, invocation_type=handler.headers.get("x-amz-invocation-type"), region=region, payload=body)
            self.tried.append(made)
            if function in self.always:
                return self.always[function]
            if waiting := self.answers.get(function):
                return waiting.pop(0)
            self.taken.append(made)
            return 202, ""


def signed_region(handler: BaseHTTPRequestHandler, body: bytes) -> str | None:
    """The Region of a good signature for Lambda with the one key; `None`: it is none."""
    try:
        algorithm, rest = handler.headers.get("authorization", "").split(" ", 1)
        parts = dict(part.strip().split("=", 1) for part in rest.split(","))
        key, _, region, service, end = parts["Credential"].split("/")
    except (ValueError, KeyError):
        return None
    if (algorithm, key, service, end) != ("AWS4-HMAC-SHA256", ACCESS_KEY_ID, "lambda", "aws4_request"):
        return None
    headers = {name: handler.headers[name] for name in parts["SignedHeaders"].split(";")}
    request = AWSRequest(method=handler.command, url=f"http://{handler.headers['host']}{handler.path}", data=body, headers=headers)
    request.context["timestamp"] = handler.headers["x-amz-date"]
    request.context["payload_signing_enabled"] = True
    judge = SigV4Auth(Credentials(ACCESS_KEY_ID, SECRET), "lambda", region)
    wanted = judge.signature(judge.string_to_sign(request, judge.canonical_request(request)), request)
    return region if wanted == parts["Signature"] else None


@contextmanager
def lambda_endpoint() -> Iterator[FakeLambda]:
    """Runs until the end of the block; `url` has the key in it, as `--upstream lambda=URL` takes it."""
    fake = FakeLambda()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            answer = fake.receive(self)
            if answer is None:
                self.close_connection = True
                return
            status, code = answer
            body = b"" if status == 202 else json.dumps({"Type": "User", "Message": f"{code} it is"}).encode()
            self.send_response(status)
            if code:
                self.send_header("x-amzn-errortype", code)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever)
    thread.start()
    fake.url = f"http://{ACCESS_KEY_ID}:{SECRET}@127.0.0.1:{server.server_port}"
    try:
        yield fake
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
