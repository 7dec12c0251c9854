"""The metadata document of a SAML identity provider: who it is, and the certificates whose keys sign its assertions. Pure."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography.x509 import load_der_x509_certificate

from opentrail.identity.faults import InvalidInput
from opentrail.wire import xmltree
from opentrail.wire.malformed import Malformed


@dataclass(frozen=True, slots=True, kw_only=True)
class SamlMetadata:
    """What matters of a metadata document."""

    entity_id: str
    certificates: tuple[str, ...]
    """DER as base64, without white space."""
    valid_until: datetime | None


def read(text: str) -> SamlMetadata:
    """Raises `InvalidInput` for a document without an identity provider or without a certificate that signs."""
    try:
        root = xmltree.read(text.encode())
    except (Malformed, UnicodeEncodeError) as error:
        raise InvalidInput(f"Could not parse metadata: {error}") from None
    entity_id = root.attributes.get("entityID")
    descriptor = root.first("IDPSSODescriptor")
    if root.name != "EntityDescriptor" or not entity_id or descriptor is None:
        raise InvalidInput("Could not parse metadata: it must be one EntityDescriptor with an entityID and an IDPSSODescriptor.")
    certificates = tuple(dict.fromkeys(_signing(descriptor)))
    if not certificates:
        raise InvalidInput("Could not parse metadata: the IDPSSODescriptor has no KeyDescriptor for signing with an X509Certificate.")
    return SamlMetadata(entity_id=entity_id, certificates=certificates, valid_until=_until(root.attributes.get("validUntil")))


def _signing(descriptor: xmltree.Element) -> Iterator[str]:
    for key in descriptor.children.get("KeyDescriptor", ()):
        if key.attributes.get("use", "signing") != "signing":
            continue
        info = key.first("KeyInfo")
        for data in info.children.get("X509Data", ()) if info is not None else ():
            for certificate in data.children.get("X509Certificate", ()):
                yield _checked("".join(certificate.text.split()))


def _checked(text: str) -> str:
    try:
        load_der_x509_certificate(base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError):
        raise InvalidInput("Could not parse metadata: an X509Certificate is no certificate.") from None
    return text


def _until(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidInput("Could not parse metadata: validUntil is no date.") from None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)
