"""Tokens of OpenID Connect providers (JSON Web Tokens): who a token is for, and whether to believe it. Pure; keys and time are passed in.

What is checked, in this order (OpenID Connect Core 1.0 §3.1.3.7; IAM user guide, "AssumeRoleWithWebIdentity"):

 1. It is a signed token; unsigned ones and those signed with shared secrets are none.
 2. Its issuer is a provider of the account.
 3. It is signed by a key of that issuer, with RSA or ECDSA.
 4. It is meant for a client that the provider lists.
 5. It says whom it is about, has been issued, and has not expired.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from opentrail.identity.entities import Entity
from opentrail.identity.faults import ExpiredTokenException, InvalidIdentityToken
from opentrail.identity.oidc_providers import issuer_name

ALGORITHMS: Mapping[str, str] = {"RS256": "RSA", "RS384": "RSA", "RS512": "RSA", "ES256": "EC", "ES384": "EC", "ES512": "EC"}
"""Algorithms of signatures, and the kind of key that each takes."""

MIN_RSA_BITS = 2048
EARLY = 300.0
"""Seconds by which the clock of an issuer may be ahead of ours."""

TAGS = "https://aws.amazon.com/tags"
SOURCE_IDENTITY = "https://aws.amazon.com/source_identity"
"""The claims that carry session tags and a source identity."""

NO_KEY = (
    "Couldn't retrieve verification key from your identity provider,  "
    "please reference AssumeRoleWithWebIdentity documentation for requirements"
)
_NO_TOKEN = "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)"
_SIGNATURE_ONLY: Any = {
    "verify_signature": True,
    **dict.fromkeys(("verify_exp", "verify_nbf", "verify_iat", "verify_aud", "verify_iss", "verify_sub", "verify_jti"), False),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class WebIdentity:
    """A user of an identity provider, as a token describes it."""

    issuer: str
    """As condition keys name it: the URL without its scheme."""
    audience: str
    subject: str
    claims: Mapping[str, Any]

    @property
    def context(self) -> dict[str, Sequence[str]]:
        """The condition keys that trust policies see: `<issuer>:aud`, `<issuer>:sub` and the token's other texts."""
        found: dict[str, Sequence[str]] = {}
        for name, value in self.claims.items():
            values = value if isinstance(value, list) else [value]
            if name not in ("exp", "iat", "nbf") and values and all(isinstance(item, str) for item in values):
                found[f"{self.issuer}:{name}"] = tuple(values)
        return {**found, f"{self.issuer}:aud": (self.audience,), f"{self.issuer}:sub": (self.subject,)}

    @property
    def tags(self) -> list[dict[str, str]]:
        """Session tags, as AssumeRole takes them. Raises `InvalidIdentityToken`."""
        given = self.claims.get(TAGS, {})
        wanted = given.get("principal_tags", {}) if isinstance(given, dict) else None
        if not isinstance(wanted, dict):
            raise InvalidIdentityToken(f"The claim {TAGS} must hold an object with principal_tags.")
        found = []
        for key, value in wanted.items():
            texts = value if isinstance(value, list) else [value]
            if len(texts) != 1 or not isinstance(texts[0], str):
                raise InvalidIdentityToken(f"The claim {TAGS} must have one text for each tag.")
            found.append({"Key": key, "Value": texts[0]})
        return found

    @property
    def transitive(self) -> list[str]:
        """Keys of the session tags that go on to further roles."""
        given = self.claims.get(TAGS, {})
        keys = given.get("transitive_tag_keys", []) if isinstance(given, dict) else []
        return [key for key in keys if isinstance(key, str)] if isinstance(keys, list) else []

    @property
    def source_identity(self) -> str | None:
        """The source identity that the issuer sets."""
        found = self.claims.get(SOURCE_IDENTITY)
        return found if isinstance(found, str) and found else None


def claimed(token: str) -> tuple[str, str | None]:
    """Issuer and key id that a token names; nothing of it has been checked. Raises `InvalidIdentityToken`."""
    try:
        found = jwt.decode_complete(token, options={"verify_signature": False})
    except (jwt.PyJWTError, ValueError, RecursionError):
        raise InvalidIdentityToken(_NO_TOKEN) from None
    issuer, key_id = found["payload"].get("iss"), found["header"].get("kid")
    if not isinstance(issuer, str) or not issuer:
        raise InvalidIdentityToken("Missing a required claim: iss")
    return issuer, key_id if isinstance(key_id, str) else None


def verify(token: str, *, provider: Entity, keys: Sequence[Mapping[str, Any]], now: float) -> WebIdentity:
    """The user that `token` vouches for; `keys` are those of the provider's issuer (JWK). Raises `InvalidIdentityToken`,
    `ExpiredTokenException`."""
    claims = _signed_claims(token, keys)
    issuer = claims.get("iss")
    if not isinstance(issuer, str) or issuer.rstrip("/") != str(provider.details["url"]).rstrip("/"):
        raise InvalidIdentityToken(f"No OpenIDConnect provider found in your account for {issuer}")
    audience = _audience(claims, provider.details["clients"])
    subject = claims.get("sub")
    if not isinstance(subject, str) or not subject:
        raise InvalidIdentityToken("Missing a required claim: sub")
    _require_time(claims, now)
    return WebIdentity(issuer=issuer_name(issuer), audience=audience, subject=subject, claims=claims)


def believed(token: str, *, provider: Entity) -> WebIdentity:
    """What a token says with which `verify` has been satisfied before."""
    claims = jwt.decode_complete(token, options={"verify_signature": False})["payload"]
    audience = _audience(claims, provider.details["clients"])
    return WebIdentity(issuer=issuer_name(claims["iss"]), audience=audience, subject=claims["sub"], claims=claims)


def _signed_claims(token: str, keys: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    try:
        header = jwt.get_unverified_header(token)
    except (jwt.PyJWTError, ValueError, RecursionError):
        raise InvalidIdentityToken(_NO_TOKEN) from None
    algorithm = header.get("alg")
    kind = ALGORITHMS.get(algorithm) if isinstance(algorithm, str) else None
    if kind is None or algorithm is None:
        raise InvalidIdentityToken(f"The token is signed with an algorithm that is not accepted; use one of {', '.join(ALGORITHMS)}.")
    for key in _fitting(keys, kind, algorithm, header.get("kid")):
        try:
            claims: dict[str, Any] = jwt.decode(token, key, algorithms=[algorithm], options=_SIGNATURE_ONLY)
        except (jwt.PyJWTError, ValueError, RecursionError):
            continue
        return claims
    raise InvalidIdentityToken(NO_KEY)


def _fitting(keys: Sequence[Mapping[str, Any]], kind: str, algorithm: str, key_id: object) -> list[RSAPublicKey | EllipticCurvePublicKey]:
    """The keys that may have made the signature: of the right kind, and called as the token says, where it says so."""
    found: list[RSAPublicKey | EllipticCurvePublicKey] = []
    for item in keys:
        if item.get("kty") != kind or item.get("use", "sig") != "sig" or item.get("alg", algorithm) != algorithm:
            continue
        if key_id is not None and item.get("kid", key_id) != key_id:
            continue
        public = {name: value for name, value in item.items() if name in ("kty", "n", "e", "crv", "x", "y")}
        try:
            key = jwt.PyJWK(public, algorithm=algorithm).key
        except (jwt.PyJWTError, ValueError, TypeError, KeyError):
            continue
        if isinstance(key, EllipticCurvePublicKey) or (isinstance(key, RSAPublicKey) and key.key_size >= MIN_RSA_BITS):
            found.append(key)
    return found


def _audience(claims: Mapping[str, Any], clients: Sequence[str]) -> str:
    given = claims.get("aud")
    if given is None:
        raise InvalidIdentityToken("Missing a required claim: aud")
    for audience in given if isinstance(given, list) else [given]:
        if audience in clients:
            return str(audience)
    raise InvalidIdentityToken("Incorrect token audience")


def _require_time(claims: Mapping[str, Any], now: float) -> None:
    times = {name: claims.get(name) for name in ("exp", "iat", "nbf")}
    for name, value in times.items():
        if value is None and name == "nbf":
            continue
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise InvalidIdentityToken(f"Missing a required claim: {name}")
        if name == "exp":
            if not now < value:
                raise ExpiredTokenException(
                    f"Token expired: current date/time {int(now)} must be before the expiration date/time {int(min(value, 1e15))}"
                )
        elif not value <= now + EARLY:
            raise InvalidIdentityToken(f"The token is not valid yet: its claim {name} lies in the future.")
