"""What of a request becomes part of its event: the rules that the application gives, and what is done without any.

Never recorded unless asked for: bodies, values of the query, headers (but for the user agent, and a request id).
"""

from __future__ import annotations

import http
import logging
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from opentrail.middleware import addresses
from opentrail.middleware.event import ANONYMOUS, AuditEvent, Who

Scope = Mapping[str, Any]
"""The ASGI scope or the WSGI environ, as it is when the application has answered."""

MAX_REQUEST_ID = 128
MAX_VALUE = 1024
"""Characters of a value of query or headers that are kept."""

log = logging.getLogger("opentrail.middleware")


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One request and how it ended, as ASGI and WSGI tell it alike."""

    method: str
    path: str
    query: str
    route: str | None
    peer: str | None
    headers: Mapping[str, str]
    """Lower-case names; of repeated ones the values joined by commas."""
    status: int | None
    """`None`: no answer was begun."""
    failure: BaseException | None
    """What the application raised."""
    began: float
    """Epoch seconds."""
    duration: float
    """Seconds."""
    user: Who | None = None
    """Whom the framework takes the caller for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What the rules of the application say of a request; `None` leaves it to the default."""

    who: Who | None
    name: str | None
    resource: str | None
    details: Mapping[str, Any]
    failed: tuple[str, ...]
    """Rules that raised."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """Callables get the scope (ASGI: when the request is over) or the environ (WSGI: when the answer begins, inside whatever context the
    framework keeps); they must not block."""

    who: Callable[[Scope], Who | str | None] | None = None
    what: Callable[[Scope], str | None] | None = None
    resource: Callable[[Scope], str | None] | None = None
    details: Callable[[Scope], Mapping[str, Any] | None] | None = None
    skip: Collection[str] | Callable[[Scope], bool] = ()
    trusted_proxies: Collection[str] = ()
    query: Collection[str] = ()
    headers: Collection[str] = ()
    request_id_header: str = "x-request-id"
    networks: tuple[addresses.Network, ...] = field(init=False)
    _complained: set[str] = field(init=False, default_factory=set)
    """Rules whose failure is in the log already: one line each is enough."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "networks", addresses.networks(self.trusted_proxies))
        object.__setattr__(self, "headers", tuple(name.lower() for name in self.headers))

    def skips(self, scope: Scope, path: str) -> bool:
        """Whether the request is not recorded. Paths are whole, or end in `*`. A callable that fails skips nothing."""
        if callable(self.skip):
            try:
                return bool(self.skip(scope))
            except Exception as error:
                self._complain("skip", error)
                return False
        return any(path == item or (item.endswith("*") and path.startswith(item[:-1])) for item in self.skip)

    def ask(self, scope: Scope) -> Told:
        """What the rules say."""
        failed: list[str] = []
        who = self._asked("who", self.who, scope, failed)
        name = self._asked("what", self.what, scope, failed)
        resource = self._asked("resource", self.resource, scope, failed)
        details = self._asked("details", self.details, scope, failed)
        return Told(
            who=who if who is None or isinstance(who, Who) else Who(principal_id=str(who)) if str(who) else None,
            name=str(name) if name else None,
            resource=str(resource) if resource is not None else None,
            details=dict(details) if isinstance(details, Mapping) else {},
            failed=tuple(failed),
        )

    def event(self, told: Told, seen: Seen) -> AuditEvent:
        """The event of a request. What a rule could not tell is left to the default, and the event says so."""
        code, message = _error(seen)
        parameters: dict[str, Any] = {"method": seen.method}
        chosen = self._query(seen.query)
        if chosen:
            parameters["query"] = chosen
        headers = {name: seen.headers[name][:MAX_VALUE] for name in self.headers if name in seen.headers}
        if headers:
            parameters["headers"] = headers
        additional: dict[str, Any] = {**told.details, "durationMs": round(seen.duration * 1000, 3)}
        request_id = seen.headers.get(self.request_id_header)
        if request_id:
            additional["requestId"] = request_id[:MAX_REQUEST_ID]
        if told.failed:
            additional["notTold"] = told.failed
        return AuditEvent(
            name=told.name or f"{seen.method} {seen.route or seen.path}",
            who=told.who or seen.user or ANONYMOUS,
            resource=told.resource if told.resource is not None else seen.path,
            parameters=parameters,
            response={"statusCode": seen.status} if seen.status is not None else {},
            error_code=code,
            error_message=message,
            additional=additional,
            source_ip=addresses.client_address(seen.peer, seen.headers.get("x-forwarded-for"), self.networks),
            user_agent=seen.headers.get("user-agent"),
            time=seen.began,
        )

    def _asked(self, name: str, rule: Callable[[Scope], Any] | None, scope: Scope, failed: list[str]) -> Any:
        if rule is None:
            return None
        try:
            return rule(scope)
        except Exception as error:
            self._complain(name, error)
            failed.append(name)
            return None

    def _complain(self, name: str, error: Exception) -> None:
        if name not in self._complained:
            self._complained.add(name)
            log.warning("the rule %s= for audit events raised %s; events say so, this is not logged again", name, type(error).__name__)

    def _query(self, query: str) -> dict[str, str | list[str]]:
        found: dict[str, str | list[str]] = {}
        if not self.query or not query:
            return found
        values: dict[str, list[str]] = {}
        for name, value in parse_qsl(query, keep_blank_values=True, errors="replace"):
            if name in self.query:
                values.setdefault(name, []).append(value[:MAX_VALUE])
        for name, several in values.items():
            found[name] = several[0] if len(several) == 1 else several
        return found


def _error(seen: Seen) -> tuple[str | None, str | None]:
    """`errorCode` and `errorMessage`. The text of an exception may hold anything, so only its kind is told."""
    if seen.failure is not None:
        answered = "before an answer began" if seen.status is None else f"after {seen.status} had been answered"
        return type(seen.failure).__name__, f"The application raised {type(seen.failure).__name__} {answered}."
    if seen.status is None:
        return "NoAnswer", "The application gave no answer."
    if seen.status < 400:
        return None, None
    try:
        phrase = http.HTTPStatus(seen.status).phrase
    except ValueError:
        return f"Status{seen.status}", f"The request was answered with {seen.status}."
    return "".join(letter for letter in phrase if letter.isalnum()), f"The request was answered with {seen.status} {phrase}."
