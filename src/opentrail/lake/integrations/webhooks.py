"""What webhooks send: who may, and which events are in it. Pure."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from opentrail.errors import OpenTrailError
from opentrail.lake.integrations.integration import Integration
from opentrail.wire.http import Headers

GUARDED_BY_TOKEN: Final = frozenset({"kubernetes"})
"""Kinds whose secret is sent along: they need TLS, or a sender on this machine."""


class NotAllowed(OpenTrailError):
    """The sender has not proved that it knows the secret."""


class NotReadable(OpenTrailError):
    """What was sent is not what the kind of integration sends."""


@dataclass(frozen=True, slots=True)
class Sent:
    """Events of a delivery, as the mapping sees them, and what each is known by when it comes again (`None`: its content)."""

    events: Sequence[Mapping[str, Any]]
    identities: Sequence[bytes] | None = None


def allow_head(integration: Integration, headers: Headers) -> None:
    """What can be said before the body is read. Raises `NotAllowed`."""
    if integration.kind.name in GUARDED_BY_TOKEN:
        _allow_token(integration.secret, headers.get("authorization") or "")
    elif not (headers.get("x-hub-signature-256") or "").startswith("sha256="):
        raise NotAllowed("The delivery is not signed: give the webhook a secret.")


def allow_body(integration: Integration, headers: Headers, body: bytes) -> None:
    """What can be said only of the whole. Raises `NotAllowed`."""
    if integration.kind.name not in GUARDED_BY_TOKEN:
        expected = "sha256=" + hmac.new(integration.secret.encode(), body, hashlib.sha256).hexdigest()
        given = headers.get("x-hub-signature-256") or ""
        if not hmac.compare_digest(given.encode("latin-1", "replace"), expected.encode()):
            raise NotAllowed("The signature does not fit: it was made with another secret.")


def read(integration: Integration, headers: Headers, body: bytes, now: float) -> Sent:
    """The events. `now` is when it arrived, epoch seconds. Raises `NotReadable`."""
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        raise NotReadable("The body is not JSON: have the webhook send application/json.") from None
    return _READERS[integration.kind.name](headers, told, now)


def _github(headers: Headers, told: Any, now: float) -> Sent:
    event, delivery = headers.get("x-github-event"), headers.get("x-github-delivery")
    if not event or not delivery or not isinstance(told, dict):
        raise NotReadable("X-GitHub-Event and X-GitHub-Delivery say what a delivery is; one is missing, or the body is no object.")
    if event == "ping":
        return Sent(())
    return Sent([{"event": event, "delivery": delivery, "arrived": int(now), "payload": told}], [delivery.encode("utf-8", "replace")])


def _kubernetes(headers: Headers, told: Any, now: float) -> Sent:
    if not isinstance(told, dict) or told.get("kind") != "EventList" or told.get("apiVersion") != "audit.k8s.io/v1":
        raise NotReadable("The body is no EventList of audit.k8s.io/v1.")
    items = told.get("items")
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise NotReadable("The items of an EventList are a list of events.")
    return Sent([{"apiVersion": told["apiVersion"], **item} for item in items])


_READERS: Final[Mapping[str, Callable[[Headers, Any, float], Sent]]] = {"github-webhook": _github, "kubernetes": _kubernetes}


def _allow_token(secret: str, authorization: str) -> None:
    scheme, _, given = authorization.partition(" ")
    if scheme.lower() != "bearer" or not hmac.compare_digest(given.strip().encode("latin-1", "replace"), secret.encode()):
        raise NotAllowed("The bearer token is missing, or it is another one.")
