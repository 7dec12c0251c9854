"""SAML assertions: who an assertion is about, and whether to believe it. Pure; the provider and the time are passed in.

What is checked, in this order (SAML 2.0 core and bindings; IAM user guide, "Configure SAML assertions for the authentication response"):

 1. The document is XML without a document type (nothing in it expands, nothing is fetched), and holds one assertion, not encrypted.
 2. It is signed by a certificate of the provider's metadata. From there on only the very bytes that the signature covers are looked at,
    parsed anew, so that nothing can be wrapped around them.
 3. Its issuer is the provider.
 4. It is meant for AWS, by its audience and its recipient.
 5. It has been issued within the last five minutes, and none of its times has passed.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from cryptography.x509 import load_der_x509_certificate
from lxml import etree
from minisignxml.errors import MiniSignXMLError
from minisignxml.verify import extract_verified_element_and_certificate

from opentrail.identity.entities import Entity
from opentrail.identity.faults import ExpiredTokenException, InvalidIdentityToken

AUDIENCES = ("https://signin.aws.amazon.com/saml", "urn:amazon:webservices")
"""Whom assertions must be meant for; the sign-in pages of single Regions (`https://us-east-1.signin.aws.amazon.com/saml`) too."""

REDEEM = 300.0
"""Seconds within which an assertion must be brought."""
EARLY = 300.0
"""Seconds by which the clock of the provider may be ahead of ours."""

_ASSERTION = "{urn:oasis:names:tc:SAML:2.0:assertion}"
_PROTOCOL = "{urn:oasis:names:tc:SAML:2.0:protocol}"
_SIGNATURE = "{http://www.w3.org/2000/09/xmldsig#}Signature"
_BEARER = "urn:oasis:names:tc:SAML:2.0:cm:bearer"
_FORMAT = "urn:oasis:names:tc:SAML:2.0:nameid-format:"
_ATTRIBUTES = "https://aws.amazon.com/SAML/Attributes/"
_UNSIGNED = "Response signature invalid"

# lxml comes without types; its elements are `Any` here.


@dataclass(frozen=True, slots=True, kw_only=True)
class SamlUser:
    """A user of an identity provider, as an assertion describes it."""

    id: str
    """Of the assertion."""
    issuer: str
    audience: str
    """The recipient."""
    subject: str
    subject_type: str
    """`persistent`, `transient`, or the whole name of another format."""
    name_qualifier: str
    """Stands for issuer, account and provider: base64 of their SHA-1."""
    ends: float | None
    """Epoch seconds at which the provider wants sessions to end."""
    attributes: Mapping[str, Sequence[str]]
    """Those of AWS's, without the common beginning of their names: `Role`, `RoleSessionName`, `PrincipalTag:team`."""

    @property
    def roles(self) -> list[tuple[str, str]]:
        """Pairs of role and provider (ARNs) that the user may have."""
        found = []
        for text in self.attributes.get("Role", ()):
            first, comma, second = (part.strip() for part in text.partition(","))
            if comma:
                found.append((second, first) if ":saml-provider/" in first else (first, second))
        return found

    @property
    def tags(self) -> list[dict[str, str]]:
        """Session tags, as AssumeRole takes them."""
        named = {name.partition(":")[2]: values for name, values in self.attributes.items() if name.startswith("PrincipalTag:")}
        return [{"Key": key, "Value": values[0] if values else ""} for key, values in named.items()]

    def one(self, name: str) -> str | None:
        """The only value of an attribute; `None` when it is not there. Raises `InvalidIdentityToken` for several."""
        values = self.attributes.get(name, ())
        if len(values) > 1:
            raise InvalidIdentityToken(f"The attribute {name} of the assertion must have one value.")
        return values[0] if values else None


def verify(text: str, *, provider: Entity, now: float) -> SamlUser:
    """The user that an assertion (base64, as the provider posts it) vouches for. Raises `InvalidIdentityToken`, `ExpiredTokenException`."""
    user, times = _read(_signed(_xml(text), provider), provider)
    times(now)
    return user


def believed(text: str, *, provider: Entity) -> SamlUser:
    """What an assertion says with which `verify` has been satisfied before."""
    return _read(_signed(_xml(text), provider), provider)[0]


def _xml(text: str) -> bytes:
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        raise InvalidIdentityToken("Invalid base64 SAMLResponse") from None


def _signed(xml: bytes, provider: Entity) -> Any:
    """The assertion, made of what the signature covers and nothing else."""
    root = _parsed(xml)
    assertion = _only_assertion(root)
    # An assertion with a signature of its own is judged by itself, whatever it came in. Canonical form has neither comments nor a
    # document type, and is what signatures are made over.
    judged = assertion if assertion.find(_SIGNATURE) is not None else root
    text = etree.tostring(judged, method="c14n", exclusive=True, with_comments=False)
    certificates = {load_der_x509_certificate(base64.b64decode(item)) for item in provider.details["certificates"]}
    try:
        found, _ = extract_verified_element_and_certificate(xml=text, certificates=certificates)
    except (MiniSignXMLError, etree.LxmlError, ValueError, TypeError, KeyError, IndexError, AttributeError):
        raise InvalidIdentityToken(_UNSIGNED) from None
    return _only_assertion(found)


def _parsed(xml: bytes) -> Any:
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = etree.fromstring(xml, parser)
    except (etree.XMLSyntaxError, ValueError):
        raise InvalidIdentityToken("The SAML response is no well-formed XML") from None
    if root.getroottree().docinfo.doctype or root.getroottree().docinfo.internalDTD is not None:
        raise InvalidIdentityToken("The SAML response must not have a document type")
    return root


def _only_assertion(root: Any) -> Any:
    if root.tag == _ASSERTION + "Assertion":
        return root
    if root.tag != _PROTOCOL + "Response":
        raise InvalidIdentityToken("The SAML response must be a Response or an Assertion of SAML 2.0")
    if root.find(_ASSERTION + "EncryptedAssertion") is not None:
        raise InvalidIdentityToken("Encrypted assertions are not accepted")
    code = root.find(f"{_PROTOCOL}Status/{_PROTOCOL}StatusCode")
    if code is not None and code.get("Value") != "urn:oasis:names:tc:SAML:2.0:status:Success":
        raise InvalidIdentityToken("The identity provider reported that the authentication failed")
    found = root.findall(_ASSERTION + "Assertion")
    if len(found) != 1:
        raise InvalidIdentityToken("The SAML response must hold exactly one assertion")
    return found[0]


def _read(assertion: Any, provider: Entity) -> tuple[SamlUser, Callable[[float], None]]:
    """The user, and the check of the assertion's times."""
    issuer = _text(assertion, "Issuer")
    if issuer != provider.details["entity_id"]:
        raise InvalidIdentityToken("Issuer not present in specified provider")
    conditions = assertion.find(_ASSERTION + "Conditions")
    audiences = [] if conditions is None else [_whole(item) for item in conditions.iter(_ASSERTION + "Audience")]
    if not any(_is_ours(audience) for audience in audiences):
        raise InvalidIdentityToken(f"Audience not valid: the assertion must be meant for {AUDIENCES[0]} or {AUDIENCES[1]}")
    confirmation = _confirmation(assertion)
    name = assertion.find(f"{_ASSERTION}Subject/{_ASSERTION}NameID")
    subject = "" if name is None else _whole(name)
    if not subject:
        raise InvalidIdentityToken("NameID is required in AuthnResponse")
    statement = assertion.find(_ASSERTION + "AuthnStatement")
    ends = _instant(statement, "SessionNotOnOrAfter") if statement is not None else None
    user = SamlUser(
        id=assertion.get("ID", ""),
        issuer=issuer,
        audience=confirmation.get("Recipient"),
        subject=subject,
        subject_type=(name.get("Format") or "unspecified").removeprefix(_FORMAT),
        name_qualifier=_name_qualifier(issuer, provider),
        ends=ends,
        attributes=_attributes(assertion),
    )
    return user, lambda now: _require_time(assertion, conditions, confirmation, now)


def _confirmation(assertion: Any) -> Any:
    """The data of the bearer's confirmation that names AWS as recipient."""
    for confirmation in assertion.findall(f"{_ASSERTION}Subject/{_ASSERTION}SubjectConfirmation"):
        data = confirmation.find(_ASSERTION + "SubjectConfirmationData")
        if confirmation.get("Method") == _BEARER and data is not None and _is_ours(data.get("Recipient", "")):
            return data
    raise InvalidIdentityToken(f"Recipient not valid: the assertion must have a bearer confirmation with the recipient {AUDIENCES[0]}")


def _is_ours(text: str) -> bool:
    return text in AUDIENCES or (text.startswith("https://") and text.endswith(".signin.aws.amazon.com/saml") and text.count("/") == 3)


def _require_time(assertion: Any, conditions: Any, confirmation: Any, now: float) -> None:
    issued, ends = _instant(assertion, "IssueInstant"), _instant(confirmation, "NotOnOrAfter")
    if issued is None or ends is None:
        raise InvalidIdentityToken("The assertion must have an IssueInstant, and its confirmation a NotOnOrAfter")
    limits = [issued + REDEEM, ends, _instant(conditions, "NotOnOrAfter")]
    if any(limit is not None and limit <= now for limit in limits):
        raise ExpiredTokenException("Token must be redeemed within 5 minutes of issuance")
    begins = [issued, _instant(conditions, "NotBefore"), _instant(confirmation, "NotBefore")]
    if any(begin is not None and begin > now + EARLY for begin in begins):
        raise InvalidIdentityToken("The assertion is not valid yet")


def _instant(element: Any, name: str) -> float | None:
    text = element.get(name)
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidIdentityToken(f"{name} of the assertion is no date") from None
    return (found if found.tzinfo is not None else found.replace(tzinfo=UTC)).timestamp()


def _attributes(assertion: Any) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for attribute in assertion.findall(f"{_ASSERTION}AttributeStatement/{_ASSERTION}Attribute"):
        name = attribute.get("Name", "")
        if name.startswith(_ATTRIBUTES):
            values = [_whole(value) for value in attribute.findall(_ASSERTION + "AttributeValue")]
            found.setdefault(name.removeprefix(_ATTRIBUTES), []).extend(values)
    return found


def _text(parent: Any, name: str) -> str:
    found = parent.find(_ASSERTION + name)
    return "" if found is None else _whole(found)


def _whole(element: Any) -> str:
    """All text of an element: a comment in the middle of it must not cut it short."""
    return "".join(element.itertext()).strip()


def _name_qualifier(issuer: str, provider: Entity) -> str:
    digest = hashlib.sha1(f"{issuer}{provider.account_id}/{provider.name}".encode(), usedforsecurity=False).digest()
    return base64.b64encode(digest).decode()
