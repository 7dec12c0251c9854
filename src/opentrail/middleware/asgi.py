"""The middleware for ASGI: Starlette, FastAPI, Django's ASGI handler, or a bare application."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, MutableMapping
from typing import Any

from opentrail.clock import Clock, SystemClock
from opentrail.middleware import routes
from opentrail.middleware.client import AuditClient
from opentrail.middleware.event import Who
from opentrail.middleware.rules import Rules, Scope, Seen

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]

log = logging.getLogger("opentrail.middleware")


class AuditMiddleware:
    """Records each HTTP request of `app` as an audit event when it is over. WebSockets pass unrecorded.

    Put it outermost, so that it sees what all others answer. Parameters: `Rules`, and docs/how-to/record-your-own-application.md.
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
        """Without a `client` one is made from the environment; it is closed when the application shuts down. Raises `SettingError`."""
        self._app = app
        self._own = client is None
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

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """The application's answer, unchanged."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, self._closing(send))
            return
        if scope["type"] != "http" or self._rules.skips(scope, scope.get("path", "")):
            await self._app(scope, receive, send)
            return
        root = str(scope.get("root_path", ""))
        began, started = self._clock.time(), self._clock.monotonic()
        status: int | None = None

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        failure: BaseException | None = None
        try:
            await self._app(scope, receive, watched)
        except BaseException as raised:
            failure = raised
            raise
        finally:
            self._record(scope, root, status, failure, began, self._clock.monotonic() - started)

    def _record(self, scope: Scope, root: str, status: int | None, failure: BaseException | None, began: float, duration: float) -> None:
        try:
            peer = scope.get("client")
            seen = Seen(
                method=scope["method"],
                path=scope["path"],
                query=scope.get("query_string", b"").decode("latin-1"),
                route=routes.of_asgi(scope, root),
                peer=peer[0] if peer else None,
                headers=_headers(scope.get("headers", ())),
                status=status,
                failure=failure,
                began=began,
                duration=duration,
                user=_user(scope.get("user")),
            )
            self._client.put(self._rules.event(self._rules.ask(scope), seen))
        except Exception as error:
            log.warning("a request cannot be described: %s", type(error).__name__)
            self._client.count_unwritable()

    def _closing(self, send: Send) -> Send:
        """The last events leave before the server is told that the application is down."""

        async def closing(message: Message) -> None:
            if self._own and message["type"] == "lifespan.startup.complete":
                self._client.start()
            if self._own and message["type"] in ("lifespan.shutdown.complete", "lifespan.shutdown.failed"):
                await asyncio.to_thread(self._client.close)
            await send(message)

        return closing


def _headers(raw: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in raw:
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        found[key] = f"{found[key]},{text}" if key in found else text
    return found


def _user(user: Any) -> Who | None:
    """Whom Starlette's authentication, or Django's, takes the caller for."""
    if user is None or not getattr(user, "is_authenticated", False):
        return None
    for name in ("identity", "display_name", "username"):
        try:
            told = getattr(user, name, None)
        except NotImplementedError:  # Starlette's BaseUser has no identity unless it is written
            continue
        if told:
            return Who(principal_id=str(told))
    return None
