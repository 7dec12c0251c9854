"""One integration as a value, and the kinds there are. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

from opentrail.errors import OpenTrailError

NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
SHORTEST_SECRET: Final = 16
"""Characters that a secret has at least: what guards a door must not be guessed."""


class IntegrationError(OpenTrailError):
    """The integration cannot be used so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of integration."""

    name: str
    mapping: str
    """Name of its mapping (`mapping.built_in`)."""
    is_webhook: bool
    """Whether the source sends; otherwise its events are fetched."""
    secret: str
    """What its secret is, for people."""


KINDS: Final[Mapping[str, Kind]] = {
    kind.name: kind
    for kind in (
        Kind(name="github", mapping="github", is_webhook=False, secret="the token that may read the audit log (scope read:audit_log)"),
        Kind(name="github-webhook", mapping="github-webhook", is_webhook=True, secret="the secret of the webhook"),
        Kind(name="okta", mapping="okta", is_webhook=False, secret="the API token (SSWS)"),
        Kind(name="kubernetes", mapping="kubernetes", is_webhook=True, secret="the bearer token of the kubeconfig"),
    )
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Integration:
    """Where the events of a source come from and go to."""

    name: str
    kind: Kind
    channel_arn: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    """`url`: where to fetch (`https://api.github.com/orgs/acme`, `https://acme.okta.com`)."""
    secret: str = field(repr=False)
    created_at: float
    """Epoch seconds; likewise below."""
    cursor: Mapping[str, Any] = field(default_factory=dict)
    """How far it has fetched; what it means is for the kind to know."""
    taken: int = 0
    refused: int = 0
    seen_at: float | None = None
    """When it last heard from the source."""
    trouble: str | None = None
    """What ails it, in words."""

    @property
    def account_id(self) -> str:
        """Whose channel it is."""
        return self.channel_arn.split(":")[4]


def checked(name: str, kind: str, settings: Mapping[str, Any], secret: str) -> Kind:
    """The kind, where all is well. Raises `IntegrationError`, which never names the secret."""
    if not NAME.fullmatch(name):
        raise IntegrationError("The name of an integration has 1 to 63 small letters, digits and hyphens.")
    found = KINDS.get(kind)
    if found is None:
        raise IntegrationError(f"{kind} is no kind of integration: there are {', '.join(KINDS)}.")
    if len(secret) < SHORTEST_SECRET or not (secret.isascii() and secret.isprintable()) or " " in secret:
        raise IntegrationError(f"{found.secret[:1].upper()}{found.secret[1:]} has {SHORTEST_SECRET} or more printable characters.")
    if found.is_webhook and settings:
        raise IntegrationError(f"{kind} is sent to OpenTrail: it has no URL.")
    if not found.is_webhook:
        check_url(settings.get("url", ""))
    return found


def check_url(url: str) -> None:
    """A token may go to a URL with TLS, or to this machine. Raises `IntegrationError`."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise IntegrationError("The URL is none.") from None
    local = host in ("127.0.0.1", "::1", "localhost")
    if parts.scheme not in ("https", "http") or not host or parts.username or parts.query or parts.fragment:
        raise IntegrationError("The URL looks like https://api.github.com/orgs/ORG or https://ORG.okta.com.")
    if parts.scheme != "https" and not local:
        raise IntegrationError(f"The URL must begin with https://: a token is sent to {host}.")
