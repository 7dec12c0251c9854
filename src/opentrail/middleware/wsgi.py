"""The middleware for WSGI: Flask, Django's WSGI handler, or a bare application."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any

from opentrail.clock import Clock, SystemClock
from opentrail.middleware import routes
from opentrail.middleware.client import AuditClient
from opentrail.middleware.event import Who
from opentrail.middleware.rules import Rules, Scope, Seen, Told

Environ = dict[str, Any]
Application = Callable[[Environ, Any], Iterable[bytes]]

log = logging.getLogger("opentrail.middleware")


class WSGIAuditMiddleware:
    """Records each request of `app` as an audit event when its answer has been given away.

        flask_app.wsgi_app = WSGIAuditMiddleware(flask_app.wsgi_app, source="orders.example.com")

    Parameters: `Rules`, and docs/how-to/record-your-own-application.md.
    """

    def __init__(
        self,
        app: Application,
        *,
        client: AuditClient | None = None,
        source: str | None = None,
        who: Callable[[Scope], Who | str | None] | None = None,
        what: Callable[[Scope], str | None] | None = None,
        resource: Callable[[Scope], str | None] | None = None,
        details: Callable[[Scope], Mapping[str, Any] | None] | None = None,
        skip: Collection[str] | Callable[[Scope], bool] = (),
        trusted_proxies: Collection[str] = (),
        query: Collection[str] = (),
        headers: Collection[str] = (),
        request_id_header: str = "x-request-id",
        clock: Clock | None = None,
    ) -> None:
        """Without a `client` one is made from the environment. Raises `SettingError`."""
        self._app = app
        self._client = client or AuditClient(source=source)
        self._clock = clock or SystemClock()
        self._rules = Rules(
            who=who,
            what=what,
            resource=resource,
            details=details,
            skip=skip,
            trusted_proxies=trusted_proxies,
            query=query,
            headers=headers,
            request_id_header=request_id_header.lower(),
        )

    @property
    def client(self) -> AuditClient:
        """Whose `figures` tell how it is doing."""
        return self._client

    def __call__(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        """The application's answer, unchanged."""
        if self._rules.skips(environ, _path(environ)):
            return self._app(environ, start_response)
        request = _Request(self, environ, self._clock.time(), self._clock.monotonic())

        def started(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            self._note(request, status)
            return start_response(status, headers, exc_info) if exc_info is not None else start_response(status, headers)

        try:
            answer = self._app(environ, started)
        except BaseException as raised:
            request.over(raised)
            raise
        return _Answer(answer, request)

    def _note(self, request: _Request, status: str) -> None:
        """The answer begins: Flask and its like still have their context, and know the route."""
        try:
            request.status = _code(status)
            request.route = routes.of_wsgi(request.environ)
            request.told = self._rules.ask(request.environ)
        except Exception as error:
            log.warning("a request cannot be described: %s", type(error).__name__)

    def record(self, request: _Request, failure: BaseException | None) -> None:
        """`request` is over. Never raises."""
        environ = request.environ
        try:
            seen = Seen(
                method=str(environ.get("REQUEST_METHOD", "")),
                path=_path(environ),
                query=str(environ.get("QUERY_STRING", "")),
                route=request.route,
                peer=environ.get("REMOTE_ADDR"),
                headers=_headers(environ),
                status=request.status,
                failure=failure,
                began=request.began,
                duration=self._clock.monotonic() - request.started,
                user=Who(principal_id=str(environ["REMOTE_USER"])) if environ.get("REMOTE_USER") else None,
            )
            self._client.put(self._rules.event(request.told or self._rules.ask(environ), seen))
        except Exception as error:
            log.warning("a request cannot be described: %s", type(error).__name__)
            self._client.count_unwritable()


class _Request:
    """What is known of a request while it runs; recorded once."""

    def __init__(self, middleware: WSGIAuditMiddleware, environ: Environ, began: float, started: float) -> None:
        self.environ = environ
        self.began = began
        self.started = started
        self.status: int | None = None
        self.route: str | None = None
        self.told: Told | None = None
        self._middleware: WSGIAuditMiddleware | None = middleware

    def over(self, failure: BaseException | None = None) -> None:
        middleware, self._middleware = self._middleware, None
        if middleware is not None:
            middleware.record(self, failure)


class _Answer:
    """The body on its way out. Whoever serves it calls `close` at the end (PEP 3333). Where a server forgets it, because the client has
    gone, the request is over all the same: at the end of the body, or when nobody has the answer any more."""

    def __init__(self, body: Iterable[bytes], request: _Request) -> None:
        self._body = body
        self._pieces: Iterator[bytes] | None = None
        self._request = request

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        try:
            if self._pieces is None:
                self._pieces = iter(self._body)
            return next(self._pieces)
        except StopIteration:
            self._request.over()
            raise
        except BaseException as raised:
            self._request.over(raised)
            raise

    def close(self) -> None:
        close = getattr(self._body, "close", None)
        try:
            if close is not None:
                close()
        except BaseException as raised:
            self._request.over(raised)
            raise
        self._request.over()

    def __del__(self) -> None:
        self._request.over()


def _path(environ: Mapping[str, Any]) -> str:
    whole = f"{environ.get('SCRIPT_NAME', '')}{environ.get('PATH_INFO', '')}"
    return whole.encode("latin-1", "replace").decode("utf-8", "replace")  # PEP 3333: octets in the guise of latin-1


def _code(status: str) -> int | None:
    return int(status[:3]) if status[:3].isdigit() else None


def _headers(environ: Mapping[str, Any]) -> dict[str, str]:
    found = {name[5:].replace("_", "-").lower(): str(value) for name, value in environ.items() if name.startswith("HTTP_")}
    for name in ("CONTENT_TYPE", "CONTENT_LENGTH"):
        if environ.get(name):
            found[name.replace("_", "-").lower()] = str(environ[name])
    return found
