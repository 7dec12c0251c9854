"""API destinations: HTTP endpoints, called with what the connection and the target add. Secrets come from the connection only, and are
in no message."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

from opentrail.identity.vault import Vault
from opentrail.rules import json_paths
from opentrail.rules.dispatching.outbox import Failure
from opentrail.rules.dispatching.outcomes import DONE, Load, Outcome, never
from opentrail.rules.neighbours import Web
from opentrail.rules.transforming import compact
from opentrail.rules.values import ApiDestination, Connection

TIMEOUT: Final = 5.0
"""Seconds that an endpoint has for its answer (EventBridge guide, "API destinations")."""
AGENT: Final = "Amazon/EventBridge/ApiDestinations"
AGAIN: Final = frozenset({401, 407, 409, 429})
"""Client errors after which the same call may work; with them all of 500 and above."""
_NEVER_SET: Final = frozenset({"host", "content-length", "connection", "transfer-encoding"})


@dataclass(frozen=True, kw_only=True)
class Request:
    """One call."""

    method: str
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


class HttpTargets:
    """Thread-safe."""

    def __init__(self, web: Web, vault: Vault) -> None:
        self._web = web
        self._vault = vault

    def send(self, load: Load, text: str) -> Outcome:
        """Call the endpoint with `text` as body."""
        destination, connection = load.destination, load.connection
        if destination is None:
            return never("NO_RESOURCE", f"There is no API destination {load.target.arn}.")
        if connection is None or not connection.sealed:
            return never("NO_PERMISSIONS", f"The connection of {destination.arn} is gone or is not authorized.")
        secret = json.loads(self._vault.unseal(connection.sealed, f"connection {connection.arn}"))
        made = request(load, destination, connection, secret, text)
        status = self._web.send(method=made.method, url=made.url, headers=made.headers, body=made.body, timeout=TIMEOUT)
        if 200 <= status < 300:
            return DONE
        code = "THROTTLING" if status == 429 else "ERROR_FROM_TARGET"
        permanent = status < 500 and status not in AGAIN
        return Outcome(error=Failure(code=code, message=f"The endpoint answered with status {status}."), permanent=permanent)


def request(load: Load, destination: ApiDestination, connection: Connection, secret: Mapping[str, Any], text: str) -> Request:
    """The call that a delivery makes. Where both set the same, the connection wins over the target. Pure."""
    event, http = load.delivery.event, load.target.http
    further = secret.get("InvocationHttpParameters") or {}
    headers = {"User-Agent": AGENT, "Content-Type": "application/json; charset=utf-8"}
    query: dict[str, str] = {}
    paths: Iterable[str] = ()
    if http is not None:
        paths = [_value(one, event) for one in http.path_values]
        headers = _with(headers, {name: _value(one, event) for name, one in http.headers.items()})
        query |= {name: _value(one, event) for name, one in http.query.items()}
    headers = _with(headers, _pairs(further.get("HeaderParameters")))
    query |= _pairs(further.get("QueryStringParameters"))
    headers = _with(headers, _authorization(connection.authorization_type, secret))
    return Request(
        method=destination.method,
        url=_url(destination.endpoint, paths, query),
        headers={name: _one_line(value) for name, value in headers.items()},
        body=_body(text, _pairs(further.get("BodyParameters"))).encode(),
    )


def _authorization(kind: str, secret: Mapping[str, Any]) -> dict[str, str]:
    if kind == "BASIC":
        given = secret["BasicAuthParameters"]
        pair = f"{given['Username']}:{given['Password']}"
        return {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}
    given = secret["ApiKeyAuthParameters"]
    return {given["ApiKeyName"]: given["ApiKeyValue"]}


def _with(headers: Mapping[str, str], more: Mapping[str, str]) -> dict[str, str]:
    """Names of headers are the same in any case."""
    lower = {name.lower() for name in more}
    kept = {name: value for name, value in headers.items() if name.lower() not in lower}
    return kept | {name: value for name, value in more.items() if name.lower() not in _NEVER_SET}


def _pairs(given: Iterable[Mapping[str, Any]] | None) -> dict[str, str]:
    return {str(one.get("Key")): str(one.get("Value", "")) for one in given or () if one.get("Key")}


def _value(text: str, event: Mapping[str, Any]) -> str:
    """A value, or what lies in the event where it is a JSON path."""
    if not text.startswith("$"):
        return text
    try:
        there, found = json_paths.value_at(event, json_paths.path(text))
    except json_paths.NotAPath:
        return text
    return "" if not there else found if isinstance(found, str) else compact(found)


def _url(endpoint: str, paths: Iterable[str], query: Mapping[str, str]) -> str:
    parts = urlsplit(endpoint)
    path = parts.path
    for value in paths:
        path = path.replace("*", quote(value, safe=""), 1)
    pairs = [*((name, value) for name, value in parse_qsl(parts.query, keep_blank_values=True) if name not in query), *query.items()]
    return urlunsplit((parts.scheme, parts.netloc, path or "/", urlencode(pairs, quote_via=quote), ""))


def _body(text: str, more: Mapping[str, str]) -> str:
    """Body parameters of the connection become members of a JSON object."""
    if not more:
        return text
    try:
        body = json.loads(text)
    except ValueError:
        return text
    return compact({**body, **more}) if isinstance(body, dict) else text


def _one_line(value: str) -> str:
    """What may be in a header."""
    return "".join(character for character in value if 0x20 <= ord(character) < 0x7F)
