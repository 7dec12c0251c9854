"""API destinations: HTTP endpoints to which rules can send."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import Connection, delete, select

from opentrail.clock import Clock
from opentrail.rules import rows, store
from opentrail.rules.faults import ResourceAlreadyExistsException, ResourceNotFoundException
from opentrail.rules.names import partition
from opentrail.rules.store import Store
from opentrail.rules.values import ApiDestination
from opentrail.wire.faults import ValidationException


class Destinations:
    """API destinations of every account and Region. Thread-safe."""

    def __init__(self, rules: Store, clock: Clock) -> None:
        self._store = rules
        self._clock = clock

    def find(self, account_id: str, region: str, name: str) -> ApiDestination | None:
        """The destination of this name."""
        with self._store.read() as connection:
            return _found(connection, account_id, region, name)

    def get(self, account_id: str, region: str, name: str) -> ApiDestination:
        """The same. Raises `ResourceNotFoundException`."""
        with self._store.read() as connection:
            return _the_destination(connection, account_id, region, name)

    def is_active(self, destination: ApiDestination) -> bool:
        """Whether its connection is there, and authorised."""
        with self._store.read() as connection:
            found = rows.find_connection(connection, destination.connection_arn)
        return found is not None and found.state == "AUTHORIZED"

    def create(self, account_id: str, region: str, given: Mapping[str, Any]) -> ApiDestination:
        """Raises `ResourceAlreadyExistsException`, `ResourceNotFoundException` (the connection), `ValidationException`."""
        name, now = given["Name"], self._clock.time()
        made = ApiDestination(
            arn=f"arn:{partition(region)}:events:{region}:{account_id}:api-destination/{name}/{uuid.uuid4()}",
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
            if _found(connection, account_id, region, name) is not None:
                raise ResourceAlreadyExistsException(f"An api-destination '{name}' already exists.")
            _check_connection(connection, made)
            rows.keep_destination(connection, made)
        return made

    def update(self, account_id: str, region: str, given: Mapping[str, Any]) -> ApiDestination:
        """Change what UpdateApiDestination names; what it leaves out stays. Raises as `create` does."""
        with self._store.write() as connection:
            found = _the_destination(connection, account_id, region, given["Name"])
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
            found = _the_destination(connection, account_id, region, name)
            connection.execute(delete(store.destinations).where(store.destinations.c.arn == found.arn))

    def of_account(
        self, account_id: str, region: str, *, prefix: str, connection_arn: str | None, after: str, limit: int
    ) -> list[ApiDestination]:
        """Destinations with names above `after`, in order of their names."""
        there = store.destinations.c
        wanted = (there.account_id == account_id) & (there.region == region) & (there.name > after)
        wanted &= there.name.startswith(prefix, autoescape=True)
        if connection_arn is not None:
            wanted &= there.connection_arn == connection_arn
        with self._store.read() as connection:
            found = connection.execute(select(store.destinations).where(wanted).order_by(there.name).limit(limit))
            return [ApiDestination(**row._mapping) for row in found]


def _found(connection: Connection, account_id: str, region: str, name: str) -> ApiDestination | None:
    there = store.destinations.c
    query = select(store.destinations).where(there.account_id == account_id, there.region == region, there.name == name)
    row = connection.execute(query).first()
    return None if row is None else ApiDestination(**row._mapping)


def _the_destination(connection: Connection, account_id: str, region: str, name: str) -> ApiDestination:
    found = _found(connection, account_id, region, name)
    if found is None:
        raise ResourceNotFoundException(f"Failed to describe the api-destination(s). An api-destination '{name}' does not exist.")
    return found


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
