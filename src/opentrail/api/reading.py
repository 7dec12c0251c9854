"""Reading a request: which operation it means, and who asks.

The caller is checked as early as can be. A body that no valid signature vouches for is looked at only for the operation's name, which
its record needs: it is neither inflated nor parsed beyond that.
"""

from __future__ import annotations

from dataclasses import dataclass

from opentrail.api.arrival import Arrival
from opentrail.api.authentication import Authenticated, Authentication
from opentrail.api.request_ids import RequestIds
from opentrail.wire import sigv4
from opentrail.wire.faults import Fault
from opentrail.wire.http import Request
from opentrail.wire.models import Operation
from opentrail.wire.models import Service as WireService
from opentrail.wire.routing import Route, Router
from opentrail.wire.scope import Scope

UNSIGNED = frozenset({("sns", "ConfirmSubscription"), ("sns", "Unsubscribe")})
"""Operations (service, operation) that may come without a signature although the model does not say so: links in messages."""
MOST_UNPROVEN = 64 << 10
"""Bytes of a body, as sent and inflated, that are looked at while no signature vouches for them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request that has been read as far as it has to be: what it asks for, and by whom it says it comes from."""

    arrival: Arrival
    request: Request
    """As it arrived, with its body unless that is streamed."""
    scope: Scope | None
    route: Route
    streamed: bool
    request_id: str

    @property
    def operation(self) -> Operation:
        return self.route.operation


class NoOperation(Exception):
    """A caller who could be told asked for something that cannot: `fault` says why."""

    def __init__(self, fault: Fault, caller: Authenticated) -> None:
        super().__init__(str(fault))
        self.fault = fault
        self.caller = caller


class Reading:
    """Reads what arrives, as far as it must be read."""

    def __init__(self, *, router: Router, authentication: Authentication, request_ids: RequestIds, max_body: int) -> None:
        """`max_body`: bytes of the largest body that is taken in one piece."""
        self.request_ids = request_ids
        self._router = router
        self._careful = Router(router.catalogue, max_inflated=MOST_UNPROVEN)
        self._authentication = authentication
        self._max_body = max_body

    async def read(self, arrival: Arrival) -> tuple[Asked, Authenticated]:
        """What is asked, and by whom. Raises `NoOperation`, or a `Fault` when not even the caller can be told yet."""
        request = arrival.request
        scope = sigv4.scope_of(request)
        path = request.path
        if _may_stream(request, scope):
            route = self._router.route(request, scope=scope)
            if route.operation.streaming_input:
                return self._asked(arrival, request, scope, route, True), self._check(request, scope, route, streamed=True)
            path = route.request.path
        if scope is not None and not self._authentication.knows(scope.access_key_id):
            # Nobody's key: of the body only the name of the operation is wanted, for the record.
            if _is_form(request):
                request = _with_body(request, _whole_fields(await arrival.start_of_body(MOST_UNPROVEN)))
            route = self._careful.route(request, scope=scope)
            return self._asked(arrival, request, scope, route, False), self._check(request, scope, route, streamed=True)
        request = _with_body(request, await arrival.whole_body(self._max_body))
        if scope is None:
            route = self._careful.route(request, scope=None)
            return self._asked(arrival, request, scope, route, False), self._check(request, scope, route, streamed=False)
        caller = self._authentication.check(request, scope, streamed=False, signing_names=None, may_be_unsigned=False, resource=path)
        router = self._router
        if caller.refused is not None:
            router = self._careful
            request = request if _is_form(request) else arrival.request  # others name their operation in the head
        try:
            route = router.route(request, scope=scope)
        except Fault as fault:
            raise NoOperation(fault, caller) from fault
        return self._asked(arrival, request, scope, route, False), caller

    def _asked(self, arrival: Arrival, request: Request, scope: Scope | None, route: Route, streamed: bool) -> Asked:
        request_id = self.request_ids.of(route.operation.service.name)
        return Asked(arrival=arrival, request=request, scope=scope, route=route, streamed=streamed, request_id=request_id)

    def _check(self, request: Request, scope: Scope | None, route: Route, *, streamed: bool) -> Authenticated:
        return self._authentication.check(
            request,
            scope,
            streamed=streamed,
            signing_names=None,
            may_be_unsigned=_may_be_unsigned(route.operation),
            resource=route.request.path,
        )

    def addressed(self, request: Request, scope: Scope | None) -> WireService:
        """Whom a request was most likely meant for when its operation cannot be told."""
        return self._router.addressed(request, scope=scope) or self._router.catalogue.service("s3")

    def caller(self, request: Request, scope: Scope | None) -> Authenticated:
        """Who sent a request whose body has not been read: known only where the signature holds without it."""
        return self._authentication.check(request, scope, streamed=True, signing_names=None, may_be_unsigned=False, resource=request.path)


def _may_stream(request: Request, scope: Scope | None) -> bool:
    """Whether the body may belong to an operation that streams it: S3's, told without reading it."""
    if scope is not None:
        return scope.signing_name in ("s3", "s3express")
    if "x-amz-target" in request.headers or request.headers.get("smithy-protocol"):
        return False
    return request.method in ("GET", "HEAD", "PUT", "DELETE") or (request.method == "POST" and not _is_form(request))


def _is_form(request: Request) -> bool:
    """Whether the body may name the operation."""
    return (request.headers.get("content-type") or "").startswith("application/x-www-form-urlencoded")


def _with_body(request: Request, body: bytes) -> Request:
    return Request(method=request.method, path=request.path, query=request.query, headers=request.headers, body=body) if body else request


def _whole_fields(start: bytes) -> bytes:
    """The start of a form, without the field that it may break off in."""
    return start if len(start) < MOST_UNPROVEN else start[: start.rfind(b"&") + 1]


def _may_be_unsigned(operation: Operation) -> bool:
    service = operation.service.name
    return service == "s3" or (service, operation.name) in UNSIGNED or is_unsigned(operation)


def is_unsigned(operation: Operation) -> bool:
    """Whether the model opens the operation to callers without a signature (`authtype: none`, `smithy.api#noAuth`)."""
    model = operation.model
    return model.auth_type == "none" or "smithy.api#noAuth" in (model.auth or ())
