"""The child process of the sandbox: moto's server on a socket that the parent has opened. Run by `process.Sandbox` only.

python -m opentrail.sandbox.child <file descriptor> <pid of the parent>
"""

from __future__ import annotations

import ctypes
import logging
import os
import signal
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import make_server

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

_PR_SET_PDEATHSIG = 1
_PLACEHOLDER = b">request-id<"
"""What moto writes into the bodies of EC2's answers for an id; the id of the call is in a header."""


def main(descriptor: int, parent: int) -> None:
    """Serve until the parent ends or says so."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)  # nothing in here is worth saving
    if os.getppid() != parent:
        return
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which stops us when it is done
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    application = with_request_ids(DomainDispatcherApplication(create_backend_app))
    server = make_server("127.0.0.1", 0, application, threaded=True, request_handler=MotoRequestHandler, fd=descriptor)
    server.serve_forever()


def with_request_ids(application: WSGIApplication) -> WSGIApplication:
    """`application`, with one request id per answer: clients that read it from the body find the record by it too."""

    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        begun: list[tuple[str, list[tuple[str, str]]]] = []

        def begin(status: str, headers: list[tuple[str, str]], exc_info: object = None) -> None:
            begun[:] = [(status, headers)]

        pieces = application(environ, begin)  # type: ignore[arg-type]  # nobody uses the write() that begin does not return
        try:
            body = b"".join(pieces)
        finally:
            getattr(pieces, "close", lambda: None)()
        status, headers = begun[0]
        request_id = next((value for name, value in headers if name.lower() == "x-amzn-requestid"), None)
        if request_id is not None and _PLACEHOLDER in body:
            body = body.replace(_PLACEHOLDER, f">{request_id}<".encode("latin-1"))
            headers = [(name, str(len(body)) if name.lower() == "content-length" else value) for name, value in headers]
        start_response(status, headers)
        return [body]

    return answer


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
