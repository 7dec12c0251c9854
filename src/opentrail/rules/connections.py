"""Connections: how calls to HTTP endpoints are authorised. Secrets are sealed, and never told again."""

from __future__ import annotations

import json
import secrets
import uuid
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from opentrail.clock import Clock
from opentrail.identity.vault import Vault
from opentrail.rules import rows, store
from opentrail.rules.faults import ResourceAlreadyExistsException
from opentrail.rules.names import partition, unique_arn
from opentrail.rules.shelves import Shelf
from opentrail.rules.store import Store
from opentrail.rules.values import Connection
from opentrail.wire.faults import ValidationException

_MEMBERS: Final[Mapping[str, str]] = {"API_KEY": "ApiKeyAuthParameters", "BASIC": "BasicAuthParameters"}
_LISTS: Final = ("HeaderParameters", "QueryStringParameters", "BodyParameters")
_WANTED: Final[Mapping[str, tuple[str, ...]]] = {
    "ApiKeyAuthParameters": ("ApiKeyName", "ApiKeyValue"),
    "BasicAuthParameters": ("Username", "Password"),
}


class Connections:
    """Connections of every account and Region. Thread-safe."""

    def __init__(self, rules: Store, clock: Clock, vault: Vault) -> None:
        self._store = rules
        self._clock = clock
        self._vault = vault
        absent = "Failed to describe the connection(s). Connection '{name}' does not exist."
        self._shelf = Shelf(rules, store.connections, Connection, absent=absent)
        self.find, self.get = self._shelf.find, self._shelf.get

    def create(self, account_id: str, region: str, given: Mapping[str, Any]) -> Connection:
        """Raises `ResourceAlreadyExistsException`, `ValidationException`."""
        _check_served(given)
        name, kind, secret = given["Name"], given["AuthorizationType"], given["AuthParameters"]
        _check_parameters(kind, secret)
        place, unique, now = f"{region}:{account_id}", uuid.uuid4(), self._clock.time()
        arn = unique_arn("connection", account_id, region, name, unique)
        made = Connection(
            arn=arn,
            account_id=account_id,
            region=region,
            name=name,
            description=given.get("Description"),
            authorization_type=kind,
            secret_arn=f"arn:{partition(region)}:secretsmanager:{place}:secret:events!connection/{name}/{unique}-{secrets.token_hex(3)}",
            shown=_shown(kind, secret),
            sealed=self._vault.seal(json.dumps(secret), _purpose(arn)),
            created=now,
            modified=now,
            authorized=now,
        )
        with self._store.write() as database:
            if self._shelf.find(account_id, region, name, connection=database) is not None:
                raise ResourceAlreadyExistsException(f"Connection {name} already exists.")
            rows.keep_connection(database, made)
        return made

    def update(self, account_id: str, region: str, given: Mapping[str, Any]) -> Connection:
        """Change what UpdateConnection names; what it leaves out stays. Raises `ResourceNotFoundException`, `ValidationException`."""
        _check_served(given)
        with self._store.write() as database:
            found = self._shelf.get(account_id, region, given["Name"], connection=database)
            kind = given.get("AuthorizationType") or found.authorization_type
            more, now = given.get("AuthParameters"), self._clock.time()
            made = replace(found, authorization_type=kind, modified=now)
            if given.get("Description") is not None:
                made = replace(made, description=given["Description"])
            if more is not None or kind != found.authorization_type:
                secret = _joined(self.secret(found) if found.sealed else {}, more or {}, kind)
                _check_parameters(kind, secret)
                sealed = self._vault.seal(json.dumps(secret), _purpose(found.arn))
                made = replace(made, shown=_shown(kind, secret), sealed=sealed, state="AUTHORIZED", authorized=now)
            rows.keep_connection(database, made)
        return made

    def deauthorize(self, account_id: str, region: str, name: str) -> Connection:
        """Forget the secrets of a connection. Raises `ResourceNotFoundException`."""
        with self._store.write() as database:
            found = self._shelf.get(account_id, region, name, connection=database)
            made = replace(found, state="DEAUTHORIZED", sealed=b"", modified=self._clock.time())
            rows.keep_connection(database, made)
        return made

    def delete(self, account_id: str, region: str, name: str) -> Connection:
        """Delete a connection with its secrets; API destinations that use it become inactive. Raises `ResourceNotFoundException`."""
        with self._store.write() as database:
            return self._shelf.remove(database, account_id, region, name)

    def of_account(self, account_id: str, region: str, *, prefix: str, state: str | None, after: str, limit: int) -> list[Connection]:
        """Connections with names above `after`, in order of their names."""
        where = None if state is None else store.connections.c.state == state
        return self._shelf.page(account_id, region, prefix=prefix, after=after, limit=limit, where=where)

    def secret(self, connection: Connection) -> dict[str, Any]:
        """`AuthParameters` as they were given, for whoever calls the endpoint. Raises `VaultError`."""
        found: dict[str, Any] = json.loads(self._vault.unseal(connection.sealed, _purpose(connection.arn)))
        return found


def _purpose(arn: str) -> str:
    return f"connection {arn}"


def _check_served(given: Mapping[str, Any]) -> None:
    if given.get("AuthorizationType") == "OAUTH_CLIENT_CREDENTIALS" or (given.get("AuthParameters") or {}).get("OAuthParameters"):
        raise ValidationException(
            "Parameter AuthorizationType is not valid. Reason: OpenTrail fetches no OAuth tokens. Use API_KEY or BASIC; a token that "
            "lives long can be sent as API_KEY with the name Authorization."
        )
    if given.get("KmsKeyIdentifier"):
        raise ValidationException(
            "Parameter KmsKeyIdentifier is not valid. Reason: OpenTrail seals secrets with a key of its own. Leave it out."
        )
    if given.get("InvocationConnectivityParameters") or (given.get("AuthParameters") or {}).get("ConnectivityParameters"):
        raise ValidationException(
            "Parameter ConnectivityParameters is not valid. Reason: OpenTrail has no private resources. Leave it out."
        )


def _check_parameters(kind: str, secret: Mapping[str, Any]) -> None:
    member = _MEMBERS[kind]
    given = secret.get(member) or {}
    if any(given.get(one) is None for one in _WANTED[member]):
        raise ValidationException(f"Parameter AuthParameters is not valid. Reason: {member} is required for the authorization type {kind}.")
    for other in _MEMBERS.values():
        if other != member and secret.get(other):
            raise ValidationException(f"Parameter AuthParameters is not valid. Reason: {other} does not go with the type {kind}.")


def _joined(before: Mapping[str, Any], more: Mapping[str, Any], kind: str) -> dict[str, Any]:
    member = _MEMBERS[kind]
    joined: dict[str, Any] = {member: {**(before.get(member) or {}), **(more.get(member) or {})}}
    joined |= {other: more[other] for other in _MEMBERS.values() if other != member and more.get(other)}
    http = {**(before.get("InvocationHttpParameters") or {}), **(more.get("InvocationHttpParameters") or {})}
    return joined | ({"InvocationHttpParameters": http} if http else {})


def _shown(kind: str, secret: Mapping[str, Any]) -> dict[str, Any]:
    """What may be told of `AuthParameters`. A further parameter is secret where the client does not say otherwise."""
    member = _MEMBERS[kind]
    shown: dict[str, Any] = {member: {_WANTED[member][0]: secret[member][_WANTED[member][0]]}}
    http = secret.get("InvocationHttpParameters") or {}
    told = {name: [_parameter(one) for one in http[name]] for name in _LISTS if http.get(name)}
    return shown | ({"InvocationHttpParameters": told} if told else {})


def _parameter(given: Mapping[str, Any]) -> dict[str, Any]:
    hidden = given.get("IsValueSecret", True)
    shown = {"Key": given.get("Key"), "IsValueSecret": hidden} | ({} if hidden else {"Value": given.get("Value")})
    return {name: value for name, value in shown.items() if value is not None}
