"""SAML providers: identity providers whose assertions an account trusts, known by their metadata documents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from opentrail.clock import Clock
from opentrail.identity import entities, saml_metadata
from opentrail.identity.entities import Entity
from opentrail.identity.store import Store
from opentrail.identity.store import saml_metadata as metadata_table


class SamlProviders:
    """The SAML providers of each account. `details` of one: `entity_id`, `certificates`, `valid_until`; the document lies by itself."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def create(self, account_id: str, name: str, document: str, *, tags: Mapping[str, str] | None = None) -> Entity:
        """Trust an identity provider. Raises `InvalidInput`, `EntityAlreadyExists`, `LimitExceeded`."""
        details = _details(document)
        with self._store.write() as connection:
            provider = entities.add(connection, "saml-provider", account_id, name, now=self._clock.time(), tags=tags, details=details)
            connection.execute(insert(metadata_table).values(provider_id=provider.id, document=document))
            return provider

    def get(self, account_id: str, arn: str) -> Entity:
        """One provider. Raises `NoSuchEntity`, `InvalidInput` for what is no ARN of one."""
        with self._store.read() as connection:
            return _own(connection, account_id, arn)

    def document(self, provider: Entity) -> str:
        """The metadata document, as it was given."""
        with self._store.read() as connection:
            query = select(metadata_table.c.document).where(metadata_table.c.provider_id == provider.id)
            return str(connection.execute(query).scalar_one())

    def list(self, account_id: str) -> Sequence[Entity]:
        """Every provider of an account."""
        with self._store.read() as connection:
            return entities.page(connection, "saml-provider", account_id, limit=entities.QUOTAS["saml-provider"][1]).items

    def update(self, account_id: str, arn: str, document: str) -> Entity:
        """Replace the metadata document. Raises `NoSuchEntity`, `InvalidInput`."""
        details = _details(document)
        with self._store.write() as connection:
            provider = _own(connection, account_id, arn)
            entities.change(connection, provider, details=details)
            connection.execute(update(metadata_table).where(metadata_table.c.provider_id == provider.id).values(document=document))
            return _own(connection, account_id, arn)

    def delete(self, account_id: str, arn: str) -> None:
        """Trust an identity provider no longer. Raises `NoSuchEntity`."""
        with self._store.write() as connection:
            provider = _own(connection, account_id, arn)
            connection.execute(delete(metadata_table).where(metadata_table.c.provider_id == provider.id))
            entities.remove(connection, provider)

    def tag(self, account_id: str, arn: str, tags: Mapping[str, str]) -> None:
        """Add or replace tags."""
        with self._store.write() as connection:
            entities.set_tags(connection, _own(connection, account_id, arn), tags)

    def untag(self, account_id: str, arn: str, keys: Sequence[str]) -> None:
        """Take tags away."""
        with self._store.write() as connection:
            entities.drop_tags(connection, _own(connection, account_id, arn), keys)


def valid_until(provider: Entity) -> datetime | None:
    """Until when the metadata document says that it holds."""
    text = provider.details["valid_until"]
    return None if text is None else datetime.fromisoformat(text)


def _own(connection: Connection, account_id: str, arn: str) -> Entity:
    return entities.find_arn(connection, "saml-provider", account_id, arn)


def _details(document: str) -> dict[str, Any]:
    metadata = saml_metadata.read(document)
    return {
        "entity_id": metadata.entity_id,
        "certificates": list(metadata.certificates),
        "valid_until": None if metadata.valid_until is None else metadata.valid_until.isoformat(),
    }
