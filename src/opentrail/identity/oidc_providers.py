"""OpenID Connect providers: the issuers of tokens that an account trusts, and for whom those tokens must be meant (client ids)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

from sqlalchemy import Connection

from opentrail.clock import Clock
from opentrail.identity import entities
from opentrail.identity.entities import Entity
from opentrail.identity.faults import InvalidInput, LimitExceeded
from opentrail.identity.store import Store

MAX_CLIENTS = 100
MAX_THUMBPRINTS = 5


class OidcProviders:
    """The OpenID Connect providers of each account. `details` of one: `url`, `clients`, `thumbprints`."""

    def __init__(self, store: Store, clock: Clock, *, http: bool = False) -> None:
        """`http`: issuers without TLS are taken too (for trying things out)."""
        self._store = store
        self._clock = clock
        self._http = http

    def create(
        self,
        account_id: str,
        url: str,
        *,
        clients: Sequence[str] = (),
        thumbprints: Sequence[str] = (),
        tags: Mapping[str, str] | None = None,
    ) -> Entity:
        """Trust an issuer; `url` begins with `https://`. Raises `InvalidInput`, `EntityAlreadyExists`, `LimitExceeded`."""
        if not url.lower().startswith("https://") and not self._http:
            raise InvalidInput(
                "Invalid Open ID Connect Provider URL: it must begin with https:// (for trying things out, the setting "
                "identity.http_issuers allows http://)"
            )
        _require_clients(clients)
        _require_thumbprints(thumbprints)
        details = {"url": url, "clients": list(dict.fromkeys(clients)), "thumbprints": [item.lower() for item in thumbprints]}
        with self._store.write() as connection:
            return entities.add(
                connection, "oidc-provider", account_id, issuer_name(url), now=self._clock.time(), tags=tags, details=details
            )

    def get(self, account_id: str, arn: str) -> Entity:
        """One provider. Raises `NoSuchEntity`, `InvalidInput` for what is no ARN of one."""
        with self._store.read() as connection:
            return entities.find_arn(connection, "oidc-provider", account_id, arn)

    def of_issuer(self, account_id: str, issuer: str) -> Entity | None:
        """The provider of this account whose URL is `issuer` (the claim `iss` of a token), if there is one."""
        try:
            name = issuer_name(issuer)
        except InvalidInput:
            return None
        with self._store.read() as connection:
            found = entities.lookup(connection, "oidc-provider", account_id, name)
        return found if found is not None and found.details["url"].rstrip("/") == issuer.rstrip("/") else None

    def list(self, account_id: str) -> Sequence[Entity]:
        """Every provider of an account."""
        with self._store.read() as connection:
            return entities.page(connection, "oidc-provider", account_id, limit=entities.QUOTAS["oidc-provider"][1]).items

    def delete(self, account_id: str, arn: str) -> None:
        """Trust an issuer no longer. Sessions that were given out go on until they end, as in AWS. Raises `NoSuchEntity`."""
        with self._store.write() as connection:
            entities.remove(connection, self._own(connection, account_id, arn))

    def add_client(self, account_id: str, arn: str, client: str) -> None:
        """Trust tokens for one more client; twice is no error. Raises `NoSuchEntity`, `LimitExceeded`."""
        with self._store.write() as connection:
            provider = self._own(connection, account_id, arn)
            clients = list(dict.fromkeys([*provider.details["clients"], client]))
            _require_clients(clients)
            entities.change(connection, provider, details={**provider.details, "clients": clients})

    def remove_client(self, account_id: str, arn: str, client: str) -> None:
        """Trust tokens for a client no longer; one that is not there is no error. Raises `NoSuchEntity`."""
        with self._store.write() as connection:
            provider = self._own(connection, account_id, arn)
            clients = [item for item in provider.details["clients"] if item != client]
            entities.change(connection, provider, details={**provider.details, "clients": clients})

    def set_thumbprints(self, account_id: str, arn: str, thumbprints: Sequence[str]) -> None:
        """Replace the list of thumbprints. Raises `NoSuchEntity`, `LimitExceeded`."""
        _require_thumbprints(thumbprints)
        with self._store.write() as connection:
            provider = self._own(connection, account_id, arn)
            details = {**provider.details, "thumbprints": [item.lower() for item in thumbprints]}
            entities.change(connection, provider, details=details)

    def tag(self, account_id: str, arn: str, tags: Mapping[str, str]) -> None:
        """Add or replace tags."""
        with self._store.write() as connection:
            entities.set_tags(connection, self._own(connection, account_id, arn), tags)

    def untag(self, account_id: str, arn: str, keys: Sequence[str]) -> None:
        """Take tags away."""
        with self._store.write() as connection:
            entities.drop_tags(connection, self._own(connection, account_id, arn), keys)

    def _own(self, connection: Connection, account_id: str, arn: str) -> Entity:
        return entities.find_arn(connection, "oidc-provider", account_id, arn)


def issuer_name(url: str) -> str:
    """An issuer as ARNs and condition keys name it: its URL without scheme and without a slash at the end. Raises `InvalidInput`."""
    parts = urlsplit(url) if url.isascii() and url.isprintable() and " " not in url else None
    if parts is None or parts.scheme not in ("https", "http") or not parts.hostname:
        raise InvalidInput("Invalid Open ID Connect Provider URL: it must begin with https://")
    if parts.query or parts.fragment or parts.username is not None:
        raise InvalidInput("Invalid Open ID Connect Provider URL: query, fragment and user name are not allowed")
    return (parts.netloc + parts.path).rstrip("/")


def _require_clients(clients: Sequence[str]) -> None:
    if len(set(clients)) > MAX_CLIENTS:
        raise LimitExceeded(f"Cannot exceed quota for ClientIdsPerOpenIdConnectProvider: {MAX_CLIENTS}")


def _require_thumbprints(thumbprints: Sequence[str]) -> None:
    if len(thumbprints) > MAX_THUMBPRINTS:
        raise LimitExceeded(f"Thumbprint list must contain fewer than {MAX_THUMBPRINTS} entries.")
    for item in thumbprints:
        if not all(character in "0123456789abcdefABCDEF" for character in item):
            raise InvalidInput("Thumbprint must be 40 hexadecimal digits: the SHA-1 of a certificate.")
