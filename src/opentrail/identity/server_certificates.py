"""Server certificates: kept for who asks IAM for them. Their private keys are held against them and thrown away: nothing here uses them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from cryptography.x509 import Certificate, load_pem_x509_certificates

from opentrail.clock import Clock
from opentrail.identity import entities
from opentrail.identity.entities import Entity, Page
from opentrail.identity.faults import KeyPairMismatch, MalformedCertificate
from opentrail.identity.store import Store


class ServerCertificates:
    """The server certificates of each account. `details` of one: `body`, `chain`, `expires`."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def upload(
        self,
        account_id: str,
        name: str,
        certificate: Certificate,
        body: str,
        private_key: str,
        *,
        chain: str | None = None,
        path: str = "/",
        tags: Mapping[str, str] | None = None,
    ) -> Entity:
        """Keep a certificate (`body` is its PEM).

        Raises `KeyPairMismatch`, `MalformedCertificate`, `EntityAlreadyExists`, `LimitExceeded`.
        """
        _require_pair(certificate, private_key)
        if chain is not None:
            try:
                load_pem_x509_certificates(chain.encode())
            except ValueError:
                raise MalformedCertificate("Unable to validate certificate chain. It must be a series of PEM certificates.") from None
        details = {
            "body": body,
            "chain": chain,
            "expires": certificate.not_valid_after_utc.timestamp(),
        }
        with self._store.write() as connection:
            return entities.add(
                connection, "server-certificate", account_id, name, now=self._clock.time(), path=path, tags=tags, details=details
            )

    def get(self, account_id: str, name: str) -> Entity:
        """One certificate. Raises `NoSuchEntity`."""
        with self._store.read() as connection:
            return entities.find(connection, "server-certificate", account_id, name)

    def list(self, account_id: str, *, path_prefix: str = "/", after: str | None = None, limit: int = 100) -> Page[Entity]:
        """Certificates by name, from behind `after`."""
        with self._store.read() as connection:
            return entities.page(connection, "server-certificate", account_id, path_prefix=path_prefix, after=after, limit=limit)

    def rename(self, account_id: str, name: str, *, new_name: str | None = None, new_path: str | None = None) -> None:
        """Change name or path. Raises `NoSuchEntity`, `EntityAlreadyExists`."""
        with self._store.write() as connection:
            found = entities.find(connection, "server-certificate", account_id, name)
            entities.rename(connection, found, name=new_name, path=new_path)

    def delete(self, account_id: str, name: str) -> None:
        """Take a certificate away. Raises `NoSuchEntity`."""
        with self._store.write() as connection:
            entities.remove(connection, entities.find(connection, "server-certificate", account_id, name))

    def tag(self, account_id: str, name: str, tags: Mapping[str, str]) -> None:
        """Add or replace tags."""
        with self._store.write() as connection:
            entities.set_tags(connection, entities.find(connection, "server-certificate", account_id, name), tags)

    def untag(self, account_id: str, name: str, keys: Sequence[str]) -> None:
        """Take tags away."""
        with self._store.write() as connection:
            entities.drop_tags(connection, entities.find(connection, "server-certificate", account_id, name), keys)


def _require_pair(certificate: Certificate, private_key: str) -> None:
    try:
        key = load_pem_private_key(private_key.encode(), None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise MalformedCertificate("Unable to parse the private key. It must be in PEM format and not encrypted.") from None
    halves = (one.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo) for one in (key.public_key(), certificate.public_key()))
    if len(set(halves)) != 1:
        raise KeyPairMismatch("Private key does not match the certificate.")
