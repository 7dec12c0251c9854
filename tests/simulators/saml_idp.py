"""A SAML identity provider: its metadata, and assertions signed by it."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from typing import Any
from xml.sax.saxutils import escape

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from lxml import etree
from minisignxml.sign import sign

ENTITY = "https://idp.example.com/saml"
AWS = "https://signin.aws.amazon.com/saml"
_NAMES = 'xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol"'


def moment(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class SamlIdp:
    """`response(now, ...)` is what a browser would post to AWS."""

    def __init__(self) -> None:
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "idp.example.com")])
        begin = datetime(2025, 1, 1, tzinfo=UTC)
        self.certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(self.key.public_key())
            .serial_number(7)
            .not_valid_before(begin)
            .not_valid_after(begin + timedelta(days=3650))
            .sign(self.key, hashes.SHA256())
        )

    @property
    def metadata(self) -> str:
        shown = base64.b64encode(self.certificate.public_bytes(Encoding.DER)).decode()
        return f"""<?xml version="1.0"?>
<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" entityID="{ENTITY}" validUntil="2035-01-01T00:00:00Z">
  <md:IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">
    <md:KeyDescriptor use="signing"><ds:KeyInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:X509Data>
      <ds:X509Certificate>{shown}</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>
    <md:SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="https://idp.example.com/sso"/>
  </md:IDPSSODescriptor>
</md:EntityDescriptor>"""

    def assertion(self, now: float, **changes: Any) -> str:
        """An assertion without a signature."""
        given: dict[str, Any] = {
            "id": "_a1", "issuer": ENTITY, "subject": "ana@example.com", "audience": AWS, "recipient": AWS, "issued": now,
            "ends": now + 300, "begins": now - 60, "session_ends": None, "attributes": {}, **changes,
        }  # fmt: skip
        session_ends = f' SessionNotOnOrAfter="{moment(given["session_ends"])}"' if given["session_ends"] is not None else ""
        attributes = "".join(
            f'<saml:Attribute Name="https://aws.amazon.com/SAML/Attributes/{name}">'
            + "".join(f"<saml:AttributeValue>{escape(value)}</saml:AttributeValue>" for value in values)
            + "</saml:Attribute>"
            for name, values in given["attributes"].items()
        )
        return (
            f'<saml:Assertion {_NAMES} ID="{given["id"]}" Version="2.0" IssueInstant="{moment(given["issued"])}">'
            f"<saml:Issuer>{given['issuer']}</saml:Issuer>"
            f'<saml:Subject><saml:NameID Format="urn:oasis:names:tc:SAML:2.0:nameid-format:persistent">{given["subject"]}</saml:NameID>'
            f'<saml:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer"><saml:SubjectConfirmationData '
            f'Recipient="{given["recipient"]}" NotOnOrAfter="{moment(given["ends"])}"/></saml:SubjectConfirmation></saml:Subject>'
            f'<saml:Conditions NotBefore="{moment(given["begins"])}" NotOnOrAfter="{moment(given["ends"])}"><saml:AudienceRestriction>'
            f"<saml:Audience>{given['audience']}</saml:Audience></saml:AudienceRestriction></saml:Conditions>"
            f'<saml:AuthnStatement AuthnInstant="{moment(now)}"{session_ends}/>'
            f"<saml:AttributeStatement>{attributes}</saml:AttributeStatement></saml:Assertion>"
        )

    def signed(self, xml: str) -> str:
        """`xml` with a signature in it."""
        return sign(element=etree.fromstring(xml), private_key=self.key, certificate=self.certificate, index=1).decode()

    def response(self, now: float, *, sign_response: bool = False, sign_assertion: bool = True, **changes: Any) -> str:
        """A response as base64."""
        inner = self.assertion(now, **changes)
        outer = wrap(self.signed(inner) if sign_assertion else inner)
        return encoded(self.signed(outer) if sign_response else outer)


def wrap(*assertions: str, status: str = "Success") -> str:
    """A response around assertions."""
    return (
        f'<samlp:Response {_NAMES} ID="_r1" Version="2.0"><saml:Issuer>{ENTITY}</saml:Issuer>'
        f'<samlp:Status><samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:{status}"/></samlp:Status>'
        + "".join(assertions)
        + "</samlp:Response>"
    )


def encoded(xml: str) -> str:
    return base64.b64encode(xml.encode()).decode()
