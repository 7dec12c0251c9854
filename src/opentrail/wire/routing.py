"""Which operation a request means, on one endpoint for every service.

The evidence, in this order: the SigV4 scope's signing name; then `smithy-protocol` and the RPC v2 path, `X-Amz-Target`, an `Action` in
form or query string, or method, path and query against the tables of the REST services. What is still ambiguous (rds, docdb and neptune
share names, scope and version) is decided by the User-Agent's `api/…` or `command/…`, else by age.
"""

from __future__ import annotations

import re
import threading
import zlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from opentrail.wire import form
from opentrail.wire.faults import Fault, UnknownOperationException
from opentrail.wire.hosts import bucket_of, host_name
from opentrail.wire.http import Request
from opentrail.wire.malformed import Malformed
from opentrail.wire.models import Catalogue, Listing, Operation, Service
from opentrail.wire.paths import Match, PathTable
from opentrail.wire.scope import Scope

SIGNING_NAMES = {"s3express": "s3", "s3-object-lambda": "s3", "s3-outposts": "s3", "IngestionService": "importexport"}
"""Signing names that endpoint rules use beside the models' own."""

UNSIGNED_REST = ("sso", "sso-oidc", "signin")
"""REST services with operations that need no signature; an unsigned REST request that is none of theirs is S3's."""

UNSIGNED_ACTIONS = {"ConfirmSubscription": "sns", "Unsubscribe": "sns"}
"""Actions in links that SNS sends, which name neither service nor version."""

CBOR = "smithy-rpc-v2-cbor"
MAX_INFLATED = 64 << 20
"""Bytes that a gzip body may grow to."""

_HINT = re.compile(r"(?:^|[ ;])(?:api/|(?:md/)?command[/#])([A-Za-z0-9_ -]+?)(?:[#/.; ]|$)")
_NOT_ALNUM = re.compile(r"[^a-z0-9]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A request whose operation is known.

    `request` is what parsing wants to see: a virtual-hosted bucket moved into the path, a gzip body inflated. The signature covers the
    request as it came. `fields` are the decoded query parameters, or the form's of a query service.
    """

    operation: Operation
    request: Request
    labels: dict[str, str] = field(default_factory=dict)
    fields: Sequence[tuple[str, str]] = ()


class InvalidAction(Fault):
    """The action or operation requested is invalid. Verify that the action is typed correctly."""


class MethodNotAllowed(Fault):
    """The specified method is not allowed against this resource."""

    status = 405


class MalformedQueryString(Fault):
    """The query string contains a syntax error."""


class Router:
    """Routes requests to operations. Safe to use from several threads.

    `hosts` are names this server goes by: a Host of `logs.<name>` then means the bucket `logs`.
    """

    def __init__(self, catalogue: Catalogue, *, hosts: Collection[str] = ("localhost",), max_inflated: int = MAX_INFLATED) -> None:
        self.catalogue = catalogue
        self._hosts = tuple(name.lower() for name in hosts)
        self._max_inflated = max_inflated
        self._lock = threading.Lock()
        self._by_signing: dict[str, list[Listing]] = {}
        self._by_target: dict[str, list[Listing]] = {}
        self._tables: dict[str, PathTable] = {}

    def route(self, request: Request, *, scope: Scope | None = None) -> Route:
        """The operation that `request` means. Raises a Fault when there is none; `addressed` tells in whose protocol to say so."""
        headers = request.headers
        if headers.get("smithy-protocol") == "rpc-v2-cbor":
            return self._route_cbor(request, scope)
        target = headers.get("x-amz-target")
        if target is not None:
            return self._route_json(request, target, scope)
        try:
            fields = self._action_fields(request)
            if fields is not None:
                found = self._route_query(request, fields, scope)
                if found is not None:
                    return found
            return self._route_rest(request, scope)
        except Malformed as error:
            raise MalformedQueryString(error.message) from None

    def addressed(self, request: Request, *, scope: Scope | None = None) -> Service | None:
        """The service a request was most likely meant for, in the protocol it speaks; None when nothing tells. Raises nothing."""
        headers = request.headers
        candidates = self._candidates(request, scope)
        target = headers.get("x-amz-target")
        if headers.get("smithy-protocol") == "rpc-v2-cbor":
            wanted: tuple[str, ...] = (CBOR,)
            candidates = candidates or self._targets(request.path.split("/")[-3:-2])
        elif target is not None:
            wanted = ("json",)
            candidates = candidates or self._targets([target.rpartition(".")[0]])
        elif (headers.get("content-type") or "").startswith("application/x-www-form-urlencoded") or "Action=" in request.query:
            wanted = ("query", "ec2")
            candidates = candidates or [self.catalogue.listings["sts"]]
        else:
            wanted = ("rest-json", "rest-xml")
            candidates = candidates or [self.catalogue.listings["s3"]]
        for listing in candidates:
            for protocol in wanted:
                if protocol in listing.protocols:
                    return self.catalogue.service(listing.name, protocol, query_mode=_query_mode(request))
        return self.catalogue.service(candidates[0].name) if candidates else None

    # -- who may be meant -----------------------------------------------------------------------------------------------------------------

    def _index(self) -> None:
        with self._lock:
            if self._by_signing:
                return
            signing: dict[str, list[Listing]] = {}
            target: dict[str, list[Listing]] = {}
            for listing in self.catalogue.listings.values():
                signing.setdefault(listing.signing_name, []).append(listing)
                if listing.target:
                    target.setdefault(listing.target, []).append(listing)
            for name, listings in signing.items():
                listings.sort(key=lambda one: (one.name != name, one.version, one.name))
            for listings in target.values():
                listings.sort(key=lambda one: (one.version, one.name))
            for alias, name in SIGNING_NAMES.items():
                if name in self.catalogue.listings:
                    signing.setdefault(alias, signing[self.catalogue.listings[name].signing_name])
            self._by_target, self._by_signing = target, signing

    def _targets(self, names: Iterable[str]) -> list[Listing]:
        if not self._by_signing:
            self._index()
        return [listing for name in names for listing in self._by_target.get(name.rpartition(".")[2], ())]

    def _candidates(self, request: Request, scope: Scope | None) -> list[Listing]:
        """The services of the scope's signing name (else of an AWS host name), the one that the User-Agent names first, then by age."""
        if not self._by_signing:
            self._index()
        found: list[Listing] = []
        if scope is not None:
            found = self._by_signing.get(scope.signing_name, [])
        elif ".amazonaws.com" in (host := host_name(request.headers.get("host") or "")):
            if bucket_of(host, ()) is not None:
                return [self.catalogue.listings["s3"]]
            named = [one for one in self.catalogue.listings.values() if host.startswith(one.endpoint_prefix + ".")]
            longest = max((len(one.endpoint_prefix) for one in named), default=0)
            found = [one for one in named if len(one.endpoint_prefix) == longest]
        return _hinted(request, found)

    def _named(self, request: Request, listings: Iterable[Listing], protocols: Collection[str], name: str) -> Operation | None:
        for listing in listings:
            for protocol in listing.protocols:
                if protocol in protocols:
                    service = self.catalogue.service(listing.name, protocol, query_mode=_query_mode(request))
                    try:
                        return service.operation(name)
                    except KeyError:
                        pass
        return None

    # -- one protocol each ----------------------------------------------------------------------------------------------------------------

    def _by_prefix(self, request: Request, prefix: str, scope: Scope | None, protocol: str, name: str) -> Operation:
        listings = self._targets((prefix,))
        if scope is not None and scope.signing_name in self._by_signing:
            listings = [listing for listing in listings if listing in self._by_signing[scope.signing_name]]
        operation = self._named(request, _hinted(request, listings), (protocol,), name)
        if operation is None:
            raise UnknownOperationException(f"Unknown operation: {name[:200]}")
        return operation

    def _route_json(self, request: Request, target: str, scope: Scope | None) -> Route:
        prefix, _, name = target.rpartition(".")
        operation = self._by_prefix(request, prefix, scope, "json", name)
        return Route(operation=operation, request=self._inflated(request, operation.service))

    def _route_cbor(self, request: Request, scope: Scope | None) -> Route:
        parts = request.path.split("/")
        if len(parts) < 5 or parts[-4] != "service" or parts[-2] != "operation" or request.method != "POST":
            raise UnknownOperationException("The path is not that of an RPC v2 operation")
        operation = self._by_prefix(request, parts[-3], scope, CBOR, parts[-1])
        return Route(operation=operation, request=self._inflated(request, operation.service))

    def _action_fields(self, request: Request) -> list[tuple[str, str]] | None:
        """The fields of a query request, those of the query string before those of the body; None when this is none."""
        posted = request.method == "POST" and (request.headers.get("content-type") or "").startswith("application/x-www-form-urlencoded")
        if not posted and "Action=" not in request.query:
            return None
        fields = form.fields(request.query)
        if posted:
            fields += form.body_fields(self._inflated(request, None).body)
        return fields if any(name == "Action" for name, _ in fields) else None

    def _route_query(self, request: Request, fields: list[tuple[str, str]], scope: Scope | None) -> Route | None:
        """None when the services of the scope do not speak a query protocol at all."""
        first: dict[str, str] = {}
        for name, value in fields:
            if name in ("Action", "Version"):
                first.setdefault(name, value)
        action, version = first["Action"], first.get("Version", "")
        listings = self._candidates(request, scope)
        if scope is None and not listings and not version and action in UNSIGNED_ACTIONS:
            listings = [self.catalogue.listings[UNSIGNED_ACTIONS[action]]]
        if listings and not any(_speaks_query(listing) for listing in listings):
            return None
        speaking = [listing for listing in listings or self.catalogue.listings.values() if _speaks_query(listing)]
        dated = [listing for listing in speaking if listing.version == version]
        operation = self._named(request, dated or (speaking if listings else ()), ("query", "ec2"), action)
        if operation is None:
            raise InvalidAction(f"Could not find operation {action[:200]} for version {version[:50] or 'NO_VERSION_SPECIFIED'}")
        return Route(operation=operation, request=request, fields=fields)

    def _route_rest(self, request: Request, scope: Scope | None) -> Route:
        fields = form.fields(request.query)
        query: dict[str, str] = {}
        for name, value in fields:
            query.setdefault(name, value)
        candidates = self._candidates(request, scope)
        if not candidates and scope is None:
            found = self._first_unsigned(request, query)
            candidates = [found] if found else [self.catalogue.listings["s3"]]
        best: tuple[Match, Listing, Request] | None = None
        agent = _agent(request, candidates)
        for listing in candidates:
            if listing.protocols[0] in ("rest-json", "rest-xml"):
                seen = self._path_style(request) if listing.name == "s3" else request
                match = self._table(listing).find(seen.method, seen.path, query, seen.headers)
                if match is not None and (best is None or match < best[0]):
                    best = (match, listing, seen)
                    if listing is agent:
                        break
        if best is None:
            if any(listing.name == "s3" for listing in candidates):
                raise MethodNotAllowed
            raise UnknownOperationException
        match, listing, seen = best
        operation = self.catalogue.service(listing.name).operation(match.name)
        if not operation.streaming_input:
            seen = self._inflated(seen, operation.service)
        return Route(operation=operation, request=seen, labels=dict(match.labels), fields=fields)

    def _first_unsigned(self, request: Request, query: Mapping[str, str]) -> Listing | None:
        for name in UNSIGNED_REST:
            listing = self.catalogue.listings.get(name)
            if listing is not None:
                match = self._table(listing).find(request.method, request.path, query, request.headers)
                if match is not None and not match.missing:
                    return listing
        return None

    def _table(self, listing: Listing) -> PathTable:
        table = self._tables.get(listing.name)
        if table is None:
            table = self._tables[listing.name] = PathTable(self.catalogue.service(listing.name).description)
        return table

    def _path_style(self, request: Request) -> Request:
        bucket = bucket_of(request.headers.get("host") or "", self._hosts)
        if bucket is None or "x-amz-account-id" in request.headers:
            return request
        return replace(request, path=f"/{bucket}{request.path}")

    def _inflated(self, request: Request, service: Service | None) -> Request:
        """The request with its gzip body inflated, to `max_inflated` bytes at the most."""
        if request.headers.get("content-encoding") != "gzip" or not request.body:
            return request
        inflater = zlib.decompressobj(31)
        try:
            body = inflater.decompress(request.body, self._max_inflated)
        except zlib.error:
            raise _broken_gzip(service, "The body is not valid gzip") from None
        if not inflater.eof or inflater.unused_data:
            raise _broken_gzip(service, "The gzip body is cut short or too large")
        return replace(request, body=body)


class SerializationException(Fault):
    """The request body could not be deserialized."""


def _broken_gzip(service: Service | None, message: str) -> Fault:
    if service is None or service.protocol in ("query", "ec2", "rest-xml"):
        return MalformedQueryString(message)
    return SerializationException(message)


def _query_mode(request: Request) -> bool:
    return request.headers.get("x-amzn-query-mode") == "true"


def _speaks_query(listing: Listing) -> bool:
    return "query" in listing.protocols or "ec2" in listing.protocols


def _agent(request: Request, listings: Sequence[Listing]) -> Listing | None:
    """Which of several services the User-Agent names."""
    if len(listings) < 2:
        return None
    found = _HINT.search(request.headers.get("user-agent") or "")
    if found is None:
        return None
    hint = _plain(found[1])
    named = [listing for listing in listings if hint == _plain(listing.name)]
    return next(iter(named or [listing for listing in listings if hint == _plain(listing.service_id)]), None)


def _hinted(request: Request, listings: list[Listing]) -> list[Listing]:
    """`listings` with the one that the User-Agent names first."""
    agent = _agent(request, listings)
    return listings if agent is None else sorted(listings, key=lambda listing: listing is not agent)


def _plain(name: str) -> str:
    return _NOT_ALNUM.sub("", name.lower())
