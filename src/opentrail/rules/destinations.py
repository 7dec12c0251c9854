"""API destinations: HTTP endpoints to which rules can send."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import Connection

from opentrail.clock import Clock
from opentrail.rules import rows, store
from opentrail.rules.faults import ResourceAlreadyExistsException, ResourceNotFoundException
from opentrail.rules.names import unique_arn
from opentrail.rules.shelves import Shelf
from opentrail.rules.store import Store
from opentrail.rules.values import ApiDestination
from opentrail.wire.faults import ValidationException


class Destinations:
    """API destinations of every account and Region. Thread-safe."""

    def __init__(self, rules: Store, clock: Clock) -> None:
        self._store = rules
        self._clock = clock
        absent = "Failed to describe the api-destination(s). An api-destination '{name}' does not exist."
        self._shelf = Shelf(rules, store.destinations, ApiDestination, absent=absent)
        self.find, self.get = self._shelf.find, self._shelf.get

    def is_active(self, destination: ApiDestination) -> bool:
        """Whether its connection is there, and authorised."""
        with self._store.read() as connection:
            found = rows.find_connection(connection, destination.connection_arn)
        return found is not None and found.state == "AUTHORIZED"

    def create(self, account_id: str, region: str, given: Mapping[str, Any]) -> ApiDestination:
        """Raises `ResourceAlreadyExistsException`, `ResourceNotFoundException` (the connection), `ValidationException`."""
        name, now = given["Name"], self._clock.time()
        made = ApiDestination(
            arn=unique_arn("api-destination", account_id, region, name, uuid.uuid4()),
            account_id=account_id,
            region=region,
            name=name,
            description=given.get("Description"),
            connection_arn=given["ConnectionArn"],
            endpoint=_endpoint(given["InvocationEndpoint"]),
            method=given["HttpMethod"],
            rate_limit=given.get("InvocationRateLimitPerSecond"),
            created=now,
            modified=now,
        )
        with self._store.write() as connection:
            if self._shelf.find(account_id, region, name, connection=connection) is not None:
                raise ResourceAlreadyExistsException(f"An api-destination '{name}' already exists.")
            _check_connection(connection, made)
            rows.keep_destination(connection, made)
        return made

    def update(self, account_id: str, region: str, given: Mapping[str, Any]) -> ApiDestination:
        """Change what UpdateApiDestination names; what it leaves out stays. Raises as `create` does."""
        with self._store.write() as connection:
            found = self._shelf.get(account_id, region, given["Name"], connection=connection)
            made = replace(
                found,
                description=found.description if given.get("Description") is None else given["Description"],
                connection_arn=given.get("ConnectionArn") or found.connection_arn,
                endpoint=_endpoint(given["InvocationEndpoint"]) if given.get("InvocationEndpoint") else found.endpoint,
                method=given.get("HttpMethod") or found.method,
                rate_limit=given.get("InvocationRateLimitPerSecond") or found.rate_limit,
                modified=self._clock.time(),
            )
            _check_connection(connection, made)
            rows.keep_destination(connection, made)
        return made

    def delete(self, account_id: str, region: str, name: str) -> None:
        """Raises `ResourceNotFoundException`."""
        with self._store.write() as connection:
            self._shelf.remove(connection, account_id, region, name)

    def of_account(
        self, account_id: str, region: str, *, prefix: str, connection_arn: str | None, after: str, limit: int
    ) -> list[ApiDestination]:
        """Destinations with names above `after`, in order of their names."""
        where = None if connection_arn is None else store.destinations.c.connection_arn == connection_arn
        return self._shelf.page(account_id, region, prefix=prefix, after=after, limit=limit, where=where)


def _check_connection(connection: Connection, destination: ApiDestination) -> None:
    found = rows.find_connection(connection, destination.connection_arn)
    if found is None or (found.account_id, found.region) != (destination.account_id, destination.region):
        raise ResourceNotFoundException(f"Connection '{destination.connection_arn[:300]}' does not exist.")


def _endpoint(url: str) -> str:
    """The endpoint, when it is one. Plain HTTP is for endpoints beside OpenTrail: AWS takes HTTPS alone."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("https", "http") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or parts.username or "*" in parts.netloc or parts.fragment:
        raise ValidationException("Parameter InvocationEndpoint is not valid. Reason: Write an URL like https://example.com/path/*.")
    return url
