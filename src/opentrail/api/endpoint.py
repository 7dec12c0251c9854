"""The walk of one call: wire → identity → handler or upstream → recorder → journal → wire.

Whatever happens on the way, the call is answered once, and before the answer leaves its record is durable: successes, failures and refusals
alike. The one exception is a call that is refused because the journal cannot take a record.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, cast

from opentrail.api.arrival import Arrival
from opentrail.api.asgi import close
from opentrail.api.authentication import Authenticated
from opentrail.api.authorisation import Authorisation, RefusedByEndpoint
from opentrail.api.call import Answer, Call, Handler, Inner, Result, Service
from opentrail.api.reading import Asked, NoOperation, Reading
from opentrail.api.recording import Recording
from opentrail.api.upstream_needs import upstream_needs
from opentrail.clock import Clock
from opentrail.errors import JournalError
from opentrail.events.service_event import ServiceEvent
from opentrail.identity.principals import Principal
from opentrail.journal import Reservation
from opentrail.recorder import Observation
from opentrail.wire import chunked, faults, refusals, serialise, sigv4
from opentrail.wire.faults import Fault, InternalFailure, ServiceUnavailable
from opentrail.wire.http import Response
from opentrail.wire.models import Service as WireService
from opentrail.wire.parse import parse
from opentrail.wire.scope import Scope

WORKERS = 16
"""Threads for handlers that block."""

log = logging.getLogger("opentrail.endpoint")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a call ended: what the client is told and what the record says."""

    response: Response
    parameters: Mapping[str, Any] | None = None
    result: Mapping[str, Any] | None = None
    error_code: str | None = None
    error_message: str | None = None
    request_id: str | None = None
    """The upstream's, when it gave the client one."""
    owner: str | None = None
    """Account of the resource that the call was about, where the service knows it."""
    bytes_out: int = 0
    principal: Principal | None = None
    """Who called, where that was found out later than by the signature."""
    followed: Mapping[str, Any] = field(default_factory=dict)
    """Further facts for the record (`Observation` members)."""
    events: Sequence[ServiceEvent] = ()
    """What the service did besides; recorded with the call."""
    within: Sequence[Inner] = ()
    """Calls to other services on the way; recorded with the call."""
    refused_by_endpoint: bool = False
    """The policy of the VPC endpoint refused the call: only the owner of the endpoint hears of it."""
    records: Sequence[bytes] = ()
    """Ready-made records of the handler (`Answer.records`)."""
    settled: Callable[[bool], None] | None = None


class Forwarder(Protocol):
    """What the endpoint needs of the proxy: `api.forward.Forward`."""

    def serves(self, service: WireService) -> bool:
        """Whether there is an upstream for `service`."""

    async def outcome(self, asked: Asked, caller: Authenticated, body: AsyncIterator[bytes] | None) -> Outcome:
        """Forward the call and bring back how it ended; never raises a `Fault`."""


class Endpoint:
    """One endpoint for every AWS service. `answer` is what the ASGI application calls."""

    def __init__(
        self,
        *,
        reading: Reading,
        authorisation: Authorisation,
        services: Sequence[Service],
        forward: Forwarder,
        recording: Recording,
        clock: Clock,
        account_id: str,
        region: str,
        regions: Collection[str],
        note_use: Callable[[Principal, str, str], None] = lambda principal, service, region: None,
        after: Callable[[Asked], Awaitable[None]] | None = None,
        identify: Mapping[tuple[str, str], Callable[[Call], Principal]] | None = None,
        enforce_upstream: bool = False,
    ) -> None:
        """`account_id` and `region` stand in where a request tells none; `regions` are those that exist. `note_use` hears of every
        authenticated call (caller, signing name, Region), `after` of each call of our own services that succeeded; neither may raise.

        `identify` names the callers of operations (service, operation) that come without a signature but with another proof of who calls
        (a token of an identity provider). It may block; it raises a `Fault` when the proof is none. `enforce_upstream`: the
        caller's policies are asked before a call is forwarded; otherwise the upstream decides alone.
        """
        self._reading = reading
        self._authorisation = authorisation
        self._services = {service.name: service for service in services}
        self._asynchronous = {
            (service.name, name): inspect.iscoroutinefunction(handler)
            for service in services
            for name, handler in service.operations.items()
        }
        self._forward = forward
        self._recording = recording
        self._clock = clock
        self._account_id = account_id
        self._region = region
        self._regions = frozenset(regions)
        self._note_use = note_use
        self._after = after
        self._identify = dict(identify or {})
        self._enforce_upstream = enforce_upstream
        self._workers = ThreadPoolExecutor(WORKERS, thread_name_prefix="handler")

    def close(self) -> None:
        """Let the handlers that still run finish."""
        self._workers.shutdown()

    async def answer(self, arrival: Arrival) -> Response:
        """Answer one request; never raises."""
        try:
            try:
                asked, caller = await self._reading.read(arrival)
            except NoOperation as unclear:
                return await self._unread(arrival, unclear.fault, unclear.caller)
            except Fault as fault:
                return await self._unread(arrival, fault)
            except Exception:
                log.exception("reading a request failed")
                return await self._unread(arrival, InternalFailure())
            return await self._walk(asked, caller)
        except Exception:
            log.exception("answering a request failed")
            return serialise.fault(None, InternalFailure(), request_id=self._reading.request_ids.uuid())

    async def _walk(self, asked: Asked, caller: Authenticated) -> Response:
        service, operation = asked.operation.service.name, asked.operation.name
        recorded = self._recording.expects(service, operation, by_endpoint=asked.arrival.vpc_endpoint is not None)
        try:
            with self._recording.room(service, operation, asked.arrival.content_length) if recorded else nullcontext() as reservation:
                outcome = await self._carry_out(asked, caller)
                if recorded or outcome.records or outcome.within or any(not event.data for event in outcome.events):
                    try:
                        await self._record(asked, caller, outcome, reservation)
                    except BaseException:
                        await close(outcome.response.body)
                        raise
        except JournalError as error:
            log.error("call refused: %s", error)
            return self._fault(asked, ServiceUnavailable())
        if caller.verified is not None:
            self._note_use(caller.principal, asked.operation.service.signing_name, self._region_of(asked.scope, caller))
        if self._after is not None and outcome.error_code is None and asked.operation.service.name in self._services:
            await self._after(asked)
        return outcome.response

    # 2. the handler answers, or the upstream does

    async def _carry_out(self, asked: Asked, caller: Authenticated) -> Outcome:
        service = self._services.get(asked.operation.service.name)
        parameters: Mapping[str, Any] | None = None
        try:
            if caller.refused is not None:
                raise refusals.fault(caller.refused, service=asked.operation.service.name, protocol=asked.operation.service.protocol)
            body = self._payload(asked, caller)
            if service is None:
                if not self._forward.serves(asked.operation.service):
                    raise NotServed.of(asked.operation.service)
                if self._enforce_upstream or asked.arrival.vpc_endpoint is not None:
                    parameters = _readable(asked)
                    self._pass_on(asked, self._call(asked, caller, parameters, None))
                return await self._forward.outcome(asked, caller, body)
            parameters = parse(asked.route)
            return await self._handled(service, asked, self._call(asked, caller, parameters, body))
        except RefusedByEndpoint as refused:
            return replace(self._failed(asked, refused.fault, parameters), refused_by_endpoint=True)
        except Fault as fault:
            return self._failed(asked, fault, parameters)
        except Exception:
            log.exception("%s.%s failed", asked.operation.service.name, asked.operation.name)
            return self._failed(asked, InternalFailure(), parameters)

    def _pass_on(self, asked: Asked, call: Call) -> None:
        """Whether a call may go on to somebody else's service, as far as policies here have a say: the caller's, where
        `identity.enforce_upstream` is on, and that of the VPC endpoint it came through."""
        protocol = asked.operation.service.protocol
        needs = upstream_needs(call, asked.operation)
        if self._enforce_upstream:
            self._authorisation.check(call, needs, protocol=protocol)
        self._authorisation.check_endpoint(call, needs, protocol=protocol)

    def _payload(self, asked: Asked, caller: Authenticated) -> AsyncIterator[bytes] | None:
        """The body of an operation that takes it as a stream, decoded and checked for a service of ours; `None` if it is in the request."""
        ours = asked.operation.service.name in self._services
        if not asked.streamed and not (ours and asked.operation.streaming_input):
            return None
        pieces = asked.arrival.pieces() if asked.streamed else _at_once(asked.request.body)
        if caller.verified is None or not ours:
            return pieces
        return chunked.decoded(pieces, chunked.decoder(asked.request, caller.verified))

    def _call(self, asked: Asked, caller: Authenticated, parameters: Mapping[str, Any], body: AsyncIterator[bytes] | None) -> Call:
        arrival = asked.arrival
        return Call(
            service=asked.operation.service.name,
            operation=asked.operation.name,
            parameters=parameters,
            caller=caller.principal,
            account_id=caller.principal.account_id or self._account_id,
            region=self._region_of(asked.scope, caller),
            request_id=asked.request_id,
            source_ip=arrival.source_ip,
            user_agent=arrival.request.headers.get("user-agent") or "",
            time=arrival.time,
            secure=arrival.secure,
            request=asked.route.request,
            body=body,
            vpc_endpoint=arrival.vpc_endpoint,
            gone=arrival.disconnected if body is None else None,
        )

    async def _handled(self, service: Service, asked: Asked, call: Call) -> Outcome:
        operation = asked.operation
        handler = service.operations.get(call.operation)
        if handler is None:
            raise faults.NotImplemented(f"OpenTrail does not serve {service.name}:{call.operation} yet.")
        identify = self._identify.get((service.name, call.operation))
        if identify is not None:
            named = await asyncio.get_running_loop().run_in_executor(self._workers, identify, call)
            call = replace(call, caller=named)
        owner: str | None = None
        try:
            needs = service.needs(call)
            owner = next((need.resource_account_id for need in needs if need.resource_account_id), None)
            self._authorisation.check(call, needs, protocol=operation.service.protocol)
            self._authorisation.check_endpoint(call, needs, protocol=operation.service.protocol)
            answer = await self._answer_of(handler, call)
        except RefusedByEndpoint:
            raise
        except Fault as fault:
            return replace(self._failed(asked, fault, call.parameters, principal=call.caller, owner=owner), within=tuple(call.within))
        response = serialise.serialise(
            operation, answer.result, request_id=call.request_id, status=answer.status, headers=dict(answer.headers)
        )
        return Outcome(
            response=response,
            parameters=call.parameters,
            result=answer.result,
            owner=owner,
            bytes_out=len(response.body) if isinstance(response.body, bytes) else 0,
            principal=call.caller,
            followed=answer.recorded,
            events=answer.events,
            within=tuple(call.within),
            records=answer.records,
            settled=answer.settled,
        )

    async def _answer_of(self, handler: Handler, call: Call) -> Answer:
        found: Result
        if self._asynchronous[call.service, call.operation]:
            found = await cast(Callable[[Call], Awaitable[Result]], handler)(call)
        else:
            loop = asyncio.get_running_loop()
            found = await loop.run_in_executor(self._workers, cast(Callable[[Call], Result], handler), call)
        return found if isinstance(found, Answer) else Answer(result=found or {})

    def _failed(
        self,
        asked: Asked,
        fault: Fault,
        parameters: Mapping[str, Any] | None,
        *,
        principal: Principal | None = None,
        owner: str | None = None,
    ) -> Outcome:
        response = self._fault(asked, fault)
        return Outcome(
            response=response,
            parameters=parameters,
            error_code=fault.code,
            error_message=fault.message,
            bytes_out=len(response.body) if isinstance(response.body, bytes) else 0,
            principal=principal,
            owner=owner,
            followed=fault.recorded,
        )

    def _fault(self, asked: Asked, fault: Fault) -> Response:
        return serialise.fault(
            asked.operation.service,
            fault,
            request_id=asked.request_id,
            operation=asked.operation,
            head=asked.request.method == "HEAD",
            headers=fault.headers,
        )

    # 3. recorder and journal: what happened is on disk before the client hears of it

    async def _record(self, asked: Asked, caller: Authenticated, outcome: Outcome, reservation: Reservation | None) -> None:
        arrival, request = asked.arrival, asked.request
        principal = outcome.principal or caller.principal
        await self._recording.keep(
            Observation(
                service=asked.operation.service.name,
                operation=asked.operation.name,
                principal=principal,
                account_id=principal.account_id or self._account_id,
                region=self._region_of(asked.scope, caller),
                request_id=outcome.request_id or asked.request_id,
                extended_request_id=_header(outcome.response, "x-amz-id-2"),
                source_ip=arrival.source_ip,
                user_agent=request.headers.get("user-agent") or "",
                time=self._clock.time(),
                parameters=outcome.parameters,
                result=outcome.result,
                status=outcome.response.status,
                error_code=outcome.error_code,
                error_message=outcome.error_message,
                host=request.headers.get("host") or "",
                path=request.path,
                query=request.query,
                headers=request.headers,
                bytes_in=arrival.moved,
                bytes_out=outcome.bytes_out or _announced(outcome.response, request.method),
                tls=arrival.tls,
                vpc_endpoint_id=arrival.vpc_endpoint.id if arrival.vpc_endpoint else None,
                vpc_endpoint_account_id=arrival.vpc_endpoint.account_id if arrival.vpc_endpoint else None,
                **outcome.followed,
            ),
            owner=outcome.owner,
            forwarded=asked.operation.service.name not in self._services,
            events=outcome.events,
            within=outcome.within,
            passed_endpoint=None if caller.refused is not None else not outcome.refused_by_endpoint,
            ready=outcome.records,
            settled=outcome.settled,
            reservation=reservation,
        )

    async def _unread(self, arrival: Arrival, fault: Fault, caller: Authenticated | None = None) -> Response:
        """Answer and record a request whose operation could not be told."""
        request = arrival.request
        scope = sigv4.scope_of(request)
        service = self._reading.addressed(request, scope)
        caller = caller or self._reading.caller(request, scope)
        target = request.headers.get("x-amz-target") or ""
        request_id = self._reading.request_ids.of(service.name)
        operation = target.rpartition(".")[2][:128] or None
        try:
            with self._recording.room(service.name, operation, 0) as reservation:
                await self._recording.keep(
                    Observation(
                        service=service.name,
                        operation=operation,
                        principal=caller.principal,
                        account_id=caller.principal.account_id or self._account_id,
                        region=self._region_of(scope, caller),
                        request_id=request_id,
                        source_ip=arrival.source_ip,
                        user_agent=request.headers.get("user-agent") or "",
                        time=self._clock.time(),
                        status=fault.status,
                        error_code=fault.code,
                        error_message=fault.message,
                        host=request.headers.get("host") or "",
                        path=request.path,
                        query=request.query,
                        headers=request.headers,
                        tls=arrival.tls,
                        vpc_endpoint_id=arrival.vpc_endpoint.id if arrival.vpc_endpoint else None,
                        vpc_endpoint_account_id=arrival.vpc_endpoint.account_id if arrival.vpc_endpoint else None,
                    ),
                    reservation=reservation,
                )
        except JournalError as error:
            log.error("call refused: %s", error)
            fault = ServiceUnavailable()
        return serialise.fault(service, fault, request_id=request_id, head=request.method == "HEAD")

    def _region_of(self, scope: Scope | None, caller: Authenticated | None) -> str:
        """The Region of a call. What a scope claims is believed of a caller who has proved to be one, else if there is such a Region."""
        claimed = scope.region if scope is not None else ""
        believed = bool(claimed) and ((caller is not None and caller.refused is None) or claimed in self._regions)
        return claimed if believed else self._region


class NotServed(faults.NotImplemented):
    """OpenTrail does not serve this service."""

    code = "NotImplemented"

    @classmethod
    def of(cls, service: WireService) -> NotServed:
        """Naming both ways out."""
        return cls(
            f"OpenTrail does not serve {service.name} itself. Start it with --sandbox to try things out, "
            f"or with --upstream {service.name}=URL to send these calls to an AWS-compatible endpoint."
        )


def _readable(asked: Asked) -> Mapping[str, Any]:
    """The parameters of a call that is forwarded; none where they cannot be read, which is the upstream's to refuse."""
    try:
        return parse(asked.route)
    except Fault:
        return {}


async def _at_once(body: bytes) -> AsyncIterator[bytes]:
    yield body


def _announced(response: Response, method: str) -> int:
    """Bytes of an answer's body; of one that is still to be streamed, as many as it announces."""
    if isinstance(response.body, bytes):
        return len(response.body)
    length = "" if method == "HEAD" else _header(response, "content-length") or ""
    return int(length) if length.isdecimal() and length.isascii() else 0


def _header(response: Response, name: str) -> str | None:
    return next((value for key, value in response.headers if key.lower() == name), None)
