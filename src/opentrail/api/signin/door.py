"""The sign-in door: reads and bounds what arrives, has it carried out, keeps the records, and only then answers.

As for calls: room in the journal is reserved before anything happens, the records are durable before the answer leaves, and what cannot be
recorded is not carried out (`journal.on_failure=pass` turns that around).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import Final, Protocol, TypeVar
from urllib.parse import parse_qsl

import msgspec

from opentrail.api.arrival import Arrival, IncompleteBody, RequestEntityTooLarge
from opentrail.api.authentication import Authentication
from opentrail.api.signin.federation import PATH as CREDENTIALS_PATH
from opentrail.api.signin.federation import Federation
from opentrail.api.signin.password import TOO_MANY, Credentials, PasswordSignIn
from opentrail.api.signin.roles import Leaving, Roles, Wanted
from opentrail.api.signin.throttle import BY_NAME, BY_SOURCE, Throttle, source_key
from opentrail.api.signin.visit import Done, Turned, Visit, guard, require_json, told
from opentrail.clock import Clock
from opentrail.errors import JournalError
from opentrail.identity.principals import Principal
from opentrail.journal import Reservation
from opentrail.wire import sigv4
from opentrail.wire.http import Request, Response

MOST_BODY: Final = 16 << 10
"""Bytes of a body."""
MOST_QUERY: Final = 16 << 10
"""Characters of the query of the federation endpoint; session tokens are long."""
MOST_FIELDS: Final = 20
WORKERS: Final = 2
"""Threads for what blocks: checking a password takes a processor for tens of milliseconds, and calls shall not wait for it."""
MOST_WAITING: Final = 32
"""Visits that wait for them; further ones are sent away."""
SIGNING_NAME: Final = "signin"
"""Signature Version 4 scope of switching roles."""

log = logging.getLogger("opentrail.signin")

_UNAVAILABLE: Final = told(503, {"code": "ServiceUnavailable", "message": "Signing in cannot be recorded at the moment. Try again later."})
_FAILED: Final = told(500, {"code": "InternalFailure", "message": "Signing in failed because of an error here."})

Body = TypeVar("Body")


class Appending(Protocol):
    """What is needed of the journal."""

    def reserve(self) -> AbstractContextManager[Reservation]:
        """Keep room; raises `JournalError`."""

    async def append(self, records: Sequence[bytes], reservation: Reservation | None = None) -> int:
        """Durable on return; raises `JournalError`."""


class Door:
    """The paths of signing in. `by_path` is what the ASGI application is given."""

    def __init__(
        self,
        *,
        passwords: PasswordSignIn,
        federation: Federation,
        roles: Roles,
        authentication: Authentication,
        journal: Appending,
        clock: Clock,
        regions: frozenset[str],
        loopback: bool,
        pass_on_journal_failure: bool = False,
    ) -> None:
        """`loopback`: every listener is for this machine only. `regions` are those that exist."""
        self._passwords = passwords
        self._federation = federation
        self._roles = roles
        self._authentication = authentication
        self._journal = journal
        self._clock = clock
        self._regions = regions
        self._loopback = loopback
        self._pass = pass_on_journal_failure
        self._sources = Throttle(BY_SOURCE)
        self._names = Throttle(BY_NAME)
        self._workers = ThreadPoolExecutor(WORKERS, thread_name_prefix="signin")
        self._waiting = 0

    def by_path(self) -> Mapping[str, Callable[[Arrival], Awaitable[Response]]]:
        """Path → what answers there."""
        return {
            "/_opentrail/signin": self.sign_in,
            CREDENTIALS_PATH: self.take_up,
            "/_opentrail/signin/switch-role": self.switch_role,
            "/_opentrail/signin/exit-role": self.exit_role,
            "/_opentrail/federation": self.federate,
        }

    def close(self) -> None:
        """Let what still runs finish."""
        self._workers.shutdown()

    async def sign_in(self, arrival: Arrival) -> Response:
        """`POST /_opentrail/signin`: with a password, or as root."""

        async def visit() -> Response:
            guard(arrival, methods=("POST",), from_page=True, loopback=self._loopback)
            given = _decoded(await self._json(arrival), Credentials)
            here = self._visit(arrival)
            now, source = self._clock.monotonic(), source_key(arrival.source_ip)
            allowed = self._sources.take(source, now)
            allowed = self._names.take(given.subject, now) and allowed
            done = await self._carry_out(lambda: self._passwords.sign_in(given, here, throttled=not allowed))
            if done.good:
                self._sources.give_back(source, now)
                self._names.give_back(given.subject, now)
            return done.response

        return await self._answered(visit)

    async def take_up(self, arrival: Arrival) -> Response:
        """`POST /_opentrail/signin/credentials`: after a login by link."""

        async def visit() -> Response:
            guard(arrival, methods=("POST",), from_page=True, loopback=self._loopback)
            cookies = "; ".join(arrival.request.headers.getall("cookie"))
            here = self._visit(arrival)
            return await self._throttled(arrival, lambda: self._federation.take_up(cookies, here))

        return await self._answered(visit)

    async def federate(self, arrival: Arrival) -> Response:
        """`/_opentrail/federation`: `Action=getSigninToken` and `Action=login`."""

        async def visit() -> Response:
            guard(arrival, methods=("GET", "POST"), from_page=False, loopback=self._loopback)
            fields = await self._fields(arrival)
            here = self._visit(arrival)
            match fields.get("Action", "").lower():
                case "getsignintoken":
                    return await self._throttled(arrival, lambda: self._federation.get_signin_token(fields, here))
                case "login":
                    return await self._throttled(arrival, lambda: self._federation.login(fields, here))
            raise Turned(400, "InvalidAction", "Action is getSigninToken or login.")

        return await self._answered(visit)

    async def switch_role(self, arrival: Arrival) -> Response:
        """`POST /_opentrail/signin/switch-role`, signed by a session of the console."""

        async def visit() -> Response:
            guard(arrival, methods=("POST",), from_page=True, loopback=self._loopback)
            body = await self._json(arrival)
            wanted = _decoded(body, Wanted)
            caller, refused, here, request = self._signed(arrival, body)
            return await self._throttled(arrival, lambda: self._roles.switch(wanted, caller, refused, here, request))

        return await self._answered(visit)

    async def exit_role(self, arrival: Arrival) -> Response:
        """`POST /_opentrail/signin/exit-role`, signed by the session of the role."""

        async def visit() -> Response:
            guard(arrival, methods=("POST",), from_page=True, loopback=self._loopback)
            body = await self._json(arrival)
            leaving = _decoded(body, Leaving)
            caller, refused, here, _ = self._signed(arrival, body)
            return await self._throttled(arrival, lambda: self._roles.exit(leaving, caller, refused, here))

        return await self._answered(visit)

    # -- what all of them share ----------------------------------------------------------------------------------------------------

    async def _answered(self, visit: Callable[[], Awaitable[Response]]) -> Response:
        """Answer whatever happens; never raises."""
        try:
            return await visit()
        except Turned as turned:
            return turned.response
        except JournalError as error:
            log.error("a sign-in was refused: %s", error)
            return _UNAVAILABLE
        except Exception:
            log.exception("signing in failed")
            return _FAILED

    async def _throttled(self, arrival: Arrival, work: Callable[[], Done]) -> Response:
        """Carry out what has proofs that cannot be guessed: only its failures are counted, by address."""
        now, source = self._clock.monotonic(), source_key(arrival.source_ip)
        if not self._sources.take(source, now):
            return TOO_MANY
        done = await self._carry_out(work)
        if done.good:
            self._sources.give_back(source, now)
        return done.response

    async def _carry_out(self, work: Callable[[], Done]) -> Done:
        if self._waiting >= MOST_WAITING:
            raise Turned(503, "ServiceUnavailable", "Too many people sign in at the moment. Try again in a few seconds.")
        self._waiting += 1
        try:
            with self._room() as reservation:
                done = await asyncio.get_running_loop().run_in_executor(self._workers, work)
                if done.records:
                    await self._keep(done.records, reservation)
                return done
        finally:
            self._waiting -= 1

    def _room(self) -> AbstractContextManager[Reservation | None]:
        try:
            return self._journal.reserve()
        except JournalError:
            if not self._pass:
                raise
            return nullcontext()

    async def _keep(self, records: Sequence[bytes], reservation: Reservation | None) -> None:
        try:
            await self._journal.append(records, reservation)
        except JournalError:
            if not self._pass:
                raise
            log.exception("a record was lost (journal.on_failure=pass)")

    def _visit(self, arrival: Arrival) -> Visit:
        return Visit.of(arrival, self._regions)

    def _signed(self, arrival: Arrival, body: bytes) -> tuple[Principal, str | None, Visit, Request]:
        """Who signed, why not where the signature is not accepted, the visit (in the Region that was signed for), and the request."""
        head = arrival.request
        request = Request(method=head.method, path=head.path, query=head.query, headers=head.headers, body=body)
        scope = sigv4.scope_of(request)
        caller = self._authentication.check(
            request, scope, streamed=False, signing_names=(SIGNING_NAME,), may_be_unsigned=False, resource=request.path
        )
        here = self._visit(arrival)
        if scope is not None and scope.region in self._regions:
            here = replace(here, region=scope.region)
        refused = None if caller.refused is None else "The request is not signed by a session of the console."
        return caller.principal, refused, here, request

    async def _json(self, arrival: Arrival) -> bytes:
        require_json(arrival)
        return await _body(arrival)

    async def _fields(self, arrival: Arrival) -> dict[str, str]:
        text = arrival.request.query
        if arrival.request.method == "POST":
            text += "&" + (await _body(arrival)).decode("latin-1")
        if len(text) > MOST_QUERY + MOST_BODY:
            raise Turned(414, "URITooLong", "The query is too long.")
        try:
            return dict(parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=MOST_FIELDS))
        except ValueError:
            raise Turned(400, "InvalidQuery", "The parameters cannot be read.") from None


async def _body(arrival: Arrival) -> bytes:
    try:
        return await arrival.whole_body(MOST_BODY)
    except RequestEntityTooLarge:
        raise Turned(413, "RequestEntityTooLarge", f"At most {MOST_BODY} bytes are taken here.") from None
    except IncompleteBody:
        raise Turned(400, "IncompleteBody", "The body broke off.") from None


def _decoded(body: bytes, kind: type[Body]) -> Body:
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.ValidationError as error:
        raise Turned(400, "ValidationException", f"{error}.") from None
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        raise Turned(400, "MalformedJson", "The body is not JSON.") from None
